"""Ranks with ties, from what a result file says alone: values and their 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from leaner_harness.statistics import Array

_Z = 1.959964
RULE = (
    "A rank is one more than the number of results that are significantly better, and a lower "
    "score never gets a better rank than a higher one: results that share a rank are not "
    "significantly different. Two results differ significantly where their difference is more than "
    "1.96 x the root of the sum of their squared standard errors, an error being an interval's "
    "longer half / 1.96. This takes the results as independent, though they answer the same rows: "
    "it calls ties too often rather than too seldom. Nothing is corrected for their number; "
    "`leaner compare` makes the paired test."
)
"""What a reader is told."""


class Score(NamedTuple):
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """Its standard error, by the longer half: the other may end where the metric does."""
        return max(self.high - self.value, self.value - self.low) / _Z


class Rank(NamedTuple):
    """A place, from 1; results of one place are not significantly different."""

    place: int
    best: int
    """1 + how many are significantly better."""
    worst: int
    """n - how many are significantly worse."""


def ranks(scores: Sequence[Score]) -> list[Rank]:
    """The rank of each score, in their order.

    A place is 1 + the number that is significantly better, and never above that of a larger value.
    Two that share a place are never significantly different. Two that are not significantly
    different may have different places, for "not different" does not carry over from one pair to
    the next.
    """
    if not scores:
        return []
    values = np.array([score.value for score in scores])
    errors = np.array([score.error for score in scores])
    lead = values[:, None] - values[None, :]
    better = lead > _Z * np.hypot(errors[:, None], errors[None, :])
    best = 1 + better.sum(0)
    worst = len(scores) - better.sum(1)
    places = _never_above_a_larger_value(values, best)
    found = zip(places, best, worst, strict=True)
    return [Rank(int(place), int(first), int(last)) for place, first, last in found]


def _never_above_a_larger_value(values: Array, best: Array) -> Array:
    """(n,) the largest of `best` among the results whose value is at least as large."""
    order = np.argsort(-values, kind="stable")
    highest = np.maximum.accumulate(best[order])
    # Equal values share what the last of them has.
    last = np.searchsorted(-values[order], -values, side="right") - 1
    return np.asarray(highest[last])
