"""The scripts of `benchmarks/` start, and the race against Trainer is run to its end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = [path for path in sorted(BENCHMARKS.glob("*.py")) if "__main__" in path.read_text()]


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_starts(script):
    done = subprocess.run([sys.executable, str(script), "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage:" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_our_loop_and_trainer_race():
    """Both set accelerate up, each in a way of its own, so neither may see the other's."""
    small = ["--size", "1M", "--context", "32", "--batch", "2", "--rounds", "2", "--words", "20000"]
    script = str(BENCHMARKS / "training.py")
    done = subprocess.run(
        [sys.executable, script, *small, "--json"], check=True, capture_output=True, text=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert all(speed > 0 for speed in found["tokens_per_second"].values())
    assert found["peak_bytes"].keys() == {"published", "trainer", "ours", "ours-apart"}
    assert min(found["peak_bytes"].values()) > 2**20
    mean, low, high = found["ours / trainer"]
    assert low <= mean <= high
