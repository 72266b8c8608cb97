"""Two ways to train, each trained several times: the training is the unit of chance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from small_results import fine_tuned, write, zero_shot

from leaner_harness import compare, intervals, results, scoring
from leaner_harness.cli import main
from leaner_harness.compare import answers, sides
from leaner_harness.compare.sides import Run, Side, Way
from leaner_harness.errors import ResultError
from leaner_harness.judge.surface import CHECKS, EMPTY
from leaner_harness.results import Record, Result

MEAN = (compare.MEAN, scoring.CENTRED)


def trained(folder: Path, name: str, skills: Sequence[float], seed: int, rows: int = 80) -> Way:
    """A way whose trainings have these skills."""
    paths = [
        write(folder, f"{name}{number}", zero_shot(skill, seed + number, rows))
        for number, skill in enumerate(skills)
    ]
    return Way(name, paths)


def by_task(found: Record) -> dict[tuple[str, str], Record]:
    return {(c["task"], c["metric"]): c for c in found["comparisons"]}


def test_trainings_alike_show_what_a_lucky_one_does_not(tmp_path: Path) -> None:
    steady = [trained(tmp_path / "s", n, [s] * 3, 0) for n, s in (("a", 2.0), ("b", 1.0))]
    shaky = [trained(tmp_path / "u", n, s, 0) for n, s in (("a", [0, 2, 4]), ("b", [0, 1, 2]))]
    told, open_ = (by_task(compare.compare_ways(ways)) for ways in (steady, shaky))
    assert told[MEAN]["verdict"] == "A better" and open_[MEAN]["verdict"] == "cannot tell"
    assert open_[MEAN]["difference"] > 0.1
    for found in (told, open_):
        assert found[MEAN]["test"] == "t"
        assert found[MEAN]["chance"] == ["rows", "trainings of a", "trainings of b"]


def test_a_way_s_score_is_the_mean_of_its_trainings(tmp_path: Path) -> None:
    ways = [trained(tmp_path, "a", [0, 1, 2], 0), trained(tmp_path, "b", [1, 1], 9)]
    found = compare.compare_ways(ways)
    assert [run["trainings"] for run in found["runs"]] == [3, 2]
    for (task, metric), comparison in by_task(found).items():
        for way, score in zip(ways, comparison["scores"], strict=True):
            records = [results.read(path).record for path in way.paths]
            each = [
                r["mean"][metric]["value"]
                if task == compare.MEAN
                else r["tasks"][task]["metrics"][metric]
                for r in records
            ]
            assert score == pytest.approx(np.mean(each), abs=1e-8)


def test_the_interval_is_student_s_over_rows_and_trainings(tmp_path: Path) -> None:
    """Of many rows hardly anything but the trainings' own spread is left: Welch's t."""
    skills = {"a": [0.5, 1.0, 1.5], "b": [1.0, 1.6, 2.2]}
    ways = [trained(tmp_path, name, each, ord(name), 1_000) for name, each in skills.items()]
    found = by_task(compare.compare_ways(ways))[MEAN]
    values = [
        [results.read(path).record["mean"][scoring.CENTRED]["value"] for path in way.paths]
        for way in ways
    ]
    error = np.sqrt(sum(np.var(each, ddof=1) / 3 for each in values))
    low, high = found["interval"]
    assert (high - low) / 2 == pytest.approx(intervals.t_quantile(0.975, 4) * error, rel=0.1)


def test_fine_tuning_seeds_of_a_checkpoint_are_one_training(tmp_path: Path) -> None:
    def way(name: str, first: int) -> Way:
        samples = [fine_tuned([1.0, 2.0], first + n) for n in range(2)]
        return Way(name, [write(tmp_path, f"{name}{n}", each) for n, each in enumerate(samples)])

    found = compare.compare_ways([way("a", 0), way("b", 50)])
    assert found["runs"] == [
        {"name": "a", "trainings": 2, "seeds": 2}, {"name": "b", "trainings": 2, "seeds": 2}
    ]  # fmt: skip


def test_what_was_trained_once_is_not_told_from_what_was_trained_more_often(tmp_path: Path) -> None:
    ways = [trained(tmp_path, "a", [4, 4, 4], 0), trained(tmp_path, "b", [0], 9)]
    found = compare.compare_ways(ways)
    assert {c["verdict"] for c in found["comparisons"]} == {"cannot tell"}
    assert by_task(found)[MEAN]["p_holm"] < 0.05
    assert "b was trained once" in " ".join(found["warnings"])
    alone = compare.compare([ways[0].paths[0], ways[1].paths[0]])
    assert by_task(alone)[MEAN]["verdict"] == "A better"
    assert "trained once" not in " ".join(alone["warnings"])


def test_seeds_from_scratch_are_trainings(tmp_path: Path) -> None:
    scratch = write(
        tmp_path, "scratch", fine_tuned([0, 0, 0], 0, 80), scorer={"from_scratch": True}
    )
    ways = [trained(tmp_path, "a", [4, 4, 4], 9), Way("", [scratch])]
    found = compare.compare_ways(ways)
    assert [run["trainings"] for run in found["runs"]] == [3, 3]
    assert by_task(found)[MEAN]["verdict"] == "A better"


def test_one_training_is_not_counted_twice(tmp_path: Path) -> None:
    a = write(tmp_path, "a", zero_shot(1, 0), weights="w")
    b = write(tmp_path, "b", zero_shot(1, 0), weights="w")
    c = write(tmp_path, "c", zero_shot(1, 0))
    for first, second in (([c], [a, b]), ([a, c], [b])):
        with pytest.raises(ResultError, match="a and b are of the same weights"):
            compare.compare_ways([Way("", first), Way("", second)])
    compare.compare([a, b])


def test_fine_tuning_seeds_of_the_one_training_of_a_side_are_no_chance(tmp_path: Path) -> None:
    once = write(tmp_path, "once", fine_tuned([1, 1.2], 5, 80))
    found = compare.compare_ways([trained(tmp_path, "a", [1, 1.2], 0), Way("", [once])])
    assert found["comparisons"][0]["chance"] == ["rows", "trainings of a"]


def test_trainings_that_differ_in_more_than_their_seed_are_warned_about() -> None:
    def run(**recipe: object) -> Run:
        return Run("r", Result({"training": {"recipe": recipe}}), {}, {})

    alike = Side("alike", [run(seed=0, steps=9), run(seed=1, steps=9)])
    other = Side("other", [run(seed=0, steps=9), run(seed=1, steps=8, words=5)])
    assert list(sides.differing_recipes([alike, other])) == [
        "other: its trainings differ in steps, words, and not only in their seed."
    ]


def test_the_command_takes_trainings_by_commas(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        trained(tmp_path, name, [1, 1], ord(name))
    words = ["compare", "one=a0,a1", "b0,b1", "--results", str(tmp_path)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "A = one, B = b0 and 1 more" in printed
    chance = "chance in rows, trainings of one, trainings of b0 and 1 more."
    assert chance in " ".join(printed.split())
    assert main([*words, "--json"]) == 0
    assert [r["trainings"] for r in json.loads(capsys.readouterr().out)["runs"]] == [2, 2]
    assert main(["compare", "one=a0,a1", "b0,b9", "--results", str(tmp_path)]) == 6
    assert main(["compare", "one=a0,a1", "--results", str(tmp_path)]) == 2


def test_answers_of_several_trainings_are_paired_by_question() -> None:
    draw = np.random.default_rng(0)

    def run(chance: float) -> list[Record]:
        checks = [{c: float(draw.random() < chance) for c in (*CHECKS, EMPTY)} for _ in range(300)]
        return [{"id": str(n), "kind": "why", "checks": each} for n, each in enumerate(checks)]

    one, other = [run(0.8) for _ in range(3)], [run(0.5) for _ in range(2)]
    found = answers.columns(one, other, 100)
    metric, columns = found[CHECKS[0]]
    assert metric == CHECKS[0] and columns.exchanged is None and columns.first == 3
    assert columns.values.shape == (5,) and columns.draws.shape[1] == 5
    each = [np.mean([s["checks"][metric] for s in samples]) for samples in (*one, *other)]
    assert columns.values == pytest.approx(each)
    pair = answers.columns(one[:1], other[:1], 100)[metric][1]
    assert pair.exchanged is not None and pair.exchanged.shape == (100, 2)
