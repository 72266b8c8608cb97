"""Rows come from the right place, and what is missing has a state with a cure."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_glue import write_glue

from leaner_harness.data import sources
from leaner_harness.errors import UnknownName


def test_a_local_folder_is_local(tmp_path: Path) -> None:
    write_glue(tmp_path)
    found = sources.load("mnli", "validation", folder=str(tmp_path))
    assert found.source == "local" and found.state == "ok"
    assert {row["part"] for row in found.rows} == {"matched", "mismatched"}
    assert found.files == ["mnli_validation_matched.jsonl", "mnli_validation_mismatched.jsonl"]
    record = found.record()
    assert record["rows"] == record["lines"] == 48 and not record["synthetic"]
    assert str(tmp_path) not in str(record)


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_glue(tmp_path / "data" / "leaner" / "glue")
    monkeypatch.setenv("LEANER_DATA", str(tmp_path))
    assert sources.load("cola", "train").state == "ok"


def test_a_missing_split_names_the_one_that_is_there(tmp_path: Path) -> None:
    write_glue(tmp_path)
    found = sources.load("sst2", "test", folder=str(tmp_path))
    assert found.state == "missing_file" and not found.rows
    assert "sst2_test.jsonl" in found.reason
    assert "--metadata leaner_split=validation" in found.reason


def test_half_of_mnli_is_not_mnli(tmp_path: Path) -> None:
    write_glue(tmp_path)
    (tmp_path / "mnli_validation_mismatched.jsonl").unlink()
    assert sources.load("mnli", "validation", folder=str(tmp_path)).state == "missing_file"


def test_mnli_with_an_empty_half_is_no_mnli(tmp_path: Path) -> None:
    write_glue(tmp_path)
    (tmp_path / "mnli_validation_mismatched.jsonl").write_text("")
    found = sources.load("mnli", "validation", folder=str(tmp_path))
    assert found.state == "no_usable_rows" and not found.rows


def test_an_empty_folder_says_what_belongs_in_it(tmp_path: Path) -> None:
    found = sources.load("cola", "test", folder=str(tmp_path))
    assert found.state == "missing_file" and "leaner data pull" in found.reason


def test_offline_and_without_data_is_a_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEANER_OFFLINE", "1")
    found = sources.load("cola", "test")
    assert found.state == "missing_file" and "LEANER_DATA" in found.reason


def test_unusable_rows_are_a_state(tmp_path: Path) -> None:
    (tmp_path / "cola_test.jsonl").write_text('{"sentence": 1}\n')
    found = sources.load("cola", "test", folder=str(tmp_path))
    assert found.state == "no_usable_rows"
    assert found.record()["defects"]["missing_field"]["count"] == 1


def test_the_split_is_an_argument_then_the_environment_then_test(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert sources.chosen_split(None) == "test"
    monkeypatch.setenv("LEANER_SPLIT", "validation")
    assert sources.chosen_split(None) == "validation"
    assert sources.chosen_split("train") == "train"
    with pytest.raises(UnknownName, match="'validation'"):
        sources.chosen_split("validaton")


def test_the_mini_set_is_never_official() -> None:
    found = sources.load("rte", "test", source="mini", folder="/nowhere")
    assert found.source == "mini" and found.record()["synthetic"] is True
    assert len(found.rows) == 1000


def test_published_files_are_official_wherever_they_lie(tinyhelen: Path, tmp_path: Path) -> None:
    glue = tinyhelen / "data" / "leaner" / "glue"
    copy = tmp_path / "cola_validation.jsonl"
    copy.write_bytes((glue / "cola_validation.jsonl").read_bytes())
    assert sources.load("cola", "validation", folder=str(tmp_path)).source == "official"
    copy.write_bytes(copy.read_bytes() + b"\n")
    assert sources.load("cola", "validation", folder=str(tmp_path)).source == "local"


def test_real_defects_are_counted(tinyhelen: Path) -> None:
    found = sources.load("mrpc", "train", folder=str(tinyhelen))
    assert found.defects.counts["empty_field"] == 16
    assert len(found.rows) == found.lines == 2730
