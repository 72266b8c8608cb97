"""What a results folder holds: every file is an entry or refused with a reason."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_results

from leaner_harness import results
from leaner_harness.leaderboard.entries import UNVERIFIED, VERIFIED, read_entries
from leaner_harness.results import recompute


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, so that no test is spared what it tests."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("LEANER_HOME", str(folder))
    return folder


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A result's path; its samples are beside it."""
    return small_results.write(tmp_path, "one", small_results.zero_shot(1.0, 0, n=12))


def samples_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}.samples.jsonl.gz")


def test_a_result_that_follows_from_its_samples_is_verified(written: Path, tmp_path: Path) -> None:
    (entry,), refused = read_entries(tmp_path)
    assert (entry.state, refused) == (VERIFIED, [])
    assert entry.result.record["model"]["name"] == "one"


def test_a_result_without_samples_is_never_verified(written: Path, tmp_path: Path) -> None:
    samples_of(written).unlink()
    (entry,), _ = read_entries(tmp_path)
    assert entry.state == UNVERIFIED
    assert "no samples" in entry.reason


def test_a_tampered_number_is_refused_and_the_others_stay(written: Path, tmp_path: Path) -> None:
    small_results.write(tmp_path, "two", small_results.zero_shot(1.0, 1, n=12))
    record = json.loads(written.read_text())
    record["mean"]["leaner_score"]["value"] += 0.01
    written.write_text(json.dumps(record))
    (entry,), (refusal,) = read_entries(tmp_path)
    assert entry.result.record["model"]["name"] == "two"
    assert refusal.path == written
    assert "mean leaner_score" in refusal.reason


def refusal(folder: Path) -> str:
    """The reason of the one refused file in a folder that holds nothing else."""
    entries, (refused,) = read_entries(folder)
    assert not entries
    return refused.reason


def rewrite(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def repack(path: Path, content: bytes) -> None:
    """Other samples, and a result that vouches for them: their digest alone shows nothing."""
    samples_of(path).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    rewrite(path, lambda record: record["samples"].update(sha256=digest))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["tasks"]["rte"]["metrics"].update(leaner_score=0.999), "rte metrics leaner"),
        (lambda r: r["tasks"]["rte"]["metrics"].update(ties=0.5), "rte metrics ties"),
        (lambda r: r["tasks"]["rte"]["intervals"].update(acc=[0.0, 1.0]), "rte intervals acc"),
        (lambda r: r["tasks"]["rte"].update(n=13), "rte n is 13"),
        (lambda r: r["tasks"]["rte"].update(majority_baseline=0.1), "rte majority_baseline"),
        (lambda r: r["tasks"]["rte"].update(labels={"0": 3, "1": 9}), "rte labels"),
        (lambda r: r["mean"]["leaner_score"].update(value=0.9), "mean leaner_score value"),
        (lambda r: r["mean"]["leaner_score"].update(interval=[0.0, 1.0]), "mean leaner_score"),
        (lambda r: r["mean"].clear(), "mean has other entries"),
        (lambda r: r["tasks"].pop("rte"), "other tasks"),
    ],
)
def test_a_number_its_samples_do_not_give_is_caught(
    written: Path, tmp_path: Path, change: Any, message: str
) -> None:
    rewrite(written, change)
    assert message in refusal(tmp_path)


def test_swapped_truncated_and_foreign_samples_are_caught(written: Path, tmp_path: Path) -> None:
    rows = list(results.read_samples(samples_of(written)))
    other = small_results.zero_shot(0.5, 7, n=12)
    samples_of(written).write_bytes(results.pack_samples(other))
    assert "was changed after" in refusal(tmp_path)
    repack(written, results.pack_samples(other))
    assert "its samples give" in refusal(tmp_path)
    repack(written, results.pack_samples(rows[:-1]))
    assert "n is 12; its samples give 11" in refusal(tmp_path)
    repack(written, results.pack_samples([*rows[:-1], rows[0]]))
    assert "is there twice" in refusal(tmp_path)
    repack(written, results.pack_samples(rows)[:-20])
    assert "no whole gzip file" in refusal(tmp_path)
    repack(written, results.pack_samples([]))
    assert "no JSON" in refusal(tmp_path) or "no samples" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "arc"}, "'arc' is no task"),
        ({"task": ["rte"]}, "is no task"),
        ({"idx": -1}, "is no row"),
        ({"idx": True}, "is no row"),
        ({"tag": ["x"]}, "tag ['x'] is no name"),
        ({"tag": ""}, "tag '' is no name"),
        ({"tag": "x" * 61}, "is no name of 60"),
        ({"label": 2}, "label 2 is none of rte"),
        ({"label": "1"}, "label '1' is none of rte"),
        ({"part": "matched"}, "part 'matched' is none of rte"),
        ({"pair_id": {}}, "pair_id"),
        ({"log_likelihoods": [1.0]}, "are not 2 numbers"),
        ({"log_likelihoods": [[1.0, 2.0], [1.0]]}, "are not 2 numbers"),
        ({"log_likelihoods": []}, "are not 2 numbers"),
        ({"text": "a row's own text"}, "is no sample"),
    ],
)
def test_a_line_that_is_no_sample_is_named(
    written: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    rows = list(results.read_samples(samples_of(written)))
    place = next(number for number, row in enumerate(rows) if row["task"] == "rte")
    rows[place] = rows[place] | change
    repack(written, results.pack_samples(rows))
    reason = refusal(tmp_path)
    assert message in reason and f"line {place + 1}" in reason


def test_a_bomb_is_not_unpacked(written: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(results, "UNPACKED_BYTES", 10_000_000)
    repack(written, gzip.compress(b"0" * 50_000_000))
    assert len(samples_of(written).read_bytes()) < 100_000
    assert "unpacks to more than 10,000,000 bytes" in refusal(tmp_path)


def test_nothing_outside_the_folder_is_read(written: Path, tmp_path: Path) -> None:
    text = written.read_text()
    for name in ("../../etc/passwd", "/etc/passwd", "..", "other.samples.jsonl.gz"):
        rewrite(written, lambda record, name=name: record["samples"].update(file=name))  # type: ignore[misc]
        assert "samples.file must be" in refusal(tmp_path)
        written.write_text(text)
    content = samples_of(written).read_bytes()
    samples_of(written).unlink()
    away = tmp_path / "elsewhere.gz"
    away.write_bytes(content)
    samples_of(written).symlink_to(away)
    assert "it is a link" in refusal(tmp_path)
    away.unlink()  # a link to nothing is not the same as no samples
    assert "it is a link" in refusal(tmp_path)


def test_a_linked_folder_is_no_model(written: Path, tmp_path: Path) -> None:
    outside = written.parent.rename(tmp_path / "outside")
    (tmp_path / "leaner_glue" / "one").symlink_to(outside)
    assert "belongs at" in refusal(tmp_path)


def test_a_file_lies_where_it_says(written: Path, tmp_path: Path) -> None:
    moved = written.parent.rename(written.parent.with_name("two"))
    assert "belongs at" in refusal(tmp_path)
    moved.rename(written.parent)
    for path in (written, samples_of(written)):
        path.rename(path.with_name(path.name.replace(written.stem, "best-of-all")))
    assert "belongs at" in refusal(tmp_path)


def test_two_files_of_one_identity_are_both_refused(written: Path, tmp_path: Path) -> None:
    small_results.write(tmp_path, "One", small_results.zero_shot(1.0, 1, n=12))
    entries, refused = read_entries(tmp_path)
    assert not entries
    assert ["case does not count" in each.reason for each in refused] == [True, True]


def test_what_was_verified_is_not_computed_again(
    written: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    verify = recompute.verify

    def counted(*args: Any) -> None:
        calls.append(args)
        verify(*args)

    monkeypatch.setattr(recompute, "verify", counted)
    for _ in range(3):
        assert [entry.state for entry in read_entries(tmp_path)[0]] == [VERIFIED]
    assert len(calls) == 1
    # Another number, other samples, or no samples: what is known of the old ones counts no more.
    text = written.read_text()
    rewrite(written, lambda r: r["tasks"]["rte"]["metrics"].update(ties=0.5))
    assert "ties" in refusal(tmp_path)
    written.write_text(text)
    content = samples_of(written).read_bytes()
    samples_of(written).write_bytes(content + b"x")
    assert "was changed" in refusal(tmp_path)
    samples_of(written).unlink()
    assert [entry.state for entry in read_entries(tmp_path)[0]] == [UNVERIFIED]
    samples_of(written).write_bytes(content)
    calls.clear()
    (home / "verified-results.txt").write_bytes(b"\xff nonsense")
    assert [entry.state for entry in read_entries(tmp_path)[0]] == [VERIFIED]
    assert len(calls) == 1


def test_a_known_result_that_was_moved_is_refused(written: Path, tmp_path: Path) -> None:
    read_entries(tmp_path)
    written.parent.rename(written.parent.with_name("two"))
    assert "belongs at" in refusal(tmp_path)


def test_a_cache_that_is_no_folder_costs_time_alone(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEANER_HOME", "/dev/null/none")
    assert [entry.state for entry in read_entries(tmp_path)[0]] == [VERIFIED]
