"""`sorted` and `competence`: the share of the text that may be read grows with the steps alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from leaner_harness import KEEP, RESCORE, CurriculumState, Progress, Ranking
from leaner_trainers.curricula import check

PACINGS = ("linear", "root", "step", "exponential")
_STEEPNESS = 10.0  # of the exponential pacing, as Wu et al. have it


@dataclass(frozen=True)
class _Paced:
    """Equal spans of steps; each subclass says what part may be read after which."""

    start_share: float = 0.1
    """Of the text, in the first stage."""
    full_at: float = 0.8
    """The share of the run's steps after which the whole text may be read."""
    increments: int = 20
    """How many times the share grows, until it is the whole."""

    def __post_init__(self) -> None:
        rules = {
            "start_share": (0 < self.start_share <= 1, "above 0 and at most 1"),
            "full_at": (0 < self.full_at <= 1, "above 0 and at most 1"),
            "increments": (isinstance(self.increments, int) and self.increments >= 1, "at least 1"),
        }
        check(type(self).__name__.lower(), vars(self), rules)

    def share(self, done: float) -> float:
        """The share of the text that may be read when a share `done` of the growth is over."""
        raise NotImplementedError

    def start(self, n: int, weights: Any, seed: int) -> CurriculumState:
        """The first stage."""
        return {"stage": 0}

    def observe(self, state: CurriculumState, progress: Progress) -> tuple[CurriculumState, str]:
        """The next stage when its steps begin. A share that stays the same is no new stage."""
        done = min(1.0, progress.step / (progress.steps * self.full_at))
        stage = math.floor(done * self.increments + 1e-9)
        grows = self.share(stage / self.increments) > self.share(state["stage"] / self.increments)
        return ({"stage": stage}, RESCORE) if grows else (state, KEEP)


@dataclass(frozen=True)
class Sorted(_Paced):
    """Easy first, at a given pace. Source: Wu, Dyer and Neyshabur 2021 (arXiv 2012.03107)."""

    pacing: str = "linear"
    """How the share grows: `linear`, `root` (fast at first), `step` (at once, at the end), or
    `exponential` (slow at first)."""

    unit: str = "tokens"
    """What the share is of: `tokens` or `documents`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        rules = {
            "pacing": (self.pacing in PACINGS, f"one of {PACINGS}"),
            "unit": (self.unit in ("tokens", "documents"), "'tokens' or 'documents'"),
        }
        check("sorted", vars(self), rules)

    def pool(self, state: CurriculumState, ranking: Ranking) -> Any:
        """The easiest documents that make up the share."""
        return ranking.easiest(self.share(state["stage"] / self.increments), self.unit)

    def share(self, done: float) -> float:
        """The pacing functions of the paper, from `start_share` to 1."""
        grown = {
            "linear": done,
            "root": math.sqrt(done),
            "step": float(done >= 1),
            "exponential": math.expm1(_STEEPNESS * done) / math.expm1(_STEEPNESS),
        }
        return self.start_share + (1 - self.start_share) * grown[self.pacing]


@dataclass(frozen=True)
class Competence(_Paced):
    """What lies within a growing competence. Source: Platanios et al. 2019 (arXiv 1903.09848).

    A document's difficulty counts as the share of the documents that are as easy or easier, so
    those of one difficulty come together.
    """

    start_share: float = 0.01

    def share(self, done: float) -> float:
        """The paper's square-root competence."""
        return math.sqrt(done * (1 - self.start_share**2) + self.start_share**2)

    def pool(self, state: CurriculumState, ranking: Ranking) -> Any:
        """The documents whose difficulty is within competence; at least the easiest ones."""
        share = self.share(state["stage"] / self.increments)
        if share >= 1:
            return ranking.everything()
        order = ranking.order
        scores = ranking.scores[order]
        # How many documents are as hard as the one at each place, or easier, (n,).
        reached = np.searchsorted(scores, scores, side="right")
        within = reached <= share * len(scores)
        within[: reached[0]] = True
        return np.sort(order[within])
