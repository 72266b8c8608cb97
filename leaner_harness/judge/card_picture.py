"""The judge card as a picture: how many pairs are in order, and the grades over the ladder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from leaner_harness.judge.card import LEAST
from leaner_harness.judge.card_page import title
from leaner_harness.judge.verdicts import DIMENSIONS, HIGHEST

_WIDTH = 880
_TOP = 66  # of both panels
_ROW, _GROUP = 17, 26  # heights of a pair, and of a level's heading
_NAMES, _PLOT = 226, 190  # width of the names on the left, and of the shares beside them
_LADDER = (550, 322, 220)  # left, width, height of the panel on the right
_COLORS = {"grammar": "#1f5a96", "coherence": "#b3541e", "specificity": "#2e7d4f"}
_INK, _PALE, _GOOD, _BAD = "#222", "#d5d5d5", "#2e7d4f", "#b3261e"
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
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" font-family="Helvetica, Arial, sans-serif" '
        f'font-size="12">'
    )
    color = _GOOD if card["passed"] else _BAD
    parts = [
        head,
        f"<title>{escape(title(card))}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        _text(16, 26, title(card), size=17, color=color, bold=True),
        *left,
        *right,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _shares(card: Card) -> Iterator[str]:
    """Each pair's share with its interval, by level, and the share that a level must have."""
    yield _text(16, 50, "pairs in order, with exact 95 % intervals", bold=True)
    y = _TOP
    for level, least in LEAST.items():
        found, holds = card["orderings"][level], card["checks"][level]
        yield from _heading(level, found, holds, y + 15)
        y += _GROUP
        end = y + _ROW * len(found["pairs"])
        yield _line(_across(least), y - 4, _across(least), end - 3, _BAD, dashed=True)
        for pair in found["pairs"]:
            yield from _pair(pair, y + 9)
            y += _ROW
    yield _line(_across(0), y + 2, _across(1), y + 2, _INK)
    for share in (0, 0.5, 1):
        yield _text(_across(share), y + 17, f"{share:g}", anchor="middle")
    yield _text(16, y + 17, "dashed: what a level needs", color="#666", size=11)


def _across(share: float) -> float:
    return 16 + _NAMES + _PLOT * share


def _heading(level: str, found: Card, holds: bool, y: float) -> Iterator[str]:
    word, color = _RESULT[holds]
    yield _text(16, y, level, bold=True)
    yield _text(_across(1), y, f"{found['share']:.3f}: {word}", color=color, anchor="end")


def _pair(pair: Card, y: float) -> Iterator[str]:
    """One row: what is above what, in which dimension, and how often it was."""
    color = _COLORS[pair["dimension"]]
    name = f"{pair['better']} > {pair['worse']}"
    yield _text(16, y + 4, name.replace("corrupted_", "corrupted "), size=11)
    yield _line(_across(0), y, _across(1), y, "#eee")
    if not pair["n"]:
        return
    low, high = pair["interval"]
    yield _line(_across(low), y, _across(high), y, color, width=2)
    yield f'<circle cx="{_across(pair["share"]):.1f}" cy="{y}" r="3.5" fill="{color}"/>'
    yield _text(_across(1) + 10, y + 4, pair["dimension"], size=11, color=color)


def _ladder(card: Card) -> Iterator[str]:
    """Mean grades by rung; a line joins the rungs that are corrupted more and more."""
    left, width, height = _LADDER
    rungs = card["ladder"]
    step = width / len(rungs)

    def x(number: float) -> float:
        return left + step * (number + 0.5)

    def y(grade: float) -> float:
        return _TOP + 10 + height * (1 - grade / HIGHEST)

    yield _text(left - 20, 50, "mean grades over the ladder", bold=True)
    for grade in range(HIGHEST + 1):
        yield _line(left, y(grade), left + width, y(grade), _PALE if grade else _INK)
        yield _text(left - 8, y(grade) + 4, str(grade), anchor="end")
    for number, rung in enumerate(rungs):
        name = rung["rung"].removeprefix("corrupted_")
        yield _text(x(number), y(0) + 17, f"{name} %" if name.isdigit() else name, anchor="middle")
    joined = sum(rung["rung"] not in ("babble", "empty") for rung in rungs)
    yield _text(
        (x(1) + x(joined - 1)) / 2, y(0) + 33, "of the words replaced", size=11, anchor="middle"
    )
    for place, dimension in enumerate(DIMENSIONS):
        yield from _curve(rungs, dimension, joined, x, y, 5 * (place - 1))
        yield _text(left + place * 95, y(0) + 56, f"● {dimension}", color=_COLORS[dimension])


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
    line = " ".join(f"{a:.1f},{b:.1f}" for n, (a, b) in at.items() if n < joined)
    yield f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="1.5"/>'
    for a, b in at.values():
        yield f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{color}"/>'


def _checks(card: Card, y: float) -> Iterator[str]:
    """Every check, and whether it holds."""
    left = _LADDER[0] - 20
    yield _text(left, y, "checks", bold=True)
    for number, (check, name) in enumerate(_CHECKS.items(), start=1):
        holds = card["checks"][check]
        word, color = _RESULT[holds]
        yield _text(left, y + 18 * number, name)
        yield _text(left + 160, y + 18 * number, word, color=color, bold=holds is False)


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 12,
    color: str = _INK,
    anchor: str = "start",
    bold: bool = False,
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" '
        f'text-anchor="{anchor}"{weight}>{escape(text)}</text>'
    )


def _line(
    x1: float, y1: float, x2: float, y2: float, color: str, *, width: int = 1, dashed: bool = False
) -> str:
    dash = ' stroke-dasharray="3 3"' if dashed else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{color}" stroke-width="{width}"{dash}/>'
    )
