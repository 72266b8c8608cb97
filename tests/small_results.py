"""Small results made of numbers alone: models of a given skill, with one or several seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leaner_harness import results
from leaner_harness.data.glue import AVERAGED, TASKS
from leaner_harness.results import Record, Result, recompute, rules

ROWS = 40


def sample(name: str, idx: int, skill: float, generator: np.random.Generator) -> Record:
    """A row a model of that skill answers: log-likelihoods with the right choice above noise."""
    task = TASKS[name]
    label = idx % task.classes
    scores = generator.normal(size=task.classes) + skill * np.eye(task.classes)[label]
    found = {"task": name, "idx": idx, "label": label}
    found |= {"part": task.parts[idx % 2]} if task.parts != ("",) else {}
    return found | {"log_likelihoods": [float(score) for score in scores]}


def zero_shot(skill: float, seed: int, n: int = ROWS, **skills: float) -> list[Record]:
    generator = np.random.default_rng(seed)
    return [
        sample(name, idx, skills.get(name, skill), generator)
        for name in AVERAGED
        for idx in range(n)
    ]


def fine_tuned(skills: Sequence[float], seed: int, n: int = ROWS) -> list[Record]:
    """Samples with a list of log-likelihoods per training seed, one skill each."""
    runs = [zero_shot(skill, seed + 100 * i, n) for i, skill in enumerate(skills)]
    return [
        rows[0] | {"log_likelihoods": [row["log_likelihoods"] for row in rows]}
        for rows in zip(*runs, strict=True)
    ]


def labels(name: str, samples: Sequence[Record]) -> dict[str, int]:
    """How many of a task's rows have which label."""
    if TASKS[name].regression:
        return {}
    return dict(Counter(str(each["label"]) for each in samples if each["task"] == name))


def write(folder: Path, model: str, samples: list[Record], **changes: Any) -> Path:
    """A whole result as `leaner results add` leaves it; `rows` names the rows it is of."""
    tasks, mean = recompute.score_samples(samples)
    rows = changes.get("rows", "d")
    ok = {"state": "ok", "defects": {}, "reason": "", "version": 1}
    tasks = {
        name: ok | {"fingerprint": f"{rows}{name}", "labels": labels(name, samples)} | task
        for name, task in tasks.items()
    }
    record = {
        "schema": 1,
        "board": "leaner_glue",
        "run": changes.get("run", "zero-shot-validation"),
        "model": {"name": model, "model_type": "hf", "model_args": {}, "pretrained": "",
                  "parameters": 1, "weights_sha256": changes.get("weights", model),
                  "scorer": changes.get("scorer", {})},
        "protocol": {"name": "zero-shot", "fingerprint": "p"} | changes.get("protocol", {}),
        "data": {"split": "validation", "source": "official", "synthetic": False,
                 "fingerprint": rules.rows_fingerprint(tasks)} | changes.get("data", {}),
        "tasks": tasks,
        "mean": mean,
        "missing": [],
        "provenance": {},
    }  # fmt: skip
    return results.write(Result(record), samples, folder, replace=False)
