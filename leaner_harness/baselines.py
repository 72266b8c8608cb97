"""Word baselines: what a task's score comes to for someone who only compares and counts words.

A language model that does not beat these has shown nothing beyond its vocabulary. Both are scored
with the task's native metric on the reported rows, and learn from the training rows alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations_with_replacement, pairwise, permutations
from typing import Any

import numpy as np

from leaner_harness import scoring
from leaner_harness.data.glue import GlueTask
from leaner_harness.data.rows import Row
from leaner_harness.statistics import Array, Item, Rating

TRAIN_ROWS = 10_000
"""Training rows used: of interleaved rows the first, which hold each class in its share."""
CUTS = 60
"""How many places of a cut are tried, at quantiles of the training rows' Jaccard scores."""

_WORD = re.compile(r"\w+")


def score(task: GlueTask, train: Sequence[Row], rows: Sequence[Row]) -> dict[str, float | None]:
    """`leaner_score` of each baseline on `rows`; None where it has nothing to learn from.

    `jaccard` (pair tasks): the share |A n B| / |A u B| of two texts' words, cut into one interval
    per class where that scores best on the training rows; for stsb the share itself, which needs
    none. `words`: logistic (stsb: ridge) regression on which words and pairs of neighbours stand in
    the texts and, for two texts, on which stand in one alone and how many.
    """
    train = train[:TRAIN_ROWS]
    return {
        "jaccard": _jaccard(task, train, rows) if len(task.fields) == 2 else None,
        "words": _words(task, train, rows) if train else None,
    }


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _WORD.findall(text.lower())


def jaccard(task: GlueTask, row: Row) -> float:
    """|A n B| / |A u B| of the words of a row's two texts; 0 where both are empty."""
    one, other = (set(words(row[name])) for name in task.fields)
    return len(one & other) / max(len(one | other), 1)


def _jaccard(task: GlueTask, train: Sequence[Row], rows: Sequence[Row]) -> float | None:
    shares = np.array([jaccard(task, row) for row in rows])
    if task.regression:
        return _score(task, rows, shares)
    if not train:
        return None
    known = np.array([jaccard(task, row) for row in train])
    cuts, labels = _best_cuts(task, known, np.array([row["label"] for row in train]))
    return _score(task, rows, labels[np.searchsorted(cuts, shares, side="right")])


def _best_cuts(task: GlueTask, shares: Array, gold: Array) -> tuple[Array, Array]:
    """The cuts, and the class of each interval between them, that score best on these rows."""
    places = np.unique(np.quantile(shares, np.linspace(0, 1, CUTS), method="nearest"))
    # (places + 2, C): rows of each class below each cut; the outermost lie below and above all.
    below = np.array([np.bincount(gold[shares < cut], minlength=task.classes) for cut in places])
    total = np.bincount(gold, minlength=task.classes)
    below = np.vstack([0 * total, below, total])
    chosen = np.array(
        list(combinations_with_replacement(range(1, len(places) + 1), task.classes - 1))
    )
    ends = np.hstack([np.zeros((len(chosen), 1), int), chosen, np.full((len(chosen), 1), -1)])
    counts = np.diff(below[ends], axis=1).transpose(0, 2, 1)  # (choices, gold, interval)
    orders = np.array(list(permutations(range(task.classes))))
    confusions = np.stack([counts[..., np.argsort(order)] for order in orders], 1)[:, :, None]
    scored = scoring.native(task, confusions.astype(np.float64))
    cut, order = np.unravel_index(scored.argmax(), scored.shape)
    return places[chosen[cut] - 1], orders[order]


def _words(task: GlueTask, train: Sequence[Row], rows: Sequence[Row]) -> float:
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge

    vectorizer = DictVectorizer()
    known = vectorizer.fit_transform([features(task, row) for row in train])
    gold = [row["label"] for row in train]
    if len(set(gold)) == 1 or known.shape[1] == 0:
        return _score(task, rows, np.full(len(rows), gold[0]))
    model: Any = Ridge(alpha=10) if task.regression else LogisticRegression(max_iter=1000)
    model.fit(known, gold)
    found = model.predict(vectorizer.transform([features(task, row) for row in rows]))
    return _score(task, rows, np.asarray(found))


def features(task: GlueTask, row: Row) -> dict[str, float]:
    """Which words and neighbours stand in each text; for two texts, how these differ."""
    texts = [words(row[name]) for name in task.fields]
    found: dict[str, float] = {}
    for place, text in enumerate(texts):
        neighbours = (f"{one} {other}" for one, other in pairwise(text))
        found |= {f"{place}: {term}": 1.0 for term in (*text, *neighbours)}
    if len(texts) == 1:
        return found
    one, other = map(set, texts)
    found |= {f"first alone: {word}": 1.0 for word in one - other}
    found |= {f"second alone: {word}": 1.0 for word in other - one}
    return found | {
        "jaccard": len(one & other) / max(len(one | other), 1),
        "first alone": len(one - other) / max(len(one), 1),
        "second alone": len(other - one) / max(len(other), 1),
        "longer": (len(texts[0]) - len(texts[1])) / max(len(texts[0]) + len(texts[1]), 1),
    }


def _score(task: GlueTask, rows: Sequence[Row], predicted: Array) -> float:
    """`leaner_score` of one class, or rating, per row."""
    if task.regression:
        pairs = zip(rows, predicted, strict=True)
        scored: Any = [Rating(row["label"], float(value)) for row, value in pairs]
    else:
        shares = [tuple(map(float, line)) for line in np.eye(task.classes)[predicted.astype(int)]]
        scored = [
            Item(task.parts.index(row.get("part") or task.parts[0]), row["label"], share)
            for row, share in zip(rows, shares, strict=True)
        ]
    return round(scoring.values(task, scored)[scoring.SCORE], 9)
