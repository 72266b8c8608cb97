"""Answers of two sides to the same questions, paired: in all, and by kind of question.

A side is one run, or those of several trainings. Shapes: n questions, R runs of both sides, L lines
of the comparison: a metric over some of the questions each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from leaner_harness import intervals
from leaner_harness.errors import ResultError
from leaner_harness.intervals import SEED, blocks
from leaner_harness.judge.surface import CHECKS, EMPTY
from leaner_harness.judge.verdicts import COMPLETE, SCORED, SUM
from leaner_harness.paired import Columns
from leaner_harness.results import Record
from leaner_harness.results.answer_scores import GRADES, Table, table
from leaner_harness.statistics import Array


class Line(NamedTuple):
    """A metric over the questions of a kind, or over all."""

    metric: str
    kind: str = ""

    @property
    def name(self) -> str:
        """As it is shown."""
        return f"{self.metric}, {self.kind}" if self.kind else self.metric


def lines(samples: Sequence[Record]) -> list[Line]:
    """What is compared: the grades, and the sum by kind; the checks where nobody graded."""
    found = table(samples)
    if SUM not in found.names:
        return [Line(name) for name in (*CHECKS, EMPTY)]
    return [Line(name) for name in GRADES] + [Line(SUM, kind) for kind in sorted(set(found.kinds))]


def check_questions(one: Sequence[Record], other: Sequence[Record], names: tuple[str, str]) -> None:
    """Raise ResultError unless both hold answers to the same questions."""
    first, second = ({str(sample["id"]) for sample in samples} for samples in (one, other))
    if alone := first ^ second:
        raise ResultError(
            f"{names[0]} and {names[1]}: {len(alone)} questions are in one of them only, among "
            f"them {min(alone)}."
        )


def counts(samples: Sequence[Record]) -> dict[str, int]:
    """How many questions there are of each kind."""
    kinds = [sample["kind"] for sample in samples]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def shortfall(name: str, samples: Sequence[Record]) -> list[str]:
    """A warning where too few of a run's answers have grades for a headline."""
    states = [sample["state"] in SCORED for sample in samples if "state" in sample]
    if not states or sum(states) >= COMPLETE * len(states):
        return []
    share = sum(states) / len(states)
    return [
        f"{name}: {100 * share:.1f} % of the answers have grades; those that have none are left "
        "out, and may be unlike the others."
    ]


def columns(
    one: Sequence[Sequence[Record]], other: Sequence[Sequence[Record]], permutations: int
) -> dict[str, tuple[str, Columns]]:
    """Metric and paired columns of each line, by its name: a column for each run of a side.

    The samples of all runs are in the same order. A question counts where the answers of all have
    a value. Lines of which there is none are left out.
    """
    asked = lines(one[0])
    tables = [table(samples) for samples in (*one, *other)]
    member = np.stack([_member(tables, line) for line in asked], axis=1)  # (n, L)
    values = [_values(found, asked) for found in tables]
    count = member.sum(axis=0)
    mean = np.array([(member * each).sum(axis=0) / np.maximum(count, 1) for each in values])
    drawn = np.stack([_drawn(member, each) for each in values], axis=1)  # (draws, R, L)
    exchanged = None
    if len(values) == 2:
        moved = np.concatenate(list(_exchanged(member * (values[1] - values[0]), permutations)))
        moved /= np.maximum(count, 1)
        exchanged = np.stack([mean[0] + moved, mean[1] - moved], axis=1)  # (permutations, 2, L)
    return {
        line.name: (
            line.metric,
            Columns(
                mean[:, number],
                drawn[:, :, number],
                None if exchanged is None else exchanged[:, :, number],
                first=len(one),
                units=float(count[number]),
            ),
        )
        for number, line in enumerate(asked)
        if count[number]
    }


def _member(tables: Sequence[Table], line: Line) -> Array:
    """(n,) 1 for a question that counts in the line."""
    known = np.ones(len(tables[0].kinds), dtype=bool)
    for found in tables:
        known &= ~np.isnan(found.values[:, found.names.index(line.metric)])
    chosen = [not line.kind or kind == line.kind for kind in tables[0].kinds]
    return np.asarray(known & np.array(chosen), dtype=np.float64)


def _values(found: Table, asked: Sequence[Line]) -> Array:
    """(n, L), 0 where there is no value."""
    columns = [found.names.index(line.metric) for line in asked]
    return np.asarray(np.nan_to_num(found.values[:, columns]))


def _drawn(member: Array, values: Array) -> Array:
    """(draws, L) means of questions drawn with replacement; a draw without any has the mean."""
    mean = (member * values).sum(axis=0) / np.maximum(member.sum(axis=0), 1)
    found = []
    for weights in intervals.resampled_weights(len(values), None):
        count = weights @ member
        means = (weights @ (member * values)) / np.maximum(count, 1)
        found.append(np.where(count > 0, means, mean))
    return np.asarray(np.concatenate(found))


def _exchanged(differs: Array, permutations: int) -> Iterator[Array]:
    """Blocks of (block, L): by how much a sum changes when answers change sides at random."""
    generator = np.random.default_rng(SEED)
    for size in blocks(permutations):
        yield generator.integers(0, 2, size=(size, len(differs))).astype(np.float64) @ differs
