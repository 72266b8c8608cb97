"""LEANER-Eval's questions: the published ones, or the embedded ones."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from leaner_harness.data import first_use, published
from leaner_harness.data.json_rows import read_rows
from leaner_harness.errors import DataError

MINI = "mini"
BINS = ("split-0-7", "split-7-8", "split-8-9", "split-9-10")
"""Published files: questions whose similarity to training instructions is up to .7, .8, .9, 1."""
FOLDERS = ("data/leaner/eval", "leaner/eval", "eval", "")


@dataclass(frozen=True, slots=True)
class Question:
    """One question, and what it is counted under."""

    id: str
    text: str
    kind: str
    """The published bin, or the kind of an embedded question."""


@dataclass(slots=True)
class Questions:
    """Questions in the order they are asked, and where they came from."""

    source: str
    """`official` (every file read has its published id), `local` or `mini`."""
    state: str = "ok"
    """`ok`, or why they cannot be asked: `missing_file`."""
    reason: str = ""
    rows: list[Question] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """What a result says of them; holds no text and no path of this machine."""
        return {
            "source": self.source,
            "synthetic": self.source == MINI,
            "state": self.state,
            "reason": self.reason,
            "fingerprint": _fingerprint(self.rows) if self.rows else "",
            "files": self.files,
            "rows": len(self.rows),
            "kinds": dict(sorted(Counter(row.kind for row in self.rows).items())),
        }


def load_questions(source: str | None = None, folder: str | None = None) -> Questions:
    """Questions of `source="mini"`; else of `folder`, of `LEANER_DATA`, or the published ones.

    The published files are downloaded at first use. Never raises for files that are missing or
    damaged: what cannot be asked has a state with the reason and the cure.
    """
    if source == MINI:
        rows = [Question(row["id"], row["question"], row["kind"]) for row in mini_questions()]
        return Questions(MINI, rows=_mixed(rows), files=["questions"])
    chosen = folder or os.environ.get("LEANER_DATA")
    try:
        home = _folder(Path(chosen).expanduser()) if chosen else first_use.ensure("eval")
        return _read(home)
    except DataError as error:
        return Questions("none", "missing_file", str(error))


def mini_questions() -> list[dict[str, str]]:
    """The embedded questions, each with `id`, `kind`, `question`, and a good answer as `gold`."""
    file = resources.files("leaner_harness.data.mini").joinpath("questions.jsonl")
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def _folder(given: Path) -> Path:
    for inner in FOLDERS:
        if (given / inner / f"{BINS[0]}.jsonl").is_file():
            return given / inner
    raise DataError(
        f"The data folder {given} holds no LEANER-Eval files such as {BINS[0]}.jsonl.",
        "Point LEANER_DATA (or --metadata leaner_data=DIR) at a folder in the published layout, "
        "or unset it and run: leaner data pull eval",
    )


def _read(home: Path) -> Questions:
    found = Questions("official")
    manifest = published.load_manifest(published.PACKAGED)
    for kind in BINS:
        path = home / f"{kind}.jsonl"
        if not path.is_file():
            raise DataError(
                f"{path.name} is not in the data folder.", "Fetch it: leaner data pull eval"
            )
        if not published.is_published(path, manifest):
            found.source = "local"
        found.files.append(path.name)
        found.rows += _questions(path, kind)
    for name, times in Counter(row.id for row in found.rows).items():
        if times > 1:
            text = next(row.text for row in found.rows if row.id == name)
            raise DataError(
                f"{text!r:.60} stands {times} times in the data folder.", "Let it stand once."
            )
    found.rows = _mixed(found.rows)
    return found


def _questions(path: Path, kind: str) -> Iterable[Question]:
    for number, row in read_rows(path):
        text = row.get("question") if isinstance(row, dict) else None
        if not isinstance(text, str) or not text.strip():
            raise DataError(f"{path}:{number} is no question: {row!r:.60}.")
        yield Question(hashlib.sha256(text.encode()).hexdigest()[:16], text, kind)


def _mixed(rows: list[Question]) -> list[Question]:
    """In an order that files and kinds do not show in: any `--limit` is a fair sample."""
    return sorted(rows, key=lambda row: hashlib.sha256(f"order {row.id}".encode()).digest())


def _fingerprint(rows: Iterable[Question]) -> str:
    lines = sorted(f"{row.id}\t{row.kind}\t{row.text}" for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
