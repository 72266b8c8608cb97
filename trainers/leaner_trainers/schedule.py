"""The learning rate's course: up in the warmup, then down to zero."""

from __future__ import annotations

import math

from leaner_trainers.recipe import Recipe


def rate_share(recipe: Recipe, step: int, seconds: float) -> float:
    """The share of the highest learning rate at a step, `seconds` after the run began.

    With a wall-clock budget the rate falls with whichever is nearer to its end, steps or time.
    """
    if step < recipe.warmup:
        return (step + 1) / (recipe.warmup + 1)
    done = (step - recipe.warmup) / (recipe.steps - recipe.warmup)
    if recipe.minutes:
        done = min(1.0, max(done, seconds / (60 * recipe.minutes)))
    if recipe.schedule == "wsd":
        return min(1.0, (1 - done) / recipe.decay)
    return 1 - done if recipe.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2


def time_is_up(recipe: Recipe, seconds: float) -> bool:
    """Whether the wall-clock budget is spent."""
    return recipe.minutes is not None and seconds > 60 * recipe.minutes
