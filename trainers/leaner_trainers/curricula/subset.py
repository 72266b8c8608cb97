"""`subset`: a fixed share of the text, the easiest, and never more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from leaner_harness import KEEP, CurriculumState, Progress, Ranking
from leaner_trainers.curricula import check


@dataclass(frozen=True)
class Subset:
    """Whether less text does: its controls are the hardest share, and a random one."""

    share: float = 0.8
    """Of the text."""
    unit: str = "tokens"
    """What the share is of: `tokens` or `documents`."""

    def __post_init__(self) -> None:
        rules = {
            "share": (0 < self.share <= 1, "above 0 and at most 1"),
            "unit": (self.unit in ("tokens", "documents"), "'tokens' or 'documents'"),
        }
        check("subset", vars(self), rules)

    def start(self, n: int, weights: Any, seed: int) -> CurriculumState:
        """Nothing to remember."""
        return {}

    def pool(self, state: CurriculumState, ranking: Ranking) -> Any:
        """The easiest documents that make up the share."""
        return ranking.easiest(self.share, self.unit)

    def observe(self, state: CurriculumState, progress: Progress) -> tuple[CurriculumState, str]:
        """There is one stage."""
        return state, KEEP
