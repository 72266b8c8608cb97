"""Score one LEANER-GLUE task from its scored rows: every metric, its interval, and the group mean.

`leaner_score` is a task's native metric (mrpc, qqp: mean of accuracy and F1; stsb: mean of Pearson
and Spearman; mnli: mean of matched and mismatched accuracy). `leaner_score_centred` puts the tasks
on one scale: 0 is the best constant prediction under that metric, 1 is perfect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leaner_harness import statistics as stats
from leaner_harness.data.glue import GlueTask
from leaner_harness.statistics import Array, Interval, Item, Metric

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

ScoredRow = Item | tuple[float, float]
"""A classification Item, or (gold, predicted) of a regression task."""

_NATIVE: dict[str, Metric] = {"acc": stats.accuracy, "mcc": stats.mcc, "acc_f1": stats.acc_f1}


def scored_row(task: GlueTask, doc: Mapping[str, Any], scores: Sequence[float]) -> ScoredRow:
    """A row's label and prediction from its choices' log-likelihoods; NaN where not finite.

    Log-likelihoods count as float32, so that a committed sample gives the very same prediction.
    """
    scores = [float(np.float32(score)) for score in scores]
    finite = all(map(math.isfinite, scores))
    if task.regression:
        return float(doc["label"]), stats.expected_value(scores) if finite else math.nan
    shares = stats.tie_shares(scores) if finite else (math.nan,) * task.classes
    return Item(task.parts.index(doc.get("part") or task.parts[0]), int(doc["label"]), shares)


def metric_names(task: GlueTask) -> list[str]:
    """Every metric the task reports, in the order of a table."""
    if task.regression:
        return [SCORE, CENTRED, "pearson", "spearman"]
    by_part = [f"acc_{part}" for part in task.parts if part]
    f1 = ["f1"] if task.metric == "acc_f1" else []
    return [SCORE, CENTRED, "acc", *by_part, *f1, "mcc", "positive_share", "majority_acc", "ties"]


def values(task: GlueTask, rows: Sequence[ScoredRow]) -> dict[str, float]:
    """Metric name -> value; all NaN when any row has no finite score."""
    if not rows or not all(map(_finite, rows)):
        return dict.fromkeys(metric_names(task), math.nan)
    if task.regression:
        return _regression_values(*_columns(rows))
    return _class_values(task, stats.fold(_items(rows), task.classes, len(task.parts)))


def _class_values(task: GlueTask, cells: stats.Cells) -> dict[str, float]:
    confusion = cells.confusion()
    score = float(_NATIVE[task.metric](confusion))
    everything = confusion.sum(0)
    n = everything.sum()
    found = {
        SCORE: score,
        CENTRED: float(stats.centred(score, constant_score(task, confusion))),
        "acc": float(np.trace(everything) / n),
        "mcc": float(stats.mcc(confusion)),
        "f1": float(stats.f1(confusion)) if task.classes == 2 else math.nan,
        "positive_share": float(everything[:, task.positive].sum() / n),
        "majority_acc": float(everything.sum(1).max() / n),
        "ties": _tie_share(cells),
    }
    for index, part in enumerate(task.parts):
        found[f"acc_{part}"] = float(stats.accuracy(confusion[index : index + 1]))
    return {name: found[name] for name in metric_names(task)}


def _tie_share(cells: stats.Cells) -> float:
    """Share of rows whose best choice is tied."""
    tied = cells.tensors.max((1, 2, 3)) < 1
    return float(cells.counts[tied].sum() / cells.counts.sum())


def _regression_values(gold: Array, predicted: Array) -> dict[str, float]:
    score = float(stats.pearson_spearman(gold, predicted))
    return {
        SCORE: score,
        CENTRED: score,  # a constant prediction correlates with nothing: its score is 0
        "pearson": float(stats.pearson(gold, predicted)),
        "spearman": float(stats.spearman(gold, predicted)),
    }


def constant_score(task: GlueTask, confusion: Array) -> float:
    """The best constant prediction's score under the native metric; confusion is (P, C, C)."""
    if task.metric in ("mcc", "pearson_spearman"):
        return 0.0
    return stats.best_constant(_NATIVE[task.metric], confusion.sum(-1))


def majority_baseline(task: GlueTask, rows: Sequence[ScoredRow]) -> float:
    """`leaner_score` of the best constant prediction on these rows."""
    if task.regression:
        return 0.0
    cells = stats.fold(_items(rows), task.classes, len(task.parts))
    return constant_score(task, cells.confusion())


def score_draws(task: GlueTask, rows: Sequence[ScoredRow]) -> Array:
    """(draws,) bootstrap draws of `leaner_score`: rows drawn with replacement."""
    if task.regression:
        return stats.pearson_spearman(*stats.resampled_pairs(*_columns(rows)))
    cells = stats.fold(_items(rows), task.classes, len(task.parts))
    return _NATIVE[task.metric](cells.resampled())


def group_interval(draws: Mapping[str, Array]) -> Interval:
    """Interval of the mean over tasks, whose rows are independent of each other's."""
    # Each task's draws come from its own seed-identical stream; shuffling breaks the coupling.
    generator = np.random.default_rng(0)
    shuffled = [generator.permutation(draws[name]) for name in sorted(draws)]
    return stats.percentile_interval(np.mean(shuffled, axis=0))


def shown(value: float) -> str:
    """A score as people read it: three decimals, and no minus sign before a zero."""
    return f"{round(value, 3) + 0.0:.3f}"


def _items(rows: Sequence[ScoredRow]) -> list[Item]:
    return [row for row in rows if isinstance(row, Item)]


def _columns(rows: Sequence[ScoredRow]) -> tuple[Array, Array]:
    pairs = np.array([(row[0], row[1]) for row in rows], dtype=np.float64)
    return pairs[:, 0], pairs[:, 1]


def _finite(row: ScoredRow) -> bool:
    return all(map(math.isfinite, row.shares if isinstance(row, Item) else row))
