"""95 % intervals: rows drawn with replacement, and training seeds as a second source of chance.

Rows that belong together (`units`, e.g. matched pairs) are drawn together. With several training
seeds every draw of rows is the same for all seeds, so draws have the shape (draws, R), R columns.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaner_harness.statistics import Array, Cells

DRAWS = 4000
SEED = 20250101
BLOCK = 500
"""Draws held in memory at a time."""


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


class Spread(NamedTuple):
    """How far an estimate may lie from the truth."""

    error: float
    """Standard error."""
    freedom: float
    """Degrees of freedom of that error; infinite where no training seeds vary."""


def blocks(draws: int) -> list[int]:
    """Sizes of the blocks that make up `draws`."""
    return [min(BLOCK, draws - done) for done in range(0, draws, BLOCK)]


def resampled(cells: Cells, draws: int = DRAWS) -> Array:
    """(draws, R, P, C, C) confusions of units drawn with replacement: one multinomial per draw."""
    generator = np.random.default_rng(SEED)
    n = int(cells.counts.sum())
    drawn = [generator.multinomial(n, cells.counts / n, size=size) for size in blocks(draws)]
    return np.concatenate([np.tensordot(d.astype(np.float64), cells.tensors, 1) for d in drawn])


def resampled_weights(
    rows: int, units: Sequence[Hashable] | None, draws: int = DRAWS
) -> Iterator[Array]:
    """Blocks of (block, rows): how often each row stands in a draw of units with replacement."""
    generator = np.random.default_rng(SEED)
    unit = unit_numbers(rows, units)
    n = int(unit.max()) + 1
    for size in blocks(draws):
        chosen = generator.integers(0, n, size=(size, n)) + n * np.arange(size)[:, None]
        counts = np.bincount(chosen.ravel(), minlength=size * n).reshape(size, n)
        yield counts[:, unit].astype(np.float64)


def unit_numbers(rows: int, units: Sequence[Hashable] | None) -> NDArray[np.int64]:
    """(rows,) the number of each row's unit, from 0; each row is its own where `units` is None."""
    numbers: dict[Hashable, int] = {}
    keys = range(rows) if units is None else units
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def group_draws(draws: Mapping[str, Array]) -> Array:
    """(draws, R) of the mean over tasks, whose rows are independent of each other's."""
    # Each task's draws come from its own seed-identical stream; shuffling breaks the coupling.
    generator = np.random.default_rng(0)
    shuffled = [generator.permutation(draws[name]) for name in sorted(draws)]
    return np.asarray(np.mean(shuffled, axis=0))


def percentile_interval(draws: Array) -> Interval:
    """The percentile interval of (draws,) bootstrap draws."""
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval(float(low), float(high))


def spread(scores: Sequence[Array], draws: Sequence[Array]) -> Spread:
    """Spread, over rows and training seeds, of a run's score, or of one run's less another's.

    Per run `scores` (S,) are its seeds' scores and `draws` (draws, S) their bootstrap draws, the
    same rows in each draw of both runs. Seeds are readers and rows are cases of a multi-reader
    study: the variance of a mean over seeds is s^2 / S + c, where s^2 is the variance between the
    seeds' scores on these rows and c the covariance, over draws of rows, of two different seeds'
    scores, so that noise of one seed on one row is counted once (Obuchowski & Rockette 1995,
    Commun. Stat. Simul. 24:285). For a difference between runs with seeds of their own the s^2 / S
    add up and the covariance between runs is taken off twice. Degrees of freedom: Satterthwaite on
    the s^2 / S, c taken as known (Hillis 2007, Stat. Med. 26:596). A run with one seed adds its
    bootstrap variance alone: its seed is held fixed.
    """
    signs = (1.0, -1.0)
    rows = sum(
        signs[i] * signs[j] * _covariance(draws[i], draws[j], within=i == j)
        for i, j in product(range(len(draws)), repeat=2)
    )
    parts = [(s.var(ddof=1) / len(s), len(s) - 1) for s in scores if len(s) > 1]
    variance = max(rows, 0.0) + sum(part for part, _ in parts)
    known = sum(part**2 / freedom for part, freedom in parts)
    return Spread(math.sqrt(variance), float(variance**2 / known) if known > 0 else math.inf)


def _covariance(one: Array, other: Array, *, within: bool) -> float:
    """Mean covariance over draws between columns; within a run, between different ones if any."""
    found = (one - one.mean(0)).T @ (other - other.mean(0)) / (len(one) - 1)
    if not within or len(found) == 1:
        return float(found.mean())
    return float((found.sum() - np.trace(found)) / (len(found) * (len(found) - 1)))


def t_interval(value: float, spread: Spread) -> Interval:
    """value +- t(.975) x standard error."""
    half = t_quantile(0.975, spread.freedom) * spread.error
    return Interval(value - half, value + half)


def standard_error(values: Sequence[float]) -> float:
    """Of the mean of two numbers or more."""
    return float(np.std(values, ddof=1)) / math.sqrt(len(values))


def of_seeds(values: Sequence[float]) -> tuple[float, Interval | None]:
    """The mean of a number of each seed, and Student's interval; None for one seed."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None
    return mean, t_interval(mean, Spread(standard_error(values), len(values) - 1))


def t_quantile(probability: float, freedom: float) -> float:
    """The quantile of Student's t; of the normal distribution where freedom is infinite."""
    from scipy import special  # a third of a second that a run with one seed need not wait

    if math.isinf(freedom):
        return float(special.ndtri(probability))
    return float(special.stdtrit(freedom, probability))


def t_two_sided(statistic: float, freedom: float) -> float:
    """P(|T| >= |statistic|) for Student's t; for the normal where freedom is infinite."""
    from scipy import special

    tail = special.ndtr(-abs(statistic)) if math.isinf(freedom) else None
    return float(2 * (special.stdtr(freedom, -abs(statistic)) if tail is None else tail))
