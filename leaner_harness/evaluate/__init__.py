"""Evaluate: checkpoint -> result and samples, through lm-eval but without its task index.

What a stock `lm_eval` command would do, in one step: score the tasks of one board, write lm-eval's
own output files, make the result from them. Finished tasks are kept, so a stopped run goes on.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from leaner_harness import __version__, provenance
from leaner_harness.errors import ResultError
from leaner_harness.evaluate.plan import Plan
from leaner_harness.files import write_atomic
from leaner_harness.from_lm_eval.make import make
from leaner_harness.judge import opening
from leaner_harness.models.loading import settings_digest
from leaner_harness.registry import load_registry
from leaner_harness.results import Record, Result

Announce = Callable[[str, int, int], None]
"""Called with a task's name, its number and how many there are, before it is scored."""


def evaluate(
    plan: Plan, *, resume: bool = False, model: str = "", announce: Announce = lambda *_: None
) -> tuple[Result, list[Record]]:
    """Score the plan's tasks and make the result.

    `resume` goes on from the tasks already in the output folder; otherwise they are scored anew.
    Fine-tuning runs are kept either way, in folders named by all that decides their outcome; no
    other file is touched. Raises what the scorer and `make` raise.
    """
    if not resume:
        for task in plan.tasks:
            _place(plan, task).unlink(missing_ok=True)
    outputs = list(_score(plan, announce))
    path = write_lm_eval_output(plan, outputs)
    return make(path, model=model, partial=True)


def _place(plan: Plan, task: str) -> Path:
    return plan.output / "tasks" / f"{task}.json"


def _score(plan: Plan, announce: Announce) -> Iterator[Record]:
    """lm-eval's output, of each task by itself, kept or new.

    Fine-tuned tasks share the processes, and are answered anew: what is worth keeping of them are
    their training runs, which know their rows.
    """
    session = Session(plan)
    if plan.finetuned:
        announce(", ".join(plan.tasks), 1, 1)
        yield session.score(plan.tasks)
        return
    asked = _identity(plan)
    for number, task in enumerate(plan.tasks, start=1):
        kept, identity = _place(plan, task), asked | {"tasks": [task]}
        found = _kept(kept, identity, session.rows(task)) if kept.is_file() else None
        if found is None:
            announce(task, number, len(plan.tasks))
            found = session.score([task])
            write_atomic(kept, _dumped({"identity": identity, "output": found}))
        yield found


def _kept(path: Path, identity: Record, rows: tuple[str, str]) -> Record | None:
    """A task's output, if it was scored as this plan asks, on the rows there are now.

    A task that could not be scored is tried again.
    """
    kept = json.loads(path.read_text(encoding="utf-8"))
    if kept["identity"] != identity:
        return None
    output: Record = kept["output"]
    (config,) = output["configs"].values()
    scored = config["metadata"]["leaner"]
    return output if rows == ("ok", scored["fingerprint"]) else None


_ENVIRONMENT = (
    "LEANER_SPLIT", "LEANER_DATA", opening.NAME.upper(), opening.ARGUMENTS.upper()
)  # fmt: skip


def _identity(plan: Plan) -> Record:
    """What decides a zero-shot output besides its task's rows."""
    return {
        "weights": provenance.weights_digest(plan.checkpoint),
        "settings": settings_digest(plan.checkpoint),
        "arguments": {k: v for k, v in plan.model_arguments().items() if k != "pretrained"},
        "metadata": plan.metadata(),
        "environment": {k: os.environ.get(k) for k in _ENVIRONMENT},
        "harness": __version__,
    }


class Session:
    """The model and the task index, each made at first use and then kept."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._model: Any = None
        self._manager: Any = None

    @property
    def model(self) -> Any:
        """The lm-eval model."""
        if self._model is None:
            from lm_eval.api.registry import get_model

            from leaner_harness.lm_eval_plugin import install

            install()
            name = "leaner-finetune" if self.plan.finetuned else "leaner"
            more = {"batch_size": self.plan.batch_size, "device": self.plan.device}
            self._model = get_model(name).create_from_arg_obj(self.plan.model_arguments(), more)
        return self._model

    @property
    def manager(self) -> Any:
        """A task index over plugins' folders alone: lm-eval's own 14,000 tasks take seconds."""
        if self._manager is None:
            from lm_eval.tasks import TaskManager

            folders = [str(path) for path in load_registry().task_folders()]
            self._manager = TaskManager(
                include_path=folders, include_defaults=False, metadata=self.plan.metadata()
            )
        return self._manager

    def rows(self, name: str) -> tuple[str, str]:
        """The state of a task's rows, and their fingerprint."""
        said = self.manager.load([name])["tasks"][name].config.metadata["leaner"]
        return said["state"], said["fingerprint"]

    def score(self, tasks: Sequence[str]) -> Record:
        """lm-eval's output for some tasks, samples included, as a stock run would report it."""
        from lm_eval import evaluator, simple_evaluate

        counts = self._counts()
        # It asks git about the folder the user is in, and git complains aloud where it is none.
        evaluator.get_git_commit_hash = lambda: None
        # No stderr by bootstrap: results carry intervals, and lm-eval's take minutes.
        output = simple_evaluate(
            model=self.model,
            tasks=list(tasks),
            task_manager=self.manager,
            batch_size=self.plan.batch_size,
            device=self.plan.device,
            bootstrap_iters=0,
            log_samples=True,
        )
        named = "leaner-finetune" if self.plan.finetuned else "leaner"
        output["config"] |= {"model": named, "model_args": self.plan.model_arguments()}
        output[_COUNTS] = dict(counts)
        plain: Record = json.loads(_dumped(output))
        return plain

    def _counts(self) -> Counter[str]:
        """The scorer's account of what befell requests, set to nothing: each task has its own."""
        from leaner_harness.models.base import ScorerLM

        counts = self.model.counts if isinstance(self.model, ScorerLM) else Counter()
        counts.clear()
        return counts


def _dumped(output: Any) -> str:
    from lm_eval.utils import handle_non_serializable

    return json.dumps(output, default=handle_non_serializable, ensure_ascii=False)


_COUNTS = "leaner_counts"
"""Where a task's output says what befell its requests, until those of all tasks are added up."""
_BY_TASK = ("results", "configs", "versions", "n-shot", "n-samples", "higher_is_better", "samples")


def write_lm_eval_output(plan: Plan, outputs: Sequence[Record]) -> Path:
    """Write the outputs as one run in lm-eval's own layout; returns the results file."""
    from lm_eval.loggers import EvaluationTracker

    merged: Record = {key: value for key, value in outputs[-1].items() if key != _COUNTS}
    for key in _BY_TASK:
        merged[key] = {name: value for output in outputs for name, value in output[key].items()}
    counts: Counter[str] = sum((Counter(output[_COUNTS]) for output in outputs), Counter())
    if counts:
        merged["config"] = merged["config"] | {"leaner": merged["config"]["leaner"] | counts}
    merged["date"] = max(float(output["date"]) for output in outputs)
    samples = merged.pop("samples")
    folder = plan.output / "lm_eval"
    tracker = EvaluationTracker(output_path=str(folder))
    tracker.general_config_tracker.log_experiment_args(
        model_source=merged["config"]["model"],
        model_args=merged["config"]["model_args"],
        system_instruction="",
        chat_template="",
        fewshot_as_multiturn=False,
    )
    tracker.save_results_aggregated(results=merged, samples=samples)
    for name, rows in samples.items():
        tracker.save_results_samples(task_name=name, samples=rows)
    # Not the newest: another time zone, or the end of summer time, has newer names.
    written = next(folder.rglob(f"results_{tracker.date_id}.json"), None)
    if written is None:  # lm_eval only warns of that
        raise ResultError(f"lm_eval could not write into {folder}.", "Is there room on the disk?")
    return written
