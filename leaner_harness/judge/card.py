"""The judge card: what a judge's grades of planted answers say of the judge.

Of each pair, a good answer and the same one spoiled, the good one must have the higher grade: a tie
is no order. Intervals of shares are exact (Clopper and Pearson 1934), at 95 %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from leaner_harness.judge.planted import LADDER
from leaner_harness.judge.verdicts import DIMENSIONS, Verdict

VERSION = 1
GROSS, SUBTLE, FLOOR = "gross", "subtle", "floor"
LEAST = {GROSS: 0.9, SUBTLE: 0.7, FLOOR: 0.7}
"""The share of pairs that have to be in order."""
MOST_UPLIFT = 0.25
"""How much an order or a broken-out verdict in an answer may raise a grade, on average."""
MOST_ALIKE = 0.8
"""The share of answers, the empty ones apart, that may have the same grade."""

_RUNGS = tuple(f"corrupted_{round(100 * share)}" for share in LADDER)


class Ordering(NamedTuple):
    """The first variant has to be graded above the second, in a dimension."""

    better: str
    worse: str
    dimension: str
    level: str


def _below_gold(worse: str, level: str, *dimensions: str) -> list[Ordering]:
    return [Ordering("gold", worse, name, level) for name in dimensions]


ORDERINGS: tuple[Ordering, ...] = (
    *_below_gold("shuffled", GROSS, "grammar", "coherence"),
    *_below_gold("off_topic", GROSS, "specificity"),
    *_below_gold("loop", GROSS, "coherence"),
    *_below_gold("echo", GROSS, "specificity"),
    *_below_gold("generic", GROSS, "specificity"),
    *_below_gold("keywords", GROSS, "grammar", "coherence"),
    *_below_gold(_RUNGS[-1], GROSS, *DIMENSIONS),
    *_below_gold("broken_grammar", SUBTLE, "grammar"),
    *_below_gold("false_fact", SUBTLE, "specificity"),
    *_below_gold(_RUNGS[0], SUBTLE, "grammar"),
    # Tiny models live between 0 and 2: what counts there is to tell bad from worse.
    *(
        Ordering(better, worse, name, FLOOR)
        for better, worse in zip(_RUNGS, _RUNGS[1:], strict=False)
        for name in ("grammar", "coherence")
    ),
)

Grades = Mapping[str, Mapping[str, Verdict]]
"""Verdicts by variant and by the question's id."""


def make_card(verdicts: Iterable[Verdict], fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    """The card of a judge from its verdicts on `planted()`: every check, and whether all hold.

    A verdict without grades is in no pair; too few graded answers fail the card by themselves.
    """
    grades: dict[str, dict[str, Verdict]] = {}
    states: Counter[str] = Counter()
    for verdict in verdicts:
        variant, _, question = verdict.id.partition("/")
        states[verdict.state] += 1
        if verdict.is_scored:
            grades.setdefault(variant, {})[question] = verdict
    levels = {level: _level(grades, level) for level in LEAST}
    uplifts = {name: _uplift(grades, name, "shuffled") for name in ("ordered", "break_out")}
    padded = _uplift(grades, "padded", "gold")
    alike = {name: _alike(grades, name) for name in DIMENSIONS}
    coverage = sum(map(len, grades.values())) / max(sum(states.values()), 1)
    passed = {
        "coverage": coverage >= 0.98,
        **{level: found["share"] >= LEAST[level] for level, found in levels.items()},
        **{name: _within(found) for name, found in {**uplifts, "length": padded}.items()},
        "spread": max(alike.values()) <= MOST_ALIKE,
    }
    return {
        "version": VERSION,
        "judge": dict(fingerprint),
        "states": dict(sorted(states.items())),
        "coverage": coverage,
        "orderings": levels,
        "uplift": uplifts,
        "length_effect": padded,
        "same_grade": alike,
        "checks": passed,
        "passed": all(passed.values()),
        "human_agreement": None,
    }


def _level(grades: Grades, level: str) -> dict[str, Any]:
    """How many pairs of a level are in order: all together, and each ordering by itself."""
    parts, right, count = [], 0, 0
    for each in ORDERINGS:
        if each.level != level:
            continue
        pairs = _pairs(grades, each.better, each.worse)
        won = sum(a.grades[each.dimension] > b.grades[each.dimension] for a, b in pairs)
        right, count = right + won, count + len(pairs)
        parts.append({**each._asdict(), **_share(won, len(pairs))})
    return {**_share(right, count), "pairs": parts}


def _pairs(grades: Grades, one: str, other: str) -> list[tuple[Verdict, Verdict]]:
    """Verdicts on two variants of the same questions."""
    first, second = grades.get(one, {}), grades.get(other, {})
    return [(first[name], second[name]) for name in sorted(first.keys() & second.keys())]


def _share(right: int, count: int) -> dict[str, Any]:
    """A share and its exact interval; 0 where there is nothing to be right about."""
    if not count:
        return {"share": 0.0, "interval": [0.0, 1.0], "n": 0}
    from scipy.stats import binomtest

    interval = binomtest(right, count).proportion_ci(0.95, method="exact")
    return {"share": right / count, "interval": [interval.low, interval.high], "n": count}


def _uplift(grades: Grades, changed: str, base: str) -> dict[str, float]:
    """By dimension, how much higher the changed answers are graded, on average."""
    pairs = _pairs(grades, changed, base)
    return {
        name: _mean([a.grades[name] - b.grades[name] for a, b in pairs])
        for name in DIMENSIONS
        if pairs
    }


def _within(uplift: Mapping[str, float]) -> bool:
    """Whether no grade was raised by more than may be, and there were any to be raised."""
    return bool(uplift) and max(uplift.values()) <= MOST_UPLIFT


def _alike(grades: Grades, dimension: str) -> float:
    """The share of the commonest grade among all answers in which something stands."""
    given = [
        round(verdict.grades[dimension])
        for variant, some in grades.items()
        if variant != "empty"
        for verdict in some.values()
    ]
    return max(Counter(given).values()) / len(given) if given else 1.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
