"""The dry run of `leaner evaluate`: what would be scored, and for how long, from a timed sample."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from leaner_harness.evaluate import Session
from leaner_harness.evaluate.plan import Plan
from leaner_harness.results import answer_scores

if TYPE_CHECKING:
    from leaner_harness.models.finetune.model import FinetuneLM

_SAMPLE = 64
"""Rows of a task that are timed; rows are interleaved, so the first ones stand for all."""


class Estimate(NamedTuple):
    """One task's work."""

    task: str
    state: str
    """`ok`, or why the task cannot run."""
    rows: int = 0
    requests: int = 0
    runs: int = 0
    """Training runs that are left; 0 zero-shot."""
    steps: int = 0
    """Optimiser steps of one run, at most."""
    seconds: float = 0.0


def estimate(plan: Plan) -> list[Estimate]:
    """Time a sample of each task, and multiply."""
    session = Session(plan)
    return [_kind(plan, name)(session, name, _task(session, name)) for name in plan.tasks]


def _kind(plan: Plan, name: str) -> Callable[[Session, str, Any], Estimate]:
    if name in answer_scores.BOARDS:
        return _answered
    return _finetuned if plan.finetuned else _zero_shot


def _answered(session: Session, name: str, task: Any) -> Estimate:
    """Time one batch of answers; a judge's time is the judge's to say."""
    if task.found.state != "ok":
        return Estimate(name, task.found.state)
    rows = len(task.found.rows)
    task.build_all_requests(limit=session.plan.batch_size, rank=0, world_size=1)
    began = time.perf_counter()
    session.model.generate_until(task.instances, disable_tqdm=True)
    share = rows / len(task.instances)
    return Estimate(name, "ok", rows, rows, seconds=(time.perf_counter() - began) * share)


def _task(session: Session, name: str) -> Any:
    task = session.manager.load([name])["tasks"][name]
    task.set_config(key="num_fewshot", value=0)
    return task


def _zero_shot(session: Session, name: str, task: Any) -> Estimate:
    if task.found.state != "ok":
        return Estimate(name, task.found.state)
    rows = len(task.found.rows)
    task.build_all_requests(limit=_SAMPLE, rank=0, world_size=1)
    sample = task.instances
    session.model.loglikelihood(sample[:8], disable_tqdm=True)  # sets things up
    began = time.perf_counter()
    session.model.loglikelihood(sample, disable_tqdm=True)
    seconds = time.perf_counter() - began
    share = rows / min(_SAMPLE, rows)
    return Estimate(name, "ok", rows, round(len(sample) * share), seconds=seconds * share)


def _finetuned(session: Session, name: str, task: Any) -> Estimate:
    from leaner_harness.models.finetune.estimate import run_cost
    from leaner_harness.models.finetune.rows import load_task

    model: FinetuneLM = session.model
    data = load_task(name, task.found.split, session.plan.data)
    if data.state != "ok":
        return Estimate(name, data.state)
    rows, left = len(data.reported), model.left(data)
    requests = rows * data.task.classes
    if not left:
        return Estimate(name, "ok", rows, requests)
    workers = min(model.workers, left)
    cost = run_cost(model.setting, data, workers)
    return Estimate(name, "ok", rows, requests, left, cost.steps, cost.seconds * left / workers)
