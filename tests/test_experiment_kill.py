"""An experiment that is killed again and again ends with the report of one that was left alone."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leaner_harness.commands import environment

KILLS = 10

# The steps of EXP1 and its report, over a grid of seconds: two sides, one architecture, one task.
OWN = """
[preset.tiny]
recipe = "{architecture}-1m"
grid_recipe = "llama-1m"
side = ["leaner", "original"]
architecture = ["llama"]
seed = [0]
tuned = []
tuned_seed = []
draw = []
tuning = "quick"
tuned_tasks = "leaner_glue_mini_cola"
size = "1M"
parameters = ["1M"]
words = [8_000]
all_words = 8_000
protocol = "zero-shot"
tasks = "leaner_glue_mini_cola"
scoring = []
leaner_text = "mini"
original_text = "mini-harder"
reading = ["--words", "leaner=8000", "--words", "original=8000"]
budget = { words = 8_000, steps = 16, batch_size = 2, block_size = 64, warmup = 2, eval_every = 2, sample_every = 0, validation_words = 500, vocab_size = 400 }
at.side.leaner.text = { data = "{leaner_text}" }
at.side.original.text = { data = "{original_text}" }
at.words.8000.budget = { words = 8_000, steps = 16 }
"""  # noqa: E501


@pytest.fixture
def own(tmp_path) -> Path:
    from leaner_harness.experiments import grid

    shipped = grid.names()["exp1"].read_text()
    path = tmp_path / "own.toml"
    path.write_text(shipped[: shipped.index("# Whether the way works")] + OWN)
    return path


def command(verb: str, own: Path, folder: Path) -> list[str]:
    words = [sys.executable, "-m", "leaner_harness.cli", "experiment", verb, str(own)]
    words += ["--preset", "tiny", "--results", str(folder / "kept")]
    return words + (["--out", str(folder / "runs"), "--workers", "2"] if verb == "run" else [])


def report(own: Path, folder: Path) -> tuple[bytes, bytes]:
    subprocess.run(command("report", own, folder), check=True, stdout=subprocess.DEVNULL)
    kept = folder / "kept"
    return (kept / "report.md").read_bytes(), (kept / "report.html").read_bytes()


def killed(process: subprocess.Popen[bytes], seconds: float, *, alone: bool) -> bool:
    """Kill -9 the driver after some seconds, with or without its commands; was it running?"""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        if alone:
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    assert process.returncode == 0
    return False


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_run_that_is_killed_ten_times_has_the_report_of_one_that_was_not(own, tmp_path):
    quiet = {"env": environment(), "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    begun = time.monotonic()
    subprocess.run(command("run", own, tmp_path / "whole"), check=True, **quiet)
    whole = time.monotonic() - begun
    chance = random.Random(0)
    found = 0
    for number in range(KILLS):
        process = subprocess.Popen(
            command("run", own, tmp_path / "killed"), start_new_session=True, **quiet
        )
        found += killed(process, chance.uniform(0.02, 0.1) * whole, alone=number % 3 == 2)
    assert found >= KILLS // 2, "it was done before it could be killed"
    subprocess.run(command("run", own, tmp_path / "killed"), check=True, **quiet)
    assert report(own, tmp_path / "killed") == report(own, tmp_path / "whole")
