"""What to score, how, and where the output goes: checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaner_harness.data.glue import AVERAGED, TASKS, check_split
from leaner_harness.errors import CheckpointError, UnknownName, UsageError
from leaner_harness.from_lm_eval.glue_run import BOARDS
from leaner_harness.from_lm_eval.scored_model import recorded_arguments
from leaner_harness.judge import opening
from leaner_harness.models.finetune.protocol import PROTOCOLS
from leaner_harness.results import answer_scores

ZERO_SHOT = "zero-shot"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to score, how, and where the output goes."""

    checkpoint: Path
    protocol: str
    tasks: tuple[str, ...]
    """Names lm-eval knows them by, all of one board."""
    output: Path
    split: str | None = None
    data: str | None = None
    """Folder in the published layout; None: the published set."""
    arguments: Mapping[str, Any] | None = None
    """More model arguments of lm-eval."""
    batch_size: int = 64
    device: str | None = None
    judge: str = ""
    """Who grades answers, as in `openai:MODEL`; without one there are checks alone."""
    judge_arguments: Mapping[str, Any] | None = None

    @property
    def finetuned(self) -> bool:
        """Whether a classifier is trained for each task."""
        return self.protocol != ZERO_SHOT

    def metadata(self) -> dict[str, Any]:
        """The tasks' options."""
        asked: dict[str, Any] = {"leaner_split": self.split, "leaner_data": self.data}
        if self.judge:
            asked |= {opening.NAME: self.judge, opening.ARGUMENTS: dict(self.judge_arguments or {})}
        return {key: value for key, value in asked.items() if value}

    def model_arguments(self) -> dict[str, Any]:
        """lm-eval's model arguments."""
        found: dict[str, Any] = {"pretrained": str(self.checkpoint)}
        if self.finetuned:
            found |= {"protocol": self.protocol, "work": str(self.output / "runs")}
            found |= self.metadata()
        return found | dict(self.arguments or {})


def make_plan(
    checkpoint: Path, protocol: str, tasks: Sequence[str], output: Path | None, **rest: Any
) -> Plan:
    """Check what was asked for.

    Raises UnknownName for a protocol, task or split that does not exist, UsageError for tasks of
    two boards, CheckpointError for a folder that is none, ResultError for an adapter.
    """
    if not checkpoint.is_dir():
        raise CheckpointError(f"{checkpoint} is no folder.", "Make one: leaner train llama-1m")
    known = (ZERO_SHOT, *PROTOCOLS)
    if protocol not in known:
        raise UnknownName("protocol", protocol, known)
    if rest.get("split"):
        check_split(rest["split"])
    names = tuple(dict.fromkeys(name for asked in tasks for name in expand(asked)))
    if not names:
        raise UsageError("--tasks names no task.", "All of a group: --tasks leaner_glue")
    boards = {board_of(name) for name in names}
    if len(boards) != 1:
        raise UsageError(
            f"The tasks are of two boards: {', '.join(sorted(boards))}.", "Score them one by one."
        )
    if boards <= {*answer_scores.BOARDS}:
        _check_answers(protocol, rest)
    elif rest.get("judge"):
        raise UsageError("There is nothing to judge: only leaner_eval and leaner_eval_mini ask.")
    elif not any(name.removeprefix(f"{board_of(name)}_") in AVERAGED for name in names):
        raise UsageError(
            "wnli alone makes no result: it is no evidence about a model.",
            "Score it with: lm_eval --model leaner --tasks leaner_glue_wnli",
        )
    chosen = (
        output or Path("evaluations") / checkpoint.resolve().name / f"{boards.pop()}-{protocol}"
    )
    plan = Plan(checkpoint, protocol, names, chosen, **rest)
    recorded_arguments(plan.model_arguments())
    return plan


def _check_answers(protocol: str, options: Mapping[str, Any]) -> None:
    if protocol != ZERO_SHOT:
        raise UsageError("LEANER-Eval is answered as the model is: --protocol zero-shot.")
    if options.get("split"):
        raise UsageError("LEANER-Eval has no splits: leave out --split.")
    if options.get("judge_arguments") and not options.get("judge"):
        raise UsageError("--judge-args says more of a judge; name it with --judge NAME:MODEL.")


def expand(asked: str) -> list[str]:
    """A group's tasks, or the task itself; `cola` alone is the published one."""
    if asked in answer_scores.BOARDS:
        return [asked]
    if asked in BOARDS:
        return [f"{asked}_{task}" for task in AVERAGED]
    if asked in TASKS:
        return [f"leaner_glue_{asked}"]
    if any(asked == f"{board}_{task}" for board in BOARDS for task in TASKS):
        return [asked]
    one_by_one = (f"{board}_{task}" for board in BOARDS for task in TASKS)
    known = [*BOARDS, *answer_scores.BOARDS, *one_by_one]
    cure = "For lm-eval's other tasks: lm_eval --model leaner --tasks NAME"
    raise UnknownName("task", asked, known, cure)


def board_of(task: str) -> str:
    """The board of a task by its lm-eval name."""
    if task in answer_scores.BOARDS:
        return task
    return next(board for board in BOARDS if task.startswith(f"{board}_"))
