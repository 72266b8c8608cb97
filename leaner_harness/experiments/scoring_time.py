"""How long a checkpoint that is not there yet would take to score, roughly, by its recipe."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from leaner_harness.data.rows import Row
from leaner_harness.data.sources import chosen_split
from leaner_harness.errors import UnknownName
from leaner_harness.evaluate.plan import ZERO_SHOT, expand
from leaner_harness.experiments.pace import pace
from leaner_harness.models.finetune.protocol import PROTOCOLS
from leaner_harness.models.finetune.rows import TaskData, load_task
from leaner_harness.results import answer_scores

_USUAL = "leaner_glue"
"""The tasks of `leaner evaluate` where none are named."""
_TOKENS_PER_WORD = 1.5
_PROMPT = 30
"""Tokens of a prompt beside its row's text, about."""
_FORWARD = 1 / 3
"""Of a training step's time, a forward pass."""


def scoring_seconds(command: Sequence[str], recipe: Mapping[str, Any]) -> float | None:
    """Seconds of a `leaner evaluate` command in one process.

    None for answers, which are of any length, and where no rows are at hand. `recipe` is that of
    the checkpoint. Early stops are not foreseen.
    """
    asked = dict(zip(command, command[1:], strict=False))
    names = [name for each in asked.get("--tasks", _USUAL).split(",") for name in expand(each)]
    if any(name in answer_scores.BOARDS for name in names):
        return None
    split, folder = chosen_split(asked.get("--split")), asked.get("--data")
    tasks = [_rows(name, split, folder) for name in names]
    if not any(data.state == "ok" for data in tasks):
        return None
    protocol = asked.get("--protocol", ZERO_SHOT)
    if protocol == ZERO_SHOT:
        return sum(_asked(data, recipe) for data in tasks)
    pairs = (pair.partition("=") for pair in asked.get("--model-args", "").split(","))
    arguments = {key.strip(): value for key, _, value in pairs}
    bf16 = {"auto": "auto", "true": True}.get(arguments.get("bf16", "").lower(), False)
    return sum(_tuned(data, protocol, {**recipe, "bf16": bf16}) for data in tasks)


_rows = functools.cache(load_task)


def _asked(data: TaskData, recipe: Mapping[str, Any]) -> float:
    """Every choice after its prompt, each by itself."""
    tokens = len(data.reported) * data.task.classes * (_PROMPT + _length(data, data.reported))
    return tokens * pace(recipe).seconds * _FORWARD


def _tuned(data: TaskData, protocol: str, recipe: Mapping[str, Any]) -> float:
    """All passes of all runs over the training rows, and over those that select."""
    if data.state != "ok":
        return 0.0
    if protocol not in PROTOCOLS:
        raise UnknownName("protocol", protocol, [ZERO_SHOT, *PROTOCOLS])
    how, length = PROTOCOLS[protocol], _length(data, data.train)
    shape = {"batch_size": how.batch_size, "block_size": max(8, round(length))}
    passes = len(how.rates) * len(how.seeds) * how.epochs[data.task.name]
    rows = len(data.train) + _FORWARD * len(data.selection)
    return passes * rows * length * pace({**recipe, **shape}).seconds


def _length(data: TaskData, rows: Sequence[Row]) -> float:
    """Tokens of a row, about."""
    words = sum(len(str(row[name]).split()) for row in rows for name in data.task.fields)
    return _TOKENS_PER_WORD * words / max(len(rows), 1)
