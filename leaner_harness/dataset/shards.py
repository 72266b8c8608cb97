"""The finished data set: rows by split and genre in shards, the same for the same ledger."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from leaner_harness.dataset.chunk import joined
from leaner_harness.dataset.ledger import Entry, Part
from leaner_harness.dataset.prompts import PAIRS
from leaner_harness.files import sha256_file

SPLITS = {"train": 0.9, "validation": 0.05, "test": 0.05}
"""Shares of the documents."""
MOST_BYTES = 64 * 1024 * 1024
"""Of a shard, before the row that would begin the next."""

Row = dict[str, Any]


def split_of(entry: Entry, seed: int) -> str:
    """The split of a document: by its source text, so that the same text is never in two."""
    digest = hashlib.sha256(f"{seed} {entry.hash}".encode()).digest()
    place = int.from_bytes(digest[:8]) / 2**64
    for name, share in SPLITS.items():
        if place < share:
            return name
        place -= share
    return next(reversed(SPLITS))


def row_of(entry: Entry, parts: Sequence[Part], rewriter: Mapping[str, Any]) -> Row:
    """A document of the data set, and where it came from; nothing that another run would change."""
    text = joined([(part.chunk, part.rewritten) for part in parts])
    values: dict[str, list[float]] = defaultdict(list)
    for finding in (each for part in parts for each in part.findings):
        values[finding["check"]].append(finding["value"])
    return {
        **_texts(entry.genre, text),
        "id": entry.id,
        "hash": entry.hash,
        "chunks": len(parts),
        "rewriter": dict(rewriter),
        "prompts": sorted({part.record.get("prompt_sha256", "") for part in parts} - {""}),
        "models": sorted({part.record.get("model", "") for part in parts} - {""}),
        # Lowest and highest of its chunks: of one check the one is the worst, of another the other.
        "checks": {name: [min(each), max(each)] for name, each in sorted(values.items())},
    }


def _texts(genre: str, text: str) -> Row:
    """The keys of the published layout that hold the text."""
    if genre not in PAIRS:
        return {"text": text}
    pair = json.loads(text)
    if genre == "instruction":
        return {"instruction": pair["prompt"], "input": "", "output": pair["response"]}
    return {"prompt": pair["prompt"], "response": pair["response"]}


def write(rows: Iterable[tuple[str, str, Row]], folder: Path) -> list[Row]:
    """Write (split, genre, row) into `<split>/<genre>0000.jsonl`; returns what each file holds.

    All files are written aside first, and then take the place of older ones.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".shards-") as aside:
        found = _write(rows, Path(aside))
        for split in SPLITS:
            for old in (folder / split).glob("*.jsonl"):
                if f"{split}/{old.name}" not in {each["file"] for each in found}:
                    old.unlink()
        for each in found:
            (folder / each["file"]).parent.mkdir(exist_ok=True)
            (Path(aside) / each["file"]).replace(folder / each["file"])
    return found


def _write(rows: Iterable[tuple[str, str, Row]], folder: Path) -> list[Row]:
    open_files: dict[tuple[str, str], TextIO] = {}
    found: dict[str, Row] = {}
    numbers: dict[tuple[str, str], int] = {}
    for split, genre, row in rows:
        key = split, genre
        line = json.dumps(row, ensure_ascii=False) + "\n"
        if key in open_files and open_files[key].tell() + len(line.encode()) > MOST_BYTES:
            _close(open_files.pop(key))
            numbers[key] += 1
        if key not in open_files:
            name = f"{split}/{genre}{numbers.setdefault(key, 0):04d}.jsonl"
            (folder / split).mkdir(exist_ok=True)
            open_files[key] = (folder / name).open("w", encoding="utf-8")
            found[name] = {"file": name, "split": split, "genre": genre, "rows": 0, "words": 0}
        file = open_files[key]
        file.write(line)
        about = found[f"{split}/{genre}{numbers[key]:04d}.jsonl"]
        about["rows"] += 1
        about["words"] += sum(len(value.split()) for value in _values(row))
    for file in open_files.values():
        _close(file)
    for name, about in found.items():
        about["sha256"] = sha256_file(folder / name)
    return [found[name] for name in sorted(found)]


def _values(row: Row) -> Iterator[str]:
    for key in ("text", "instruction", "output", "prompt", "response"):
        if key in row:
            yield row[key]


def _close(file: TextIO) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()
