"""The demo: commands that a reader can repeat, done once each, and an honest end."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import documents
import pytest
from processes import ended
from small_boards import answers_record, glue_record
from test_documents import enter_workshop, run

from leaner_harness import demo
from leaner_harness.cli import demo as shown
from leaner_harness.demo import Step, findings
from leaner_harness.demo.findings import Finding
from leaner_harness.errors import LeanerError, UsageError
from leaner_harness.experiments.drive import Place
from leaner_harness.experiments.grid import Cell
from leaner_harness.files import write_json
from leaner_harness.results import Record

LEANER = [sys.executable, "-m", "leaner_harness.cli"]


def step(name: str, *words: str) -> Step:
    return Step(name, Cell(name, name, {}, words))


def done(out: Path, *cells: Cell) -> None:
    for cell in cells:
        write_json(Place(out).mark(cell), {"digest": cell.digest, "seconds": 1.0})


def test_its_commands_can_be_read_and_follow_what_they_need() -> None:
    before: set[str] = set()
    steps = demo.steps(Path("runs/demo"))
    for each in steps:
        assert set(each.cell.needs) <= before, each.title
        before.add(each.cell.name)
        command = shlex.join(each.cell.command)
        assert not command.startswith("leaner ") or not documents.complaint(command)
    stock = [each for each in steps if each.cell.command[0] == "lm_eval"]
    assert stock and all("--log_samples" in each.cell.command for each in stock)


def test_a_step_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    failing = step("fail", sys.executable, "-c", "print('deep reason'); exit(3)")
    with pytest.raises(LeanerError, match="(?s)failed.*deep reason"):
        shown._run([failing], tmp_path, 1)


def test_it_starts_from_the_committed_results(tmp_path: Path) -> None:
    (tmp_path / "results" / "board").mkdir(parents=True)
    (tmp_path / "results" / "board" / "old.json").write_text("{}")
    out, cell = tmp_path / "runs" / "demo", step("one", "true").cell
    demo.prepare(out, tmp_path / "results", [cell])
    assert (out / "results" / "board" / "old.json").is_file()


def test_it_goes_on_where_it_was_stopped_and_starts_anew_when_it_was_done(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    one, two = step("one", "true").cell, step("two", "true").cell
    demo.prepare(out, tmp_path / "none", [one, two])
    (out / "half").mkdir()
    done(out, one)
    demo.prepare(out, tmp_path / "none", [one, two])
    assert (out / "half").is_dir() and Place(out).is_done(one)
    other = step("one", "false").cell  # an earlier version's command: nothing to go on with
    demo.prepare(out, tmp_path / "none", [other, two])
    assert not (out / "half").exists()
    (out / "whole").mkdir()
    done(out, one, two)
    demo.prepare(out, tmp_path / "none", [one, two])
    assert not (out / "whole").exists() and not Place(out).is_done(one)


def test_it_never_empties_a_folder_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="no earlier demo"):
        demo.prepare(tmp_path, tmp_path / "results", [])
    assert (tmp_path / "thesis.txt").is_file()


@pytest.mark.parametrize(
    ("interval", "reading"),
    [
        ([0.51, 0.6], "above"),
        ([0.5, 0.6], "not told apart from"),
        ([0.4, 0.5], "not told apart from"),
        ([0.4, 0.49], "below"),
    ],
)
def test_only_a_whole_interval_is_above_a_constant(interval: list[float], reading: str) -> None:
    assert findings._against(interval, 0.5).startswith(f"{reading} the best constant")


def said_all(found: list[Finding]) -> None:
    named = [each.what for each in found]
    assert named[:2] == [f"{name}, zero-shot, centred mean of 8" for name in ("llama", "ngram")]
    assert [f"bert, fine-tuned, {task}" for task in demo.TASKS] == named[5:8]
    assert found[8].reading == "one seed: cannot tell" and "random" in found[8].what
    assert "no grades" in found[9].reading and len(found) == 10


def test_every_number_has_its_interval_and_its_reading() -> None:
    def record(name: str, protocol: str) -> Record:
        changed = {"name": protocol, "fingerprint": "1"}
        return glue_record(f"demo-{name}", 1, board=demo.GROUP, protocol=changed)

    runs = [("llama", "zero-shot"), ("ngram", "zero-shot"), ("llama", "glance"), ("bert", "glance")]
    other = record("llama", "glance")  # filed before, on another split and without all tasks
    other["data"]["split"], other["tasks"] = "validation", {"cola": other["tasks"]["cola"]}
    answers = answers_record("demo-llama", 2, judged=False) | {"board": demo.QUESTIONS}
    group = {"group": "iterative", "difference": 0.1, "verdict": "one seed: cannot tell"}
    curricula = {
        "groups": [{"group": "random"}, group],
        "baseline": "random",
        "measure": {"unit": "bits per byte"},
    }
    found = list(findings.findings([*(record(*run) for run in runs), other, answers], curricula))
    said_all(found)
    assert all(re.search(r"^-?[.\d]+ \[-?[.\d]+, -?[.\d]+\]$", each.value) for each in found[:8])
    assert found[8].value == "+0.100 bits per byte"
    shown._print(found)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_its_steps_can_be_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its steps in one process, on few rows and few steps of training."""
    enter_workshop(tmp_path, monkeypatch)
    monkeypatch.setattr(demo, "GROUP", "leaner_glue")
    monkeypatch.setattr(findings, "GROUP", "leaner_glue")
    out = Path("demo")
    demo.prepare(out, Path("none"), [])
    for each in demo.steps(out):
        run(re.sub("^lm_eval ", "leaner lm-eval ", shlex.join(each.cell.command)))
    said_all(findings.read(out))
    assert (out / "results" / "index.html").is_file()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_demo_ends_in_a_board(tmp_path: Path) -> None:
    """It is stopped by Ctrl-C on its way, and goes on."""
    out = tmp_path / "demo"
    command = [*LEANER, "demo", "--out", str(out)]
    first = subprocess.Popen(command, cwd=tmp_path, start_new_session=True, text=True)
    with ended(first) as stopped:
        while not (out / "demo-llama" / "log.jsonl").is_file():
            assert stopped.poll() is None
            time.sleep(0.2)
        os.killpg(stopped.pid, signal.SIGINT)  # as a terminal does: to all of its processes
        assert stopped.wait(120) == 130
    assert (out / "demo-llama" / "resume").is_dir()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    board = (out / "results" / "README.md").read_text()
    assert "[demo-llama](" in board and "[demo-ngram](" in board and "[demo-bert](" in board
    assert board.count("## leaner_glue_mini") == 2  # zero-shot, and fine-tuned
    assert (out / "results" / "index.html").is_file()
    said = done.stdout
    assert "95 % interval" in said and "best constant" in said and "cannot tell" in said
    for each in demo.steps(out):
        assert shlex.join(each.cell.command) in said
    record = json.loads((out / "demo-llama" / "leaner.json").read_text())
    # The trigram beside it is the floor that training has to rise above.
    floor = json.loads((out / "demo-ngram" / "leaner.json").read_text())
    assert record["validation_bits_per_byte"] < floor["validation_bits_per_byte"]
