"""Controls of a curriculum: its own scores, dealt out to other documents, at its pace or their own.

So the pools of a control have as many documents as the curriculum's; or, where shares are of
tokens, as many tokens, to within a document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaner_harness import KEEP, RESCORE, CurriculumState, Progress, Ranking, UsageError

Scores = NDArray[np.float32]

_SHUFFLE = 3  # keeps this chance apart from any other of the same seed


def reversed_scores(scores: Scores) -> Scores:
    """The scores dealt out the other way round, (n,): the hardest document gets the lowest."""
    order = np.argsort(scores, kind="stable")
    dealt = np.empty_like(scores)
    dealt[order[::-1]] = scores[order]
    return dealt


def shuffled_scores(scores: Scores, seed: int) -> Scores:
    """The scores dealt out at random, (n,)."""
    chance = np.random.PCG64([seed, 0, 0, 0, _SHUFFLE])
    return np.random.Generator(chance).permutation(scores)


@dataclass(frozen=True)
class Following:
    """The pools of a run that is done: as large, after as many steps, whatever the loss."""

    begins: tuple[int, ...]
    """The step after which each stage began."""
    sizes: tuple[int, ...]
    """How large each stage's pool was."""
    unit: str
    """What they are counted in: `tokens` or `documents`."""

    def start(self, n: int, weights: Any, seed: int) -> CurriculumState:
        """The first stage."""
        return {"stage": 0, "whole": n if self.unit == "documents" else int(np.sum(weights))}

    def pool(self, state: CurriculumState, ranking: Ranking) -> Any:
        """The easiest documents, as these scores have it, to the size of the other run's pool."""
        share = self.sizes[state["stage"]] / state["whole"]
        return ranking.everything() if share >= 1 else ranking.easiest(share, self.unit)

    def observe(self, state: CurriculumState, progress: Progress) -> tuple[CurriculumState, str]:
        """The next stage when the other run's began."""
        stage = sum(progress.step >= begun for begun in self.begins) - 1
        return (state, KEEP) if stage == state["stage"] else ({**state, "stage": stage}, RESCORE)


_SAME = ("curriculum", "difficulty", "curriculum_options", "steps", "data", "genres", "words")


def following(recipe: Mapping[str, Any], folder: Path) -> Following:
    """The pools of the run in a folder, for a recipe that is its control.

    Raises UsageError where no run was finished there, or one with another curriculum or length.
    """
    try:
        record = json.loads((folder / "leaner.json").read_text(encoding="utf-8"))
        stages, other = record["curriculum"]["stages"], record["recipe"]
        for key in _SAME:
            # JSON has lists for tuples.
            this = list(recipe[key]) if isinstance(recipe[key], tuple) else recipe[key]
            if other[key] != this:
                raise UsageError(
                    f"The run to follow, {folder}, has {key} {other[key]!r}, this one {this!r}.",
                    "A control differs from its run in `control` alone.",
                )
        unit = other["curriculum_options"].get("unit", "tokens")
        sizes = tuple(int(stage[unit]) for stage in stages)
        return Following(tuple(int(stage["step"]) for stage in stages), sizes, unit)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"`follow` names no finished run with a curriculum: {folder} ({error!r}).",
            "Give the folder that `leaner train` finished, of the run this is a control of.",
        ) from error
