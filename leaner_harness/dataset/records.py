"""What the stages of a build hand on: chunks, what became of them, what checks found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PASS, WARN, FAIL = "pass", "warn", "fail"
"""Verdicts of a check. Only `fail` keeps a text out."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found in one text."""

    check: str
    value: float
    verdict: str = PASS
    threshold: float | None = None
    """What the value was held against; None for one that is only reported."""
    version: int = 1
    """Of the check: findings of different ones are not compared."""
    note: str = ""
    """What a writer is told who is to do better, such as the words that are outside."""

    def row(self) -> dict[str, Any]:
        """As it is written down."""
        found = {
            "check": self.check,
            "value": round(self.value, 6),
            "verdict": self.verdict,
            "threshold": self.threshold,
            "version": self.version,
        }
        return found | ({"note": self.note} if self.note else {})


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of a source document that is rewritten at once."""

    document: str
    """Id of the document: no two documents of a build share one."""
    number: int
    """Its place in the document, from 0."""
    genre: str
    text: str
    joiner: str = ""
    """What stood between it and the chunk before: white space that is put back."""

    @property
    def id(self) -> str:
        """Document and place."""
        return f"{self.document}#{self.number}"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What a rewriter made of a chunk, or why it made nothing."""

    id: str
    """The chunk's."""
    state: str
    """`ok`, or a state of the engine (`leaner_harness.llm.records.STATES`)."""
    text: str = ""
    reason: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)
    """What the row says of how it came about: model, prompt digest, ..."""
    took: Mapping[str, Any] = field(default_factory=dict)
    """What the run log alone says of it: `calls`, `prompt_tokens`, `completion_tokens`, `cost`."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a rewriter is given: a chunk, and what it is told beside it."""

    chunk: Chunk
    wording: str = ""
    """How names and places of the whole document are to be replaced."""
    complaint: str = ""
    """What was wrong with the last try; empty at the first."""
    label: str = ""
    """Of a test item: what its right answer is, which must stay right; empty where it is hidden."""
    sample: int = 0
    """Which of several texts for the same chunk this is: each has a cached reply of its own."""
