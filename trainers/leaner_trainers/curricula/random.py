"""`random`: the whole text from the first step, shuffled and packed anew in every pass over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from leaner_harness import KEEP, CurriculumState, Progress, Ranking


@dataclass(frozen=True)
class Random:
    """No curriculum: what the others are compared with."""

    def start(self, n: int, weights: Any, seed: int) -> CurriculumState:
        """Nothing to remember."""
        return {}

    def pool(self, state: CurriculumState, ranking: Ranking) -> Any:
        """All documents."""
        return ranking.everything()

    def observe(self, state: CurriculumState, progress: Progress) -> tuple[CurriculumState, str]:
        """There is one stage."""
        return state, KEEP
