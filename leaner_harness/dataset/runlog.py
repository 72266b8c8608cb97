"""The run log of a build, JSON lines: when, how often and at what cost each chunk was tried.

It stands beside the data set and not in it, so that rows come out the same however they were made.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leaner_harness.dataset.records import Chunk, Rewrite

NAME = "run.log"
BEGIN, TRY, END = "begin", "try", "end"
"""What a line tells of."""


class RunLog:
    """Adds lines to the log of a folder. Each is with the system at once: a kill loses none."""

    def __init__(self, folder: Path) -> None:
        """Go on with the log that is there, or begin one."""
        self._file = (folder / NAME).open("a", buffering=1, encoding="utf-8")

    def close(self) -> None:
        """Nothing more is added."""
        self._file.close()

    def begin(self, told: Mapping[str, Any]) -> None:
        """A run begins; `told` is what holds for this one alone."""
        self._add({"event": BEGIN, **told})

    def tried(self, chunk: Chunk, found: Rewrite, attempt: int, state: str, reason: str) -> None:
        """A rewriter gave something for a chunk, and this became of it. `attempt` is from 1."""
        line = {"event": TRY, "chunk": chunk.id, "attempt": attempt, "state": state}
        self._add(line | ({"reason": reason} if reason else {}) | dict(found.took))

    def end(self, took: Mapping[str, Any]) -> None:
        """A run ended by itself."""
        self._add({"event": END, **took})

    def _add(self, line: Mapping[str, Any]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._file.write(json.dumps({"time": now, **line}, ensure_ascii=False) + "\n")


def _lines(folder: Path) -> Iterator[dict[str, Any]]:
    """All whole lines; a machine that went down may have left half a one."""
    if not (folder / NAME).is_file():
        return
    with (folder / NAME).open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                continue


def total(folder: Path) -> dict[str, Any]:
    """What all runs took together: runs, those that ended, tries, calls, tokens, cost.

    `cost` is None where no try had a price.
    """
    count: Counter[str] = Counter()
    cost: float | None = None
    for line in _lines(folder):
        count[str(line.get("event"))] += 1
        for name in ("calls", "prompt_tokens", "completion_tokens"):
            count[name] += (line.get(name) or 0) if line.get("event") == TRY else 0
        if line.get("event") == TRY and line.get("cost") is not None:
            cost = (cost or 0.0) + line["cost"]
    return {
        "runs": count[BEGIN],
        "ended": count[END],
        "tries": count[TRY],
        "calls": count["calls"],
        "prompt_tokens": count["prompt_tokens"],
        "completion_tokens": count["completion_tokens"],
        "cost": cost,
    }
