"""Paired tests: whether two runs differ on the same rows by more than chance.

One seed each: an approximate permutation test. If the runs were alike, it would not matter which
of them gave which of two predictions of a row, so these are exchanged at random (Noreen 1989; Yeh
2000, COLING, for F1 and its kind). It asks about these two sets of weights: rows are the only
chance. Nor is p below that of the difference over its standard error: runs may well answer
differently and score alike. Several training seeds of either run: Student's t with the seeds as a
second source of chance (`intervals.spread`), which asks about the two ways to train.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from leaner_harness import intervals, scoring
from leaner_harness import statistics as stats
from leaner_harness.data.glue import GlueTask
from leaner_harness.intervals import SEED, Interval, blocks, unit_numbers
from leaner_harness.scoring import SeedRows
from leaner_harness.statistics import Array, Cells

ALPHA = 0.05
POWER = 0.8
CANNOT_TELL = "cannot tell"
_NOISE = 1e-9
"""Differences closer than this are ties of a permutation with what was seen, rounded."""


class Columns(NamedTuple):
    """One metric of two runs on the same rows: columns are the first's seeds, then the second's."""

    values: Array
    """(R,) the metric of each column."""
    draws: Array
    """(draws, R) its bootstrap draws, the same rows in each draw of all columns."""
    exchanged: Array | None
    """(permutations, 2) the metric after exchange; None where there are several seeds."""
    first: int
    """How many columns are the first run's."""
    units: float = math.inf
    """How many rows, or units of rows, there are; infinite where nobody counted."""
    by_seed: bool = False
    """Whether the seeds are pairs that share something, as a beginning, which then cancels."""


class Difference(NamedTuple):
    """The first run's metric less the second's, and what it may rest on."""

    scores: tuple[float, float]
    value: float
    interval: Interval
    p: float
    minimum_detectable: float | None
    """The true difference found with 80 % power at .05; None where nothing varies."""


def columns(
    task: GlueTask,
    one: Sequence[SeedRows],
    other: Sequence[SeedRows],
    units: Sequence[Hashable] | None,
    permutations: int,
) -> dict[str, Columns]:
    """`leaner_score` and its centred form of two runs on one task's rows, in the same order."""
    rows = [(*first, *second) for first, second in zip(one, other, strict=True)]
    values = scoring.seed_values(task, rows)
    draws = scoring.metric_draws(task, rows, units)
    pair = len(rows[0]) == 2
    exchanged = exchanged_draws(task, rows, units, permutations) if pair else {}
    count = len(rows if units is None else set(units))
    return {
        name: Columns(values[name], draws[name], exchanged.get(name), len(one[0]), count)
        for name in (scoring.SCORE, scoring.CENTRED)
    }


def group_columns(tasks: Mapping[str, Columns]) -> Columns:
    """The mean over tasks."""
    exchanged = {name: task.exchanged for name, task in tasks.items() if task.exchanged is not None}
    return Columns(
        np.mean([task.values for task in tasks.values()], axis=0),
        intervals.group_draws({name: task.draws for name, task in tasks.items()}),
        intervals.group_draws(exchanged) if exchanged else None,
        next(iter(tasks.values())).first,
        sum(task.units for task in tasks.values()),
    )


def exchanged_draws(
    task: GlueTask,
    rows: Sequence[SeedRows],
    units: Sequence[Hashable] | None,
    permutations: int,
) -> dict[str, Array]:
    """Metric -> (permutations, 2) of two columns whose predictions were exchanged unit by unit."""
    if not task.regression:
        cells = scoring.folded(task, rows, units)
        constant = scoring.constant_score(task, cells.confusion()[0])
        return scoring.class_metrics(task, _exchanged(cells, permutations), constant)
    (gold, one), (_, other) = map(scoring.ratings, scoring.by_seed(rows))
    gold = np.tile(gold, 2)
    # Each on its own scale would make a mixture worse than both; no correlation depends on it.
    scaled = np.concatenate([_standard(one), _standard(other)])
    ranked = np.concatenate([stats.ranks(one), stats.ranks(other)])
    found = [
        scoring.correlations(
            stats.pearson(gold, scaled, weights), stats.spearman(gold, ranked, weights)
        )
        for weights in _exchanged_weights(len(rows), units, permutations)
    ]
    return {name: np.concatenate([block[name] for block in found]) for name in found[0]}


def _standard(values: Array) -> Array:
    """Mean 0 and standard deviation 1; all 0 where the values are equal."""
    spread = values.std()
    return np.asarray((values - values.mean()) / (spread if spread > _NOISE else 1.0))


def _exchanged(cells: Cells, permutations: int) -> Array:
    """(permutations, 2, P, C, C): of each cell's units, how many are exchanged is binomial."""
    change = cells.tensors[:, 1] - cells.tensors[:, 0]
    differs = change.any((1, 2, 3))
    generator = np.random.default_rng(SEED)
    size = (permutations, int(differs.sum()))
    moved = generator.binomial(cells.counts[differs], 0.5, size=size)
    shift = np.tensordot(moved.astype(np.float64), change[differs], 1)
    one, other = cells.confusion()
    return np.stack([one + shift, other - shift], axis=1)


def _exchanged_weights(
    rows: int, units: Sequence[Hashable] | None, permutations: int
) -> Iterator[Array]:
    """Blocks of (block, 2, 2 rows): which of the first's, then the second's, ratings each has."""
    generator = np.random.default_rng(SEED)
    unit = unit_numbers(rows, units)
    for size in blocks(permutations):
        other = generator.integers(0, 2, size=(size, int(unit.max()) + 1))[:, unit]
        kept, taken = 1.0 - other, 1.0 * other
        one = np.concatenate([kept, taken], axis=1)
        yield np.stack([one, 1 - one], axis=1)


def difference(found: Columns) -> Difference:
    """The difference of the two runs' mean over seeds, with its interval, p value and power.

    The interval is the bootstrap's percentile interval, or with several seeds that of Student's t,
    of the seeds' own differences where they are pairs.
    The minimum detectable difference is (t(.975) + t(.8)) x the paired standard error (Bloom 1995,
    Eval. Rev. 19:547; for NLP Card et al. 2020, EMNLP).
    """
    parts = [found.values[: found.first], found.values[found.first :]]
    draws = [found.draws[:, : found.first], found.draws[:, found.first :]]
    one, other = (float(part.mean()) for part in parts)
    value = one - other
    if found.by_seed:
        parts, draws = [parts[0] - parts[1]], [draws[0] - draws[1]]
    spread = intervals.spread(parts, draws)
    p_of_error = _t_test(value, spread, len(found.draws))
    if found.exchanged is None:
        interval = intervals.t_interval(value, spread)
        # Of few rows t knows too little to be sure: no exchange of theirs could say less than this.
        p = max(p_of_error, 2.0 ** (1 - found.units))
    else:
        interval = intervals.percentile_interval(draws[0][:, 0] - draws[1][:, 0])
        # An exchange asks whether the runs answer alike, not whether they score alike: between two
        # opposite constants one odd row would be proof, for no exchange has as small a denominator
        # of MCC. So p is never below what the error of the difference itself says.
        p = max(_permutation_test(value, found.exchanged), p_of_error)
    shift = sum(intervals.t_quantile(q, spread.freedom) for q in (1 - ALPHA / 2, POWER))
    return Difference((one, other), value, interval, p, shift * spread.error or None)


def _permutation_test(value: float, exchanged: Array) -> float:
    """Two-sided: how often an exchange differs as much, what was seen itself counted in."""
    as_far = np.abs(exchanged[:, 0] - exchanged[:, 1]) >= abs(value) - _NOISE
    return float((1 + as_far.sum()) / (1 + len(exchanged)))


def _t_test(value: float, spread: intervals.Spread, draws: int) -> float:
    if abs(value) < _NOISE:
        return 1.0
    if spread.error == 0:  # no draw was on the other side; that is as much as they can say
        return 1 / (1 + draws)
    return intervals.t_two_sided(value / spread.error, spread.freedom)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values corrected for their number (Holm 1979, Scand. J. Stat. 6:65)."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in corrected]


def verdict(value: float, p: float, better: str = "A better", worse: str = "B better") -> str:
    """`better`, `worse` or `cannot tell`, from a difference and its corrected p value."""
    if not p <= ALPHA:  # nor where p is no number
        return CANNOT_TELL
    return better if value > 0 else worse
