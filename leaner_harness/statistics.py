"""Exact metrics and their intervals, computed on whole batches of confusion matrices at once.

A prediction is a share per class, so that k tied choices count 1/k each. A confusion tensor has the
shape (..., P, C, C): P parts (mnli: matched, mismatched; else 1), gold class, predicted class.
Metrics follow scikit-learn with `sample_weight`, and return 0 where a correlation is undefined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Metric = Callable[[Array], Array]

BOOTSTRAP_DRAWS = 4000
_SEED = 20250101


class Item(NamedTuple):
    """One scored row of a classification task."""

    part: int
    gold: int
    shares: tuple[float, ...]
    """Share of the prediction each class gets; sums to 1."""


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


def tie_shares(scores: Sequence[float]) -> tuple[float, ...]:
    """1/k for each of the k choices with the highest score, compared as float32; 0 for the rest.

    float32 because models sum log-likelihoods in it: below its resolution an order is noise.
    """
    rounded = np.asarray(scores, dtype=np.float32)
    best = rounded == rounded.max()
    return tuple(float(share) for share in best / best.sum())


def expected_value(log_likelihoods: Sequence[float]) -> float:
    """Mean of the choice index under softmax(log-likelihoods): a score on a 0..k-1 scale."""
    scores = np.asarray(log_likelihoods, dtype=np.float64)
    weights = np.exp(scores - scores.max())
    return float(weights @ np.arange(len(scores)) / weights.sum())


def accuracy(confusion: Array) -> Array:
    """Share of correct predictions, mean over the parts with rows; (..., P, C, C) -> (...)."""
    right = np.trace(confusion, axis1=-2, axis2=-1)
    rows = confusion.sum((-2, -1))
    return np.asarray(_ratio(_ratio(right, rows).sum(-1), (rows > 0).sum(-1).astype(np.float64)))


def mcc(confusion: Array) -> Array:
    """Multi-class Matthews correlation (Gorodkin 2004, eq. 8) over all parts together."""
    total = confusion.sum(-3)
    gold, predicted = total.sum(-1), total.sum(-2)
    n = gold.sum(-1)
    right = np.trace(total, axis1=-2, axis2=-1)
    covariance = right * n - (gold * predicted).sum(-1)
    spread = (n**2 - (gold**2).sum(-1)) * (n**2 - (predicted**2).sum(-1))
    return np.asarray(_ratio(covariance, np.sqrt(spread)))


def f1(confusion: Array) -> Array:
    """F1 of class 1, over all parts together."""
    total = confusion.sum(-3)
    hit = total[..., 1, 1]
    return np.asarray(_ratio(2 * hit, total[..., 1, :].sum(-1) + total[..., :, 1].sum(-1)))


def acc_f1(confusion: Array) -> Array:
    """Mean of accuracy and F1: GLUE's score for mrpc and qqp."""
    return (accuracy(confusion) + f1(confusion)) / 2


def _ratio(top: Array, bottom: Array) -> Array:
    """top / bottom, and 0 where bottom is 0."""
    return np.divide(top, bottom, out=np.zeros_like(top, dtype=np.float64), where=bottom > 0)


class Cells(NamedTuple):
    """Rows folded into distinct (part, gold, shares) cells: what a resample draws from."""

    counts: NDArray[np.int64]
    """(K,) rows per cell."""
    tensors: Array
    """(K, P, C, C) what one row of the cell adds to the confusion."""

    def confusion(self) -> Array:
        """The confusion tensor of the rows themselves, (P, C, C)."""
        return np.asarray(np.tensordot(self.counts.astype(np.float64), self.tensors, 1))

    def resampled(self, draws: int = BOOTSTRAP_DRAWS, seed: int = _SEED) -> Array:
        """(draws, P, C, C): rows drawn with replacement, as one multinomial per draw."""
        generator = np.random.default_rng(seed)
        n = int(self.counts.sum())
        drawn = generator.multinomial(n, self.counts / n, size=draws)
        return np.asarray(np.tensordot(drawn.astype(np.float64), self.tensors, 1))


def fold(items: Sequence[Item], classes: int, parts: int = 1) -> Cells:
    """Fold rows into cells."""
    counted: dict[Item, int] = {}
    for item in items:
        counted[item] = counted.get(item, 0) + 1
    tensors = np.zeros((len(counted), parts, classes, classes))
    for row, item in enumerate(counted):
        tensors[row, item.part, item.gold] = item.shares
    return Cells(np.array(list(counted.values()), dtype=np.int64), tensors)


def best_constant(metric: Metric, gold: Array) -> float:
    """The best value any constant prediction reaches; gold (P, C) holds rows per part and class."""
    classes = gold.shape[-1]
    constant = np.zeros((classes, *gold.shape, classes))
    for choice in range(classes):
        constant[choice, ..., choice] = gold
    return float(metric(constant).max())


def centred(score: Array | float, constant: float) -> Array:
    """(score - constant) / (1 - constant): 0 is the best constant prediction, 1 is perfect.

    Where a constant is perfect (rows of one class) there is nothing to tell apart: 0.
    """
    scores = np.asarray(score, dtype=np.float64)
    return (scores - constant) / (1 - constant) if constant < 1 else np.zeros_like(scores)


def pearson(x: Array, y: Array) -> Array:
    """Pearson correlation along the last axis; 0 where one side is constant."""
    x, y = x - x.mean(-1, keepdims=True), y - y.mean(-1, keepdims=True)
    spread = np.sqrt((x**2).sum(-1) * (y**2).sum(-1))
    # A constant side leaves rounding noise, not an exact zero.
    return np.asarray(_ratio((x * y).sum(-1), np.where(spread > 1e-12, spread, 0.0)))


def ranks(values: Array) -> Array:
    """Average ranks along the last axis, from 1: ties share their mean rank."""
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, -1)
    n = values.shape[-1]
    new = np.ones(values.shape, dtype=bool)
    new[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    position = np.broadcast_to(np.arange(n), values.shape)
    first = np.maximum.accumulate(np.where(new, position, 0), axis=-1)
    ends = np.ones(values.shape, dtype=bool)
    ends[..., :-1] = new[..., 1:]
    last_reversed = np.minimum.accumulate(np.where(ends, position, n)[..., ::-1], axis=-1)
    averaged = (first + last_reversed[..., ::-1]) / 2 + 1
    result = np.empty(values.shape, dtype=np.float64)
    np.put_along_axis(result, order, averaged, -1)
    return result


def spearman(x: Array, y: Array) -> Array:
    """Spearman correlation along the last axis: Pearson of the average ranks."""
    return pearson(ranks(x), ranks(y))


def pearson_spearman(x: Array, y: Array) -> Array:
    """Mean of the two correlations: GLUE's score for stsb."""
    return (pearson(x, y) + spearman(x, y)) / 2


def resampled_pairs(
    x: Array, y: Array, draws: int = BOOTSTRAP_DRAWS, seed: int = _SEED
) -> tuple[Array, Array]:
    """(draws, n) resamples of n pairs with replacement."""
    chosen = np.random.default_rng(seed).integers(0, len(x), size=(draws, len(x)))
    return x[chosen], y[chosen]


def percentile_interval(draws: Array) -> Interval:
    """The 95 % percentile interval of bootstrap draws."""
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval(float(low), float(high))
