"""Documents cut at the ends of sentences: nothing is lost, nothing is moved.

The chunks of a document, each with the white space before it, are the document again, character by
character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from leaner_harness.contracts import Document
from leaner_harness.dataset.records import Chunk

WORDS = {
    "web": 220, "book": 220, "wiki": 220, "textbook": 440, "conversation": 440,
}  # fmt: skip
"""Words after which a chunk of a genre ends with its sentence: about the paper's 300 and 600 tokens
of GPT-2. Genres that are not here are never cut."""
_LONGEST = 2
"""Times the limit: a sentence that is longer is cut between words."""
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Mt|Jr|Sr|Rev|Gen|Col|Capt|Lt|Sgt|No|vs|etc|e\.g|i\.e|cf|Fig|Vol"
    r"|approx|Inc|Ltd|Co|Corp|Ave|Blvd)|\b[A-Z]|\b(?:[A-Za-z]\.)+[A-Za-z])\.\Z"
)
_END = re.compile(r"[.!?][\"'\u2019\u201d)\]]*(?=\s)|\n\s*\n")
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"\S+")


def chunks(document: Document) -> Iterator[Chunk]:
    """The document in chunks of its genre's length; one without words has none."""
    limit = WORDS.get(document.genre)
    text = document.text
    borders = [0, *_borders(text, limit), len(text)] if limit else [0, len(text)]
    joiner, number = "", 0
    for start, end in pairwise(borders):
        space = _SPACE.match(text, start, end)
        first = space.end() if space else start
        joiner += text[start:first]
        if first < end:
            kept = text[first:end].rstrip()
            yield Chunk(document.id, number, document.genre, kept, joiner)
            joiner, number = text[first + len(kept) : end], number + 1


def _borders(text: str, limit: int) -> Iterator[int]:
    """Where chunks end: at the first sentence end after enough words."""
    start = words = 0
    for end in sentence_ends(text):
        found = len(_WORD.findall(text, start, end))
        if words + found > _LONGEST * limit:
            yield from _between_words(text, start, end, limit, words)
            words = 0
        else:
            words += found
        if words >= limit:
            yield end
            words = 0
        start = end


def sentence_ends(text: str) -> Iterator[int]:
    """The ends of the sentences, and of the text."""
    for match in _END.finditer(text):
        before = text[max(0, match.start() - 12) : match.start() + 1]
        if not (match[0].startswith(".") and _ABBREVIATION.search(before)):
            yield match.end()
    yield len(text)


def _between_words(text: str, start: int, end: int, limit: int, words: int) -> Iterator[int]:
    """Borders inside a sentence that is too long, and at its end."""
    if words:
        yield start
    for number, match in enumerate(_WORD.finditer(text, start, end), start=1):
        if number % limit == 0:
            yield match.end()
    yield end


def joined(parts: list[tuple[Chunk, str]]) -> str:
    """The document that its chunks' new texts make, in the order of their numbers."""
    ordered = sorted(parts, key=lambda part: part[0].number)
    return "".join(f"{chunk.joiner}{text}" for chunk, text in ordered).strip()
