"""Reports of records that say less than ours, or what none of ours says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import small_experiment

from leaner_harness.experiments.report import make
from leaner_harness.experiments.report.document import Report
from leaner_harness.experiments.report.files import _agree
from leaner_harness.experiments.report.markdown import markdown


def report(folder: Path, name: str, change: Callable[[Any], None], path: str) -> Report:
    """That of a folder in which some JSON files were changed."""
    experiment = small_experiment.read(folder, name, "small")
    small_experiment.fill(folder, experiment, {"leaner": 1.0, "original": 0.5})
    changed = sorted(folder.glob(path))
    assert changed
    for file in changed:
        record = json.loads(file.read_text())
        change(record)
        file.write_text(json.dumps(record))
    return make.report(experiment, folder)


@pytest.mark.parametrize("field", ["words_seen", "curriculum"])
def test_what_a_trainer_need_not_say_is_not_missed(field: str, tmp_path: Path) -> None:
    found = report(tmp_path, "exp1", lambda r: r.update({field: None}), "training/*/leaner.json")
    assert not found.refused and not found.absent
    assert "How much smaller" in markdown(found)


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("training/leaner-llama-seed0/leaner.json", lambda r: r["data"].pop("words")),
        ("training/leaner-llama-seed0/leaner.json", lambda r: r.update(parameters=None)),
        ("training/leaner-llama-seed0/leaner.json", lambda r: r.update(curriculum=["x"])),
        ("texts/sides.json", lambda r: r["texts"]["leaner"].pop("words")),
    ],
)
def test_what_no_section_could_read_is_refused(
    path: str, change: Callable[[Any], None], tmp_path: Path
) -> None:
    found = report(tmp_path, "exp1", change, path)
    assert [name for name, _ in found.refused] == [path]
    markdown(found)


def test_unknown_weights_are_held_against_no_result() -> None:
    last = SimpleNamespace(step=1, tokens=2, loss=3.0)
    run: Any = SimpleNamespace(
        milestones=lambda: {"end": ""}, curve=[last], loss=3.0, steps=1, tokens=2, record={}
    )
    other: Any = SimpleNamespace(record={"training": {"steps": 9}, "model": {"weights_sha256": ""}})
    _agree(run, [other])


def test_a_report_does_not_say_where_it_was_made(tmp_path: Path) -> None:
    """Runs that cannot be compared are named as seen from the report."""

    def change(record: Any) -> None:
        record["recipe"]["block_size"] = 7

    found = report(tmp_path, "exp3", change, "training/random-seed0/leaner.json")
    written = markdown(found)
    assert "differ in block_size" in written and str(tmp_path) not in written
