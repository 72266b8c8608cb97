"""The eight-task battery of the mini set, plus mismatched mnli: stems, sizes and rows."""

from __future__ import annotations

from typing import Any

from leaner_harness.data.mini.draw import Dice
from leaner_harness.data.mini.sentences import Frame
from leaner_harness.data.mini.tasks.assembly import Stage, Task, assemble
from leaner_harness.data.mini.tasks.cola import COLA
from leaner_harness.data.mini.tasks.entailment import MNLI, RTE
from leaner_harness.data.mini.tasks.paraphrase import MRPC, QQP
from leaner_harness.data.mini.tasks.qnli import QNLI
from leaner_harness.data.mini.tasks.sst2 import SST2
from leaner_harness.data.mini.tasks.stsb import STSB
from leaner_harness.data.mini.tasks.wnli import WNLI
from leaner_harness.data.mini.world import SEED, SPLITS, VERSION, cast
from leaner_harness.errors import UnknownName

TASKS = {task.name: task for task in (COLA, SST2, MRPC, QQP, STSB, MNLI, QNLI, RTE, WNLI)}
SIZES = {"train": 2000, "validation": 500, "test": 1000}


def _frames(fronts: str, backs: str = "") -> tuple[Frame, ...]:
    return tuple(Frame(front=f.strip()) for f in fronts.split("|")) + tuple(
        Frame(back=b.strip()) for b in backs.split("|") if b
    )


_EVENT = {
    "train": _frames(
        "| at home, | in the park, | near the river, | in the morning,",
        "at home | in the park | near the river | in the morning",
    ),
    "validation": _frames("on the farm, | in the afternoon,", "on the farm | in the afternoon"),
    "test": _frames(
        "in the town, | near the lake, | in the evening,", "in the town | near the lake | at school"
    ),
}
_FACT = {
    "train": _frames("| we know that | yes, | you know that | we see that"),
    "validation": _frames("I know that | I see that"),
    "test": _frames("it is true that | they know that | everyone can see that"),
}
_ASK = {
    "train": _frames("| please, | now,", "today"),
    "validation": _frames("well, | my friend,"),
    "test": _frames("so, | please say, | good day,"),
}
_VIEW = {
    "train": _frames("| well, | yes, | in short,"),
    "validation": _frames("my friend, | hello,"),
    "test": _frames("you see, | my dear, | good day,"),
}
_TALK = {
    "validation": _frames("look, | yes, dear,", ", my dear"),
    "test": _frames("hello, | no, no, | see, | well, you know,"),
}
"""How people talk: the frames of the mismatched half of mnli."""

_REGISTERS = ("matched", "mismatched")


def stems() -> list[str]:
    """Every file the set has, by its published name."""
    plain = [f"{name}_{split}" for name in TASKS if name != "mnli" for split in SPLITS]
    halves = [f"mnli_{split}_{half}" for split in SPLITS[1:] for half in _REGISTERS]
    return [*plain, "mnli_train", *halves]


def rows(stem: str) -> list[dict[str, Any]]:
    """The rows of one file.

    Raises UnknownName when there is no such file.
    """
    if stem not in stems():
        raise UnknownName("mini file", stem, stems())
    name, split, *half = stem.split("_")
    return _rows(TASKS[name], split, half[0] if half else "")


def _rows(task: Task, split: str, half: str) -> list[dict[str, Any]]:
    part = f"{task.name}-{split}" + (f"-{half}" if half else "")
    facts = _TALK[split] if half == "mismatched" else _FACT[split]
    dice = Dice(VERSION, SEED, part)
    stage = Stage(cast(split), dice, _EVENT[split], facts, _ASK[split], _VIEW[split])
    size = SIZES[split] // (2 if half else 1)
    first = SPLITS.index(split) * 100_000 + (50_000 if half == "mismatched" else 0)
    return assemble(task, stage, part, size, first)
