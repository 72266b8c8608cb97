"""LEANER-GLUE in an lm_eval run: its tasks, what they say of their rows, and its samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from leaner_harness.data.glue import TASKS
from leaner_harness.errors import ResultError
from leaner_harness.from_lm_eval.run import Run, read_output, task_account
from leaner_harness.results import Record, predictions, recompute
from leaner_harness.results.recompute import TOLERANCE
from leaner_harness.statistics import Item, Rating

BOARDS = ("leaner_glue_mini", "leaner_glue")


@dataclass
class Evaluation(Run):
    """A run of LEANER-GLUE's tasks."""

    data: dict[str, Record] = field(default_factory=dict)
    """Task -> what the task said of its rows (`TaskRows.record`)."""

    def key(self, task: str) -> str:
        """The name lm-eval knows the task by."""
        return f"{self.board}_{task}"

    def ran(self, task: str) -> bool:
        """Whether the task was scored."""
        return task in self.data and self.data[task]["state"] == "ok"

    def same(self, key: str) -> str:
        """What all tasks say under `key`; raises ResultError where they differ."""
        found = sorted({str(data[key]) for data in self.data.values()})
        if len(found) != 1:
            raise ResultError(f"The tasks differ in their {key}: {', '.join(found)}.")
        return found[0]

    def source(self) -> str:
        """Where the rows came from; one altered file makes the whole run `local`."""
        found = {data["source"] for data in self.data.values() if data["state"] == "ok"}
        if "mini" in found and len(found) > 1:
            raise ResultError(f"The tasks mix data sources: {', '.join(sorted(found))}.")
        return "local" if "local" in found else next(iter(found), "none")

    def shots(self) -> int:
        """The number of few-shot examples, the same for every task that ran."""
        found = {int(self.output["n-shot"][self.key(t)]) for t in self.data if self.ran(t)}
        if len(found) > 1:
            raise ResultError(f"The tasks differ in their number of shots: {sorted(found)}.")
        return found.pop() if found else 0

    def refuse_limit(self) -> None:
        """Raise ResultError for a run on a part of the rows."""
        for task in self.data:
            if self.ran(task):
                self.refuse_part(self.key(task))

    def finetuning(self, task: str) -> Record:
        """What fine-tuning says of a task: its rows, winning rate and cost; empty without it."""
        return dict(self.scorer().get("tasks", {}).get(self.key(task), {}))

    def samples(self, task: str) -> list[Record]:
        """The logged samples of one task, reduced to row id, label, prediction and numbers."""
        found = [_sample(task, row) for row in self.logged(self.key(task))]
        self.refuse_cut(self.key(task), len(found))
        return found

    def check(self, task: str, metrics: Mapping[str, float]) -> None:
        """Raise ResultError unless lm-eval's metrics are finite and equal the recomputed ones."""
        reported = self.output["results"][self.key(task)]
        for name, value in metrics.items():
            theirs = reported.get(f"{name},none")
            if not math.isfinite(value):
                raise ResultError(
                    f"{self.key(task)}: {name} is not a number: the model gave a log-likelihood "
                    "that is not finite.",
                    "The checkpoint is broken; train it again.",
                )
            known = isinstance(theirs, int | float)
            if not (known and abs(theirs - value) <= TOLERANCE):
                raise ResultError(
                    f"{self.key(task)}: lm_eval reports {name}={theirs}, its samples give "
                    f"{value:.9f}. One of the files was changed."
                )


def read_evaluation(path: Path) -> Evaluation:
    """Read a results file of lm_eval; raises ResultError unless it has just one of our groups."""
    output, tasks = read_output(path)
    boards = [board for board in BOARDS if any(_task_of(key, board) for key in tasks)]
    if len(boards) != 1:
        raise ResultError(
            f"{path.name} has the tasks {', '.join(sorted(tasks)) or 'none'}; a result needs the "
            "tasks of one group.",
            f"Run lm_eval --tasks {' or '.join(BOARDS)}",
        )
    evaluation = Evaluation(path, output, boards[0])
    for key, config in tasks.items():
        if task := _task_of(key, evaluation.board):
            evaluation.data[task] = task_account(key, config)
    for task, data in evaluation.data.items():
        found = evaluation.finetuning(task)
        if found and data["state"] == "ok":  # rows to report are there; rows to train on may not be
            data |= {"state": found["state"], "reason": found.get("reason", "")}
            if found.get("source") == "local":  # one of the files that trained or selected is
                data["source"] = "local"
    return evaluation


def _task_of(key: str, board: str) -> str:
    task = key.removeprefix(f"{board}_")
    return task if task in TASKS and key != task else ""


def _sample(task: str, logged: Record) -> Record:
    doc = logged["doc"]
    scores = _scores(logged["filtered_resps"])
    found = {"task": task, "idx": doc["idx"], "label": doc["label"], "log_likelihoods": scores}
    for key in ("part", "tag", "pair_id"):
        if doc.get(key):
            found[key] = doc[key]
    row = recompute.scored_sample(found)
    if isinstance(row, Item | Rating):
        return found | {"prediction": predictions.of(row)}
    return found | {"predictions": [predictions.of(seed) for seed in row]}


def _scores(responses: Sequence[Any]) -> list[Any]:
    """A log-likelihood per choice; of a fine-tuned model a list of these per training seed."""
    if all(len(response) < 3 for response in responses):
        return [_shortest(float(response[0])) for response in responses]
    by_choice = [[_shortest(float(value)) for value in response[2]] for response in responses]
    return [list(by_seed) for by_seed in zip(*by_choice, strict=True)]


def _shortest(value: float) -> float:
    """The shortest decimal with the same float32: models sum log-likelihoods in float32."""
    return float(str(np.float32(value)))
