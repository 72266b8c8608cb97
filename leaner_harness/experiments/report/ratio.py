"""How much smaller a model or a text may be at an equal score: a ratio of sizes, with an interval.

Each side's scores over a grid of sizes are made to never fall (isotonic regression), for a larger
size is taken to do no worse; between sizes they are interpolated in the logarithm of the size. The
ratio is the size at which the simpler side reaches the original's score at its largest size, over
that largest size. The interval draws rows, the same for every size and side, and what the mean of
S other seeds might be: Student's t on the seeds' spread, which is taken to be one at all sizes of a
side (three seeds say little of it, and to draw them with replacement shows too little of that).
Shapes: K sizes, S seeds, D draws.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from leaner_harness.intervals import SEED
from leaner_harness.paired import ALPHA, CANNOT_TELL
from leaner_harness.statistics import Array

LESS, MORE = "LEANER needs less", "LEANER needs more"
_SAME_SIZE = 0.01
"""By which equal sizes may differ: a text is cut between two of its documents."""


class Side(NamedTuple):
    """Scores of one side over sizes."""

    sizes: Array
    """(K,) ascending."""
    values: Array
    """(K, S)."""
    draws: Array
    """(D, K, S)."""


class Answer(NamedTuple):
    """A ratio of sizes; beyond the grid it is 0 below and infinite above."""

    ratio: float
    low: float
    high: float
    verdict: str
    reason: str
    least: float
    """The smallest ratio that this grid can show."""
    most: float
    """The largest."""


def ratio(simpler: Side, original: Side, among: int = 1) -> Answer:
    """The size that the simpler side needs for the original's best score, over the original's.

    The interval is one `among` several, which hold together with 95 % (Bonferroni).
    """
    largest = float(original.sizes[-1])
    least, most = float(simpler.sizes[0]) / largest, float(simpler.sizes[-1]) / largest
    means = [_means(side, number) for number, side in enumerate((simpler, original))]
    point = float(
        _ratios(simpler, original, *(side.values.mean(-1)[None] for side in (simpler, original)))[0]
    )
    drawn = _ratios(simpler, original, *means)
    ends = (ALPHA / among / 2, 1 - ALPHA / among / 2)
    # Draws beyond the grid have a place in the order, though no size.
    low, high = map(float, np.quantile(drawn, ends, method="inverted_cdf"))
    growth = np.percentile(means[1][:, -1] - means[1][:, 0], 2.5)
    if growth <= 0:
        verdict, reason = CANNOT_TELL, "the original's score is not shown to grow with the size"
    else:
        verdict, reason = _verdict(low, high, least, most)
    return Answer(point, low, high, verdict, reason, least, most)


def _verdict(low: float, high: float, least: float, most: float) -> tuple[str, str]:
    """What an interval says; beyond the grid it is known to be below `least`, or above `most`."""
    if high < 1 and (high > 0 or least <= 1 + _SAME_SIZE):
        return LESS, "the whole interval is below 1"
    if low > 1 and (np.isfinite(low) or most >= 1 - _SAME_SIZE):
        return MORE, "the whole interval is above 1"
    if high == 0 or np.isinf(low):
        return CANNOT_TELL, "the grid of LEANER has no size near the original's largest"
    return CANNOT_TELL, "the interval holds 1"


def _means(side: Side, number: int) -> Array:
    """(D, K) means over as many other seeds, for each side and size anew."""
    means = side.draws.mean(-1)
    sizes, seeds = side.values.shape
    if seeds == 1:
        return np.asarray(means)
    freedom = sizes * (seeds - 1)
    error = math.sqrt(side.values.var(axis=1, ddof=1).mean() / seeds)
    generator = np.random.default_rng([SEED, number])
    scale = np.sqrt(freedom / generator.chisquare(freedom, size=(len(means), 1)))
    return np.asarray(means + error * scale * generator.standard_normal(means.shape))


def _ratios(simpler: Side, original: Side, ours: Array, theirs: Array) -> Array:
    """(D,) ratios from (D, K) scores."""
    target = never_falling(theirs)[:, -1]
    size = reached(simpler.sizes, never_falling(ours), target)
    return np.asarray(size / original.sizes[-1])


def never_falling(scores: Array) -> Array:
    """The closest (D, K) that never falls: isotonic regression by its max-min formula."""
    count = scores.shape[1]
    sums = np.concatenate([np.zeros((len(scores), 1)), np.cumsum(scores, axis=1)], axis=1)
    fitted = np.empty_like(scores)
    for place in range(count):
        least = [
            np.min(
                [(sums[:, b + 1] - sums[:, a]) / (b + 1 - a) for b in range(place, count)], axis=0
            )
            for a in range(place + 1)
        ]
        fitted[:, place] = np.max(least, axis=0)
    return fitted


def reached(sizes: Array, scores: Array, target: Array) -> Array:
    """(D,) the size at which never falling (D, K) scores reach (D,) targets.

    0 where the smallest is there already, infinite where the largest is not.
    """
    found = np.full(len(scores), np.inf)
    logs = np.log(sizes)
    for place in range(len(sizes) - 1, 0, -1):
        before, after = scores[:, place - 1], scores[:, place]
        rise = np.where(after > before, after - before, 1.0)
        part = np.clip((target - before) / rise, 0.0, 1.0)
        here = after >= target
        found = np.where(
            here, np.exp(logs[place - 1] + part * (logs[place] - logs[place - 1])), found
        )
    return np.asarray(np.where(scores[:, 0] >= target, 0.0, found))


def shown(answer: Answer) -> str:
    """A ratio and its interval in words; what lies beyond the grid is said to."""

    def each(value: float) -> str:
        if value == 0:
            return f"< {answer.least:.2f}"
        return f"> {answer.most:.2f}" if np.isinf(value) else f"{value:.2f}"

    beyond = answer.ratio == 0 or np.isinf(answer.ratio)
    text = f"{each(answer.ratio)} [{each(answer.low)}, {each(answer.high)}]"
    return f"{text}, beyond the grid" if beyond else text


def side(sizes: Sequence[float], values: Sequence[Array], draws: Sequence[Array]) -> Side:
    """A side from each size's values (S,) and draws (D, S); as many seeds as the fewest have."""
    order = np.argsort(sizes, kind="stable")
    seeds = min(map(len, values))
    return Side(
        np.asarray(sizes, dtype=np.float64)[order],
        np.stack([values[k][:seeds] for k in order]),
        np.stack([draws[k][:, :seeds] for k in order], axis=1),
    )
