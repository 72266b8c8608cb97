"""Small LEANER-GLUE files in the published layout, and a language model with scores to order."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from leaner_harness.data.glue import TASKS

Score = Callable[[str, str], float]


def noise(context: str, continuation: str) -> float:
    """A score that looks random, is the same in every process, and fits a float32."""
    return -(sum(ord(c) * (i % 7 + 1) for i, c in enumerate(context + continuation)) % 97) / 8


def write_glue(
    folder: Path, splits: tuple[str, ...] = ("train", "validation"), n: int = 24
) -> Path:
    """n rows per file of all nine tasks, sorted by label as the published files are."""
    for task in TASKS.values():
        for split in splits:
            for stem in task.stems(split).values():
                rows = [
                    {
                        **{name: f"{task.name} {split} {name} number {i}." for name in task.fields},
                        "label": float(label) if task.regression else label,
                        "idx": i,
                    }
                    for i in range(n)
                    for label in [i * task.classes // n]
                ]
                path = folder / f"{stem}.jsonl"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


class ScoredLM(LM):
    """A model whose log-likelihoods are a function of (context, continuation)."""

    def __init__(self, score: Score) -> None:
        super().__init__()
        self.score = score
        self.contexts: list[str] = []

    def loglikelihood(self, requests: list[Instance], **_: Any) -> list[tuple[float, bool]]:
        self.contexts += [request.args[0] for request in requests]
        return [(self.score(*request.args), False) for request in requests]

    def loglikelihood_rolling(self, requests: list[Instance], **_: Any) -> list[float]:
        raise NotImplementedError

    def generate_until(self, requests: list[Instance], **_: Any) -> list[str]:
        raise NotImplementedError


def evaluate(lm: LM, tasks: list[str], metadata: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """lm_eval's own Python API over our task folder alone: no 14,000-task index."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    from leaner_harness.contracts import resolve_folder

    folder = str(resolve_folder("leaner_harness:tasks"))
    manager = TaskManager(include_path=folder, include_defaults=False, metadata=metadata)
    found = simple_evaluate(model=lm, tasks=tasks, task_manager=manager, **kwargs)
    assert found is not None
    return dict(found)
