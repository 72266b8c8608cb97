"""The dry run of an experiment: cells, tokens, hours and disk that are left, by step."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from leaner_harness.experiments.drive import Place
from leaner_harness.experiments.grid import Cell
from leaner_harness.experiments.pace import pace
from leaner_harness.train import read_recipe

_BYTES = 16
"""On disk for a parameter: weights, and a state to resume from."""
_MILESTONE_BYTES = 4
"""On disk for a parameter at a milestone: weights alone."""


class Training(NamedTuple):
    """What a training cell takes."""

    tokens: int
    disk: int
    seconds: float


def forecast(cells: Sequence[Cell], folder: Path) -> dict[str, Any]:
    """What is left, by step. Hours are of one process: measured where a cell of the step is done.

    Else they are those of training steps alone, from a few that are timed here, and unknown for
    scoring and for trainers that take no steps.
    """
    by_step: dict[str, list[Cell]] = {}
    for cell in cells:
        by_step.setdefault(cell.step, []).append(cell)
    steps = {name: _step(some, Place(folder)) for name, some in by_step.items()}
    total = Counter[str]()
    for found in steps.values():
        total.update({key: found[key] for key in ("cells", "done", "tokens", "disk", "hours")})
    known = all(found["known"] for found in steps.values())
    return {"steps": steps, "total": {**total, "known": known}}


def _step(cells: Sequence[Cell], place: Place) -> dict[str, Any]:
    """What is left of a step."""
    took = {c.name: place.seconds(c) or 0.0 for c in cells if place.is_done(c)}
    left = [cell for cell in cells if cell.name not in took]
    plans = {c.name: found for c in cells if left and (found := _training(c))}
    whole = [plans[cell.name] for cell in left if cell.name in plans]
    hours = _hours(cells, took, {name: plan.seconds for name, plan in plans.items()})
    return {
        "cells": len(cells),
        "done": len(took),
        "tokens": sum(plan.tokens for plan in whole),
        "disk": sum(plan.disk for plan in whole),
        "hours": hours or 0.0,
        "known": hours is not None,
    }


def _hours(
    cells: Sequence[Cell], took: Mapping[str, float], guessed: Mapping[str, float]
) -> float | None:
    """Hours of the cells that are left; None where nothing tells.

    Cells that are done say by how much a guess is wrong, for they are not as long as those left.
    """
    is_guessed = len(guessed) == len(cells)
    weights = {cell.name: guessed[cell.name] if is_guessed else 1.0 for cell in cells}
    left = sum(weight for name, weight in weights.items() if name not in took)
    if took:
        return sum(took.values()) / sum(weights[name] for name in took) * left / 3600
    return left / 3600 if is_guessed else None


def _training(cell: Cell) -> Training | None:
    """What a training cell takes; None for another cell, and a trainer that takes no steps."""
    if cell.command[0] != "train":
        return None
    pairs = zip(cell.command, cell.command[1:], strict=False)
    overrides = [word for before, word in pairs if before == "--set"]
    recipe = dataclasses.asdict(read_recipe(cell.command[1], overrides).recipe)
    if "architecture" not in recipe or "steps" not in recipe:
        return None
    tokens = recipe["steps"] * recipe["batch_size"] * recipe["block_size"]
    tokens *= recipe.get("gradient_accumulation", 1)
    found = pace(recipe)
    milestones = len(recipe.get("checkpoint_at", ()))
    disk = found.parameters * (_BYTES + milestones * _MILESTONE_BYTES)
    return Training(tokens, disk, tokens * found.seconds)
