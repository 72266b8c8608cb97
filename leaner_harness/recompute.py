"""What a result's samples say: metrics, intervals and baselines of each task, and the means.

A result is made by this, and `verify` makes it again from the committed samples: a number on the
board never rests on something nobody can check.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from leaner_harness import results, scoring
from leaner_harness.data.glue import AVERAGED, TASKS
from leaner_harness.errors import ResultError
from leaner_harness.results import Record, Result
from leaner_harness.statistics import Array, centred, percentile_interval

TOLERANCE = 1e-6


def scored_sample(sample: Record) -> scoring.ScoredRow:
    """The scored row of a reduced sample."""
    return scoring.scored_row(TASKS[sample["task"]], sample, sample["log_likelihoods"])


def score_samples(samples: Iterable[Record]) -> tuple[dict[str, Record], dict[str, Record]]:
    """Per task `{n, metrics, intervals, majority_baseline}`, and the group means.

    The order of samples changes nothing. There are no means unless all averaged tasks are there.
    """
    by_task: dict[str, list[Record]] = defaultdict(list)
    for sample in samples:
        by_task[sample["task"]].append(sample)
    tasks: dict[str, Record] = {}
    draws: dict[str, Array] = {}
    for name, found in sorted(by_task.items()):
        rows = [scored_sample(sample) for sample in sorted(found, key=order)]
        draws[name] = scoring.score_draws(TASKS[name], rows)
        tasks[name] = _task_record(name, rows, draws[name])
    complete = all(name in tasks for name in AVERAGED)
    return tasks, _means(tasks, draws) if complete else {}


def order(sample: Record) -> tuple[str, str, int]:
    """A sample's place: several processes hand samples over in another order than one does."""
    return sample["task"], sample.get("part", ""), sample["idx"]


def _task_record(name: str, rows: list[scoring.ScoredRow], draws: Array) -> Record:
    constant = scoring.majority_baseline(TASKS[name], rows)
    low, high = percentile_interval(draws)
    return {
        "n": len(rows),
        "metrics": {k: round(v, 9) for k, v in scoring.values(TASKS[name], rows).items()},
        "intervals": {
            scoring.SCORE: [round(low, 6), round(high, 6)],
            scoring.CENTRED: [round(float(centred(b, constant)), 6) for b in (low, high)],
        },
        "majority_baseline": round(constant, 9),
    }


def _means(tasks: Mapping[str, Record], draws: Mapping[str, Array]) -> dict[str, Record]:
    drawn = {
        scoring.SCORE: {name: draws[name] for name in AVERAGED},
        scoring.CENTRED: {
            name: centred(draws[name], tasks[name]["majority_baseline"]) for name in AVERAGED
        },
    }
    found = {}
    for metric, by_task in drawn.items():
        value = sum(tasks[name]["metrics"][metric] for name in AVERAGED) / len(AVERAGED)
        interval = [round(bound, 6) for bound in scoring.group_interval(by_task)]
        found[metric] = {"value": round(value, 9), "interval": interval}
    return found


def verify(result: Result, folder: Path) -> None:
    """Raise ResultError unless a result's numbers are those its committed samples give."""
    path = folder / result.path
    samples = path.with_name(result.record["samples"]["file"])
    if not samples.is_file():
        raise ResultError(f"{path}: its samples {samples.name} are not there.")
    if hashlib.sha256(samples.read_bytes()).hexdigest() != result.record["samples"]["sha256"]:
        raise ResultError(f"{samples} was changed after {path.name} was written.", _CURE)
    tasks, mean = score_samples(results.read_samples(samples))
    ran = {name: task for name, task in result.record["tasks"].items() if task["state"] == "ok"}
    if set(ran) != set(tasks):
        raise ResultError(f"{path}: its samples are of other tasks than its scores.", _CURE)
    for name, task in tasks.items():
        _same(f"{path}: {name}", {key: ran[name].get(key) for key in task}, task)
    _same(f"{path}: mean", result.record["mean"], mean)


_CURE = "Make it again: leaner results add OUTPUT --replace"


def _same(what: str, stated: Any, computed: Any) -> None:
    """Compare records number by number."""
    if isinstance(computed, dict):
        if not isinstance(stated, dict) or set(stated) != set(computed):
            raise ResultError(f"{what} has other entries than its samples give.", _CURE)
        for key, value in computed.items():
            _same(f"{what} {key}", stated[key], value)
    elif isinstance(computed, list):
        for one, other in zip(stated, computed, strict=True):
            _same(what, one, other)
    elif not isinstance(stated, int | float) or not abs(stated - computed) <= TOLERANCE:
        raise ResultError(f"{what} is {stated}; its samples give {computed}.", _CURE)
