"""Runs are compared on the same rows, in pairs, and a verdict is worth what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from small_results import ROWS, fine_tuned, sample, write, zero_shot

from leaner_harness import compare, intervals, paired, results, scoring
from leaner_harness.cli import main
from leaner_harness.data.glue import AVERAGED, TASKS
from leaner_harness.errors import ResultError
from leaner_harness.results import Record
from leaner_harness.statistics import Item, Rating


def by_task(found: Record) -> dict[tuple[str, str], Record]:
    return {(c["task"], c["metric"]): c for c in found["comparisons"]}


MEAN = (compare.MEAN, scoring.CENTRED)


def test_a_run_compared_with_itself_cannot_be_told_apart(tmp_path: Path) -> None:
    for samples in (zero_shot(1, 0), fine_tuned([1.0, 1.3], 0)):
        path = write(tmp_path / str(len(samples[0]["log_likelihoods"])), "a", samples)
        found = compare.compare([path, path])
        assert len(found["comparisons"]) == len(AVERAGED) + 2
        for comparison in found["comparisons"]:
            assert comparison["difference"] == 0 and comparison["p"] == comparison["p_holm"] == 1
            assert comparison["verdict"] == "cannot tell"
            low, high = comparison["interval"]
            assert low <= 0 <= high


def test_a_better_run_is_named_and_turned_round_too(tmp_path: Path) -> None:
    good = write(tmp_path, "good", zero_shot(1, 0, mnli=4))
    bad = write(tmp_path, "bad", zero_shot(1, 1, mnli=0))
    found = by_task(compare.compare([good, bad]))
    turned = by_task(compare.compare([bad, good]))
    assert found["mnli", scoring.SCORE]["verdict"] == "A better"
    assert turned["mnli", scoring.SCORE]["verdict"] == "B better"
    assert found["rte", scoring.SCORE]["verdict"] == "cannot tell"
    for key, comparison in found.items():
        other = turned[key]
        assert comparison["difference"] == pytest.approx(-other["difference"])
        assert comparison["interval"] == pytest.approx([-b for b in other["interval"][::-1]])
        assert comparison["minimum_detectable"] == pytest.approx(other["minimum_detectable"])
        assert comparison["p"] == pytest.approx(other["p"], abs=0.03)


def test_scores_and_means_are_those_of_the_results(tmp_path: Path) -> None:
    paths = [write(tmp_path, name, zero_shot(i, i)) for i, name in enumerate("ab")]
    records = [results.read(path).record for path in paths]
    found = by_task(compare.compare(paths))
    for name in AVERAGED:
        stated = [record["tasks"][name]["metrics"][scoring.SCORE] for record in records]
        assert found[name, scoring.SCORE]["scores"] == pytest.approx(stated, abs=1e-8)
    for metric in (scoring.SCORE, scoring.CENTRED):
        stated = [record["mean"][metric]["value"] for record in records]
        assert found[compare.MEAN, metric]["scores"] == pytest.approx(stated, abs=1e-8)


def test_the_permutation_test_of_accuracy_is_mcnemars(tmp_path: Path) -> None:
    """Exchanging rows that differ is tossing a coin for each of them."""
    right, wrong = Item(0, 1, (0.0, 1.0)), Item(0, 1, (1.0, 0.0))
    rows = [((right,), (wrong,))] * 15 + [((wrong,), (right,))] * 6 + [((right,), (right,))] * 50
    one, other = ([row[i] for row in rows] for i in (0, 1))
    columns = paired.columns(TASKS["rte"], one, other, None, 100_000)[scoring.SCORE]
    exact = scipy_stats.binomtest(6, 21).pvalue
    assert paired.difference(columns).p == pytest.approx(exact, rel=0.05)


def test_the_smallest_p_is_one_in_all_exchanges_and_what_was_seen() -> None:
    right, wrong = Item(0, 1, (0.0, 1.0)), Item(0, 1, (1.0, 0.0))
    found = paired.columns(TASKS["rte"], [(right,)] * 99, [(wrong,)] * 99, None, 199)
    assert paired.difference(found[scoring.SCORE]).p == 1 / 200
    found = paired.columns(TASKS["rte"], [(right,) * 2] * 99, [(wrong,) * 2] * 99, None, 199)
    assert paired.difference(found[scoring.SCORE]).p == 1 / (intervals.DRAWS + 1)


def test_rows_that_belong_together_are_exchanged_together() -> None:
    """Ten pairs of equal answers are ten coins, not twenty."""
    right, wrong = Item(0, 1, (0.0, 1.0)), Item(0, 1, (1.0, 0.0))
    one, other = [(right,)] * 20, [(wrong,)] * 20
    units = [i // 2 for i in range(20)]
    found = paired.columns(TASKS["rte"], one, other, units, 100_000)[scoring.SCORE]
    assert paired.difference(found).p == pytest.approx(2 / 2**10, rel=0.25)
    ratings = [[(Rating(i % 3, sign * (i % 3)),) for i in range(20)] for sign in (1.0, -1.0)]
    pairs = [i % 2 for i in range(20)]
    weights = next(paired._exchanged_weights(20, pairs, 8))
    assert (weights[:, 0, 0] == weights[:, 0, 18]).all() and (weights.sum(1) == 1).all()
    assert len(paired.exchanged_draws(TASKS["stsb"], list(map(_join, *ratings)), pairs, 8)) == 4


def test_one_odd_row_between_two_opposite_constants_is_no_proof() -> None:
    """Matched pairs exchanged together always have an MCC near 0; what was seen has .03."""
    no, yes = (1.0, 0.0), (0.0, 1.0)
    one = [(Item(0, i % 2, yes if i == 1 else no),) for i in range(1000)]
    other = [(Item(0, i % 2, yes),) for i in range(1000)]
    units = [i // 2 for i in range(1000)]
    found = paired.columns(TASKS["cola"], one, other, units, 2000)[scoring.SCORE]
    assert found.exchanged is not None
    value, p = paired.difference(found).value, paired.difference(found).p
    assert value == pytest.approx(0.0316, abs=1e-4) and p > 0.1
    assert paired._permutation_test(value, found.exchanged) < 0.001


def _join(one: tuple[Rating, ...], other: tuple[Rating, ...]) -> tuple[Rating, ...]:
    return one + other


def test_a_rating_on_another_scale_is_the_same_answer() -> None:
    """Pearson and Spearman do not know of scales, so the test must not either."""
    generator = np.random.default_rng(7)
    gold = generator.integers(0, 6, 60).astype(float)
    answers = [gold + generator.normal(size=60), gold + generator.normal(size=60)]

    def p(scale: float, shift: float) -> float:
        one, other = (
            [(Rating(g, float(v)),) for g, v in zip(gold, values, strict=True)]
            for values in (answers[0], scale * answers[1] + shift)
        )
        columns = paired.columns(TASKS["stsb"], one, other, None, 2000)[scoring.SCORE]
        return paired.difference(columns).p

    assert p(1, 0) == pytest.approx(p(0.01, 7)) and 0.1 < p(1, 0) < 0.9


def test_the_minimum_detectable_difference_is_its_formula() -> None:
    draws = np.random.default_rng(0).normal(scale=0.02, size=(4000, 4))
    values = np.array([0.4, 0.5])
    rows = paired.Columns(values, draws[:, :2], draws[:, :2], 1)
    error = (draws[:, 0] - draws[:, 1]).std(ddof=1)
    normal = scipy_stats.norm.ppf(0.975) + scipy_stats.norm.ppf(0.8)
    assert paired.difference(rows).minimum_detectable == pytest.approx(normal * error)
    seeds = paired.Columns(np.array([0.4, 0.6, 0.5, 0.7]), draws, None, 2)
    spread = intervals.spread([seeds.values[:2], seeds.values[2:]], [draws[:, :2], draws[:, 2:]])
    t = scipy_stats.t(spread.freedom)
    least = (t.ppf(0.975) + t.ppf(0.8)) * spread.error
    assert paired.difference(seeds).minimum_detectable == pytest.approx(least)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_order_and_bounds(p_values: list[float]) -> None:
    corrected = paired.holm(p_values)
    assert all(p <= c <= min(1, p * len(p_values)) + 1e-12
               for p, c in zip(p_values, corrected, strict=True))  # fmt: skip
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(corrected)[order]) >= 0).all()


def test_holm_by_hand() -> None:
    assert paired.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert paired.holm([0.5, 0.9]) == [1.0, 1.0]


def test_the_verdict_follows_the_corrected_p() -> None:
    assert [paired.verdict(d, 0.05) for d in (0.1, -0.1)] == ["A better", "B better"]
    assert paired.verdict(0.1, 0.051) == paired.verdict(0.1, float("nan")) == "cannot tell"


def test_all_pairs_are_corrected_together(tmp_path: Path) -> None:
    paths = [write(tmp_path, name, zero_shot(i, i)) for i, name in enumerate("abc")]
    found = compare.compare(paths)
    pairs = [(c["a"], c["b"]) for c in found["comparisons"] if c["task"] == "rte"]
    assert pairs == [("a", "b"), ("a", "c"), ("b", "c")]
    p_values = [c["p"] for c in found["comparisons"]]
    assert [c["p_holm"] for c in found["comparisons"]] == paired.holm(p_values)
    assert found["settings"]["correction"] == "Holm over 30 comparisons"
    assert found["settings"]["smallest_p"] == 1 / 10_001


def test_a_lucky_seed_is_no_better_training(tmp_path: Path) -> None:
    """The same rows and means, but seeds that differ: what rows alone would call better is open."""
    rows = 80
    steady = [
        write(tmp_path / "s", n, fine_tuned([s] * 3, 9, rows)) for n, s in (("a", 1), ("b", 2))
    ]
    shaky = [write(tmp_path / "u", n, fine_tuned(s, 9, rows))
             for n, s in (("a", (0, 1, 2)), ("b", (0, 2, 5)))]  # fmt: skip
    told, open_ = (by_task(compare.compare(paths)) for paths in (steady, shaky))
    assert told[MEAN]["verdict"] == "B better"
    assert open_[MEAN]["verdict"] == "cannot tell"
    assert abs(open_[MEAN]["difference"]) > 0.05
    for found in (told, open_):
        assert found[MEAN]["test"] == "t"
        assert found[MEAN]["chance"] == ["rows", "training seeds of a", "training seeds of b"]


@pytest.mark.parametrize("rows", [1, 3, 6])
def test_a_handful_of_rows_cannot_say_more_than_their_exchanges(rows: int) -> None:
    """Every seed of one run right, every seed of the other wrong: nothing varies, and yet."""
    right, wrong = Item(0, 1, (0.0, 1.0)), Item(0, 1, (1.0, 0.0))
    one, other = [(right,) * 3] * rows, [(wrong,) * 3] * rows
    found = paired.columns(TASKS["rte"], one, other, None, 100)
    assert paired.difference(found[scoring.SCORE]).p == pytest.approx(2 * 0.5**rows)
    mean = paired.group_columns({"rte": found[scoring.SCORE], "qnli": found[scoring.SCORE]})
    assert paired.difference(mean).p == pytest.approx(max(2 * 0.25**rows, 1 / 4001))


def test_a_run_of_one_seed_meets_one_of_several(tmp_path: Path) -> None:
    paths = [write(tmp_path, "a", fine_tuned([1], 0)), write(tmp_path, "b", fine_tuned([1, 2], 1))]
    found = compare.compare(paths)
    assert [run["seeds"] for run in found["runs"]] == [1, 2]
    assert {c["test"] for c in found["comparisons"]} == {"t"}
    assert found["comparisons"][0]["chance"] == ["rows", "training seeds of b"]
    records = [results.read(path).record["tasks"] for path in paths]
    for comparison in found["comparisons"][: len(AVERAGED)]:
        stated = [record[comparison["task"]]["metrics"][scoring.SCORE] for record in records]
        assert comparison["scores"] == pytest.approx(stated, abs=1e-8)


def test_runs_on_pairs_of_rows_are_compared_by_pairs(tmp_path: Path) -> None:
    """Each row beside its copy; one result is older and does not say so."""

    def doubled(skill: float, seed: int) -> list[Record]:
        return [s | {"idx": 1000 * i + s["idx"]} for s in zero_shot(skill, seed) for i in (0, 1)]

    tied = [s | {"pair_id": f"p{s['idx'] % 1000}"} for s in doubled(1, 0)]
    old = write(tmp_path, "b", doubled(2.0, 1))
    found = [
        by_task(compare.compare([write(tmp_path / name, "a", samples), old]))["rte", scoring.SCORE]
        for name, samples in (("tied", tied), ("loose", doubled(1, 0)))
    ]
    wide, narrow = (np.diff(one["interval"]) for one in found)
    assert wide / narrow == pytest.approx(2**0.5, rel=0.15)
    assert found[0]["p"] > found[1]["p"]


def test_tasks_that_carry_no_claim_are_warned_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compare.FEW == 200
    monkeypatch.setattr(compare, "FEW", ROWS)
    generator = np.random.default_rng(0)
    wnli = [sample("wnli", idx, 1, generator) for idx in range(30)]
    both = [write(tmp_path, name, zero_shot(1, i) + wnli) for i, name in enumerate("ab")]
    found = compare.compare(both)["warnings"]
    assert [line.split(":")[0] for line in found] == ["wnli", "stsb", "wnli"]
    assert "30 independent rows" in found[0]
    # Where only one run has wnli the other tasks are compared all the same.
    without = write(tmp_path, "c", zero_shot(1, 2))
    assert "wnli" not in {c["task"] for c in compare.compare([both[0], without])["comparisons"]}
    synthetic = {"data": {"synthetic": True, "source": "mini"}}
    fours = [s | {"pair_id": f"{s['idx'] // 4}"} for s in zero_shot(1, 2)]
    mini = write(tmp_path / "m", "a", fours, **synthetic)
    found = compare.compare([mini, mini])["warnings"]
    assert len(found) == len(AVERAGED) and f"{ROWS // 4} independent rows" in found[0]


def test_a_result_is_found_by_path_or_name(tmp_path: Path) -> None:
    path = write(tmp_path, "a", zero_shot(1, 0))
    write(tmp_path, "a", zero_shot(1, 0), run="zero-shot-seed2")
    other = write(tmp_path, "b", zero_shot(1, 0))
    assert results.find(str(path), tmp_path) == path
    for name in ("b", "leaner_glue/b", "leaner_glue/b/zero-shot-validation", str(other.parent)):
        assert results.find(name, tmp_path) == other
    (tmp_path / "leaner_glue" / "a" / "damaged.json").write_text("{")
    assert results.find("b", tmp_path) == other, "another's fault is none of this one"
    with pytest.raises(ResultError, match=r"more than one result: .*zero-shot-seed2"):
        results.find("a", tmp_path)
    with pytest.raises(ResultError, match="Available: leaner_glue/a/"):
        results.find("c", tmp_path)


def test_the_command_prints_a_table_or_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i, name in enumerate(("first", "second")):
        write(tmp_path, name, zero_shot(i, i))
    assert main(["compare", "first", "second", "--results", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert "A = first, B = second" in printed.out and "cannot tell" in printed.out
    assert "centred mean" in printed.out and "chance in rows" in printed.out
    assert "stsb: its labels" in printed.err
    assert main(["compare", "first", "second", "--results", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    record = results.read(tmp_path / "leaner_glue" / "first" / "zero-shot-validation.json").record
    assert found["ranking"]["data fingerprint"] == record["data"]["fingerprint"]
    assert main(["compare", "first", "--results", str(tmp_path)]) == 2
    assert main(["compare", "first", "third", "--results", str(tmp_path)]) == 6


def trials(
    count: int, seeds: int, task: str, advantage: float = 0.0, n: int = 150
) -> list[paired.Difference]:
    """Differences of two runs of like skill, or one better, on rows easy or hard for both."""
    generator = np.random.default_rng(7)
    found = []
    for _ in range(count):
        ease = generator.normal(size=n)
        gold = generator.integers(0, TASKS[task].classes, n)
        runs = [answers(generator, task, gold, ease + shift, seeds) for shift in (advantage, 0.0)]
        columns = paired.columns(TASKS[task], *runs, None, 300)[scoring.SCORE]
        found.append(paired.difference(columns))
    return found


def answers(
    generator: np.random.Generator, task: str, gold: Any, ease: Any, seeds: int
) -> list[scoring.SeedRows]:
    """Rows answered by seeds that differ in skill where there are several."""
    skill = 0.15 * generator.normal(size=seeds) * (seeds > 1)
    noise = generator.normal(size=(len(gold), seeds))
    if TASKS[task].regression:
        ratings = gold[:, None] * (1 + skill) + 2 * noise
        return [tuple(Rating(float(g), float(r)) for r in row)
                for g, row in zip(gold, ratings, strict=True)]  # fmt: skip
    right = 0.4 + ease[:, None] + skill + 0.7 * noise > 0
    return [
        tuple(Item(0, int(g), tuple(np.eye(2)[g if r else 1 - g])) for r in row)
        for g, row in zip(gold, right, strict=True)
    ]


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """500 bootstrap draws are enough for a simulation."""
    for name in ("resampled", "resampled_weights"):
        whole = getattr(intervals, name)
        assert whole.__defaults__ == (intervals.DRAWS,)
        monkeypatch.setattr(whole, "__defaults__", (500,))


@pytest.mark.slow
@pytest.mark.usefixtures("few_draws")
@pytest.mark.parametrize("task", ["rte", "cola", "mrpc", "stsb"])
@pytest.mark.parametrize("seeds", [1, 3])
def test_alike_runs_are_told_apart_one_time_in_twenty(task: str, seeds: int) -> None:
    """p is about uniform and the interval covers 0 about 95 times in 100; noise of 300 trials."""
    count = 300
    found = trials(count, seeds, task)
    p = np.array([one.p for one in found])
    assert np.mean(p <= 0.05) <= 0.05 + 3 * (0.05 * 0.95 / count) ** 0.5
    for level in (0.25, 0.5, 0.75):
        assert np.mean(p <= level) == pytest.approx(level, abs=0.12)
    covered = np.mean([one.interval.low <= 0 <= one.interval.high for one in found])
    assert 0.95 - 3.5 * (0.05 * 0.95 / count) ** 0.5 <= covered


@pytest.mark.slow
@pytest.mark.usefixtures("few_draws")
@pytest.mark.parametrize("seeds", [1, 5])
def test_the_minimum_detectable_difference_is_found_four_times_in_five(seeds: int) -> None:
    found = trials(300, seeds, "rte", advantage=0.42 if seeds == 1 else 0.3)
    true = np.mean([one.value for one in found])
    least = np.mean([one.minimum_detectable for one in found])
    power = np.mean([one.p <= 0.05 for one in found])
    # Power at the true difference, by the same normal reckoning that gives the stated minimum.
    expected = scipy_stats.norm.cdf(true / (least / 2.801585) - 1.959964)
    assert power == pytest.approx(expected, abs=0.1)
    assert 0.4 < power < 0.97
