"""Killed inside a stage, inside a scoring of the text, or between, a run goes on bit for bit."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
from dataclasses import replace

import pytest
from leaner_trainers import loop, stages
from small_training import RECIPE, log_of, surroundings, weights

N_KILLS = 12
SCORING = "scoring-now"
CURRICULUM_RECIPE = replace(
    RECIPE,
    steps=60,
    eval_every=3,
    sample_every=0,
    curriculum="iterative",
    difficulty="self_loss",
    curriculum_options={"stages": 12, "full_at": 0.9, "nested": True},
)


def train(out, home, pause) -> None:
    """What each process does: go on with the run, and say when it scores the text."""
    os.environ["LEANER_HOME"] = str(home)
    score = stages.document_nats

    def slowly(*args, **options):
        (out / SCORING).touch()
        time.sleep(pause)
        found = score(*args, **options)
        time.sleep(pause)
        (out / SCORING).unlink()
        return found

    stages.document_nats = slowly
    with surroundings():
        loop.train(CURRICULUM_RECIPE, out)


@pytest.mark.slow
def test_kill_9_inside_a_stage_and_inside_a_scoring(tmp_path):
    fork = multiprocessing.get_context("forkserver")
    fork.set_forkserver_preload(["small_training"])
    run(fork, tmp_path / "undisturbed", tmp_path, 0.0)
    out, draw, in_scoring = tmp_path / "killed", random.Random(0), 0
    out.mkdir()
    for number in range(N_KILLS):
        (out / SCORING).unlink(missing_ok=True)
        child = fork.Process(target=train, args=(out, tmp_path, 0.05))
        child.start()
        before = n_steps(out)
        if number % 2:
            wait_for_scoring(out, before, child)
        else:
            time.sleep(draw.uniform(1.0, 3.0))
        in_scoring += (out / SCORING).exists()
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        assert child.exitcode == -signal.SIGKILL, "the run ended before it was killed"
    assert in_scoring >= 4
    run(fork, out, tmp_path, 0.0)
    assert weights(out) == weights(tmp_path / "undisturbed")
    assert [entry["step"] for entry in log_of(out)] == list(range(1, 61))
    pools = [
        [(entry["stage"], entry["pool_share"]) for entry in log_of(folder)]
        for folder in (out, tmp_path / "undisturbed")
    ]
    assert pools[0] == pools[1] and pools[0][-1] == (11, 1.0)


def run(fork, out, home, pause) -> None:
    """To the end, in a process of its own."""
    out.mkdir(exist_ok=True)
    child = fork.Process(target=train, args=(out, home, pause))
    child.start()
    child.join()
    assert child.exitcode == 0


def n_steps(out) -> int:
    log = out / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    return json.loads(lines[-1])["step"] if lines and lines[-1].endswith("}") else 0


def wait_for_scoring(out, before, child) -> None:
    """Until the text is being scored, further on than before where there is a log."""
    end = time.monotonic() + 60
    while child.is_alive() and time.monotonic() < end:
        if (out / SCORING).exists() and n_steps(out) > before:
            return
        time.sleep(0.0005)
