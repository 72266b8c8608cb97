"""Metrics equal scikit-learn's and scipy's; intervals cover what they should."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from sklearn import metrics as sk

from leaner_harness import intervals, scoring
from leaner_harness import statistics as stats
from leaner_harness.data.glue import TASKS
from leaner_harness.statistics import Array, Item, Rating


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


def confusion_of(items: Sequence[Item], classes: int = 2, parts: int = 1) -> Array:
    (confusion,) = stats.fold([(item,) for item in items], classes, parts).confusion()
    return np.asarray(confusion)


@given(item_lists())
def test_binary_metrics_equal_scikit_learn(items: list[Item]) -> None:
    gold, predicted, weight = expanded(items)
    confusion = confusion_of(items)
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
    assert stats.mcc(confusion_of(items, 3)) == pytest.approx(
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


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(-4, 4), st.integers(0, 3)), min_size=3, max_size=30
    ).filter(lambda rows: sum(row[2] for row in rows) > 2)
)
def test_a_weight_is_a_row_that_stands_so_many_times(rows: list[tuple[int, int, int]]) -> None:
    x, y, weights = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    again = np.repeat(np.arange(len(x)), weights.astype(int))
    assert stats.pearson(x, y, weights) == pytest.approx(stats.pearson(x[again], y[again]))
    both = np.stack([np.ones(len(x)), weights])
    assert stats.spearman(x, y, both) == pytest.approx(
        [float(stats.spearman(x, y)), float(stats.spearman(x[again], y[again]))]
    )


def test_a_constant_side_correlates_with_nothing() -> None:
    """However large the constant, and however the weighted mean is rounded."""
    generator = np.random.default_rng(0)
    x, weights = generator.normal(size=500), generator.integers(0, 4, 500).astype(float)
    for constant in (0.1, 2.4, 1e6 / 3):
        assert stats.pearson(x, np.full(500, constant), weights) == 0


def test_ties_are_shared_and_float32_decides_what_a_tie_is() -> None:
    assert stats.tie_shares([-1.0, -1.0, -2.0]) == (0.5, 0.5, 0.0)
    assert stats.tie_shares([-1.0, -1.0 - 1e-12]) == (0.5, 0.5)
    assert stats.tie_shares([-1.0, -1.001]) == (1.0, 0.0)


def test_accuracy_of_two_parts_is_their_mean() -> None:
    items = [Item(0, 0, (1.0, 0.0))] * 9 + [Item(1, 0, (0.0, 1.0))]
    assert stats.accuracy(confusion_of(items, parts=2)) == 0.5


def test_best_constant_is_found_under_the_metric_itself() -> None:
    gold = np.array([[60.0, 40.0]])
    assert stats.best_constant(stats.accuracy, gold) == pytest.approx(0.6)
    # Always 1: accuracy .4, F1 2*40/(100+40) = .5714; always 0: accuracy .6, F1 0.
    assert stats.best_constant(stats.acc_f1, gold) == pytest.approx((0.4 + 0.8 / 1.4) / 2)
    assert stats.best_constant(stats.mcc, gold) == 0


def test_expected_value_is_the_softmax_mean() -> None:
    assert stats.expected_value([0.0] * 6) == pytest.approx(2.5)
    assert stats.expected_value([-1e4, -1e4, -1e4, -1e4, -1e4, 0.0]) == pytest.approx(5.0)


def test_rows_that_belong_together_are_folded_and_drawn_together() -> None:
    right, wrong = Item(0, 1, (0.0, 1.0)), Item(0, 1, (1.0, 0.0))
    rows = [(right,), (wrong,)] * 50
    alone = intervals.resampled(stats.fold(rows, 2))
    together = intervals.resampled(stats.fold(rows, 2, units=[i // 2 for i in range(100)]))
    assert stats.accuracy(alone).std() == pytest.approx(0.05, rel=0.1)
    assert (stats.accuracy(together) == 0.5).all()
    same = [(right,), (right,), (wrong,), (wrong,)] * 25
    doubled = intervals.resampled(stats.fold(same, 2, units=[i // 2 for i in range(100)]))
    assert stats.accuracy(doubled).std() == pytest.approx(0.05 * 2**0.5, rel=0.1)


def test_weights_of_ratings_keep_units_together() -> None:
    units = ["a", "a", "b", "c", "c", "c"]
    for weights in intervals.resampled_weights(6, units, draws=700):
        assert (weights[:, 0] == weights[:, 1]).all() and (weights[:, 3] == weights[:, 5]).all()
        assert (weights[:, 0] + weights[:, 2] + weights[:, 3] == 3).all()


def test_ratings_are_drawn_as_rows_would_be_one_by_one() -> None:
    """The draws of committed results: 4,000 x n indices of one seeded generator."""
    generator = np.random.default_rng(5)
    gold, predicted = generator.integers(0, 6, 40).astype(float), generator.normal(size=40)
    chosen = np.random.default_rng(intervals.SEED).integers(0, 40, size=(intervals.DRAWS, 40))
    slowly = [
        scipy_stats.pearsonr(gold[c], predicted[c])[0] / 2
        + scipy_stats.spearmanr(gold[c], predicted[c])[0] / 2
        for c in chosen[480:520]
    ]
    rows = [Rating(g, p) for g, p in zip(gold, predicted, strict=True)]
    draws = scoring.metric_draws(TASKS["stsb"], rows)[scoring.SCORE]
    assert draws.shape == (intervals.DRAWS, 1)
    assert draws[480:520, 0] == pytest.approx(slowly)


def coverage(truth: float, intervals_found: Sequence[intervals.Interval]) -> float:
    return float(np.mean([low <= truth <= high for low, high in intervals_found]))


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    generator = np.random.default_rng(3)
    found = []
    for _ in range(200):
        right = generator.random(200) < 0.7
        cells = stats.fold([(Item(0, 1, (0.0, 1.0) if hit else (1.0, 0.0)),) for hit in right], 2)
        draws = stats.accuracy(intervals.resampled(cells, draws=500))[:, 0]
        found.append(intervals.percentile_interval(draws))
    assert 0.88 <= coverage(0.7, found) <= 0.99


def test_the_same_rows_give_the_same_interval() -> None:
    rows = [(Item(0, i % 2, stats.tie_shares([i % 3, 1.0])),) for i in range(50)]
    cells = stats.fold(rows, 2)
    assert (intervals.resampled(cells, 50) == intervals.resampled(cells, 50)).all()
    assert (intervals.resampled(cells, 700)[:50] == intervals.resampled(cells, 50)).all()


@pytest.mark.parametrize("name", TASKS)
def test_every_metric_with_a_better_end_has_draws_around_its_value(name: str) -> None:
    task, generator = TASKS[name], np.random.default_rng(8)
    rows = [
        scoring.scored_row(
            task,
            {"label": i % task.classes, "part": task.parts[i % len(task.parts)]},
            list(generator.normal(size=task.classes) + 2 * np.eye(task.classes)[i % task.classes]),
        )
        for i in range(240)
    ]
    values, draws = scoring.values(task, rows), scoring.metric_draws(task, rows)
    assert set(draws) == set(values) & set(scoring.HIGHER_IS_BETTER)
    for metric, drawn in draws.items():
        low, high = intervals.percentile_interval(drawn[:, 0])
        assert low < values[metric] < high, metric
        assert drawn.mean() == pytest.approx(values[metric], abs=0.02), metric


def crossed(generator: np.random.Generator, seeds: int, rows: int) -> list[tuple[Item, ...]]:
    """Rows of one hard-or-easy text, answered by seeds of one better-or-worse training each."""
    ease, skill = generator.normal(size=(rows, 1)), 0.3 * generator.normal(size=seeds)
    right = 0.5 + ease + skill + 0.7 * generator.normal(size=(rows, seeds)) > 0
    return [tuple(Item(0, 1, (0.0, 1.0) if r else (1.0, 0.0)) for r in row) for row in right]


def test_the_spread_over_rows_and_seeds_is_what_new_rows_and_seeds_show() -> None:
    generator = np.random.default_rng(1)
    task = TASKS["rte"]
    means, errors = [], []
    for _ in range(300):
        rows = crossed(generator, 4, 120)
        draws = stats.accuracy(intervals.resampled(stats.fold(rows, 2), 200))
        scores = scoring.seed_values(task, rows)["acc"]
        means.append(scores.mean())
        errors.append(intervals.spread([scores], [draws]).error)
    # The root mean square of the stated errors is the true one, within the noise of 300 trials.
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(means), rel=0.12)


def test_the_spread_of_one_seed_is_that_of_its_rows() -> None:
    generator = np.random.default_rng(2)
    draws = generator.normal(scale=0.03, size=(4000, 1))
    found = intervals.spread([np.array([0.5])], [draws])
    assert found.error == pytest.approx(draws.std(ddof=1)) and found.freedom == np.inf
    low, high = intervals.t_interval(0.5, found)
    assert high - low == pytest.approx(2 * 1.959964 * found.error, rel=1e-5)


def test_seeds_that_differ_widen_the_interval_and_cost_freedom() -> None:
    draws = np.random.default_rng(2).normal(scale=0.01, size=(4000, 1)) * np.ones(3)
    alike = intervals.spread([np.array([0.5, 0.5, 0.5])], [draws])
    apart = intervals.spread([np.array([0.4, 0.5, 0.6])], [draws])
    assert alike.error == pytest.approx(draws[:, 0].std(ddof=1))
    # s^2 = .01, so s^2 / 3 + .01^2, and Satterthwaite over the first term with 2 degrees.
    assert apart.error**2 == pytest.approx(0.01 / 3 + draws[:, 0].var(ddof=1))
    assert apart.freedom == pytest.approx(apart.error**4 / ((0.01 / 3) ** 2 / 2))


def test_what_one_seed_draws_alone_is_in_the_spread_between_seeds_already() -> None:
    """Noise of a seed on a row shows in s^2; only what all seeds share comes on top."""
    generator = np.random.default_rng(5)
    shared, own = generator.normal(size=(4000, 1)), generator.normal(size=(4000, 3))
    scores = np.array([0.4, 0.5, 0.6])
    alone = intervals.spread([scores], [0.02 * own])
    assert alone.error**2 == pytest.approx(0.01 / 3, rel=0.01)
    both = intervals.spread([scores], [0.02 * own + 0.1 * shared])
    assert both.error**2 == pytest.approx(0.01 / 3 + 0.1**2, rel=0.1)


def test_rows_that_are_hard_for_both_runs_are_no_difference() -> None:
    generator = np.random.default_rng(6)
    shared, own = generator.normal(size=(4000, 1)), generator.normal(size=(4000, 2))
    draws = 0.1 * shared + 0.03 * own
    scores = np.array([0.5]), np.array([0.6])
    found = intervals.spread(scores, [draws[:, :1], draws[:, 1:]])
    assert found.error == pytest.approx((draws[:, 0] - draws[:, 1]).std(ddof=1))
    seeds = intervals.spread(
        [np.array([0.4, 0.6]), np.array([0.5, 0.7])], [draws[:, [0, 0]], draws[:, [1, 1]]]
    )
    # Two runs with s^2 = .02 and two seeds each, on top of the rows.
    assert seeds.error**2 == pytest.approx(found.error**2 + 0.02)
    assert seeds.freedom == pytest.approx(seeds.error**4 / (2 * 0.01**2))


def test_metrics_of_parts_and_the_centre() -> None:
    """Nine matched rows right and one mismatched row wrong, of classes 0, 0, .., 1."""
    right, wrong = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    found = scoring.values(TASKS["mnli"], [Item(0, 0, right)] * 9 + [Item(1, 1, wrong)])
    assert found["acc"] == 0.9 and found["leaner_score"] == 0.5
    assert found["acc_matched"] == 1 and found["acc_mismatched"] == 0
    # Always 0 has the mean accuracy .5, always 1 too: this is worth nothing.
    assert found["leaner_score_centred"] == 0
    two = scoring.values(TASKS["mnli"], [(Item(0, 0, right), Item(0, 0, wrong))] * 4)
    assert two["acc"] == 0.5


def test_students_t_is_scipys() -> None:
    assert intervals.t_quantile(0.975, 3) == pytest.approx(scipy_stats.t.ppf(0.975, 3))
    assert intervals.t_quantile(0.8, np.inf) == pytest.approx(scipy_stats.norm.ppf(0.8))
    assert intervals.t_two_sided(-2.5, 4) == pytest.approx(2 * scipy_stats.t.sf(2.5, 4))
    assert intervals.t_two_sided(2.5, np.inf) == pytest.approx(2 * scipy_stats.norm.sf(2.5))
