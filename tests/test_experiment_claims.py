"""What a report says to the paper's claims: savings by curricula (EXP3), graded answers (EXP2)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_experiment
from conftest import ROOT

from leaner_harness import results
from leaner_harness.experiments import grid
from leaner_harness.experiments.report import curricula_claims, make
from leaner_harness.experiments.report.document import Report, Row, Table
from leaner_harness.experiments.report.files import _of_the_cell, read
from leaner_harness.experiments.report.markdown import markdown
from leaner_harness.judge.verdicts import DIMENSIONS
from leaner_harness.results import Result, answer_scores, recompute

LOSS = "validation_bits_per_byte"


@pytest.mark.parametrize("text, verdict", [("LEANER", "reproduced"), ("mini", "not comparable")])
def test_a_curriculum_on_embedded_text_is_not_comparable_with_the_paper(tmp_path, text, verdict):
    experiment = small_experiment.read(tmp_path, "exp3", "small")
    small_experiment.fill(tmp_path, experiment, {})
    for path in (tmp_path / "training").glob("*/leaner.json"):
        record = json.loads(path.read_text())
        record["recipe"]["data"] = text
        path.write_text(json.dumps(record))
    claim = curricula_claims.claims(read(experiment, tmp_path))
    rows = [row for block in claim.blocks if isinstance(block, Table) for row in block.rows]
    assert len(rows) == 2 and all(verdict in str(row.cells[3]) for row in rows)


def fill_shorter(
    folder: Path, experiment: grid.Experiment, gap: float, noise: float, text: float
) -> None:
    """Runs of 1,120 steps that end so far above random order, and read so much of the text."""
    small_experiment.fill(folder, experiment, {})
    training = folder / "training"
    target = np.mean(
        [json.loads(p.read_text())[LOSS] for p in training.glob("random-seed*/leaner.json")]
    )
    for path in training.glob("*/leaner.json"):
        record = json.loads(path.read_text())
        record["recipe"]["data"] = "LEANER"
        short = "shorter" in path.parent.name
        read = 1_000 * text if short else 1_000
        bill = {"random": 1_000, "shorter": 1_500}.get(path.parent.name.split("-")[-2], 2_000)
        record["curriculum"] = {"unique_tokens": read, "bill": {"token_equivalents": bill}}
        if short:
            record[LOSS] = target + gap + noise * (record["recipe"]["seed"] - 1)
            log = path.with_name("log.jsonl")
            points = [json.loads(line) for line in log.read_text().splitlines()]
            points[-1][LOSS] = record[LOSS]
            log.write_text("".join(json.dumps(point) + "\n" for point in points))
        path.write_text(json.dumps(record))


def claimed(report: Report) -> list[Row]:
    claims, *_ = report.sections
    return [row for block in claims.blocks if isinstance(block, Table) for row in block.rows]


def test_what_is_added_to_the_bill_is_of_the_runs_that_are_spoken_of(tmp_path):
    experiment = small_experiment.read(tmp_path, "exp3", "small")
    fill_shorter(tmp_path, experiment, -0.01, 0, 0.7)
    steps, _ = claimed(make.report(experiment, tmp_path))
    assert "with 80% of the steps" in str(steps.cells[2])
    assert "the whole bill is 1.50 times random's" in str(steps.cells[2])


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("lm_loss-shorter-seed2", "2 training seed(s)"),
        ("lm_loss-shorter-*", "the runs of fewer steps are not there"),
        ("lm_loss-seed*", "it has no runs yet"),
    ],
)
def test_no_claim_is_judged_by_runs_that_are_not_there(tmp_path, gone, said):
    """Two shorter runs beside three whole ones are two; without any, nothing takes their place."""
    experiment = small_experiment.read(tmp_path, "exp3", "small")
    fill_shorter(tmp_path, experiment, -0.01, 0, 0.7)
    for path in list((tmp_path / "training").glob(gone)):
        shutil.rmtree(path)
    found = claimed(make.report(experiment, tmp_path))
    assert found
    for row in found:
        assert row.cells[3] == "not comparable" and said in str(row.cells[4])


def test_text_that_an_order_opens_in_any_case_is_no_saving_of_it(tmp_path):
    experiment = small_experiment.read(tmp_path, "exp3", "small")
    fill_shorter(tmp_path, experiment, -0.01, 0, 0.9)
    for path in (tmp_path / "training").glob("lm_loss-shorter-*/leaner.json"):
        record = json.loads(path.read_text())
        record["curriculum"]["stages"] = [{"step": 0, "share": 0.2}, {"step": 896, "share": 1.0}]
        path.write_text(json.dumps(record))
    _, data = claimed(make.report(experiment, tmp_path))
    assert data.cells[3] == "not comparable" and "open the whole text" in str(data.cells[4])


@pytest.mark.parametrize(
    ("gap", "noise", "text", "steps_word", "data_word", "shown"),
    [
        (-0.01, 0, 0.7, "reproduced", "reproduced", "reached"),
        (-0.01, 0, 0.9, "reproduced", "not reproduced", "reached"),
        (0.01, 0, 0.7, "not reproduced", "not reproduced", "not reached"),
        (-0.01, 0.03, 0.7, "not comparable", "not comparable", "cannot tell"),
    ],
)
def test_savings_are_of_runs_of_fewer_steps_and_of_the_text_they_read(
    tmp_path, gap, noise, text, steps_word, data_word, shown
):
    """1,120 steps of 1,400; the paper's two claims, each with a verdict of its own.

    What cannot be told at a budget that is not the paper's says nothing of the paper.
    """
    experiment = small_experiment.read(tmp_path, "exp3", "small")
    fill_shorter(tmp_path, experiment, gap, noise, text)
    report = make.report(experiment, tmp_path)
    assert not report.refused
    assert [str(row.cells[3]) for row in claimed(report)] == [steps_word, data_word]
    written = markdown(report)
    assert f"| {shown} |" in written and "80%" in written


def test_graded_answers_count_and_of_two_results_neither_does(tmp_path):
    experiment = small_experiment.read(tmp_path, "exp2")
    cell = next(each for each in experiment.cells if each.step == "answer")

    def result(protocol: str, judge: Any) -> Any:
        return Result({"protocol": {"name": protocol}, "judge": judge})

    checks, judged = result("checks", None), result("judged-m", {"fingerprint": {"model": "m"}})
    other = result("judged-n", {"fingerprint": {"model": "n"}})
    assert _of_the_cell(cell, [checks]) == [checks]
    assert _of_the_cell(cell, [checks, judged]) == [judged]
    assert _of_the_cell(cell, [judged, checks, other]) == [judged, other]


def grade_again(path: Path) -> None:
    """Give the answers of a result grades, which depend on how its model was made."""
    result = results.read(path)
    read = recompute.read_samples(result, path)
    bonus = path.parent.name.startswith("leaner") + path.parent.name.count("n-leaner")
    samples = [
        sample | {"state": "ok", "grades": dict.fromkeys(DIMENSIONS, bonus + len(sample["id"]) % 2)}
        for sample in read
    ]
    tasks, mean = answer_scores.score(samples)
    task = result.record["tasks"]["questions"] | tasks["questions"]
    record = result.record | {"tasks": {"questions": task}, "mean": mean}
    record |= {"judge": {"fingerprint": {"model": "m"}, "card": None}}
    record |= {"run": "judged-questions-seed0", "protocol": {"name": "m", "fingerprint": "m"}}
    for old in list(path.parent.iterdir()):
        old.unlink()
    results.write(Result(record), samples, path.parents[2], replace=False)


def test_grades_are_told_by_kind_for_each_way_and_tested_for_both_choices(tmp_path):
    shipped = ROOT / "results" / "experiments" / "exp2-smoke"
    folder = Path(shutil.copytree(shipped, tmp_path / "exp2-smoke"))
    for path in list((folder / "boards").glob("*/*/*.json")):
        grade_again(path)
    report = make.report(small_experiment.read(folder, "exp2"), folder)
    assert not report.refused and not report.absent
    (section,) = (each for each in report.sections if each.title == "By kind of question")
    ways, effects = (block for block in section.blocks if isinstance(block, Table))
    kinds = {row.cells[0] for row in ways.rows}
    assert len(kinds) > 5 and len(ways.rows) == 4 * len(kinds)
    assert [column.name for column in ways.columns][-1] == "sum"
    tested = {(row.cells[0], row.cells[1]) for row in effects.rows}
    choices = ("pre-training, both", "instructions, both")
    assert tested == {(choice, kind) for choice in choices for kind in kinds}
