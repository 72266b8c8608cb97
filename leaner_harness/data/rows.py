"""Benchmark rows: read JSONL and count what is wrong with it, interleave, fingerprint.

A row is never dropped in silence: `RowFile` counts every line as kept or dropped, with the reason
and the place, and the counts add up (`lines == kept + sum(dropped)`).
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leaner_harness.data.glue import GlueTask

Row = dict[str, Any]

DROPPED = ("malformed_line", "missing_field", "label_out_of_range")
KEPT = ("empty_field", "duplicate", "not_utf8")
MOST_ROWS = 10**9
"""Ids of rows are below this, and not below 0."""
LONGEST_TAG = 60
_PLACES = 5
"""How many places of one kind of defect are named; the rest are counted."""


@dataclass(slots=True)
class Defects:
    """What was wrong with rows: counts, and where the first few stand as `file:line`."""

    counts: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, kind: str, place: str) -> None:
        """Count one defect and keep its place if it is among the first."""
        self.counts[kind] += 1
        if len(self.places[kind]) < _PLACES:
            self.places[kind].append(place)

    def dropped(self) -> int:
        """Rows that could not be used."""
        return sum(self.counts[kind] for kind in DROPPED)

    def record(self) -> dict[str, dict[str, Any]]:
        """Kind -> count, first places and whether such rows were kept, for a result file."""
        return {
            kind: {"count": n, "kept": kind in KEPT, "places": list(self.places[kind])}
            for kind, n in sorted(self.counts.items())
        }


@dataclass(slots=True)
class RowFile:
    """The usable rows of one file, and an account of the others."""

    rows: list[Row]
    lines: int
    defects: Defects


def read_rows(path: Path, task: GlueTask) -> RowFile:
    """Read a published-layout JSONL file of `task`; blank lines do not count."""
    result = RowFile([], 0, Defects())
    seen: set[str] = set()
    places: list[int] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        result.lines += 1
        place = f"{path.name}:{number}"
        row = _parse(line, task, place, result.defects)
        if row is None:
            continue
        key = json.dumps([row[name] for name in (*task.fields, "label")])
        if key in seen:
            result.defects.add("duplicate", place)
        seen.add(key)
        result.rows.append(_with_names(row))
        places.append(number - 1)
    _give_ids(result.rows, places)
    return result


def _with_names(row: Row) -> Row:
    """The row, its names as texts; a tag that no result can hold is none."""
    # A null is what some writers put where there is nothing: no name that such rows would share.
    names: Row = {key: str(row[key]) for key in ("tag", "pair_id") if row.get(key) is not None}
    if "tag" in names and not 0 < len(names["tag"]) <= LONGEST_TAG:
        names["tag"] = None
    return row | names


def _give_ids(rows: list[Row], places: Sequence[int]) -> None:
    """A number of its own for each row that lacks one: its place in the file, or a free one."""
    taken: set[int] = set()
    lacking = []
    for row, place in zip(rows, places, strict=True):
        idx = row.get("idx")
        if type(idx) is int and 0 <= idx < MOST_ROWS and idx not in taken:
            taken.add(idx)
        else:
            lacking.append((row, place))
    free = itertools.count(len(rows))
    for row, place in lacking:
        row["idx"] = place if place not in taken else next(n for n in free if n not in taken)
        taken.add(row["idx"])


def _parse(line: bytes, task: GlueTask, place: str, defects: Defects) -> Row | None:
    """One row, or None when it cannot be used; either way its defects are counted."""
    text = line.decode("utf-8", errors="replace")
    if text.encode() != line:
        defects.add("not_utf8", place)
    try:
        row = json.loads(text)
        json.dumps(row, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        defects.add("malformed_line", place)
        return None
    if not all(isinstance(row.get(name), str) for name in task.fields) or "label" not in row:
        defects.add("missing_field", place)
        return None
    label = _label(row["label"], task)
    if label is None:
        defects.add("label_out_of_range", place)
        return None
    if not all(row[name].strip() for name in task.fields):
        defects.add("empty_field", place)
    return row | {"label": label}


def _label(value: Any, task: GlueTask) -> float | int | None:
    """The label as a number in range, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if task.regression:
        return float(value) if 0 <= value <= task.classes - 1 else None
    return int(value) if value in range(task.classes) else None


def interleave(rows: Sequence[Row], task: GlueTask, seed: str = "leaner-interleave-1") -> list[Row]:
    """Order rows so that every prefix holds each class (and mnli part) in about its share.

    Published files are sorted by label, and lm-eval's `--limit` takes a prefix. Row i of a class
    with n rows, shuffled by hash, gets the position (i + 1/2) / n on a common scale.
    """
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.get("part", ""), round(row["label"])].append(row)
    placed: list[tuple[float, tuple[str, int], int, Row]] = []
    for key, members in groups.items():
        shuffled = sorted(members, key=lambda row: _order_key(row, task, seed))
        placed += [((i + 0.5) / len(members), key, i, row) for i, row in enumerate(shuffled)]
    placed.sort(key=lambda entry: entry[:3])
    return [entry[3] for entry in placed]


def _order_key(row: Row, task: GlueTask, seed: str) -> tuple[str, str]:
    # A hash, not random.shuffle: the order must be the same in every Python version.
    text = json.dumps([seed, *(row[name] for name in task.fields)], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest(), str(row["idx"])


def fingerprint(task: GlueTask, split: str, rows: Iterable[Row]) -> str:
    """sha256 over task, split and canonical rows: fields, label, idx and part, sorted.

    The order of rows in the file and keys a task does not use change nothing.
    """
    lines = sorted(
        json.dumps(
            [row.get("part", ""), row["idx"], row["label"], *(row[name] for name in task.fields)],
            ensure_ascii=True,
        )
        for row in rows
    )
    digest = hashlib.sha256(f"{task.name}\n{split}\n".encode())
    digest.update("\n".join(lines).encode())
    return digest.hexdigest()
