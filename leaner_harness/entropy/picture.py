"""The corrected entropies of two sources, genre by genre, as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leaner_harness.entropy.sample import LONGEST
from leaner_harness.svg import INK, PALE, dot, drawing, line, text

_COLORS = {"a": "#1f5a96", "b": "#b3541e"}
_LEFT, _TOP, _PANEL, _GAP, _ROW = 120, 78, 300, 90, 34
_UNITS = {"words": "words", "tokens": "tokens of a tokenizer"}


def picture(found: Mapping[str, Any], names: Sequence[str]) -> str:
    """The report as SVG; `names` are the sources'."""
    genres = found["genres"]
    height = _TOP + LONGEST * (len(genres) * _ROW + 30) + 24
    width = _LEFT + 2 * _PANEL + _GAP + 30
    parts = [text(16, 26, "Block entropy, bits", size=17, bold=True)]
    for place, (side, name) in enumerate(zip("ab", names, strict=True)):
        parts.append(text(16 + 330 * place, 46, f"● {_short(name)}", color=_COLORS[side]))
    parts.append(text(16, 62, "equal sizes; bars: 95 % intervals", size=11, color="#666"))
    for number, (unit, shown) in enumerate(_UNITS.items()):
        left = _LEFT + number * (_PANEL + _GAP)
        parts += _panel(genres, unit, shown, left, is_first=number == 0)
    return drawing(width, height, "Block entropy of two sources", parts)


def _panel(
    genres: Mapping[str, Any], unit: str, shown: str, left: float, *, is_first: bool
) -> Iterator[str]:
    yield text(left + _PANEL / 2, 62, shown, bold=True, anchor="middle")
    top = _TOP
    for length in range(LONGEST):
        blocks = [part[unit][side]["blocks"][length] for part in genres.values() for side in "ab"]
        low = min(each["interval"][0] for each in blocks)
        high = max(each["interval"][1] for each in blocks)
        scale = _PANEL / max(high - low, 1e-9)
        if is_first:
            yield text(16, top + 12, f"runs of {length + 1}")
        yield text(left, top + 12, f"{low:.1f}", size=11, color="#666", anchor="middle")
        yield text(left + _PANEL, top + 12, f"{high:.1f}", size=11, color="#666", anchor="middle")
        for number, (genre, part) in enumerate(genres.items()):
            y = top + 30 + _ROW * number
            if is_first:
                yield text(left - 12, y + 4, genre, anchor="end")
            yield line(left, y, left + _PANEL, y, PALE)
            for side, aside in (("a", -4), ("b", 4)):
                block = part[unit][side]["blocks"][length]
                ends = [left + scale * (bound - low) for bound in block["interval"]]
                middle = left + scale * (block["corrected"] - low)
                yield line(ends[0], y + aside, ends[1], y + aside, _COLORS[side], width=2)
                yield dot(middle, y + aside, _COLORS[side])
        top += len(genres) * _ROW + 30
        yield line(left, top - 8, left + _PANEL, top - 8, INK if length == LONGEST - 1 else PALE)


def _short(name: str) -> str:
    """The end of a long name, which tells more than its beginning."""
    return name if len(name) <= 46 else f"...{name[-43:]}"
