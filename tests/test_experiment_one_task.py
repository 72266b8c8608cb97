"""Reports of experiments that score a single task: it is tested by itself, and called no mean."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import small_experiment

from leaner_harness.experiments.report import make
from leaner_harness.experiments.report.document import Note, Table
from leaner_harness.experiments.report.markdown import markdown


def tables(tmp_path: Path, name: str, skills: dict[str, float], title: str) -> list[Table]:
    experiment = small_experiment.read(tmp_path, name, "small")
    small_experiment.fill(tmp_path, experiment, skills)
    report = make.report(experiment, tmp_path)
    assert not report.refused and not report.absent
    written = markdown(report)
    assert not re.search(r"raw mean|centred mean|relative to the best", written)
    (section,) = (each for each in report.sections if each.title == title)
    return [block for block in section.blocks if isinstance(block, Table)]


def cells(table: Table, head: str) -> list[object]:
    place = [column.name for column in table.columns].index(head)
    return [row.cells[place] for row in table.rows]


def test_an_order_is_tested_on_the_only_task(tmp_path):
    """An arm that is better, and one as good as random order."""
    (found,) = tables(tmp_path, "exp3", {"lm_loss": 3.0, "random": 0.0}, "Scores on the way")
    places = zip(cells(found, "arm"), cells(found, "milestone"), strict=True)
    verdicts = dict(zip(places, cells(found, "verdict"), strict=True))
    assert verdicts["random", "700-steps"] == "baseline"
    assert verdicts["lm_loss", "700-steps"] == "better"
    assert verdicts["self_loss", "700-steps"] == "cannot tell"
    assert "stsb - random" in [column.name for column in found.columns]


@pytest.mark.parametrize(("skill", "verdict"), [(3.0, "LEANER better"), (0.0, "cannot tell")])
def test_sides_are_tested_on_the_only_task(tmp_path, skill, verdict):
    skills = {"leaner": skill, "original": 0.0}
    (found,) = tables(tmp_path, "exp1", skills, "LEANER against original")
    assert set(cells(found, "verdict")) == {verdict}
    assert set(cells(found, "seeds")) == {"3 and 3"}
    assert set(cells(found, "chance")) == {"rows and training seeds"}


def test_one_training_of_a_side_is_told_from_nothing(tmp_path):
    """Its seed is no part of the interval, however many the other side has."""
    experiment = small_experiment.read(tmp_path, "exp3", "small")
    small_experiment.fill(tmp_path, experiment, {"lm_loss": 3.0, "random": 0.0})
    for path in [*(tmp_path / "boards" / "leaner_glue").glob("lm_loss-end-seed[12]/*")]:
        path.unlink()
    report = make.report(experiment, tmp_path)
    (section,) = (each for each in report.sections if each.title == "Scores on the way")
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    columns = (cells(table, head) for head in ("arm", "milestone", "seeds", "verdict"))
    found = {place: rest for *place_, seeds, said in zip(*columns, strict=True)
             for place, rest in [(tuple(place_), (seeds, said))]}  # fmt: skip
    assert found["lm_loss", "end"] == ("1 and 3", "one seed of a side: cannot tell")
    assert found["lm_loss", "700-steps"] == ("3 and 3", "better")
    assert any("1 training seed of some ways to train" in said for said in report.notices)
    assert any("mean of Pearson's and Spearman's" in note.text for note in section.blocks
               if isinstance(note, Note))  # fmt: skip
