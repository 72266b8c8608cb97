"""The demo runs from an empty folder to a board with two models on it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from leaner_harness import demo
from leaner_harness.errors import LeanerError, UsageError


def test_a_step_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    step = demo.Step("Fail", [sys.executable, "-c", "print('deep reason'); exit(3)"], "step.log")
    with pytest.raises(LeanerError, match="ended with 3.\ndeep reason"):
        demo.run_step(step, tmp_path)


def test_it_starts_from_the_committed_results(tmp_path: Path) -> None:
    (tmp_path / "results" / "board").mkdir(parents=True)
    (tmp_path / "results" / "board" / "old.json").write_text("{}")
    out = tmp_path / "runs" / "demo"
    demo.prepare(out, tmp_path / "results")
    (out / "leftover").mkdir()
    demo.prepare(out, tmp_path / "results")
    assert (out / "results" / "board" / "old.json").is_file()
    assert not (out / "leftover").exists()


def test_it_never_empties_a_folder_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="no earlier demo"):
        demo.prepare(tmp_path, tmp_path / "results")
    assert (tmp_path / "thesis.txt").is_file()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demo_ends_in_a_board(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "leaner_harness.cli", "demo", "--out", str(tmp_path / "demo")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    board = (tmp_path / "demo" / "results" / "README.md").read_text()
    assert "[llama-demo](" in board and "[ngram](" in board
    assert board.count("## leaner_glue_mini") == 1
    assert "95 % interval" in done.stdout and "best constant" in done.stdout
    record = json.loads((tmp_path / "demo" / "llama-demo" / "leaner.json").read_text())
    # The trigram beside it is the floor that training has to rise above.
    floor = json.loads((tmp_path / "demo" / "ngram" / "leaner.json").read_text())
    assert record["validation_bits_per_byte"] < floor["validation_bits_per_byte"]
