"""Contamination: what a text shares with the rows that models are tested on.

A text is held against all rows of LEANER-Eval and of the validation and test splits of LEANER-GLUE
that are at hand: word 8-grams (Brown et al. 2020 took 13; so do we for long texts, which share
shorter ones by chance), and the whole text. The same question is put to a source and a rewrite.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from leaner_harness.data.glue import TASKS
from leaner_harness.data.published import folder as published_folder
from leaner_harness.data.questions import load_questions
from leaner_harness.data.rows import Row
from leaner_harness.data.sources import MINI, load
from leaner_harness.dataset.duplicates import Hashes, gram_hashes
from leaner_harness.dataset.records import FAIL, PASS, Finding
from leaner_harness.errors import UsageError

VERSION = 1
_WORD = re.compile(r"[^\W_]+")
_SPLITS = ("validation", "test")
_NAMED = 3  # rows that a finding names; the rest are counted


@dataclass(frozen=True, slots=True)
class Settings:
    """How much in common is too much. Raises UsageError for numbers that cannot be."""

    gram: int = 8
    """Words in a row that a text may not share with a row of a benchmark."""
    long_gram: int = 13
    """The same, for a long text. A row that is shorter, but not short, counts whole."""
    long_text: int = 1000
    """Words from which on a text is long."""
    least: int = 1
    """Shared grams from which on a row is a hit."""

    def __post_init__(self) -> None:
        if not 0 < self.gram <= self.long_gram or min(self.least, self.long_text) < 1:
            raise UsageError(
                f"gram {self.gram}, long_gram {self.long_gram}, long_text {self.long_text} and "
                f"least {self.least} must be 1 or more, and long_gram no less than gram."
            )


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The rows of one task and split, as texts by row id."""

    name: str
    """Such as `leaner_glue/cola`."""
    split: str
    source: str
    """`official`, `local` or `mini`; `none` where there are none."""
    fingerprint: str
    rows: Sequence[tuple[str, Sequence[str]]] = ()
    reason: str = ""
    """Why it is missing, if so."""

    def record(self) -> dict[str, Any]:
        """What a manifest says of it; holds no text."""
        found = {"name": self.name, "split": self.split, "source": self.source}
        if self.reason:  # which may name a folder of this machine
            return found | {"reason": "not at hand"}
        return found | {"fingerprint": self.fingerprint, "rows": len(self.rows)}


@dataclass(frozen=True, slots=True)
class Hit:
    """A row of a benchmark that a text has something of."""

    benchmark: str
    split: str
    row: str
    shared: int
    """Grams in common: 1 of a row that counts whole."""
    share: float
    """Of the row's grams."""


def words(text: str) -> list[str]:
    """The words of a text in lower case, without any marks."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower())


class Index:
    """Grams of benchmark rows in sorted arrays, once of 8 words and once of 13.

    12 bytes for each gram of each row, and 16 for each row: 9 MB for 45,000 rows. A
    shorter row text is one gram of its own length: with fewer than 8 words it is found in no longer
    text, only where it is the whole of one.
    """

    def __init__(self, benchmarks: Iterable[Benchmark], settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.benchmarks = list(benchmarks)
        self._rows = [(b, row) for b in self.benchmarks for row, _ in b.rows]
        self._texts = [[words(text) for text in row] for b in self.benchmarks for _, row in b.rows]
        self._short = _Grams(self._texts, self.settings.gram)

    @cached_property
    def _long(self) -> _Grams:
        """For long texts, which many a source has none of."""
        return _Grams(self._texts, self.settings.long_gram)

    def find(self, text: str) -> list[Hit]:
        """Rows that the text has too much of, most shared first."""
        found, settings = words(text), self.settings
        is_long = len(found) >= settings.long_text
        size = min(settings.gram, len(found))
        sizes = range(size, settings.long_gram + 1) if is_long else (size,)
        grams = self._long if is_long else self._short
        asked = np.concatenate([gram_hashes(found, each) for each in sizes])
        hits = []
        for row, shared in zip(*grams.shared(asked), strict=True):
            benchmark, name = self._rows[row]
            many = int(grams.many[row])
            if shared >= min(settings.least, many):
                hits.append(Hit(benchmark.name, benchmark.split, name, shared, shared / many))
        return sorted(hits, key=lambda hit: (-hit.shared, hit.benchmark, hit.split, hit.row))

    def finding(self, text: str) -> Finding:
        """The check of a text: how many rows it has too much of; one is enough to fail."""
        hits = self.find(text)
        note = ", ".join(
            f"{hit.benchmark} {hit.split} {hit.row} ({hit.shared})" for hit in hits[:_NAMED]
        )
        if len(hits) > _NAMED:
            note += f" and {len(hits) - _NAMED} more"
        return Finding("contamination", len(hits), FAIL if hits else PASS, 0, VERSION, note)

    @property
    def bytes(self) -> int:
        """Held in arrays."""
        return self._short.bytes + self._long.bytes

    def record(self) -> dict[str, Any]:
        """Which benchmarks it covers, which are missing and why; with a digest of all that."""
        known = {
            "version": VERSION,
            "settings": asdict(self.settings),
            "covered": [each.record() for each in self.benchmarks if not each.reason],
            "missing": [each.record() for each in self.benchmarks if each.reason],
        }
        whole = json.dumps(known, sort_keys=True)
        return known | {"digest": hashlib.sha256(whole.encode()).hexdigest()}


class _Grams:
    """Gram hashes in order, and the row that each is of."""

    def __init__(self, rows: Sequence[Sequence[list[str]]], size: int) -> None:
        each = [gram_hashes(text, min(size, len(text))) for row in rows for text in row]
        of = [number for number, row in enumerate(rows) for _ in row]
        grams = np.concatenate([np.zeros(0, dtype=np.uint64), *each])
        numbers = np.repeat(np.array(of, dtype=np.uint32), list(map(len, each)))
        order = np.lexsort((numbers, grams))
        grams, numbers = grams[order], numbers[order]
        new = np.ones(len(grams), dtype=bool)
        new[1:] = (grams[1:] != grams[:-1]) | (numbers[1:] != numbers[:-1])
        self._grams, self._rows = grams[new], numbers[new]
        self.many = np.bincount(self._rows, minlength=len(rows))
        """Distinct grams of each row."""

    @property
    def bytes(self) -> int:
        return self._grams.nbytes + self._rows.nbytes + self.many.nbytes

    def shared(self, grams: Hashes) -> tuple[list[int], list[int]]:
        """Rows that have some of the grams, and how many of them."""
        grams = np.unique(grams)
        first = np.searchsorted(self._grams, grams, side="left")
        after = np.searchsorted(self._grams, grams, side="right")
        some = after > first
        spans = zip(first[some], after[some], strict=True)
        met = [self._rows[start:end] for start, end in spans]
        rows, counts = np.unique(
            np.concatenate([np.zeros(0, dtype=np.uint32), *met]), return_counts=True
        )
        return rows.tolist(), counts.tolist()


def benchmarks(folder: str | None = None) -> Iterator[Benchmark]:
    """The embedded benchmarks, then the published ones, as far as they are at hand.

    Those are of `folder`, else of `LEANER_DATA`, else where `leaner data pull` put them. Downloads
    nothing: what is missing has a reason. Test rows that nobody published cannot be covered.
    """
    at_hand = folder or os.environ.get("LEANER_DATA") or str(published_folder())
    for source in (MINI, None):
        place = None if source else at_hand
        for task in TASKS:
            for split in _SPLITS:
                yield _glue(task, split, source, place)
        yield _eval(source, place)


def _glue(task: str, split: str, source: str | None, folder: str | None) -> Benchmark:
    found = load(task, split, source=source, folder=folder)
    rows = [(_name(row), [row[field] for field in found.task.fields]) for row in found.rows]
    fingerprint, reason = found.record()["fingerprint"], found.reason
    return Benchmark(f"leaner_glue/{task}", split, found.source, fingerprint, rows, reason)


def _eval(source: str | None, folder: str | None) -> Benchmark:
    found = load_questions(source, folder)
    rows = [(row.id, [row.text]) for row in found.rows]
    fingerprint = found.record()["fingerprint"]
    return Benchmark("leaner_eval", "test", found.source, fingerprint, rows, found.reason)


def _name(row: Row) -> str:
    return f"{row['part']}:{row['idx']}" if row["part"] else str(row["idx"])
