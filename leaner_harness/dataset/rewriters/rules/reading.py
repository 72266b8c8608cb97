"""Sentences beside what `rules` made of them, drawn with a seed, for somebody to read.

A sentence's number counts the sentences of its document from 0, headings left out.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from leaner_harness.dataset import policy
from leaner_harness.dataset.records import Chunk
from leaner_harness.dataset.rewriters.rules import rewrite_chunk
from leaner_harness.dataset.rewriters.rules.sentences import line_of, sentences
from leaner_harness.dataset.vocabulary import Vocabulary


class Pair(NamedTuple):
    """A sentence before and after; the `after` of a dropped one is empty."""

    document: str
    number: int
    before: str
    after: str


def pairs(document: str, text: str, vocabulary: Vocabulary) -> Iterator[Pair]:
    """The sentences of a document that `rules` changed or dropped."""
    replacements = policy.derive(text)
    whole = rewrite_chunk(Chunk(document, 0, "wiki", text), replacements, vocabulary).text
    number = 0
    for line in text.split("\n"):
        taken = line_of(line)
        if taken.heading:
            continue
        for before in _whole(taken.body):
            # Nothing but the policy's work: a list without words drops no sentence.
            alone = rewrite_chunk(Chunk(document, 1, "wiki", before), replacements, _ALL).text
            after = alone if alone in whole else ""
            if after != before.strip():
                yield Pair(document, number, before.strip(), after)
            number += 1


def _whole(body: str) -> Iterator[str]:
    """Sentences with their brackets closed, as `rules` drops these first."""
    open_part = ""
    for part in sentences(body):
        open_part += part
        if open_part.count("(") <= open_part.count(")"):
            yield open_part
            open_part = ""
    if open_part:
        yield open_part


class _All(Vocabulary):
    """Every word is inside."""

    def __contains__(self, word: str) -> bool:
        return True


_ALL = _All(frozenset())


def sample(
    documents: Iterable[tuple[str, str]], vocabulary: Vocabulary, count: int, seed: int
) -> list[Pair]:
    """So many changed sentences of documents (id, text), drawn without regard to their order."""
    found = [pair for document, text in documents for pair in pairs(document, text, vocabulary)]
    found.sort(key=lambda pair: (pair.document, pair.number))
    return random.Random(seed).sample(found, min(count, len(found)))
