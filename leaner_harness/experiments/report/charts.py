"""Charts of a report: curves over a size or tokens, and differences with their intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from leaner_harness.counts import short
from leaner_harness.experiments.report.document import Estimate
from leaner_harness.svg import INK, PALE, SOFT, dot, drawing, line, path, square, text

_WIDTH, _HEIGHT = 440, 308
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 70, 44
_ROW, _LINE, _ASIDE = 20, 15, 5.0


class Point(NamedTuple):
    """A place, and the interval of its height if there is one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


class Series(NamedTuple):
    """Points of one kind, joined by a line."""

    name: str
    color: str
    points: Sequence[Point]
    dashed: bool = False
    squares: bool = False


class Axis(NamedTuple):
    """What an axis shows."""

    name: str
    log: bool = False
    ticks: Sequence[float] = ()
    """Where its numbers stand; empty for round ones."""


class _Scale(NamedTuple):
    """From values to a place between two ends."""

    low: float
    high: float
    start: float
    end: float
    log: bool

    def __call__(self, value: float) -> float:
        low, high, at = ((math.log(v) if self.log else v) for v in (self.low, self.high, value))
        return self.start + (self.end - self.start) * (at - low) / (high - low)


def _scale(values: Sequence[float], start: float, end: float, log: bool = False) -> _Scale:
    low, high = min(values), max(values)
    if log:
        low, high = low / 1.15, high * 1.15
    else:
        room = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
        low, high = low - room, high + room
    return _Scale(low, high, start, end, log)


def _ticks(scale: _Scale, most: int = 5) -> list[float]:
    """Round values within a scale: 1, 2 or 5 times a power of ten."""
    if scale.log:
        found = [
            digit * 10.0**power
            for power in range(math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high)))
            for digit in (1, 2, 5)
        ]
        inside = [value for value in found if scale.low <= value <= scale.high]
        return inside if len(inside) <= most + 2 else inside[:: -(-len(inside) // most)]
    rough = (scale.high - scale.low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * digit for digit in (1, 2, 5, 10) if power * digit >= rough)
    first = math.ceil(scale.low / step)
    return [step * k for k in range(first, math.floor(scale.high / step) + 1)]


def plot(title: str, x: Axis, y: Axis, series: Sequence[Series], about: str) -> str:
    """Curves; empty where there is no point."""
    points = [point for each in series for point in each.points]
    if not points:
        return ""
    heights = [v for p in points for v in (p.y, p.low, p.high) if v is not None]
    legend, more = _legend(series)
    across = _scale([p.x for p in points], _LEFT, _WIDTH - _RIGHT, x.log)
    up = _scale(heights, _HEIGHT - _BOTTOM + more, _TOP + more)
    parts = [
        text(12, 20, title, size=14, bold=True),
        *legend,
        *_axes(across, up, x, y),
        *(
            part
            for each, aside in zip(series, _asides(series), strict=True)
            for part in _drawn(each, across, up, aside)
        ),
    ]
    return drawing(_WIDTH, _HEIGHT + more, title, parts, about)


def _legend(series: Sequence[Series]) -> tuple[list[str], int]:
    """What the series are called, and how much lower than one line of it all else must begin."""
    at, more = 12.0, 0
    found: list[str] = []
    for each in series:
        if each.name:
            width = 22 + sum(8 if letter.isupper() else 6 for letter in each.name)
            if found and at + width > _WIDTH:
                at, more = 12.0, more + _LINE
            mark = "■" if each.squares else "╌" if each.dashed else "●"
            found.append(text(at, 40 + more, f"{mark} {each.name}", size=11, color=each.color))
            at += width
    return found, more


def _asides(series: Sequence[Series]) -> list[float]:
    """How far aside each is drawn: intervals at one place would hide each other."""
    places = [{p.x for p in each.points if p.low is not None} for each in series]
    shared = [x for xs in places for x in xs]
    if len(shared) == len(set(shared)):
        return [0.0] * len(series)
    return [_ASIDE * (number - (len(series) - 1) / 2) for number in range(len(series))]


def _axes(across: _Scale, up: _Scale, x: Axis, y: Axis) -> Iterator[str]:
    bottom, left, right = up.start, across.start, across.end
    for value in _ticks(up):
        yield line(left, up(value), right, up(value), PALE)
        yield text(left - 6, up(value) + 4, short(value), size=11, color=SOFT, anchor="end")
    for value in x.ticks or _ticks(across):
        yield line(across(value), bottom, across(value), bottom + 4, SOFT)
        yield text(across(value), bottom + 17, short(value), size=11, color=SOFT, anchor="middle")
    yield line(left, bottom, right, bottom, INK)
    yield text((left + right) / 2, bottom + 34, x.name, size=11, color=INK, anchor="middle")
    yield text(12, up.end - 14, y.name, size=11, color=INK)


def _drawn(series: Series, across: _Scale, up: _Scale, aside: float) -> Iterator[str]:
    mark: Callable[[float, float, str], str] = square if series.squares else dot
    places = [(across(p.x) + aside, up(p.y)) for p in series.points]
    if len(places) > 1:
        yield path(places, series.color, dashed=series.dashed)
    for point, (a, b) in zip(series.points, places, strict=True):
        if point.low is not None and point.high is not None:
            yield line(a, up(point.low), a, up(point.high), series.color)
        if len(places) <= 12:
            yield mark(a, b, series.color)


class Bar(NamedTuple):
    """A value with its interval, on a row of its own."""

    name: str
    found: Estimate
    color: str = INK


def forest(title: str, unit: str, bars: Sequence[Bar], about: str) -> str:
    """Values with intervals beside zero, one below the other; empty where there is none."""
    if not bars:
        return ""
    ends = [
        v for bar in bars for v in (bar.found.value, bar.found.low, bar.found.high) if v is not None
    ]
    across = _scale([*ends, 0.0], 132, _WIDTH - _RIGHT)
    bottom = 36 + _ROW * len(bars)
    parts = [text(12, 20, title, size=14, bold=True)]
    for number, (name, found, color) in enumerate(bars):
        y = 46 + _ROW * number
        parts.append(text(126, y + 4, name, size=11, color=SOFT, anchor="end"))
        parts.append(line(across.start, y, across.end, y, PALE))
        if found.low is not None and found.high is not None:
            parts.append(line(across(found.low), y, across(found.high), y, color, width=2))
        parts.append(dot(across(found.value), y, color))
    parts.append(line(across(0.0), 32, across(0.0), bottom + 2, INK, dashed=True))
    for value in _ticks(across, 7):
        parts.append(
            text(across(value), bottom + 16, short(value), size=11, color=SOFT, anchor="middle")
        )
    parts.append(text((across.start + across.end) / 2, bottom + 34, unit, size=11, anchor="middle"))
    return drawing(_WIDTH, bottom + 44, title, parts, about)
