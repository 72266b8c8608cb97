"""Hugging Face folders: what `datasets` saves, or Parquet files; read a few rows at a time."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from leaner_harness.errors import DataError

_ROWS_AT_ONCE = 100
_ALSO = {
    "training": "train",
    **dict.fromkeys(("valid", "val", "dev"), "validation"),
    **dict.fromkeys(("testing", "eval", "evaluation"), "test"),
}
"""Other names of splits, those that `datasets` knows."""


def find_splits(folder: Path, names: Sequence[str]) -> dict[str, list[Path]]:
    """Split -> its files in order; none for a folder of another kind.

    `folder` is what a Dataset or a DatasetDict of `datasets` saved, or holds Parquet files whose
    path has one of `names` as a word (`data/train-00000-of-00002.parquet`). Where no split is
    named, all is `train`; `val`, `dev` and the like are other names of one. Raises DataError for a
    damaged folder.
    """
    try:
        if (folder / "dataset_dict.json").is_file():
            splits = json.loads((folder / "dataset_dict.json").read_text())["splits"]
            return {_ALSO.get(name, name): _saved(folder / name) for name in splits}
        if (folder / "state.json").is_file():
            return {"train": _saved(folder)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder} is no data set that `datasets` saved: {error!r}.") from error
    found = defaultdict(list)
    for path in sorted(folder.rglob("*.parquet")):
        parts = re.split("[^a-z]+", str(path.relative_to(folder)).lower())
        words = {_ALSO.get(part, part) for part in parts}
        found[next((name for name in names if name in words), "train")].append(path)
    return found


def _saved(folder: Path) -> list[Path]:
    files = json.loads((folder / "state.json").read_text())["_data_files"]
    return [folder / Path(file["filename"]).name for file in files]


def read_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each row of an Arrow stream or a Parquet file, with its number from 1.

    Raises DataError for a damaged file.
    """
    import pyarrow

    try:
        number = 0
        for batch in _batches(path):
            for start in range(0, len(batch), _ROWS_AT_ONCE):
                for row in batch.slice(start, _ROWS_AT_ONCE).to_pylist():
                    number += 1
                    yield number, row
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error


def _batches(path: Path) -> Iterator[Any]:
    # Ordinary reads: pages of a memory map would count as this process's memory.
    if path.suffix == ".parquet":
        from pyarrow import parquet

        with parquet.ParquetFile(path, buffer_size=1 << 20) as file:
            yield from file.iter_batches(_ROWS_AT_ONCE)
    else:
        from pyarrow import OSFile, ipc

        with OSFile(str(path)) as raw, ipc.open_stream(raw) as stream:
            yield from stream
