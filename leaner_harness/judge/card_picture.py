"""The judge card as a picture: how many pairs are in order, and the grades over the ladder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from leaner_harness.judge.card import LEAST
from leaner_harness.judge.card_page import title
from leaner_harness.judge.verdicts import DIMENSIONS, HIGHEST
from leaner_harness.svg import INK, PALE, dot, drawing, line, text

_WIDTH = 880
_TOP = 66  # of both panels
_ROW, _GROUP = 17, 26  # heights of a pair, and of a level's heading
_NAMES, _PLOT = 226, 190  # width of the names on the left, and of the shares beside them
_LADDER = (550, 322, 220)  # left, width, height of the panel on the right
_COLORS = {"grammar": "#1f5a96", "coherence": "#b3541e", "specificity": "#2e7d4f"}
_GOOD, _BAD = "#2e7d4f", "#b3261e"
_CHECKS = {
    "coverage": "enough was graded",
    "gross": "pairs: gross",
    "subtle": "pairs: subtle",
    "floor": "pairs: floor",
    "babble": "pairs: babble",
    "ordered": "order in an answer",
    "break_out": "verdict in an answer",
    "length": "empty words",
    "whitespace": "white space",
    "spread": "spread of grades",
    "retest": "second time",
    "order": "place on a ballot",
    "labels": "label on a ballot",
}
"""What the checks are called here, in this order."""
_RESULT = {True: ("holds", _GOOD), False: ("FAILS", _BAD), None: ("not applicable", "#777")}

Card = Mapping[str, Any]


def picture(card: Card) -> str:
    """The card as SVG that needs no other file."""
    left = list(_shares(card))
    right = [*_ladder(card), *_checks(card, _TOP + _LADDER[2] + 96)]
    pairs = sum(len(card["orderings"][level]["pairs"]) for level in LEAST)
    height = max(
        _TOP + pairs * _ROW + len(LEAST) * _GROUP + 40,
        _TOP + _LADDER[2] + 96 + 18 * (len(card["checks"]) + 1),
    )
    color = _GOOD if card["passed"] else _BAD
    heading = text(16, 26, title(card), size=17, color=color, bold=True)
    return drawing(_WIDTH, height, title(card), [heading, *left, *right])


def _shares(card: Card) -> Iterator[str]:
    """Each pair's share with its interval, by level, and the share that a level must have."""
    yield text(16, 50, "pairs in order, with exact 95 % intervals", bold=True)
    y = _TOP
    for level, least in LEAST.items():
        found, holds = card["orderings"][level], card["checks"][level]
        yield from _heading(level, found, holds, y + 15)
        y += _GROUP
        end = y + _ROW * len(found["pairs"])
        yield line(_across(least), y - 4, _across(least), end - 3, _BAD, dashed=True)
        for pair in found["pairs"]:
            yield from _pair(pair, y + 9)
            y += _ROW
    yield line(_across(0), y + 2, _across(1), y + 2, INK)
    for share in (0, 0.5, 1):
        yield text(_across(share), y + 17, f"{share:g}", anchor="middle")
    yield text(16, y + 17, "dashed: what a level needs", color="#666", size=11)


def _across(share: float) -> float:
    return 16 + _NAMES + _PLOT * share


def _heading(level: str, found: Card, holds: bool, y: float) -> Iterator[str]:
    word, color = _RESULT[holds]
    yield text(16, y, level, bold=True)
    yield text(_across(1), y, f"{found['share']:.3f}: {word}", color=color, anchor="end")


def _pair(pair: Card, y: float) -> Iterator[str]:
    """One row: what is above what, in which dimension, and how often it was."""
    color = _COLORS[pair["dimension"]]
    name = f"{pair['better']} > {pair['worse']}"
    yield text(16, y + 4, name.replace("corrupted_", "corrupted "), size=11)
    yield line(_across(0), y, _across(1), y, "#eee")
    if not pair["n"]:
        return
    low, high = pair["interval"]
    yield line(_across(low), y, _across(high), y, color, width=2)
    yield dot(_across(pair["share"]), y, color)
    yield text(_across(1) + 10, y + 4, pair["dimension"], size=11, color=color)


def _ladder(card: Card) -> Iterator[str]:
    """Mean grades by rung; a line joins the rungs that are corrupted more and more."""
    left, width, height = _LADDER
    rungs = card["ladder"]
    step = width / len(rungs)

    def x(number: float) -> float:
        return left + step * (number + 0.5)

    def y(grade: float) -> float:
        return _TOP + 10 + height * (1 - grade / HIGHEST)

    yield text(left - 20, 50, "mean grades over the ladder", bold=True)
    for grade in range(HIGHEST + 1):
        yield line(left, y(grade), left + width, y(grade), PALE if grade else INK)
        yield text(left - 8, y(grade) + 4, str(grade), anchor="end")
    for number, rung in enumerate(rungs):
        name = rung["rung"].removeprefix("corrupted_")
        yield text(x(number), y(0) + 17, f"{name} %" if name.isdigit() else name, anchor="middle")
    joined = sum(rung["rung"] not in ("babble", "empty") for rung in rungs)
    yield text(
        (x(1) + x(joined - 1)) / 2, y(0) + 33, "of the words replaced", size=11, anchor="middle"
    )
    for place, dimension in enumerate(DIMENSIONS):
        yield from _curve(rungs, dimension, joined, x, y, 5 * (place - 1))
        yield text(left + place * 95, y(0) + 56, f"● {dimension}", color=_COLORS[dimension])


def _curve(
    rungs: Sequence[Card],
    dimension: str,
    joined: int,
    x: Callable[[float], float],
    y: Callable[[float], float],
    aside: float,
) -> Iterator[str]:
    """The points of a dimension, a little aside of the others', and the line through the first."""
    known = {n: r["means"][dimension] for n, r in enumerate(rungs) if r["means"]}
    at = {n: (x(n) + aside, y(mean)) for n, mean in known.items()}
    color = _COLORS[dimension]
    joints = " ".join(f"{a:.1f},{b:.1f}" for n, (a, b) in at.items() if n < joined)
    yield f'<polyline points="{joints}" fill="none" stroke="{color}" stroke-width="1.5"/>'
    for a, b in at.values():
        yield dot(a, b, color)


def _checks(card: Card, y: float) -> Iterator[str]:
    """Every check, and whether it holds."""
    left = _LADDER[0] - 20
    yield text(left, y, "checks", bold=True)
    for number, (check, name) in enumerate(_CHECKS.items(), start=1):
        holds = card["checks"][check]
        word, color = _RESULT[holds]
        yield text(left, y + 18 * number, name)
        yield text(left + 160, y + 18 * number, word, color=color, bold=holds is False)
