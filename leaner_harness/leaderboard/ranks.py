"""Ranks with ties, from what a result file says alone: values and their 95 % intervals.

One result is significantly better than another where, an interval's longer half being 1.96 standard
errors and the two being independent, difference > 1.96 x root of the sum of both squared errors.
They were asked the same rows, which mostly makes the true error of a difference smaller, so ties
are called too often rather than too seldom; `leaner compare` does the paired test where samples are
there. Nothing is corrected for how many results there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from leaner_harness.statistics import Array

_Z = 1.959964


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
