"""Killed at any moment, also while a state is written, a run goes on bit for bit."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import pytest
from killed import kill, start, wait_until
from leaner_trainers import loop
from small_training import RECIPE, log_of, surroundings, weights

N_KILLS = 20
PARTIAL = "resume/.state.partial"
KILLED_RECIPE = replace(
    RECIPE, steps=80, eval_every=1, sample_every=0, optimizer="muon", checkpoint_at=("25 steps",)
)


def train(out) -> None:
    """What each process does: begin the run, or go on with it, to its end."""
    with surroundings():
        loop.train(KILLED_RECIPE, out)


@pytest.mark.slow
def test_kill_9_at_twenty_moments(tmp_path):
    """Ten at any time, ten while a state is being written."""
    train(tmp_path / "undisturbed")
    out, draw, in_the_middle = tmp_path / "killed", random.Random(0), 0
    for number in range(N_KILLS):
        before = n_steps(out)
        child = start(train, out)
        if number % 2:
            wait_until(child, reached, out, before + 1, PARTIAL)
        else:
            wait_until(child, reached, out, before + draw.randint(1, 2))
            time.sleep(draw.uniform(0, 0.02))  # else always just after a line of the log
        in_the_middle += (out / PARTIAL).exists()
        assert kill(child), "the run ended before it was killed"
        assert not (out / "config.json").exists()
    assert in_the_middle >= 5
    train(out)
    assert weights(out) == weights(tmp_path / "undisturbed")
    assert [entry["step"] for entry in log_of(out)] == list(range(1, KILLED_RECIPE.steps + 1))
    milestone = "milestones/25-steps"
    assert weights(out / milestone) == weights(tmp_path / "undisturbed" / milestone)


def reached(out, steps, mark=".") -> bool:
    """Whether a run is so far, and such a file of it is there."""
    return (out / mark).exists() and n_steps(out) >= steps


def n_steps(out) -> int:
    log = out / "log.jsonl"
    return log.read_text().count("\n") if log.exists() else 0
