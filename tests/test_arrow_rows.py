"""Hugging Face folders: saved data sets and Parquet files, with splits of their own or without."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict, disable_progress_bars

from leaner_harness import DataError, UnknownName, read_documents

disable_progress_bars()


def rows(name: str, number: int) -> Dataset:
    return Dataset.from_dict(
        {"text": [f"{name} {i}" for i in range(number)], "n": [*range(number)]}
    )


def texts(folder: Path, split: str = "train") -> list[str]:
    return [document.text for document in read_documents(str(folder), split)]


def test_a_saved_data_set_keeps_every_fiftieth_for_validation(tmp_path: Path) -> None:
    rows("row", 2100).shuffle(seed=1).save_to_disk(tmp_path, num_shards=3)
    train, validation = texts(tmp_path), texts(tmp_path, "validation")
    assert (len(train), len(validation)) == (2058, 42)
    order = rows("row", 2100).shuffle(seed=1)["text"]
    assert validation == [text for number, text in enumerate(order) if number % 50 == 49]


def test_a_saved_dictionary_has_its_splits(tmp_path: Path) -> None:
    splits = {"train": rows("a", 120), "validation": rows("b", 60)}
    DatasetDict(splits).save_to_disk(tmp_path)
    assert texts(tmp_path) == [f"a {i}" for i in range(120)]
    assert texts(tmp_path, "validation") == [f"b {i}" for i in range(60)]
    with pytest.raises(UnknownName, match="'test'.*train, validation"):
        texts(tmp_path, "test")


@pytest.mark.parametrize(
    "names",
    [
        ("data/train-00000-of-00002", "data/train-00001-of-00002", "data/test-00000-of-00001"),
        ("train/0000", "train/0001", "test/0000"),
    ],
)
def test_parquet_files_by_split(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        rows(name, 250).to_parquet(tmp_path / f"{name}.parquet")
    assert texts(tmp_path) == [f"{name} {i}" for name in names[:2] for i in range(250)]
    assert texts(tmp_path, "test") == [f"{names[2]} {i}" for i in range(250)]


@pytest.mark.parametrize("name", ["val", "valid", "dev", "validation"])
def test_a_split_by_another_name_is_no_training_text(tmp_path: Path, name: str) -> None:
    splits = {"train": rows("a", 60), name: rows("b", 3)}
    for split, some in splits.items():
        (tmp_path / "files").mkdir(exist_ok=True)
        some.to_parquet(tmp_path / "files" / f"{split}-00000.parquet")
    DatasetDict(splits).save_to_disk(tmp_path / "saved")
    for folder in ("files", "saved"):
        assert texts(tmp_path / folder) == [f"a {i}" for i in range(60)]
        assert texts(tmp_path / folder, "validation") == ["b 0", "b 1", "b 2"]


def test_parquet_files_without_splits(tmp_path: Path) -> None:
    for name in ("one", "two"):
        rows(name, 40).to_parquet(tmp_path / f"{name}.parquet")
    assert len(texts(tmp_path)) == 79
    assert texts(tmp_path, "validation") == ["two 9"]


def test_instructions_in_columns(tmp_path: Path) -> None:
    table = {"instruction": ["Sing."], "input": [None], "output": ["La."]}
    Dataset.from_dict(table).to_parquet(tmp_path / "a.parquet")
    (document,) = read_documents(str(tmp_path))
    assert document.genre == "instruction" and document.text[document.prompt :] == "La."


def test_damage_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"a\.parquet cannot be read"):
        texts(tmp_path)
    (tmp_path / "state.json").write_text("{}")
    with pytest.raises(DataError, match="no data set"):
        texts(tmp_path)


def test_a_stray_table_does_not_hide_the_text(tmp_path: Path) -> None:
    (tmp_path / "10M" / "train").mkdir(parents=True)
    (tmp_path / "10M" / "train" / "wiki0000.jsonl").write_text('{"text": "a"}\n' * 20)
    rows("stray", 1).to_parquet(tmp_path / "notes.parquet")
    with pytest.raises(DataError, match="holds tables and 10M/train/wiki0000.jsonl"):
        texts(tmp_path)
