"""The learning curve of a run, read from the log of its training: few points, with averaged losses.

A log has one JSON object a line. Of ours a point takes `tokens_seen`, `loss` (of one step, nats per
target) and, where the validation text was read, its loss under the name of its measure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from leaner_harness.contracts import RESUME

MEASURES = {"validation_bits_per_byte": "bits per byte", "validation_loss": "nats per target"}
"""What a loss on the validation text is called in a record, and its unit."""
LOG = "log.jsonl"
"""The log's name in a checkpoint's folder."""
MOST_POINTS = 40
"""More than a small picture shows; a result file stays small."""

_NEEDED = ("tokens_seen", "loss")
_DECIMALS = 5
_LARGEST = 1e18
_Item = TypeVar("_Item")


def log_of(checkpoint: Path) -> Path | None:
    """The log of the training that made a checkpoint: beside it, or, of a milestone, in its run.

    None where another run was begun in a finished one's folder: the log is of that.
    """
    folder = checkpoint.resolve()
    if (folder / RESUME).is_dir():
        return None
    run = folder.parents[1] if folder.parent.name == "milestones" else folder
    return next((place / LOG for place in (folder, run) if (place / LOG).is_file()), None)


def read(log: Path, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The points of a log by tokens seen, MOST_POINTS at most; `record` is what the run says last.

    They are the places where validation was measured and, as far as there is room, places between.
    A point's `loss` is the mean over all steps since the point before. Empty where there are fewer
    than two; lines of another shape, and the half one of a killed run, are left out.
    """
    with log.open(encoding="utf-8", errors="replace") as file:
        entries = {entry["tokens_seen"]: entry for entry in _entries(file)}
    end = record.get("tokens_seen")
    known = end if _is_number(end) else math.inf
    if known in entries:  # what the weights were measured by at the end need not be logged
        entries[known] = {key: record[key] for key in MEASURES if key in record} | entries[known]
    steps = [entries[seen] for seen in sorted(entries) if 0 <= seen <= known]
    ends = _ends(steps)
    if len(ends) < 2:
        return []
    return [_point(steps[start:end]) for start, end in pairwise([0, *ends])]


def thinned(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most `most` items, evenly spaced, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    last = len(items) - 1
    return [items[round(i * last / (most - 1))] for i in range(most)] if most > 1 else []


def _entries(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and all(
            _is_number(entry.get(k)) for k in ("tokens_seen", "loss")
        ):
            yield entry


def _ends(steps: Sequence[Mapping[str, Any]]) -> list[int]:
    """Where points end: one past the place of a step."""
    measured = {i for i, step in enumerate(steps) if _measured(step)}
    chosen = thinned(sorted(measured), MOST_POINTS)
    others = [i for i in range(len(steps)) if i not in measured]
    chosen += thinned(others, MOST_POINTS - len(chosen))
    return sorted(i + 1 for i in chosen)


def _point(steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One point for some steps: the mean of their losses, and what the last of them measured."""
    last = steps[-1]
    loss = math.fsum(step["loss"] for step in steps) / len(steps)
    values = {"loss": loss, **_measured(last)}
    rounded = {key: round(value, _DECIMALS) for key, value in values.items()}
    return {"tokens_seen": last["tokens_seen"], **rounded}


def _measured(step: Mapping[str, Any]) -> dict[str, float]:
    return {key: step[key] for key in MEASURES if _is_number(step.get(key))}


def _is_number(value: Any) -> bool:
    """Whether it is one that a result file may hold."""
    return type(value) in (int, float) and abs(value) <= _LARGEST
