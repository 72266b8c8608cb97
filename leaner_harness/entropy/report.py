"""Two sources beside each other: each genre, and all that both have, cut to equal sizes."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from leaner_harness.contracts import Document
from leaner_harness.entropy.blocks import Tokens
from leaner_harness.entropy.sample import GROUPS, LONGEST, figures
from leaner_harness.entropy.units import Words, make_tokenizer, tokens
from leaner_harness.errors import DataError
from leaner_harness.intervals import t_quantile

ALL = "all"
NATURAL = ("web", "book", "wiki", "textbook", "conversation")
"""Genres in sentences: the others are left out of `all`."""
_LEVELS = {"zlib": 9, "zstd": 19}

Texts = Mapping[str, Sequence[str]]
"""By genre."""
Sides = tuple[Sequence[str], Sequence[str]]


def by_genre(documents: Iterable[Document]) -> dict[str, list[str]]:
    """The texts of each genre, in their order."""
    found: dict[str, list[str]] = defaultdict(list)
    for document in documents:
        found[document.genre].append(document.text)
    return dict(found)


def report(
    one: Texts,
    other: Texts,
    tokenizer: Any = None,
    announce: Callable[[str], None] = lambda _: None,
    *,
    compression: bool = True,
) -> dict[str, Any]:
    """Figures of both sources in words and in tokens, genre by genre, and their differences.

    Without a tokenizer, one is made from as much text of either source. What they compress to takes
    a third of the time: `compression` leaves it out. Raises DataError where they have no genre in
    common.
    """
    shared = sorted(one.keys() & other.keys())
    if not shared:
        raise DataError(
            f"The sources have no genre in common: {', '.join(sorted(one)) or 'none'}; "
            f"{', '.join(sorted(other)) or 'none'}.",
            "Compare texts of one genre: --genres wiki",
        )
    parts: dict[str, Sides] = {genre: (one[genre], other[genre]) for genre in shared}
    natural = [genre for genre in shared if genre in NATURAL]
    if len(natural) > 1:
        parts[ALL] = (
            [text for genre in natural for text in one[genre]],
            [text for genre in natural for text in other[genre]],
        )
    made = tokenizer is None
    used = tokenizer or make_tokenizer(
        _equal_text(parts[ALL] if ALL in parts else parts[shared[0]])
    )
    found = {}
    for name, sides in parts.items():
        announce(name)
        found[name] = _part(sides, used)
        if compression:
            found[name]["compression"] = _compression(sides)
    return {
        "genres": found,
        "tokenizer": "made from equal shares of both" if made else "given",
        "unit": "bits",
    }


def _part(sides: Sides, tokenizer: Any) -> dict[str, Any]:
    words = Words()
    units: dict[str, Callable[[Sequence[str]], Tokens]] = {
        "words": words.read,
        "tokens": lambda texts: tokens(texts, tokenizer),
    }
    found: dict[str, Any] = {}
    for unit, read in units.items():
        whole = [read(side) for side in sides]
        size = min(map(len, whole))
        both = [figures(each.first(size)) for each in whole]
        found[unit] = {
            "n": size,
            "of": [len(each) for each in whole],
            "a": both[0],
            "b": both[1],
            "difference": [
                _difference(a, b) for a, b in zip(both[0]["blocks"], both[1]["blocks"], strict=True)
            ],
        }
    return found


def _difference(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    """The first's corrected entropy less the second's; the samples are independent."""
    value = a["corrected"] - b["corrected"]
    half = t_quantile(0.975, GROUPS - 1) * (a["error"] ** 2 + b["error"] ** 2) ** 0.5
    return {"value": value, "interval": [value - half, value + half]}


def _equal_text(sides: Sides) -> Iterable[str]:
    """The texts of both sides, as many characters of either."""
    size = min(sum(map(len, side)) for side in sides)
    for side in sides:
        yield from _cut(side, size)


def _cut(texts: Sequence[str], size: int) -> Iterable[str]:
    for text in texts:
        if size <= 0:
            return
        yield text[:size]
        size -= len(text)


def _compression(sides: Sides) -> dict[str, Any]:
    """Bits a character after compression, of as many characters of either."""
    import pyarrow

    size = min(sum(map(len, side)) for side in sides)
    zstd = pyarrow.Codec("zstd", compression_level=_LEVELS["zstd"])
    found: dict[str, Any] = {"characters": size}
    for name, side in zip("ab", sides, strict=True):
        text = "\n".join(_cut(side, size)).encode()
        packed = {"zlib": zlib.compress(text, _LEVELS["zlib"]), "zstd": zstd.compress(text)}
        found[name] = {key: 8 * len(value) / max(size, 1) for key, value in packed.items()}
    return found


def directions(found: Mapping[str, Any]) -> dict[str, list[str]]:
    """Genre -> for runs of 1 to 3 words, whether the first is `lower`, `higher`, `cannot tell`."""
    return {
        genre: [_direction(part["words"]["difference"][n]["interval"]) for n in range(LONGEST)]
        for genre, part in found["genres"].items()
    }


def _direction(interval: Sequence[float]) -> str:
    low, high = interval
    if low <= 0 <= high:
        return "cannot tell"
    return "higher" if low > 0 else "lower"
