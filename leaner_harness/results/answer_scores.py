"""What the samples of LEANER-Eval say: checks and grades of the answers, in all and by kind.

Shapes: n questions, M metrics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from leaner_harness import intervals
from leaner_harness.judge.surface import CHECKS, EMPTY
from leaner_harness.judge.verdicts import COMPLETE, COVERAGE, DIMENSIONS, RUBRIC, SCORED, SUM
from leaner_harness.results import Record, Result
from leaner_harness.results.rules import ANSWER_BOARDS
from leaner_harness.statistics import Array

BOARDS = ANSWER_BOARDS
TASK = "questions"
"""The one task of such a board."""
GRADES = (*DIMENSIONS, SUM)
METRICS = (*GRADES, COVERAGE, *CHECKS, EMPTY)


def has_answers(result: Result) -> bool:
    """Whether a result is of LEANER-Eval, whose samples are answers and not choices."""
    return result.record["board"] in BOARDS


class Table(NamedTuple):
    """Answers as numbers."""

    kinds: list[str]
    names: list[str]
    """The M metrics that there are."""
    values: Array
    """(n, M); not a number where an answer has no grades."""


def table(samples: Sequence[Record]) -> Table:
    """The answers' metrics, in the samples' order; grades where there was a judge."""
    rows = [_metrics(sample) for sample in samples]
    names = [name for name in METRICS if any(name in row for row in rows)]
    if COVERAGE in names:  # though it may have graded nothing
        names = [*GRADES, *(name for name in names if name not in GRADES)]
    values = [[row.get(name, np.nan) for name in names] for row in rows]
    return Table([sample["kind"] for sample in samples], names, np.array(values, dtype=np.float64))


def _metrics(sample: Record) -> Record:
    if "state" not in sample:
        return dict(sample["checks"])
    scored = sample["state"] in SCORED
    grades = RUBRIC.all(sample["grades"]) if scored else {}
    return {**grades, COVERAGE: float(scored), **sample["checks"]}


def score(samples: Iterable[Record]) -> tuple[dict[str, Record], dict[str, Record]]:
    """`{n, metrics, intervals, kinds}` of the questions, with `states` and `bounds` where they were
    judged; and the mean of the sum, if enough of the answers have one.

    A mean is over the answers that have grades; its interval is that of questions drawn anew. The
    bounds are the means if all that are missing were worst, and if they were best.
    """
    rows = sorted(samples, key=lambda sample: str(sample["id"]))
    found = table(rows)
    bounds = _intervals(found.values)
    record: Record = {
        "n": len(rows),
        "metrics": _rounded(found.names, means(found.values)),
        "intervals": {
            name: [round(float(bound), 6) for bound in bounds[:, number]]
            for number, name in enumerate(found.names)
            if not np.isnan(bounds[:, number]).any()
        },
        "kinds": {kind: _kind(found, kind) for kind in sorted(set(found.kinds))},
    }
    if COVERAGE not in found.names:
        return {TASK: record}, {}
    record["states"] = dict(sorted(Counter(sample["state"] for sample in rows).items()))
    record["bounds"] = _worst_and_best(found)
    if record["metrics"][COVERAGE] < COMPLETE:
        return {TASK: record}, {}
    mean = {"value": record["metrics"][SUM], "interval": record["intervals"][SUM]}
    return {TASK: record}, {SUM: mean}


def means(values: Array) -> Array:
    """(M,) over the answers that have a value; not a number where none has."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(values, axis=0) / known.sum(axis=0))


def _intervals(values: Array) -> Array:
    """(2, M) bounds of the 95 % intervals."""
    drawn = np.concatenate(list(drawn_means(values)))
    return np.asarray(np.percentile(drawn, [2.5, 97.5], axis=0))


def drawn_means(values: Array) -> Iterator[Array]:
    """Blocks of (block, M) means of questions drawn with replacement, the same for all metrics."""
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    for weights in intervals.resampled_weights(len(values), None):
        with np.errstate(invalid="ignore"):
            yield (weights @ filled) / (weights @ known)


def _kind(found: Table, kind: str) -> Record:
    chosen = np.array([each == kind for each in found.kinds])
    return {
        "n": int(chosen.sum()),
        "metrics": _rounded(found.names, means(found.values[chosen])),
    }


def _worst_and_best(found: Table) -> dict[str, list[float]]:
    highest = RUBRIC.bounds()
    bounds = {}
    for number, name in enumerate(found.names):
        if name in highest:
            column = found.values[:, number]
            ends = (np.nan_to_num(column, nan=end).mean() for end in (0.0, highest[name]))
            bounds[name] = [round(float(end), 9) for end in ends]
    return bounds


def _rounded(names: Sequence[str], values: Array) -> dict[str, float]:
    """By name, without those that are no number: JSON knows none."""
    pairs = zip(names, values, strict=True)
    return {name: round(float(value), 9) for name, value in pairs if not np.isnan(value)}
