"""What is judged, and what came of it: grades, or the state in which there are none."""

from __future__ import annotations

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
COMPLETE = 0.98
"""The coverage below which a headline says that it is incomplete."""


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
    """By dimension, from 0 to 5; empty unless the state is a scored one."""
    reason: str = ""
    """Why there are none."""

    @property
    def is_scored(self) -> bool:
        """Whether it enters the mean."""
        return self.state in SCORED


def is_empty(answer: str) -> bool:
    """Whether there is nothing to judge."""
    return not answer.strip()


def empty_verdict(item: Item) -> Verdict:
    """0 in all dimensions, for an answer in which nothing stands."""
    return Verdict(item.id, RULE, dict.fromkeys(DIMENSIONS, 0.0), "the answer is empty")


def summarise(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Means, coverage, and what the means would be if all that is missing were worst or best.

    `means` and `bounds` are by dimension, and `sum`, which goes up to 15; `means` is empty where
    nothing was scored.
    """
    states: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for verdict in verdicts:
        states[verdict.state] += 1
        if verdict.is_scored:
            totals.update({name: verdict.grades[name] for name in DIMENSIONS})
    count, scored = sum(states.values()), sum(states[state] for state in SCORED)
    missing = count - scored
    highest = dict.fromkeys(DIMENSIONS, HIGHEST) | {SUM: HIGHEST * len(DIMENSIONS)}
    whole = {name: float(totals[name]) for name in DIMENSIONS}
    whole[SUM] = sum(whole.values())
    coverage = scored / count if count else 0.0
    return {
        "items": count,
        "states": dict(sorted(states.items())),
        "coverage": coverage,
        "complete": count > 0 and coverage >= COMPLETE,
        "means": {name: total / scored for name, total in whole.items()} if scored else {},
        "bounds": {
            name: [total / count, (total + missing * highest[name]) / count]
            for name, total in whole.items()
        }
        if count
        else {},
    }
