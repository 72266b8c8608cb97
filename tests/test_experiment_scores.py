"""What a report of an experiment says about scores: what is chance, and where an interval ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_results

from leaner_harness import paired, results
from leaner_harness.experiments.grid import Cell
from leaner_harness.experiments.report import effects, scores
from leaner_harness.experiments.report.files import Scored
from leaner_harness.intervals import Interval
from leaner_harness.paired import Columns
from leaner_harness.results import Result


def found(tmp_path: Path, name: str, samples: list[Any], **changes: Any) -> Scored:
    path = small_results.write(tmp_path / "boards", name, samples, **changes)
    cell = Cell(name, "score", {"seed": "0"}, ("evaluate", f"runs/{name}"))
    return Scored(results.read(path), path, (path.name,), cell)


def test_each_seed_of_a_control_from_scratch_is_a_training(tmp_path):
    """Random weights are drawn for each; the mean of five is one draw of nothing."""
    pre_trained = [
        found(tmp_path, f"trained-{n}", small_results.fine_tuned([1.0, 1.0], n)) for n in range(3)
    ]
    answers = small_results.fine_tuned([0.0, 0.4, 0.8, 1.2, 1.6], 7)
    fixed = found(tmp_path, "checkpoint", answers)
    drawn = found(tmp_path, "scratch", answers, scorer={"from_scratch": True})

    def interval(other: Scored, chance: str, verdict: str) -> tuple[float, float]:
        each = scores.mean_of(scores.differences(pre_trained, [other]), "leaner_score")
        assert each is not None and each.chance == chance
        assert each.verdict(0.01, "better", "worse") == verdict
        return each.found.interval

    low, high = interval(fixed, scores.ONE_SIDE, scores.ONE_TRAINING)
    wider_low, wider_high = interval(drawn, "rows and training seeds", "better")
    assert wider_low + wider_high == pytest.approx(low + high), "the difference is the same"
    assert wider_high - wider_low > 1.2 * (high - low)


def test_a_task_on_which_nobody_scores_is_left_out_of_shares_of_the_best(tmp_path):
    better, worse = (
        scores.Together([scores.Answers(found(tmp_path, name, samples))])
        for name, samples in (
            ("better", small_results.zero_shot(3.0, 0, cola=-50.0)),
            ("worse", small_results.zero_shot(0.5, 1, cola=-50.0)),
        )
    )
    (first, second), without = scores.relative_means([better, worse])
    assert without == ["cola"]
    assert first is not None and second is not None and second.value < first.value == 1.0
    nothing = scores.Together(
        [scores.Answers(found(tmp_path, "none", small_results.zero_shot(-50.0, 0)[:40]))]
    )
    assert scores.relative_means([nothing]) == ([None], ["cola"])


def test_the_interval_of_a_mean_over_seeds_ends_where_the_metric_does():
    """Of two seeds Student's t is wide; a share is never above 1, nor a centred mean."""
    draws = np.random.default_rng(0).normal(0, 0.01, size=(4000, 2)) + [0.7, 0.9]
    found = scores.over_seeds(np.array([0.7, 0.9]), draws, Interval(0.0, 1.0))
    assert found.value == pytest.approx(0.8) and (found.low, found.high) == (0.0, 1.0)
    alone = scores.over_seeds(np.array([0.7]), draws[:, :1], Interval(0.0, 1.0))
    assert 0.66 < alone.low < alone.high < 0.74


def a_result(folder, samples, **cell):
    path = small_results.write(folder, "-".join(cell.values()), samples)
    at = Cell("answer/x", "answer", cell, ("evaluate",))
    return Scored(Result(json.loads(path.read_text())), path, (path.name,), at)


def test_four_rows_are_no_proof_however_alike_the_seeds_are(tmp_path):
    """Student's t of seeds that all answer alike would be sure; four rows exchange in 16 ways."""
    good, bad = (
        [a_result(tmp_path, small_results.zero_shot(skill, 0, n=4), side=side, seed=seed)
         for seed in "012"]
        for side, skill in (("a", 50.0), ("b", -50.0))
    )  # fmt: skip
    found = {each.task: each.found.p for each in scores.differences(good, bad)}
    assert found["sst2"] == found["rte"] == 2.0**-3 and found["mean"] < 0.01


def test_one_question_of_a_kind_is_no_proof_either():
    columns = Columns(np.array([1.0, 0.0]), np.tile([1.0, 0.0], (500, 1)), None, 1, 1.0)
    joined = effects._joined([effects._averaged([columns, columns])] * 3, by_seed=False)
    assert paired.difference(joined).p == 1


def test_what_pairs_of_seeds_share_cancels():
    """Checkpoints differ more than instructions do: only beside its own does a difference show."""
    skill, noise = np.array([0.5, 0.7, 0.9]), np.random.default_rng(0).normal(0, 0.01, (500, 1))
    seeds = [
        Columns(np.array([s + 0.1, s]), np.array([s + 0.1, s]) + noise, None, 1, 300.0)
        for s in skill + [0.001, 0.0, -0.001]
    ]
    for by_seed in (False, True):
        found = paired.difference(effects._joined(seeds, by_seed=by_seed))
        assert found.value == pytest.approx(0.1)
        assert (found.p < 0.001) == by_seed


def test_instructions_are_compared_beside_one_checkpoint_and_pre_training_is_not(tmp_path):
    ways = {
        (side, taught): {
            "0": a_result(tmp_path, small_results.zero_shot(1.0, 0), side=side, taught=taught)
        }
        for side in ("leaner", "original")
        for taught in ("leaner", "original")
    }
    found = {each.name.split(",")[0]: each.by_seed for each in effects.effects_of(ways)}
    assert found == {"pre-training": False, "instructions": True}
