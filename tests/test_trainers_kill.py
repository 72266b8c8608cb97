"""Killed at any moment, also while a state is written, a run goes on bit for bit."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from dataclasses import replace

import pytest
from leaner_trainers import loop
from small_training import RECIPE, log_of, surroundings, weights

N_KILLS = 20
PARTIAL = "resume/.state.partial"
KILLED_RECIPE = replace(
    RECIPE, steps=60, eval_every=1, sample_every=0, optimizer="muon", checkpoint_at=("25 steps",)
)


def train(out) -> None:
    """What each process does: begin the run, or go on with it, to its end."""
    with surroundings():
        loop.train(KILLED_RECIPE, out)


@pytest.mark.slow
def test_kill_9_at_twenty_moments(tmp_path):
    """Ten at any time, ten while a state is being written."""
    fork = multiprocessing.get_context("forkserver")
    fork.set_forkserver_preload(["small_training"])  # torch is imported once, not twenty times
    train(tmp_path / "undisturbed")
    out, draw, in_the_middle = tmp_path / "killed", random.Random(0), 0
    for number in range(N_KILLS):
        child = fork.Process(target=train, args=(out,))
        child.start()
        before = n_steps(out)
        if number % 2:
            # Some steps further, until a state is being written.
            wait_until_written(out, before, child)
        else:
            time.sleep(draw.uniform(0.2, 3.0))
        in_the_middle += (out / PARTIAL).exists()
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        assert child.exitcode == -signal.SIGKILL, "the run ended before it was killed"
        assert not (out / "config.json").exists()
    assert in_the_middle >= 5
    train(out)
    assert weights(out) == weights(tmp_path / "undisturbed")
    assert [entry["step"] for entry in log_of(out)] == list(range(1, 61))
    milestone = "milestones/25-steps"
    assert weights(out / milestone) == weights(tmp_path / "undisturbed" / milestone)


def n_steps(out) -> int:
    log = out / "log.jsonl"
    return log.read_text().count("\n") if log.exists() else 0


def wait_until_written(out, before, child) -> None:
    """Until a state is being written, some steps after those before."""
    end = time.monotonic() + 60
    while child.is_alive() and time.monotonic() < end:
        if (out / PARTIAL).exists() and n_steps(out) > before:
            return
        time.sleep(0.0005)
