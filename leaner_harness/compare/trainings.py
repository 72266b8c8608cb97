"""Several trainings of one way to train, on the same rows: paired columns, one for each training.

A training is the unit of chance: fine-tuning seeds of one checkpoint are averaged before its own
seed is counted, unless there is but one checkpoint on either side. From scratch, each seed of
fine-tuning has random weights of its own and is a training. Shapes: C columns, R trainings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from leaner_harness import paired, scoring
from leaner_harness.data.glue import TASKS
from leaner_harness.paired import Columns
from leaner_harness.results import Record
from leaner_harness.results.recompute import ScoredTask
from leaner_harness.statistics import Array


class Scored(Protocol):
    """A result, and its rows."""

    @property
    def record(self) -> Record: ...  # noqa: D102

    @property
    def tasks(self) -> Mapping[str, ScoredTask]: ...  # noqa: D102


def sizes(run: Scored, name: str) -> list[int]:
    """How many columns of a task's rows belong to each training: its fine-tuning seeds."""
    columns = len(run.tasks[name].rows[0])
    scorer = run.record["model"].get("scorer") or {}
    return [1] * columns if scorer.get("from_scratch") else [columns]


def counts(one: Sequence[Scored], other: Sequence[Scored], name: str) -> tuple[int, int]:
    """How many trainings both sides have on a task."""
    first, second = (sum(len(sizes(run, name)) for run in side) for side in (one, other))
    return first, second


def columns(
    name: str, one: Sequence[Scored], other: Sequence[Scored], permutations: int
) -> dict[str, Columns]:
    """By metric: a column for each training; for each fine-tuning seed of two single results."""
    sides = [[run.tasks[name] for run in side] for side in (one, other)]
    first, second = map(joined, sides)
    units = next((task.units for side in sides for task in side if task.units), None)
    found = paired.columns(TASKS[name], first, second, units, permutations)
    if len(one) == len(other) == 1:
        return found
    belong = [n for run in (*one, *other) for n in sizes(run, name)]
    trainings = counts(one, other, name)
    return {
        metric: Columns(
            averaged(each.values, belong),
            averaged(each.draws, belong),
            None,
            trainings[0],
            each.units,
        )
        for metric, each in found.items()
    }


def joined(tasks: Sequence[ScoredTask]) -> list[scoring.SeedRows]:
    """The same rows of several results side by side."""
    return [
        tuple(answer for row in rows for answer in row)
        for rows in zip(*(task.rows for task in tasks), strict=True)
    ]


def averaged(values: Array, belong: Sequence[int]) -> Array:
    """(..., R) from (..., C): columns that belong together, so many of them each."""
    parts = np.split(values, np.cumsum(belong)[:-1], axis=-1)
    return np.stack([part.mean(axis=-1) for part in parts], axis=-1)
