"""What rewriting did to the texts, genre by genre: words, entropy and bias of source and rewrite.

Maths, code and instructions are not compared: the first is not rewritten, the others are no prose.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leaner_harness.dataset import bias, maths
from leaner_harness.dataset.ledger import KEPT, Ledger
from leaner_harness.dataset.prompts import PAIRS
from leaner_harness.dataset.vocabulary import Vocabulary
from leaner_harness.entropy.picture import picture
from leaner_harness.entropy.report import report
from leaner_harness.svg import PALE, dot, drawing, line, text

COMPARED = 1_000_000
"""Characters of a genre that are compared at most: the first ones."""
BEFORE, AFTER = "#b3541e", "#1f5a96"
_LEFT, _TOP, _WIDE, _ROW = 120, 84, 420, 34


@dataclass(frozen=True)
class Comparison:
    """The reports, and their pictures by file name. Empty where nothing was to be compared."""

    entropy: dict[str, Any] | None = None
    bias: str = ""
    """As Markdown."""
    words: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Genre -> shares of allowed words and words a text, `before` and `after`."""
    pictures: Mapping[str, str] = field(default_factory=dict)


def compare(ledger: Ledger, allowed: Vocabulary) -> Comparison:
    """Source and rewrite of the documents that were kept."""
    documents = _documents(ledger)
    if not documents:
        return Comparison()
    pairs = {genre: [pair for each in found for pair in each] for genre, found in documents.items()}
    before = {genre: [one for one, _ in found] for genre, found in pairs.items()}
    after = {genre: [other for _, other in found] for genre, found in pairs.items()}
    entropy = report(after, before, compression=False)
    words = {
        genre: {
            "chunks": len(pairs[genre]),
            "before": _counted(before[genre], allowed),
            "after": _counted(after[genre], allowed),
        }
        for genre in sorted(pairs)
    }
    # Chunks of a document are alike: what is drawn anew is documents.
    whole = (_joined(each) for genre in documents for each in documents[genre])
    told = bias.markdown(bias.report(whole))
    pictures = {
        "words.svg": words_picture(words),
        "entropy.svg": picture(entropy, ["rewrite", "source"]),
    }
    return Comparison(entropy, told, words, pictures)


def _joined(chunks: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Source and rewrite of a whole document."""
    return "\n".join(one for one, _ in chunks), "\n".join(other for _, other in chunks)


def _documents(ledger: Ledger) -> dict[str, list[list[tuple[str, str]]]]:
    """Genre -> documents, each as source and rewrite of its chunks, as far as they are compared."""
    found: dict[str, list[list[tuple[str, str]]]] = defaultdict(list)
    read: Counter[str] = Counter()
    for entry in ledger.documents(KEPT):
        if entry.genre in (*PAIRS, maths.GENRE) or read[entry.genre] >= COMPARED:
            continue
        parts = ledger.parts(entry)
        read[entry.genre] += sum(len(part.chunk.text) for part in parts)
        found[entry.genre].append([(part.chunk.text, part.rewritten) for part in parts])
    return dict(found)


def _counted(texts: list[str], allowed: Vocabulary) -> dict[str, float]:
    """Share of allowed words among running words that are no names; running words."""
    inside = outside = 0
    for each in texts:
        counts = allowed.count(each)
        inside, outside = inside + counts.inside, outside + counts.outside.total()
    known = inside + outside
    words = sum(len(each.split()) for each in texts)
    return {"share": inside / known if known else 1.0, "words": words}


def words_picture(words: Mapping[str, Mapping[str, Any]]) -> str:
    """SVG: the share of allowed words of each genre, source and rewrite joined by a line."""
    shares = [each[side]["share"] for each in words.values() for side in ("before", "after")]
    low = min(int(min(shares) * 20) / 20, 0.95)
    height = _TOP + _ROW * len(words) + 34
    parts = [
        text(16, 26, "Share of running words in the allowed list", size=17, bold=True),
        text(16, 46, "● source", color=BEFORE),
        text(90, 46, "● rewrite", color=AFTER),
        *_grid(low, height - 30),
    ]
    for number, (genre, each) in enumerate(words.items()):
        parts += _row(_TOP + _ROW * number + 14, genre, each, low)
    return drawing(_LEFT + _WIDE + 60, height, "Share of allowed words", parts)


def _grid(low: float, bottom: float) -> Iterator[str]:
    for number in range(6):
        share = low + (1 - low) * number / 5
        x = _place(share, low)
        yield line(x, _TOP - 10, x, bottom, PALE)
        yield text(x, bottom + 16, f"{share:.2f}", size=11, color="#666", anchor="middle")


def _row(y: float, genre: str, each: Mapping[str, Any], low: float) -> Iterator[str]:
    ends = [_place(each[side]["share"], low) for side in ("before", "after")]
    yield text(_LEFT - 14, y + 4, genre, anchor="end")
    yield line(ends[0], y, ends[1], y, "#999", width=2)
    yield dot(ends[0], y, BEFORE)
    yield dot(ends[1], y, AFTER)


def _place(share: float, low: float) -> float:
    return _LEFT + _WIDE * (share - low) / (1 - low)
