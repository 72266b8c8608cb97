"""Reports of experiments: every number from a file, and none where a file is missing or altered."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import small_boards
import small_experiment
import small_results
from conftest import ROOT

from leaner_harness.cli import main
from leaner_harness.errors import LeanerError
from leaner_harness.experiments import grid
from leaner_harness.experiments.report import make
from leaner_harness.experiments.report.document import Report, Table
from leaner_harness.experiments.report.files import read
from leaner_harness.experiments.report.markdown import markdown
from leaner_harness.experiments.report.page import page
from leaner_harness.results import rules


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
@pytest.mark.parametrize("how", ["removed", "cut"])
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
        path.write_bytes(path.read_bytes()[:-20])
    report = make.report(experiment, folder)
    after = rows(report)
    for place, (own, files) in before.items():
        if name in files:
            assert place not in after or name not in after[place][1]
        elif after.get(place, (None,))[0] != own:
            raise AssertionError(f"{place} is not of {name}, and changed")
    assert report.absent
    # A result and its samples belong together: of what is left, the other is refused.
    assert bool(report.refused) == (how == "cut" or kind in ("result", "samples"))


def test_a_score_that_does_not_follow_from_its_samples_is_refused(copied):
    experiment, folder = copied
    path = folder / "boards/leaner_glue/leaner-bert-seed0/zero-shot-validation.json"
    record = json.loads(path.read_text())
    record["tasks"]["rte"]["metrics"]["leaner_score"] -= 0.01
    path.write_text(json.dumps(record))
    found = read(experiment, folder)
    assert found.absent() == ["score/leaner-bert-0"]
    assert [name.split("/")[-1] for name, _ in found.refused] == [path.name]


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


def test_a_run_that_scored_with_a_reference_of_other_weights_is_refused(tmp_path):
    """The reference was trained anew since: beside it the run would say what it never was."""
    experiment = small_experiment.read(tmp_path, "exp3", "small")
    small_experiment.fill(tmp_path, experiment, {})
    training = tmp_path / "training"
    reference = json.loads((training / "random-seed0" / "leaner.json").read_text())["weights"]
    path = training / "lm_loss-seed1" / "leaner.json"
    record = json.loads(path.read_text())
    assert record["recipe"]["reference"].endswith("random-seed0")
    for digest, absent in ((reference["end"], []), ("of old", ["easy-first/lm_loss-1"])):
        said = {"reference": digest, "unique_tokens": 1, "bill": {"token_equivalents": 1}}
        path.write_text(json.dumps(record | {"curriculum": said}))
        found = read(experiment, tmp_path)
        assert [name for name in found.absent() if "score" not in name] == absent
    hostile = {**record, "recipe": {**record["recipe"], "init_from": 3}, "began_with": "nothing"}
    path.write_text(json.dumps(hostile))
    assert read(experiment, tmp_path).absent() == []
    path.write_text(json.dumps(record | {"curriculum": said}))
    assert [name for name in found.absent() if "score" in name] == [
        "score/lm_loss-700-steps-1",
        "score/lm_loss-end-1",
    ]
    assert any("began with other weights than training/random-seed0" in w for _, w in found.refused)


def test_trainings_of_two_precisions_are_told(copied):
    experiment, folder = copied
    records = sorted(folder.glob("training/*/leaner.json"))
    for form, paths in (("float32", records), ("bfloat16", records[:1])):
        for path in paths:
            record = json.loads(path.read_text()) | {"hardware": f"1 x cpu, {form}, torch"}
            path.write_text(json.dumps(record))
        told = any(
            "bfloat16 and float32" in each for each in make.report(experiment, folder).notices
        )
        assert told == (form == "bfloat16")


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
    assert "No results yet" in small_boards.markdown(top)


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


def test_results_of_other_rows_are_named_and_what_to_do(copied):
    experiment, folder = copied
    name = "boards/leaner_glue/original-bert-seed0/zero-shot-validation.json"
    record = json.loads((folder / name).read_text())
    for task in record["tasks"].values():
        task["fingerprint"] = "other"
    record["data"]["fingerprint"] = rules.rows_fingerprint(record["tasks"])
    (folder / name).write_text(json.dumps(record))
    other = record["data"]["fingerprint"][:8]
    with pytest.raises(LeanerError, match=rf"{name} \(.*{other} ") as caught:
        make.report(experiment, folder)
    assert "Score one as the other was" in caught.value.cure
