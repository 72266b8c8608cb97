"""The judge card: what a judge's grades of planted answers say of the judge.

Of each pair, a good answer and the same one spoiled, the good one must have the higher grade: a tie
is no order. Intervals of shares are exact, at 95 %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from leaner_harness.judge.ballots import Graded
from leaner_harness.judge.invariances import (
    beside,
    is_label_ignored,
    is_order_kept,
    is_repeated,
    label_effects,
    order_effects,
    retest,
    share,
)
from leaner_harness.judge.planted import CORRUPTED
from leaner_harness.judge.together import Sheet
from leaner_harness.judge.verdicts import COMPLETE, DIMENSIONS, HIGHEST, Verdict
from leaner_harness.llm.records import OK

VERSION = 3
GROSS, SUBTLE, FLOOR, BABBLE = "gross", "subtle", "floor", "babble"
LEAST = {GROSS: 0.9, SUBTLE: 0.7, FLOOR: 0.7, BABBLE: 0.7}
"""The share of pairs that have to be in order."""
MOST_UPLIFT = 0.25
"""How much an order or a broken-out verdict in an answer may raise a grade, on average."""
MOST_SHIFT = 0.25
"""How much other white space may move a grade, up or down, on average."""
MOST_ALIKE = 0.8
"""The share of answers, the empty ones apart, that may have the same grade."""

RUNGS = ("gold", *CORRUPTED, "babble", "empty")
"""The ladder at the floor, from the best answers down."""


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
    *_below_gold(CORRUPTED[-1], GROSS, *DIMENSIONS),
    *_below_gold("babble", GROSS, "coherence", "specificity"),
    *_below_gold("broken_grammar", SUBTLE, "grammar"),
    *_below_gold("false_fact", SUBTLE, "specificity"),
    *_below_gold("cut_off", SUBTLE, "specificity"),
    *_below_gold(CORRUPTED[0], SUBTLE, "grammar"),
    # Tiny models live between 0 and 2: what counts there is to tell bad from worse.
    *(
        Ordering(better, worse, name, FLOOR)
        for better, worse in zip(CORRUPTED, CORRUPTED[1:], strict=False)
        for name in ("grammar", "coherence")
    ),
    # A level of its own: these pairs are easier, and must not make up for rungs that are not seen.
    Ordering("babble", "shuffled", "grammar", BABBLE),
    Ordering("babble", CORRUPTED[-1], "grammar", BABBLE),
)

Grades = Mapping[str, Mapping[str, Verdict]]
"""Verdicts by variant and by the question's id."""


def make_card(
    verdicts: Iterable[Verdict],
    fingerprint: Mapping[str, Any],
    again: Iterable[Verdict] = (),
    ballots: Iterable[tuple[Sheet, Graded]] | None = None,
) -> dict[str, Any]:
    """The card of a judge from its verdicts on `planted()`: every check, and whether all hold.

    `again` are verdicts on some of the same answers, given a second time; `ballots` are those that
    were graded, None for a judge to which none can be shown. What has no grades is in no pair; too
    little of it fails the card by itself.
    """
    first, second = list(verdicts), list(again)
    shown = None if ballots is None else list(ballots)
    grades = _by_variant(first)
    states = Counter(verdict.state for verdict in (*first, *second))
    states.update(graded.state for _, graded in shown or ())
    coverage = _coverage(first, second, shown or ())
    found = {
        **_grade_part(grades),
        "retest": retest({v.id: v for v in first if v.is_scored}, second),
        **_ballot_part(shown),
    }
    checks = {"coverage": coverage >= COMPLETE, **_checks(found)}
    return {
        "version": VERSION,
        "judge": dict(fingerprint),
        "answers": len(first),
        "states": dict(sorted(states.items())),
        "coverage": coverage,
        **found,
        "checks": checks,
        "passed": False not in checks.values(),
        "human_agreement": None,
    }


def _by_variant(verdicts: Iterable[Verdict]) -> Grades:
    grades: dict[str, dict[str, Verdict]] = {}
    for verdict in verdicts:
        variant, _, question = verdict.id.partition("/")
        if verdict.is_scored:
            grades.setdefault(variant, {})[question] = verdict
    return grades


def _coverage(
    first: Sequence[Verdict], again: Sequence[Verdict], shown: Sequence[tuple[Sheet, Graded]]
) -> float:
    """The share of all that was to be judged, a ballot counting once, that has grades."""
    graded = sum(v.is_scored for v in (*first, *again)) + sum(g.state == OK for _, g in shown)
    return graded / max(len(first) + len(again) + len(shown), 1)


def _grade_part(grades: Grades) -> dict[str, Any]:
    """What the grades of single answers say."""
    histograms = {name: _histogram(grades, name) for name in DIMENSIONS}
    return {
        "orderings": {level: _level(grades, level) for level in LEAST},
        "dimensions": {name: _dimension(grades, name) for name in DIMENSIONS},
        "ladder": [_rung(grades, name) for name in RUNGS],
        "uplift": {name: _uplift(grades, name, "shuffled") for name in ("ordered", "break_out")},
        "length_effect": _uplift(grades, "padded", "gold"),
        "whitespace_effect": _uplift(grades, "spaced", "gold"),
        "histogram": histograms,
        "same_grade": {n: max(h) / sum(h) if sum(h) else 1.0 for n, h in histograms.items()},
    }


def _ballot_part(shown: Sequence[tuple[Sheet, Graded]] | None) -> dict[str, Any]:
    """What ballots say; None throughout where answers are judged alone."""
    if shown is None:
        return {"order": None, "labels": None}
    known = beside(shown)
    return {"order": order_effects(known.orders), "labels": label_effects(known.labels)}


def _checks(found: Mapping[str, Any]) -> dict[str, bool | None]:
    """Which checks hold; None for those of ballots where there are none."""
    checks: dict[str, bool | None] = {
        name: part["share"] >= LEAST[name] for name, part in found["orderings"].items()
    }
    raised = {**found["uplift"], "length": found["length_effect"]}
    checks |= {name: bool(by) and max(by.values()) <= MOST_UPLIFT for name, by in raised.items()}
    moved = [abs(shift) for shift in found["whitespace_effect"].values()]
    checks["whitespace"] = bool(moved) and max(moved) <= MOST_SHIFT
    checks["spread"] = max(found["same_grade"].values()) <= MOST_ALIKE
    checks["retest"] = is_repeated(found["retest"])
    order, labels = found["order"], found["labels"]
    checks["order"] = None if order is None else is_order_kept(order)
    checks["labels"] = None if labels is None else is_label_ignored(labels)
    return checks


def _level(grades: Grades, level: str) -> dict[str, Any]:
    """How many pairs of a level are in order: all together, and each ordering by itself."""
    asked = [each for each in ORDERINGS if each.level == level]
    counts = [_in_order(grades, each) for each in asked]
    parts = [{**each._asdict(), **share(*count)} for each, count in zip(asked, counts, strict=True)]
    return {**share(*map(sum, zip(*counts, strict=True))), "pairs": parts}


def _dimension(grades: Grades, name: str) -> dict[str, Any]:
    """How many pairs of all levels are in order in a dimension."""
    counts = [_in_order(grades, each) for each in ORDERINGS if each.dimension == name]
    return share(*map(sum, zip(*counts, strict=True)))


def _in_order(grades: Grades, each: Ordering) -> tuple[int, int]:
    """Pairs that are in order, and pairs."""
    pairs = _pairs(grades, each.better, each.worse)
    return sum(a.grades[each.dimension] > b.grades[each.dimension] for a, b in pairs), len(pairs)


def _pairs(grades: Grades, one: str, other: str) -> list[tuple[Verdict, Verdict]]:
    """Verdicts on two variants of the same questions."""
    first, second = grades.get(one, {}), grades.get(other, {})
    return [(first[name], second[name]) for name in sorted(first.keys() & second.keys())]


def _uplift(grades: Grades, changed: str, base: str) -> dict[str, float]:
    """By dimension, how much higher the changed answers are graded, on average."""
    pairs = _pairs(grades, changed, base)
    return {
        name: _mean([a.grades[name] - b.grades[name] for a, b in pairs])
        for name in DIMENSIONS
        if pairs
    }


def _rung(grades: Grades, variant: str) -> dict[str, Any]:
    """The mean grades of a rung of the ladder; no means where nothing was graded."""
    some = list(grades.get(variant, {}).values())
    means = {name: _mean([v.grades[name] for v in some]) for name in DIMENSIONS if some}
    return {"rung": variant, "n": len(some), "means": means}


def _histogram(grades: Grades, dimension: str) -> list[int]:
    """How often each grade from 0 up was given to answers in which something stands, rounded."""
    given = Counter(
        round(verdict.grades[dimension])
        for variant, some in grades.items()
        if variant != "empty"
        for verdict in some.values()
    )
    return [given[grade] for grade in range(HIGHEST + 1)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
