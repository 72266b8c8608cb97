"""Whether results that name the same rows of a task were asked the same ones.

Samples say which rows they are of, and so do the numbers that follow from them; but no result can
show that these are the rows its fingerprint names. Results of the same fingerprint show it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from leaner_harness.results import Record, Result, answer_scores, recompute, sample_rules


class Asked(NamedTuple):
    """What must be alike."""

    n: int
    labels: tuple[tuple[str, int], ...]
    """How many rows have which; empty where labels are no classes."""


class Key(NamedTuple):
    """What names the rows of a task."""

    board: str
    split: str
    task: str
    fingerprint: str


def others(found: Sequence[Result], verified: Collection[int]) -> dict[int, str]:
    """Which of the results state other rows than most of those with their fingerprint, and why.

    What was not verified, by its number, has no say where anything was. Of equally many, those with
    more rows are right, then those that come first.
    """
    by_key: dict[Key, dict[int, Asked]] = defaultdict(dict)
    for number, result in enumerate(found):
        for task, record in _ran(result.record).items():
            labels = tuple(sorted((record.get("labels") or {}).items()))
            by_key[_key(result.record, task)][number] = Asked(int(record["n"]), labels)
    wrong: dict[int, str] = {}
    for key, asked in by_key.items():
        told = [each for number, each in asked.items() if number in verified]
        counts = Counter(told or asked.values())
        usual = max(counts, key=lambda each: (counts[each], each.n))
        for number, each in asked.items():
            if each != usual:
                what = "rows" if each.n != usual.n else "rows with other labels"
                wrong.setdefault(
                    number,
                    f"{key.task} has {each.n} {what}, where other results that name the same have "
                    f"{usual.n}. Score it again, on all rows.",
                )
    return wrong


def keys(result: Result) -> list[Key]:
    """What names the rows of each task that ran."""
    return [_key(result.record, task) for task in _ran(result.record)]


def digests(result: Result, folder: Path) -> dict[Key, str]:
    """Of the rows and labels of each task, from the samples beside a result."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for sample in recompute.read_samples(result, folder / result.path):
        found[sample["task"]].append(_row(sample, answers=answer_scores.has_answers(result)))
    return {
        _key(result.record, task): hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()
        for task, rows in found.items()
    }


def _row(sample: Record, *, answers: bool) -> tuple[str, str]:
    if answers:
        return str(sample["id"]), str(sample["kind"])
    _, part, idx = sample_rules.row_of(sample)
    return f"{part} {idx}", f"{float(sample['label']):g}"


def _ran(record: Record) -> dict[str, Record]:
    return {name: task for name, task in record["tasks"].items() if task["state"] == "ok"}


def _key(record: Record, task: str) -> Key:
    fingerprint = str(record["tasks"][task]["fingerprint"])
    return Key(str(record["board"]), str(record["data"]["split"]), task, fingerprint)
