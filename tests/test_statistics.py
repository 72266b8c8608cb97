"""Metrics equal scikit-learn's and scipy's; intervals cover what they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from sklearn import metrics as sk

from leaner_harness import statistics as stats
from leaner_harness.statistics import Item


def expanded(items: list[Item]) -> tuple[list[int], list[int], list[float]]:
    """Gold, predicted, weight: a row per tied class, as scikit-learn wants it."""
    rows = [
        (item.gold, label, share)
        for item in items
        for label, share in enumerate(item.shares)
        if share > 0
    ]
    gold, predicted, weight = zip(*rows, strict=True)
    return list(gold), list(predicted), list(weight)


@st.composite
def item_lists(draw: st.DrawFn, classes: int = 2) -> list[Item]:
    scores = st.lists(st.integers(0, 2).map(float), min_size=classes, max_size=classes)
    rows = draw(st.lists(st.tuples(st.integers(0, classes - 1), scores), min_size=2, max_size=60))
    return [Item(0, gold, stats.tie_shares(values)) for gold, values in rows]


@given(item_lists())
def test_binary_metrics_equal_scikit_learn(items: list[Item]) -> None:
    gold, predicted, weight = expanded(items)
    confusion = stats.fold(items, 2).confusion()
    assert stats.accuracy(confusion) == pytest.approx(
        sk.accuracy_score(gold, predicted, sample_weight=weight)
    )
    f1 = sk.f1_score(gold, predicted, sample_weight=weight, zero_division=0)
    assert stats.f1(confusion) == pytest.approx(f1)
    assert stats.mcc(confusion) == pytest.approx(
        sk.matthews_corrcoef(gold, predicted, sample_weight=weight), abs=1e-6
    )


@given(item_lists(classes=3))
def test_multi_class_mcc_equals_scikit_learn(items: list[Item]) -> None:
    gold, predicted, weight = expanded(items)
    assert stats.mcc(stats.fold(items, 3).confusion()) == pytest.approx(
        sk.matthews_corrcoef(gold, predicted, sample_weight=weight), abs=1e-6
    )


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8)), min_size=3, max_size=40))
def test_correlations_equal_scipy(pairs: list[tuple[int, int]]) -> None:
    x, y = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    assert stats.ranks(x) == pytest.approx(scipy_stats.rankdata(x))
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert stats.pearson(x, y) == stats.spearman(x, y) == 0
    else:
        assert stats.pearson(x, y) == pytest.approx(scipy_stats.pearsonr(x, y)[0])
        assert stats.spearman(x, y) == pytest.approx(scipy_stats.spearmanr(x, y)[0])


def test_ties_are_shared_and_float32_decides_what_a_tie_is() -> None:
    assert stats.tie_shares([-1.0, -1.0, -2.0]) == (0.5, 0.5, 0.0)
    assert stats.tie_shares([-1.0, -1.0 - 1e-12]) == (0.5, 0.5)
    assert stats.tie_shares([-1.0, -1.001]) == (1.0, 0.0)


def test_accuracy_of_two_parts_is_their_mean() -> None:
    items = [Item(0, 0, (1.0, 0.0))] * 9 + [Item(1, 0, (0.0, 1.0))]
    assert stats.accuracy(stats.fold(items, 2, parts=2).confusion()) == 0.5


def test_best_constant_is_found_under_the_metric_itself() -> None:
    gold = np.array([[60.0, 40.0]])
    assert stats.best_constant(stats.accuracy, gold) == pytest.approx(0.6)
    # Always 1: accuracy .4, F1 2*40/(100+40) = .5714; always 0: accuracy .6, F1 0.
    assert stats.best_constant(stats.acc_f1, gold) == pytest.approx((0.4 + 0.8 / 1.4) / 2)
    assert stats.best_constant(stats.mcc, gold) == 0


def test_expected_value_is_the_softmax_mean() -> None:
    assert stats.expected_value([0.0] * 6) == pytest.approx(2.5)
    assert stats.expected_value([-1e4, -1e4, -1e4, -1e4, -1e4, 0.0]) == pytest.approx(5.0)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    generator = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        right = generator.random(200) < 0.7
        items = [Item(0, 1, (0.0, 1.0) if hit else (1.0, 0.0)) for hit in right]
        cells = stats.fold(items, 2)
        low, high = stats.percentile_interval(stats.accuracy(cells.resampled(draws=500)))
        covered += low <= 0.7 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_the_same_rows_give_the_same_interval() -> None:
    cells = stats.fold([Item(0, i % 2, stats.tie_shares([i % 3, 1.0])) for i in range(50)], 2)
    assert (cells.resampled(50) == cells.resampled(50)).all()
