"""Reports of experiments: every number from a file, and none where a file is missing or altered."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_experiment
import small_results
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from leaner_harness import paired, results
from leaner_harness.cli import main
from leaner_harness.errors import LeanerError
from leaner_harness.experiments import grid
from leaner_harness.experiments.grid import Cell
from leaner_harness.experiments.report import curricula_claims, effects, make, ratio, scores
from leaner_harness.experiments.report.document import Report, Table
from leaner_harness.experiments.report.files import Scored, _of_the_cell, read
from leaner_harness.experiments.report.markdown import markdown
from leaner_harness.experiments.report.page import page
from leaner_harness.intervals import Interval
from leaner_harness.judge.verdicts import DIMENSIONS
from leaner_harness.leaderboard import board
from leaner_harness.paired import Columns
from leaner_harness.results import Result, answer_scores, recompute


@pytest.fixture(scope="module")
def exp1(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exp1")
    experiment = small_experiment.read(folder)
    small_experiment.fill(folder, experiment, {"leaner": 1.0, "original": 0.2})
    return experiment, folder


@pytest.fixture(scope="module")
def made(exp1):
    return make.report(*exp1)


@pytest.fixture
def copied(exp1, tmp_path):
    experiment, folder = exp1
    return experiment, Path(shutil.copytree(folder, tmp_path / "copy"))


LOSS = "validation_bits_per_byte"


def rows(report: Report) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Every row: where it is and what it is of -> its own values, and its files.

    Columns that say to depend on the other rows are left out.
    """
    found = {}
    for section in report.sections:
        for number, block in enumerate(section.blocks):
            if isinstance(block, Table):
                for row in block.rows:
                    labels = tuple(v for v in row.cells[:3] if isinstance(v, str))
                    labels += tuple(v for v in row.cells[:3] if isinstance(v, int))
                    own = tuple(
                        value
                        for value, column in zip(row.cells, block.columns, strict=True)
                        if not column.shared
                    )
                    found[section.title, number, labels] = (own, tuple(row.files))
    return found


def test_what_is_better_is_said_to_be(made):
    report = made
    assert not report.absent and not report.refused
    means = [own for (title, *_), (own, _) in rows(report).items() if title.startswith("LEANER ag")]
    assert any("centred mean" in own for own in means)
    shown = json.dumps(report.record())
    assert "LEANER better" in shown and "original better" not in shown
    assert report.notices[0].startswith("Nothing can be concluded")
    assert report.notices[1].startswith("1 training seed")


def test_every_number_is_of_a_file_that_is_there(exp1, made):
    _, folder = exp1
    report = made
    for section in report.sections:
        for block in section.blocks:
            for row in block.rows if isinstance(block, Table) else ():
                numbers = [value for value in row.cells if isinstance(value, float | int | tuple)]
                assert row.files or not numbers, (section.title, row)
            if not isinstance(block, Table) and re.search(r"\d", getattr(block, "text", "")):
                assert block.files or section.title != "How diverse the texts are"
    for name in report.files():
        assert (folder / name).is_file(), name


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["result", "samples", "training", "texts"])
@pytest.mark.parametrize("how", ["removed", "altered"])
def test_a_file_that_changes_takes_with_it_what_is_of_it_and_no_more(copied, made, kind, how):
    experiment, folder = copied
    before = rows(made)
    name = {
        "result": "boards/leaner_glue/leaner-bert-seed0/zero-shot-validation.json",
        "samples": "boards/leaner_glue/leaner-bert-seed0/zero-shot-validation.samples.jsonl.gz",
        "training": "training/leaner-llama-2M-20000-seed0/leaner.json",
        "texts": "texts/sides.json",
    }[kind]
    path = folder / name
    if how == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().replace(b"0.", b"1.", 3)[:-20])
    report = make.report(experiment, folder)
    after = rows(report)
    for place, (own, files) in before.items():
        if name in files:
            assert place not in after or name not in after[place][1]
        elif after.get(place, (None,))[0] != own:
            raise AssertionError(f"{place} is not of {name}, and changed")
    assert report.absent
    assert bool(report.refused) == (how == "altered" or kind == "samples")


@pytest.mark.slow
def test_a_number_in_a_training_record_that_fits_no_more_is_refused(copied):
    experiment, folder = copied
    path = folder / "training" / "leaner-bert-seed0" / "leaner.json"
    record = json.loads(path.read_text())
    record["validation_bits_per_byte"] -= 0.5
    path.write_text(json.dumps(record))
    report = make.report(experiment, folder)
    assert [name for name, _ in report.refused] == ["training/leaner-bert-seed0/leaner.json"]
    assert report.absent == ["train/leaner-bert-0"]


@pytest.mark.slow
def test_the_command_writes_what_there_is_and_names_what_is_missing(copied, capsys):
    experiment, folder = copied
    words = ["experiment", "report", "exp1", "--results", str(folder)]
    assert main(words) == 0
    first = {path: path.read_bytes() for path in folder.glob("report.*")}
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out.split("report.html\n", 1)[-1])
    assert found["experiment"] == "exp1" and found["absent"] == []
    assert {path: path.read_bytes() for path in folder.glob("report.*")} == first, "not the same"
    shutil.rmtree(folder / "boards" / "leaner_glue" / "original-xlnet-seed0")
    assert main(words) == 6
    said = capsys.readouterr()
    assert "score/original-xlnet-0" in said.err and "leaner experiment run exp1" in said.err
    page = (folder / "report.html").read_text()
    assert "Incomplete: 1 of 33" in page and "score/original-xlnet-0" in page


def test_an_empty_folder_has_a_report_too(tmp_path):
    for name in grid.names():
        assert main(["experiment", "report", name, "--results", str(tmp_path)]) == 6
        assert "Incomplete" in (tmp_path / "report.md").read_text()


def test_the_score_of_weights_that_are_gone_is_not_that_of_their_training(copied):
    """Trained anew, and not yet scored anew: the report would pair one's loss with the other's."""
    experiment, folder = copied
    path = folder / "training" / "leaner-bert-seed0" / "leaner.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"weights": {"end": "those of today"}}))
    found = read(experiment, folder)
    assert found.absent() == ["score/leaner-bert-0"]
    ((name, why),) = found.refused
    assert "leaner-bert-seed0/zero-shot" in name and "other weights than training/" in why
    path.write_text(json.dumps(record | {"weights": 3}))
    assert "cannot be read" in read(experiment, folder).refused[0][1]


def test_a_control_without_its_fine_tuned_results_is_no_end_of_the_report(tmp_path):
    """What is there instead was scored zero-shot: no such pair is compared."""
    experiment = small_experiment.read(tmp_path)
    boards = tmp_path / "boards"
    for side in ("leaner", "original"):
        small_results.write(boards, f"{side}-llama-seed0", small_results.zero_shot(1.0, 0))
    glance = {"run": "glance-validation", "protocol": {"name": "glance", "fingerprint": "g"}}
    tuned = small_results.fine_tuned([1.0, 1.2], 0)
    small_results.write(boards, "scratch-leaner-llama", tuned, **glance)
    found = make.report(experiment, tmp_path)
    assert {"tune/leaner-llama-0", "tune/original-llama-0"} <= set(found.absent)
    shown = markdown(found)
    assert "No fine-tuned results of both a checkpoint and its control are there." in shown
    small_results.write(boards, "leaner-llama-seed0", small_results.fine_tuned([2, 2], 1), **glance)
    assert "pre-trained better" in markdown(make.report(experiment, tmp_path))


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

    def interval(other: Scored) -> tuple[float, float]:
        each = scores.mean_of(scores.differences(pre_trained, [other]), "leaner_score")
        assert each is not None and each.chance == "rows and training seeds"
        return each.found.interval

    (low, high), (wider_low, wider_high) = interval(fixed), interval(drawn)
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


def test_text_that_was_not_read_is_not_part_of_a_text_s_size(exp1, copied):
    def sizes(folder: Path) -> str:
        report = make.report(experiment, folder)
        (table,) = [
            block
            for section in report.sections
            for block in section.blocks
            if isinstance(block, Table) and block.columns[0].name == "size"
        ]
        return str(table.rows[0].cells[3])

    experiment, folder = copied
    assert sizes(folder) == "33,600 to 67,200"
    path = folder / "training" / "original-llama-seed0" / "leaner.json"
    record = json.loads(path.read_text())
    assert record["words_seen"] != 40_000
    path.write_text(json.dumps(record | {"words_seen": 40_000}))
    assert sizes(folder) == "33,600 to 40,000"


def test_a_report_takes_away_its_own_old_pictures_and_no_others(tmp_path, capsys):
    charts = tmp_path / "charts"
    charts.mkdir()
    for name in ("mine.svg", "curve-old.svg"):
        (charts / name).write_text("<svg/>")
    (tmp_path / "report.md").write_text("![Old: curve-old](charts/curve-old.svg)\n")
    words = ["experiment", "report", "exp1", "--equal", "tokens", "--results", str(tmp_path)]
    assert main(words) == 6
    assert [path.name for path in charts.iterdir()] == ["mine.svg"]
    said = capsys.readouterr().err
    assert f"run exp1 --preset smoke --equal tokens --results {tmp_path}" in said


def test_an_experiment_of_one_s_own_needs_no_paper_and_lacks_nothing_in_silence(tmp_path, capsys):
    path = tmp_path / "own.toml"
    text = (ROOT / "leaner_harness" / "experiments" / "exp3.toml").read_text()
    own = re.sub(r"\[\[paper\]\].*?\n\n", "", text, flags=re.DOTALL)
    path.write_text(own)
    words = ["experiment", "report", str(path), "--results", str(tmp_path / "results")]
    assert main(words) == 6
    assert "The paper" not in (tmp_path / "results" / "report.md").read_text()
    path.write_text(own.replace('report = "curricula"', 'report = "sides"'))
    assert main(words) == 2
    assert "smoke of own lacks architecture" in capsys.readouterr().err


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


@pytest.mark.parametrize(
    ("gap", "text", "steps_word", "data_word"),
    [
        (-0.01, 0.7, "reproduced", "reproduced"),
        (-0.01, 0.9, "reproduced", "not reproduced"),
        (0.01, 0.7, "not reproduced", "not reproduced"),
    ],
)
def test_savings_are_of_runs_of_fewer_steps_and_of_the_text_they_read(
    tmp_path, gap, text, steps_word, data_word
):
    """1,120 steps of 1,400; the paper's two claims, each with a verdict of its own."""
    experiment = small_experiment.read(tmp_path, "exp3", "small")
    small_experiment.fill(tmp_path, experiment, {})
    training = tmp_path / "training"
    target = np.mean(
        [json.loads(p.read_text())[LOSS] for p in training.glob("random-seed*/leaner.json")]
    )
    for path in training.glob("*/leaner.json"):
        record = json.loads(path.read_text())
        record["recipe"]["data"] = "LEANER"
        short = "shorter" in path.parent.name
        read = 1_000 * text if short else 1_000
        record["curriculum"] = {"unique_tokens": read, "bill": {"token_equivalents": 2_000}}
        if short:
            record[LOSS] = target + gap
            log = path.with_name("log.jsonl")
            points = [json.loads(line) for line in log.read_text().splitlines()]
            points[-1][LOSS] = record[LOSS]
            log.write_text("".join(json.dumps(point) + "\n" for point in points))
        path.write_text(json.dumps(record))
    report = make.report(experiment, tmp_path)
    assert not report.refused
    claims, *_ = report.sections
    words = [str(row.cells[3]) for b in claims.blocks if isinstance(b, Table) for row in b.rows]
    assert words == [steps_word, data_word]
    shown = markdown(report)
    assert ("| reached |" if gap < 0 else "| not reached |") in shown and "80%" in shown


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


@pytest.mark.slow
def test_the_page_needs_nothing_and_lets_nothing_through(copied):
    experiment, folder = copied
    hostile = "<script>alert(1)</script>"
    odd = grid.Experiment(
        experiment.name, "smoke", f"EXP1 {hostile}", hostile, experiment.paper, experiment.cells,
        experiment.values, experiment.report, experiment.equal, hostile,
    )  # fmt: skip
    make.write(make.report(odd, folder), folder)
    page, text = (folder / "report.html").read_text(), (folder / "report.md").read_text()
    assert "<script" not in page and "<script" not in text
    assert not re.search(r'(?:src|href)="(?:https?:|//|/)', page) and "url(" not in page
    assert page.count("<svg") == page.count('role="img"') > 5
    for picture in (folder / "charts").glob("*.svg"):
        assert f"(charts/{picture.name})" in text


def test_the_board_takes_no_file_of_an_experiment(copied, tmp_path):
    _, folder = copied
    top = tmp_path / "results"
    shutil.copytree(folder, top / "experiments" / "exp1-smoke")
    assert "No results yet" in board.build(top)


COMMITTED = [
    pytest.param(path, marks=[] if path.name.startswith("exp2") else pytest.mark.slow, id=path.name)
    for path in sorted((ROOT / "results" / "experiments").iterdir())
]


@pytest.mark.parametrize("folder", COMMITTED)
def test_committed_reports_follow_from_the_files_beside_them(folder):
    name, preset, *rest = folder.name.split("-")
    equal = rest[1] if rest else grid.EQUAL
    found = make.report(small_experiment.read(folder, name, preset, equal=equal), folder)
    assert markdown(found) == (folder / "report.md").read_text(encoding="utf-8")
    assert page(found) == (folder / "report.html").read_text(encoding="utf-8")
    assert str(ROOT) not in json.dumps(found.record())


SIZES = np.array([1.0, 2.0, 4.0])


def a_side(scores: list[float], noise: float = 1e-9, seeds: int = 1) -> ratio.Side:
    values = np.repeat(np.array(scores)[:, None], seeds, axis=1)
    drawn = np.random.default_rng(0).normal(0, noise, size=(500, len(scores), seeds)) + values
    return ratio.Side(SIZES, values, drawn)


def test_half_the_text_is_half_the_text():
    found = ratio.ratio(a_side([0.2, 0.3, 0.4]), a_side([0.1, 0.2, 0.3]))
    assert found.ratio == pytest.approx(0.5) and found.verdict == ratio.LESS
    between = ratio.ratio(a_side([0.2, 0.4, 0.5]), a_side([0.1, 0.2, 0.3]))
    assert between.ratio == pytest.approx(2**0.5 / 4)
    more = ratio.ratio(a_side([0.1, 0.2, 0.3]), a_side([0.1, 0.2, 0.29]))
    assert more.ratio == pytest.approx(2**1.9 / 4) and more.verdict == ratio.LESS


def test_beyond_the_grid_and_what_cannot_be_told():
    below = ratio.ratio(a_side([0.5, 0.6, 0.7]), a_side([0.1, 0.2, 0.3]))
    assert below.verdict == ratio.LESS
    assert ratio.shown(below) == "< 0.25 [< 0.25, < 0.25], beyond the grid"
    above = ratio.ratio(a_side([0.0, 0.1, 0.2]), a_side([0.1, 0.2, 0.3]))
    assert above.verdict == ratio.MORE and ratio.shown(above).startswith("> 1.00")
    flat = ratio.ratio(a_side([0.2, 0.3, 0.4], 0.05), a_side([0.2, 0.2, 0.2], 0.05))
    assert flat.verdict == ratio.CANNOT_TELL and "grow" in flat.reason
    noisy = ratio.ratio(a_side([0.1, 0.2, 0.3], 0.05), a_side([0.1, 0.2, 0.3], 0.05))
    assert noisy.verdict == ratio.CANNOT_TELL


@pytest.mark.parametrize(("largest", "verdict"), [(2.4, ratio.CANNOT_TELL), (3.99, ratio.MORE)])
def test_a_grid_that_ends_before_the_original_s_size_does_not_say_that_more_is_needed(
    largest, verdict
):
    """As with equal steps: the simpler text is shorter; all that is known is a ratio above .6."""
    short = a_side([0.0, 0.1, 0.2])._replace(sizes=np.array([1.0, 2.0, largest]))
    found = ratio.ratio(short, a_side([0.1, 0.2, 0.3]))
    assert ratio.shown(found).startswith(f"> {largest / 4:.2f}") and found.verdict == verdict


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.floats(-1, 1), min_size=4, max_size=4), min_size=1, max_size=5))
def test_scores_that_never_fall(scores):
    found = ratio.never_falling(np.array(scores))
    assert (np.diff(found, axis=1) >= -1e-12).all()
    # What isotonic regression is known by: equal means, and nothing left to do a second time.
    assert np.allclose(found.mean(axis=1), np.mean(scores, axis=1))
    assert np.allclose(ratio.never_falling(found), found)
    assert ((found <= np.max(scores) + 1e-12) & (found >= np.min(scores) - 1e-12)).all()


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
    joined = effects._joined([effects._averaged([columns, columns])] * 3)
    assert paired.difference(joined).p == 1


def test_results_of_other_rows_are_named_and_what_to_do(copied):
    experiment, folder = copied
    name = "boards/leaner_glue/original-bert-seed0/zero-shot-validation.json"
    record = json.loads((folder / name).read_text())
    record["data"]["fingerprint"] = "other"
    (folder / name).write_text(json.dumps(record))
    with pytest.raises(LeanerError, match=rf"{name} \(.* other ") as caught:
        make.report(experiment, folder)
    assert "Score one as the other was" in caught.value.cure
