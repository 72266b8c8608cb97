"""Score one LEANER-GLUE task from its scored rows: every metric, and its bootstrap draws.

`leaner_score` is a task's native metric (mrpc, qqp: mean of accuracy and F1; stsb: mean of Pearson
and Spearman; mnli: mean of matched and mismatched accuracy). `leaner_score_centred` puts the tasks
on one scale: 0 is the best constant prediction under that metric, 1 is perfect. With several
training seeds a metric is the mean of the seeds' metrics.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, overload

import numpy as np

from leaner_harness import intervals
from leaner_harness import statistics as stats
from leaner_harness.data.glue import GlueTask
from leaner_harness.statistics import Array, Item, Metric, Rating

SCORE = "leaner_score"
CENTRED = "leaner_score_centred"
HIGHER_IS_BETTER = (
    SCORE,
    CENTRED,
    "acc",
    "acc_matched",
    "acc_mismatched",
    "f1",
    "mcc",
    "pearson",
    "spearman",
)

ScoredRow = Item | Rating
"""A row of one column: of a zero-shot model, or of one training seed."""
SeedRows = tuple[ScoredRow, ...]
"""A row as each training seed answers it."""

_NATIVE: dict[str, Metric] = {"acc": stats.accuracy, "mcc": stats.mcc, "acc_f1": stats.acc_f1}


@overload
def scored_row(task: GlueTask, doc: Mapping[str, Any], scores: Sequence[float]) -> ScoredRow: ...
@overload
def scored_row(
    task: GlueTask, doc: Mapping[str, Any], scores: Sequence[Sequence[float]]
) -> SeedRows: ...
def scored_row(
    task: GlueTask, doc: Mapping[str, Any], scores: Sequence[Any]
) -> ScoredRow | SeedRows:
    """A row's label and prediction from its choices' log-likelihoods; NaN where not finite.

    Several training seeds give a list of log-likelihoods each, and get a tuple of rows.
    Log-likelihoods count as float32, so that a committed sample gives the very same prediction.
    """
    if isinstance(scores[0], Sequence):
        return tuple(scored_row(task, doc, seed) for seed in scores)
    rounded = [float(np.float32(score)) for score in scores]
    finite = all(map(math.isfinite, rounded))
    if task.regression:
        return Rating(float(doc["label"]), stats.expected_value(rounded) if finite else math.nan)
    shares = stats.tie_shares(rounded) if finite else (math.nan,) * task.classes
    return Item(task.parts.index(doc.get("part") or task.parts[0]), int(doc["label"]), shares)


def metric_names(task: GlueTask) -> list[str]:
    """Every metric the task reports, in the order of a table."""
    if task.regression:
        return [SCORE, CENTRED, "pearson", "spearman"]
    by_part = [f"acc_{part}" for part in task.parts if part]
    f1 = ["f1"] if task.metric == "acc_f1" else []
    return [SCORE, CENTRED, "acc", *by_part, *f1, "mcc", "positive_share", "majority_acc", "ties"]


def values(task: GlueTask, rows: Sequence[ScoredRow] | Sequence[SeedRows]) -> dict[str, float]:
    """Metric name -> value, the mean over training seeds; all NaN where a score is not finite."""
    return {name: float(seeds.mean()) for name, seeds in seed_values(task, rows).items()}


def seed_values(task: GlueTask, rows: Sequence[ScoredRow] | Sequence[SeedRows]) -> dict[str, Array]:
    """Metric name -> (S,) its value for each training seed; all NaN where any is not finite."""
    columns = by_seed(rows)
    if not columns or not all(_finite(row) for column in columns for row in column):
        return {name: np.full(max(len(columns), 1), math.nan) for name in metric_names(task)}
    found = [_column_values(task, column) for column in columns]
    return {name: np.array([one[name] for one in found]) for name in metric_names(task)}


def by_seed(rows: Sequence[ScoredRow] | Sequence[SeedRows]) -> list[list[ScoredRow]]:
    """One column of rows per training seed."""
    return [list(column) for column in zip(*map(seed_rows, rows), strict=True)]


def seed_rows(row: ScoredRow | SeedRows) -> SeedRows:
    """A row as a tuple with one scored row per training seed."""
    return (row,) if isinstance(row, Item | Rating) else row


def _column_values(task: GlueTask, rows: Sequence[ScoredRow]) -> dict[str, float]:
    if task.regression:
        found = rating_metrics(*ratings(rows))
    else:
        cells = stats.fold([(item,) for item in _items(rows)], task.classes, len(task.parts))
        (confusion,) = cells.confusion()
        found = class_metrics(task, confusion, constant_score(task, confusion))
        found |= _shares_of_rows(task, cells)
    return {name: float(value) for name, value in found.items()}


def native(task: GlueTask, confusion: Array) -> Array:
    """`leaner_score` of a classification task's (..., P, C, C) confusions."""
    return _NATIVE[task.metric](confusion)


def class_metrics(task: GlueTask, confusion: Array, constant: float) -> dict[str, Array]:
    """Metrics with a better end, of (..., P, C, C) confusions; `constant` centres the score."""
    score = native(task, confusion)
    found = {
        SCORE: score,
        CENTRED: stats.centred(score, constant),
        "acc": stats.accuracy(confusion.sum(-3, keepdims=True)),
        "mcc": stats.mcc(confusion),
    }
    if task.metric == "acc_f1":
        found["f1"] = stats.f1(confusion)
    for index, part in enumerate(task.parts):
        if part:
            found[f"acc_{part}"] = stats.accuracy(confusion[..., index : index + 1, :, :])
    return found


def _shares_of_rows(task: GlueTask, cells: stats.Cells) -> dict[str, Array]:
    """What says nothing about quality: shares of rows."""
    everything = cells.confusion().sum((0, 1))
    tied = cells.tensors.max((1, 2, 3, 4)) < 1
    counted = {
        "positive_share": everything[:, task.positive].sum(),
        "majority_acc": everything.sum(1).max(),
        "ties": cells.counts[tied].sum(),
    }
    return {name: count / cells.counts.sum() for name, count in counted.items()}


def rating_metrics(gold: Array, predicted: Array, weights: Array | None = None) -> dict[str, Array]:
    """Metrics of n ratings; with (..., n) weights, of the resamples these describe."""
    return correlations(
        stats.pearson(gold, predicted, 1.0 if weights is None else weights),
        stats.spearman(gold, predicted, weights),
    )


def correlations(pearson: Array, spearman: Array) -> dict[str, Array]:
    """The metrics of a regression task, from its two correlations."""
    score = (pearson + spearman) / 2
    # A constant prediction correlates with nothing: its score is 0, which is the centred zero.
    return {SCORE: score, CENTRED: score, "pearson": pearson, "spearman": spearman}


def constant_score(task: GlueTask, confusion: Array) -> float:
    """The best constant prediction's score under the native metric; confusion is (P, C, C)."""
    if task.metric in ("mcc", "pearson_spearman"):
        return 0.0
    return stats.best_constant(_NATIVE[task.metric], confusion.sum(-1))


def majority_baseline(task: GlueTask, rows: Sequence[ScoredRow] | Sequence[SeedRows]) -> float:
    """`leaner_score` of the best constant prediction on these rows."""
    if task.regression:
        return 0.0
    cells = folded(task, rows)
    return constant_score(task, cells.confusion()[0])


def folded(
    task: GlueTask,
    rows: Sequence[ScoredRow] | Sequence[SeedRows],
    units: Sequence[Hashable] | None = None,
) -> stats.Cells:
    """The cells of a classification task's rows, a column per training seed."""
    columns = [_items(column) for column in by_seed(rows)]
    return stats.fold(list(zip(*columns, strict=True)), task.classes, len(task.parts), units)


def metric_draws(
    task: GlueTask,
    rows: Sequence[ScoredRow] | Sequence[SeedRows],
    units: Sequence[Hashable] | None = None,
) -> dict[str, Array]:
    """Metric -> (draws, S) bootstrap draws, of each training seed on the same drawn rows.

    Rows of one unit are drawn together. The centring constant stays that of the rows themselves.
    """
    if not task.regression:
        cells = folded(task, rows, units)
        constant = constant_score(task, cells.confusion()[0])
        return class_metrics(task, intervals.resampled(cells), constant)
    columns = [ratings(column) for column in by_seed(rows)]
    found = [
        [rating_metrics(gold, predicted, weights) for gold, predicted in columns]
        for weights in intervals.resampled_weights(len(rows), units)
    ]
    names = metric_names(task)
    return {
        name: np.concatenate([np.stack([c[name] for c in block], -1) for block in found])
        for name in names
    }


def shown(value: float) -> str:
    """A score as people read it: three decimals, and no minus sign before a zero."""
    return f"{round(value, 3) + 0.0:.3f}"


def _items(rows: Sequence[ScoredRow]) -> list[Item]:
    return [row for row in rows if isinstance(row, Item)]


def ratings(rows: Sequence[ScoredRow]) -> tuple[Array, Array]:
    """Gold and predicted ratings, (n,) each."""
    pairs = np.array(rows, dtype=np.float64)
    return pairs[:, 0], pairs[:, 1]


def _finite(row: ScoredRow) -> bool:
    return all(map(math.isfinite, row.shares if isinstance(row, Item) else row))
