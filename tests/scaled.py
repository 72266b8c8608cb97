"""What the tests of a build by ranks share: a source with doubles, replies for it, a comparison."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from leaner_harness.data.text import read_documents
from leaner_harness.dataset.chunk import chunks
from leaner_harness.dataset.records import Assignment
from leaner_harness.dataset.rewriters.recorded import key

_NOT_DATA = ("run.log", "lock")


def write_source(path: Path, count: int) -> Path:
    """Texts of one chunk; some stand twice, three apart or two, some are empty or mere marks."""
    mini = read_documents("mini", genres=["wiki", "textbook"], words=10**9)
    texts = [next(mini).text for _ in range(count)]
    for number in range(7, count, 10):
        texts[number] = texts[number - 2]  # of another rank, one of a higher number
    for number in range(9, count, 30):
        texts[number] = texts[number - 3]  # of the same rank of three
    texts[3] = texts[4] = "?!"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


def write_replies(path: Path, source: Path) -> Path:
    """A reply for nearly every chunk; every tenth is not accepted, twice."""
    with path.open("w") as file:
        for number, document in enumerate(read_documents(str(source))):
            for chunk in chunks(document) if number % 31 else ():
                text = f"{chunk.text} That is all." if number % 10 else "I cannot help with that."
                file.write(json.dumps({"key": key(Assignment(chunk)), "text": text}) + "\n")
    return path


def files(folder: Path) -> dict[str, bytes]:
    """All that is the data set: shards, manifest, card, pictures."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    data = [path.relative_to(folder) for path in found if path.name not in _NOT_DATA]
    return {
        str(path): (folder / path).read_bytes()
        for path in data
        if path.parts[0] != "ranks" and not path.name.startswith("ledger.sqlite")
    }


def rows(folder: Path) -> list[Any]:
    """All that a ledger knows of documents and chunks."""
    base = sqlite3.connect(folder / "ledger.sqlite")
    found = [
        base.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
        for table in ("documents", "chunks")
    ]
    base.close()
    return found
