"""The dry run of an experiment: cells, tokens, hours and disk that are left, by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from leaner_harness.experiments.drive import Place, done
from leaner_harness.experiments.grid import Cell, checkpoint
from leaner_harness.experiments.pace import pace
from leaner_harness.experiments.scoring_time import scoring_seconds
from leaner_harness.experiments.trainings import recipe_of

_BYTES = 16
"""On disk for a parameter: weights, and a state to resume from."""
_MILESTONE_BYTES = 4
"""On disk for a parameter at a milestone: weights alone."""


Recipes = Mapping[Path, Mapping[str, Any]]
"""Folder of a checkpoint -> the recipe that trains it."""


class Work(NamedTuple):
    """What a cell takes."""

    tokens: int
    disk: int
    seconds: float


def forecast(cells: Sequence[Cell], folder: Path) -> dict[str, Any]:
    """What is left, by step. Hours are of one process: measured where a cell of the step is done.

    Else they are rough, by training steps that are timed here: those of the recipe, and for a score
    those of the checkpoint's recipe on rows as long as the task's. They are unknown for answers and
    for trainers that take no steps.
    """
    recipes = {checkpoint(cell): found for cell in cells if (found := _steps_of(cell))}
    by_step: dict[str, list[Cell]] = {}
    for cell in cells:
        by_step.setdefault(cell.step, []).append(cell)
    kept, place = done(cells, folder), Place(folder)
    took = {cell.name: place.seconds(cell) or 0.0 for cell in cells if cell.name in kept}
    steps = {name: _step(some, took, recipes) for name, some in by_step.items()}
    total = Counter[str]()
    for found in steps.values():
        total.update({key: found[key] for key in ("cells", "done", "tokens", "disk", "hours")})
    known = all(found["known"] for found in steps.values())
    return {"steps": steps, "total": {**total, "known": known}}


def _step(cells: Sequence[Cell], all_took: Mapping[str, float], recipes: Recipes) -> dict[str, Any]:
    """What is left of a step."""
    took = {cell.name: all_took[cell.name] for cell in cells if cell.name in all_took}
    left = [cell for cell in cells if cell.name not in took]
    plans = {c.name: found for c in cells if left and (found := _work(c, recipes))}
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


def _work(cell: Cell, recipes: Recipes) -> Work | None:
    """What a cell takes; None where nothing tells."""
    if cell.command[0] == "train":
        recipe = recipes.get(checkpoint(cell))
        return None if recipe is None else _training(recipe)
    if cell.command[0] != "evaluate":
        return None
    scored = Path(cell.command[1])
    recipe = next((recipes[at] for at in (scored, *scored.parents) if at in recipes), None)
    seconds = None if recipe is None else scoring_seconds(cell.command, recipe)
    return None if seconds is None else Work(0, 0, seconds)


def _steps_of(cell: Cell) -> dict[str, Any] | None:
    """The recipe of a training cell; None for another, and for a trainer that takes no steps."""
    recipe = recipe_of(cell)
    return recipe if recipe and {"architecture", "steps"} <= set(recipe) else None


def _training(recipe: Mapping[str, Any]) -> Work:
    tokens = recipe["steps"] * recipe["batch_size"] * recipe["block_size"]
    tokens *= recipe.get("gradient_accumulation", 1)
    found = pace(recipe)
    milestones = len(recipe.get("checkpoint_at", ()))
    disk = found.parameters * (_BYTES + milestones * _MILESTONE_BYTES)
    return Work(tokens, disk, tokens * found.seconds)
