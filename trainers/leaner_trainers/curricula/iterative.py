"""`iterative`: the next share of the text when the loss stops falling. TinyHelen's ITER."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from leaner_harness import KEEP, RESCORE, CurriculumState, Progress, Ranking
from leaner_trainers.curricula import check

RULES = ("plateau", "fixed")
_HAIR = 1e-9  # shares are floats


@dataclass(frozen=True)
class Iterative:
    """Documents come in by shares p_j of the text, easy first. Source: arXiv 2501.00522, EXP3.

    TinyHelen's code has 20 shares of 5 % of the documents, a patience of one evaluation, and no
    limit to a stage.
    """

    stages: int = 20
    """How many equal shares there are, where `shares` names none."""
    shares: tuple[float, ...] = ()
    """What each stage adds, from the first; together 1."""
    rule: str = "plateau"
    """When the next share comes: `plateau`, when the loss does not fall; or `fixed`, after a number
    of steps."""
    patience: int = 1
    """With `plateau`, evaluations in a row without a new lowest loss that end a stage."""
    min_delta: float = 0.0
    """With `plateau`, by how much a loss has to be lower to be new."""
    max_steps: int | None = None
    """The most steps in a stage; with `fixed` the number of them. Empty for equal stages, of which
    the last begins at `full_at`."""
    full_at: float = 0.8
    """The share of the run's steps after which the whole text may be read, whatever the loss."""
    advance_at: tuple[int, ...] = ()
    """With `fixed`, the steps after which each stage but the last ends, in place of `max_steps`. (A
    control that is to go at its run's pace has the recipe key `follow`.)"""
    nested: bool = False
    """Keep what was introduced, where new scores would take it out again."""
    unit: str = "tokens"
    """What the shares are of: `tokens`, or `documents` as in the paper."""

    def __post_init__(self) -> None:
        for name in ("shares", "advance_at"):  # TOML has lists
            object.__setattr__(self, name, tuple(getattr(self, name)))
        shares, steps = self.shares, self.advance_at
        rules = {
            "stages": (isinstance(self.stages, int) and self.stages >= 1, "at least 1"),
            "shares": (
                not shares or (min(shares) > 0 and math.isclose(sum(shares), 1, abs_tol=1e-6)),
                "shares above 0 that sum to 1",
            ),
            "rule": (self.rule in RULES, f"one of {RULES}"),
            "patience": (self.patience >= 1, "at least 1"),
            "min_delta": (self.min_delta >= 0, "at least 0"),
            "max_steps": (self.max_steps is None or self.max_steps >= 1, "at least 1"),
            "full_at": (0 < self.full_at <= 1, "above 0 and at most 1"),
            "advance_at": (
                not steps
                or (
                    self.rule == "fixed"
                    and len(steps) == self._count - 1
                    and list(steps) == sorted(set(steps))
                    and steps[0] >= 1
                ),
                f"{self._count - 1} rising steps, and rule 'fixed'",
            ),
            "unit": (self.unit in ("tokens", "documents"), "'tokens' or 'documents'"),
        }
        check("iterative", vars(self), rules)

    @property
    def _count(self) -> int:
        return len(self.shares) or self.stages

    def start(self, n: int, weights: Any, seed: int) -> CurriculumState:
        """The first stage, which began at step 0; no loss was seen."""
        return {"stage": 0, "began": 0, "best": None, "waited": 0}

    def pool(self, state: CurriculumState, ranking: Ranking) -> Any:
        """The shares up to this stage: of what is easiest now, or, nested, beside what was in."""
        stage = state["stage"] + 1
        if stage >= self._count:
            return ranking.everything()
        share = sum(self.shares[:stage]) if self.shares else stage / self._count
        return ranking.easiest(share, self.unit, ranking.before if self.nested else None)

    @property
    def watches_loss(self) -> bool:
        """Whether a plateau has to be found."""
        return self.rule == "plateau"

    def observe(self, state: CurriculumState, progress: Progress) -> tuple[CurriculumState, str]:
        """The next stage at a plateau, or when the steps of this one are over.

        As in the paper, the lowest loss is that of all stages.
        """
        if state["stage"] >= self._count - 1:
            return state, KEEP
        best, waited = state["best"], state["waited"]
        if progress.loss is not None and self.watches_loss:
            is_new = best is None or progress.loss < best - self.min_delta
            best, waited = (progress.loss, 0) if is_new else (best, waited + 1)
        due = self._due(state, progress)
        stage = max(due, state["stage"] + (waited >= self.patience))
        if stage > state["stage"]:
            return {"stage": stage, "began": progress.step, "best": best, "waited": 0}, RESCORE
        return {**state, "best": best, "waited": waited}, KEEP

    def _due(self, state: CurriculumState, progress: Progress) -> int:
        """The stage that a run has to be in, whatever the loss."""
        stage, step, last = int(state["stage"]), progress.step, self._count - 1
        full = self.full_at * progress.steps
        if step >= full - _HAIR:
            return last
        if self.advance_at:
            return sum(step >= end for end in self.advance_at)
        if self.max_steps is not None:
            return stage + (step - int(state["began"]) >= self.max_steps)
        return math.floor(step * last / full + _HAIR)
