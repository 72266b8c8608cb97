"""Parts of the pictures that this package draws: SVG that needs no other file, all text escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

INK, SOFT, PALE, GROUND = "#222", "#666", "#d5d5d5", "#fff"
A, B, C, D = "#1f5a96", "#b3541e", "#2b7a4b", "#7a4b8f"
"""Colours of what is compared."""
_THEME = {INK: "ink", SOFT: "soft", PALE: "line", GROUND: "ground"} | {
    color: f"color-{name}" for color, name in zip((A, B, C, D), "abcd", strict=True)
}


def drawing(width: float, height: float, title: str, parts: Iterable[str], about: str = "") -> str:
    """A picture on white; `about` says in words what it shows, for who cannot see it."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" font-family="Helvetica, Arial, sans-serif" '
        f'font-size="12" role="img" aria-label="{escape(about or title)}">'
    )
    ground = f'<rect width="{width:g}" height="{height:g}" fill="{GROUND}"/>'
    said = [
        f"<title>{escape(title)}</title>",
        *([f"<desc>{escape(about)}</desc>"] if about else []),
    ]
    return "\n".join([head, *said, ground, *parts, "</svg>"]) + "\n"


def themed(picture: str) -> str:
    """The picture for a page that has colours of its own, as CSS variables `--ink` and the like."""
    for color, name in _THEME.items():  # a quotation mark in a text is escaped
        picture = picture.replace(f'="{color}"', f'="var(--{name})"')
    return picture


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = 12,
    color: str = INK,
    anchor: str = "start",
    bold: bool = False,
) -> str:
    """Words at a place."""
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" '
        f'text-anchor="{anchor}"{weight}>{escape(words)}</text>'
    )


def line(
    x1: float, y1: float, x2: float, y2: float, color: str, *, width: int = 1, dashed: bool = False
) -> str:
    """A line."""
    dash = ' stroke-dasharray="3 3"' if dashed else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{color}" stroke-width="{width}"{dash}/>'
    )


def path(points: Iterable[tuple[float, float]], color: str, *, dashed: bool = False) -> str:
    """A line through points."""
    joints = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<polyline points="{joints}" fill="none" stroke="{color}" stroke-width="1.7"{dash}/>'


def square(x: float, y: float, color: str) -> str:
    """Another point of a plot."""
    return f'<rect x="{x - 3.2:.1f}" y="{y - 3.2:.1f}" width="6.4" height="6.4" fill="{color}"/>'


def dot(x: float, y: float, color: str) -> str:
    """A point of a plot."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>'
