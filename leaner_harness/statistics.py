"""Exact metrics, computed on whole batches of confusion tensors or of weighted rows at once.

A prediction is a share per class, so that k tied choices count 1/k each. A confusion tensor has the
shape (..., P, C, C): P parts (mnli: matched, mismatched; else 1), gold class, predicted class.
Metrics follow scikit-learn with `sample_weight`, and return 0 where a correlation is undefined.
A column is one set of predictions for all rows: a zero-shot run has one, a fine-tuned run one per
training seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Metric = Callable[[Array], Array]


class Item(NamedTuple):
    """One scored row of a classification task, in one column."""

    part: int
    gold: int
    shares: tuple[float, ...]
    """Share of the prediction each class gets; sums to 1."""


class Rating(NamedTuple):
    """One scored row of a regression task, in one column."""

    gold: float
    predicted: float


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
    """Units folded into distinct cells; a unit is a row, or the rows that belong together."""

    counts: NDArray[np.int64]
    """(K,) units per cell."""
    tensors: Array
    """(K, R, P, C, C) what one unit of the cell adds to the confusion of each of R columns."""

    def confusion(self) -> Array:
        """The confusion tensors of the rows themselves, (R, P, C, C)."""
        return np.asarray(np.tensordot(self.counts.astype(np.float64), self.tensors, 1))


def fold(
    rows: Sequence[tuple[Item, ...]],
    classes: int,
    parts: int = 1,
    units: Sequence[Hashable] | None = None,
) -> Cells:
    """Fold rows, each with an item per column, into cells; rows of one unit stay together."""
    members = [(row,) for row in rows] if units is None else _together(rows, units)
    counted = Counter(members)
    tensors = np.zeros((len(counted), len(rows[0]), parts, classes, classes))
    for cell, unit in enumerate(counted):
        for row in unit:
            for column, item in enumerate(row):
                tensors[cell, column, item.part, item.gold] += item.shares
    return Cells(np.array(list(counted.values()), dtype=np.int64), tensors)


def _together(
    rows: Iterable[tuple[Item, ...]], units: Sequence[Hashable]
) -> list[tuple[tuple[Item, ...], ...]]:
    found: dict[Hashable, list[tuple[Item, ...]]] = {}
    for row, unit in zip(rows, units, strict=True):
        found.setdefault(unit, []).append(row)
    return [tuple(sorted(unit)) for unit in found.values()]


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


def pearson(x: Array, y: Array, weights: Array | float = 1.0) -> Array:
    """Pearson correlation along the last axis, of weighted rows; 0 where one side is constant."""
    weights = np.broadcast_to(weights, np.broadcast_shapes(x.shape, y.shape, np.shape(weights)))
    x, y = _deviations(x, weights), _deviations(y, weights)
    spread = np.sqrt((weights * x**2).sum(-1) * (weights * y**2).sum(-1))
    # A constant side may leave rounding noise, not an exact zero.
    return np.asarray(_ratio((weights * x * y).sum(-1), np.where(spread > 1e-12, spread, 0.0)))


def _deviations(x: Array, weights: Array) -> Array:
    """Deviations from the weighted mean, taken from the first value so that equal ones give 0."""
    x = x - x[..., :1]
    return np.asarray(x - (weights * x).sum(-1, keepdims=True) / weights.sum(-1, keepdims=True))


def ranks(values: Array, weights: Array | None = None) -> Array:
    """Average ranks of n values, from 1: ties share their mean rank.

    With (..., n) whole-number weights, the (..., n) ranks where row i stands weights[i] times.
    """
    weights = np.ones(len(values)) if weights is None else weights
    _, tie, size = np.unique(values, return_inverse=True, return_counts=True)
    first = np.cumsum(size) - size
    tied = np.add.reduceat(weights[..., np.argsort(tie, kind="stable")], first, axis=-1)
    last = np.cumsum(tied, axis=-1)
    return np.asarray((last - (tied - 1) / 2)[..., tie])


def spearman(x: Array, y: Array, weights: Array | None = None) -> Array:
    """Spearman correlation of n values, of weighted rows: Pearson of the average ranks."""
    return pearson(ranks(x, weights), ranks(y, weights), 1.0 if weights is None else weights)
