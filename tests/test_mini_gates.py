"""The mini tasks cannot be solved from words, lengths or overlap alone.

`python tests/test_mini_gates.py` measures and publishes the values in the manifest.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix, hstack
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from leaner_harness.data import mini

TASKS = ("cola", "sst2", "mrpc", "qqp", "stsb", "mnli", "qnli", "rte", "wnli")
FIELDS = (
    "sentence1",
    "sentence2",
    "question1",
    "question2",
    "premise",
    "hypothesis",
    "question",
    "sentence",
)
TOKEN = r"(?u)[a-z]+"


@cache
def rows(task: str, split: str) -> tuple[dict[str, Any], ...]:
    return tuple(r for s in mini.stems() if s.startswith(f"{task}_{split}") for r in mini.rows(s))


def texts(row: dict[str, Any]) -> list[str]:
    return [row[f].lower() for f in FIELDS if f in row]


def label(row: dict[str, Any]) -> int:
    return int(row["label"] >= 3) if isinstance(row["label"], float) else row["label"]


def jaccard(row: dict[str, Any]) -> float:
    first, second = (set(text.rstrip(".?").replace(",", "").split()) for text in texts(row))
    return len(first & second) / len(first | second)


def features(fit: tuple[dict[str, Any], ...], use: tuple[dict[str, Any], ...]) -> Any:
    """Counts of words in each field and in both, and the lengths."""
    columns = [[texts(r)[i] for r in fit] for i in range(len(texts(fit[0])))]
    other = [[texts(r)[i] for r in use] for i in range(len(columns))]
    columns.append([" ".join(texts(r)) for r in fit])
    other.append([" ".join(texts(r)) for r in use])
    blocks = []
    for seen, new in zip(columns, other, strict=True):
        blocks.append(CountVectorizer(token_pattern=TOKEN).fit(seen).transform(new))
        blocks.append(csr_matrix([[len(t.split()) / 5, len(t) / 20] for t in new]))
    return hstack(blocks).tocsr()


@cache
def words_only(task: str) -> float:
    train, test = rows(task, "train"), rows(task, "test")
    model = LogisticRegression(tol=1e-2, max_iter=1000).fit(
        features(train, train), [label(r) for r in train]
    )
    return float(model.score(features(train, test), [label(r) for r in test]))


@cache
def overlap_only(task: str) -> float:
    """The better of a threshold tree and logistic regression on the overlap."""
    train, test = (np.array([[jaccard(r)] for r in rows(task, s)]) for s in ("train", "test"))
    seen, new = ([label(r) for r in rows(task, s)] for s in ("train", "test"))
    models = (DecisionTreeClassifier(max_leaf_nodes=3, random_state=0), LogisticRegression())
    return max(float(m.fit(train, seen).score(test, new)) for m in models)


@cache
def rank_correlation() -> float:
    test = rows("stsb", "test")
    return float(spearmanr([jaccard(r) for r in test], [r["label"] for r in test]).statistic)


@cache
def measured(task: str) -> dict[str, float]:
    """What the manifest publishes about one task."""
    values = {"words": words_only(task)}
    if len(texts(rows(task, "test")[0])) == 2:
        values["overlap"] = overlap_only(task)
    if task == "stsb":
        values["spearman"] = rank_correlation()
    return {k: round(v, 3) for k, v in values.items()}


@pytest.mark.parametrize("task", TASKS)
def test_words_and_lengths_do_not_solve_the_task(task: str) -> None:
    assert measured(task)["words"] <= (0.45 if task == "mnli" else 0.60)


@pytest.mark.parametrize("task", ["mrpc", "qqp", "rte", "qnli", "wnli", "mnli"])
def test_overlap_does_not_solve_the_task(task: str) -> None:
    assert measured(task)["overlap"] <= (0.45 if task == "mnli" else 0.60)


def test_overlap_does_not_rank_stsb() -> None:
    assert abs(measured("stsb")["spearman"]) <= 0.5


@pytest.mark.parametrize("task", TASKS)
def test_the_manifest_publishes_what_is_measured(task: str) -> None:
    published = mini.manifest()["gates"][task]
    assert published.keys() == measured(task).keys()
    assert all(abs(published[k] - v) < 0.02 for k, v in measured(task).items())


def test_the_probe_can_see_a_shortcut() -> None:
    """The gate is not blind: a word that goes with the label is found."""
    train = tuple(
        r | {"sentence": r["sentence"] + " yes" * r["label"]} for r in rows("cola", "train")
    )
    model = LogisticRegression(tol=1e-2, max_iter=1000).fit(
        features(train, train), [label(r) for r in train]
    )
    assert model.score(features(train, train), [label(r) for r in train]) > 0.95


if __name__ == "__main__":
    from leaner_harness.data.mini.publish import write

    print(write({task: measured(task) for task in TASKS})["gates"])
