"""Killed inside a stage, inside a scoring of the text, or between, a run goes on bit for bit."""

from __future__ import annotations

import json
import os
import random
import time
from dataclasses import replace

import pytest
from killed import finish, kill, start, wait_until
from leaner_trainers import loop, stages
from small_training import RECIPE, log_of, surroundings, weights

N_KILLS, PAUSE = 12, 0.05
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
    run(tmp_path / "undisturbed", tmp_path)
    out, draw, in_scoring = tmp_path / "killed", random.Random(0), 0
    out.mkdir()
    for number in range(N_KILLS):
        (out / SCORING).unlink(missing_ok=True)
        before = n_steps(out)
        child = start(train, out, tmp_path, PAUSE)
        if number % 2:
            wait_until(child, reached, out, before + 1, SCORING)
            time.sleep(draw.uniform(0, 2 * PAUSE))  # before it, in it or after it
        else:
            wait_until(child, reached, out, before + draw.randint(1, 2))
        in_scoring += (out / SCORING).exists()
        assert kill(child), "the run ended before it was killed"
    assert in_scoring >= 4
    run(out, tmp_path)
    assert weights(out) == weights(tmp_path / "undisturbed")
    assert [entry["step"] for entry in log_of(out)] == list(range(1, CURRICULUM_RECIPE.steps + 1))
    pools = [
        [(entry["stage"], entry["pool_share"]) for entry in log_of(folder)]
        for folder in (out, tmp_path / "undisturbed")
    ]
    assert pools[0] == pools[1] and pools[0][-1] == (11, 1.0)


def run(out, home) -> None:
    """To the end, in a process of its own."""
    out.mkdir(exist_ok=True)
    finish(start(train, out, home, 0.0))


def reached(out, steps, mark=".") -> bool:
    """Whether a run is so far, and such a file of it is there."""
    return (out / mark).exists() and n_steps(out) >= steps


def n_steps(out) -> int:
    log = out / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    return json.loads(lines[-1])["step"] if lines and lines[-1].endswith("}") else 0
