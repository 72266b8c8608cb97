"""What is judged, and what came of it: grades, or the state in which there are none."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leaner_harness.llm.records import OK, STATES

DIMENSIONS = ("grammar", "coherence", "specificity")
"""LEANER-Eval's, each from 0 to 5. Source: TinyHelen (arXiv 2501.00522)."""
SUM = "sum"
HIGHEST = 5

RULE = "rule"
"""The state of an answer that needs no judge: nothing was written, which is 0 throughout."""
SCORED = (OK, RULE)
JUDGED_STATES = (RULE, *STATES)
"""Every state that an answer can end in. Only the scored ones enter a mean."""
COVERAGE = "coverage"
"""The share of answers that could be judged."""
COMPLETE = 0.98
"""The coverage below which a headline says that it is incomplete."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What a judge's grades are called, and how far they go up from 0."""

    names: tuple[str, ...]
    highest: float
    adds_up: bool = False
    """Whether their sum means something."""

    def all(self, grades: Mapping[str, float]) -> dict[str, float]:
        """The grades, and their sum if there is one."""
        found = {name: float(grades[name]) for name in self.names}
        return found | ({SUM: sum(found.values())} if self.adds_up else {})

    def bounds(self) -> dict[str, float]:
        """The highest of each, and of the sum."""
        return self.all(dict.fromkeys(self.names, self.highest))


RUBRIC = Scale(DIMENSIONS, HIGHEST, adds_up=True)
"""The scale of LEANER-Eval: 0 to 5 each, 15 in sum."""


@dataclass(frozen=True, slots=True)
class Item:
    """A question and one answer to it."""

    id: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said of an item."""

    id: str
    state: str
    grades: Mapping[str, float] = field(default_factory=dict)
    """By the names of the judge's scale; empty unless the state is a scored one."""
    reason: str = ""
    """Why there are none."""
    by: str = ""
    """How they came about where a judge knows several ways, such as `digits`."""

    @property
    def is_scored(self) -> bool:
        """Whether it enters the mean."""
        return self.state in SCORED


def row_of(verdict: Verdict, kind: str = "") -> dict[str, Any]:
    """A verdict as it is written down: no text of question or answer."""
    row: dict[str, Any] = {"id": verdict.id, "kind": kind, "state": verdict.state}
    row["grades"] = dict(verdict.grades)
    more = {"reason": verdict.reason, "by": verdict.by}
    return row | {key: value for key, value in more.items() if value}


def is_empty(answer: str) -> bool:
    """Whether there is nothing to judge."""
    return not answer.strip()


def empty_verdict(item: Item, scale: Scale = RUBRIC) -> Verdict:
    """0 throughout, for an answer in which nothing stands."""
    return Verdict(item.id, RULE, dict.fromkeys(scale.names, 0.0), "the answer is empty")


class Tally:
    """Counts and sums of verdicts as they come: a summary whose size does not grow with them."""

    def __init__(self, scale: Scale = RUBRIC) -> None:
        self._scale = scale
        self._states: Counter[str] = Counter()
        self._totals = dict.fromkeys(scale.bounds(), 0.0)
        self._squares = dict(self._totals)

    def add(self, verdict: Verdict) -> None:
        """Count one more."""
        self._states[verdict.state] += 1
        if verdict.is_scored:
            for name, grade in self._scale.all(verdict.grades).items():
                self._totals[name] += grade
                self._squares[name] += grade * grade

    def record(self) -> dict[str, Any]:
        """Means, their standard errors, coverage, and bounds: all missing ones worst or best.

        All but `states` are by the scale's names and, where it adds up, `sum`; `means` and
        `errors` are empty where nothing was scored.
        """
        count, scored = sum(self._states.values()), sum(self._states[state] for state in SCORED)
        coverage, missing = scored / count if count else 0.0, count - scored
        highest = self._scale.bounds()
        return {
            "items": count,
            "states": dict(sorted(self._states.items())),
            "coverage": coverage,
            "complete": count > 0 and coverage >= COMPLETE,
            "means": {n: total / scored for n, total in self._totals.items()} if scored else {},
            "errors": {n: self._error(n, scored) for n in self._totals} if scored > 1 else {},
            "bounds": {
                name: [total / count, (total + missing * highest[name]) / count]
                for name, total in self._totals.items()
            }
            if count
            else {},
        }

    def _error(self, name: str, count: int) -> float:
        mean = self._totals[name] / count
        variance = max(0.0, self._squares[name] / count - mean * mean) * count / (count - 1)
        return math.sqrt(variance / count)


def summarise(verdicts: Iterable[Verdict], scale: Scale = RUBRIC) -> dict[str, Any]:
    """The tally of some verdicts."""
    tally = Tally(scale)
    for verdict in verdicts:
        tally.add(verdict)
    return tally.record()
