"""The rewriter `rules`: offline, deterministic and conservative. A baseline, not LEANER quality.

It replaces names by the policy and hard words by a table, cuts sentences where that is safe, and
drops brackets and the sentences that are still too hard. It invents nothing, and it lists every
number that is lost. Coverage alone is easily gained: judge it by reading, too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leaner_harness.dataset import policy
from leaner_harness.dataset.prompts import PAIRS
from leaner_harness.dataset.records import Assignment, Chunk, Rewrite
from leaner_harness.dataset.rewriters.rules.sentences import (
    cut,
    leans,
    line_of,
    sentences,
    without_brackets,
)
from leaner_harness.dataset.rewriters.rules.words import simplify
from leaner_harness.dataset.vocabulary import Vocabulary, load, packaged
from leaner_harness.llm.records import OK

VERSION = 1
"""Bump it with any change of what comes out."""
LEAST_COVERAGE = 0.7
_LEAST_WORDS = 8
"""A sentence with fewer is never dropped: two words would decide."""
_LEFT_ALONE = frozenset((*PAIRS, "math"))
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass
class Done:
    """What was done to a chunk."""

    words: Counter[str] = field(default_factory=Counter)
    """Replaced by simpler ones."""
    cuts: int = 0
    brackets: int = 0
    dropped: int = 0
    """Sentences."""
    begun: bool = False
    """Whether a line with sentences is behind."""

    def record(self, source: str, text: str) -> dict[str, Any]:
        """As the row keeps it, with the numbers that only the source has."""
        lost = Counter(NUMBER.findall(source)) - Counter(NUMBER.findall(text))
        return {
            "rules": VERSION,
            "words": dict(sorted(self.words.items())),
            "sentences_cut": self.cuts,
            "brackets_dropped": self.brackets,
            "sentences_dropped": self.dropped,
            "numbers_dropped": sorted(lost.elements()),
        }


class Rules:
    """The rewriter."""

    def __init__(self, argument: str = "", llm: object = None) -> None:
        """`argument` is a file of allowed words; without one, the list that ships is used.

        Raises DataError for a file that is none.
        """
        self._vocabulary = load(Path(argument)) if argument else packaged()

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What its texts depend on."""
        return {
            "kind": "rules", "version": VERSION, "policy": policy.VERSION,
            "vocabulary": self._vocabulary.sha256,
        }  # fmt: skip

    def rewrite(self, assignments: Iterable[Assignment]) -> Iterator[Rewrite]:
        """A rewrite of each chunk. Code, instructions and mathematics stay as they are."""
        for assignment in assignments:
            chunk = assignment.chunk
            told = policy.read_wording(assignment.wording)
            yield rewrite_chunk(chunk, told if assignment.wording else None, self._vocabulary)


def rewrite_chunk(
    chunk: Chunk, replacements: policy.Replacements | None, vocabulary: Vocabulary
) -> Rewrite:
    """One chunk. Without replacements of its document, they are derived from the chunk alone."""
    if chunk.genre in _LEFT_ALONE:
        return Rewrite(chunk.id, OK, chunk.text, record={"rules": VERSION, "left": chunk.genre})
    known = policy.derive(chunk.text) if replacements is None else replacements
    done = Done()
    text = _rewritten(policy.apply(chunk.text, known), vocabulary, done)
    return Rewrite(chunk.id, OK, text, record=done.record(chunk.text, text))


def _rewritten(text: str, vocabulary: Vocabulary, done: Done) -> str:
    lines, fenced = [], False
    for line in text.split("\n"):
        fence = line.lstrip().startswith("```")
        fenced ^= fence
        new = line if fence or fenced else _line(line, text, vocabulary, done)
        if new is not None:
            lines.append(new)
    return "\n".join(lines).strip()


def _line(text: str, whole: str, vocabulary: Vocabulary, done: Done) -> str | None:
    """A line made simpler; None where nothing of it is left."""
    line = line_of(text)
    if not line.body.strip() or line.heading:
        return text
    body = without_brackets(line.body, whole)
    done.brackets += line.body.count("(") - body.count("(")
    found = [new for each in sentences(body) for new in _sentence(each, done)]
    kept = list(_kept(found, vocabulary, first=not done.begun))
    done.begun = True
    done.dropped += len(found) - len(kept)
    return (line.mark + "".join(kept)).rstrip() if kept else None


def _sentence(sentence: str, done: Done) -> list[str]:
    """A sentence in simpler words, cut where that is safe."""
    change = simplify(sentence)
    done.words += change.words
    parts = cut(change.text)
    done.cuts += len(parts) - 1
    return parts


def _kept(found: list[str], vocabulary: Vocabulary, first: bool) -> Iterator[str]:
    """The sentences that are simple enough, and those that the next one leans on.

    The `first` of a text says what it is about: it stays.
    """
    for number, each in enumerate(found):
        needed = (first and number == 0) or any(map(leans, found[number + 1 : number + 2]))
        if needed or _is_simple(each, vocabulary):
            yield each


def _is_simple(sentence: str, vocabulary: Vocabulary) -> bool:
    if len(sentence.split()) < _LEAST_WORDS:
        return True
    return vocabulary.coverage(sentence)[0] >= LEAST_COVERAGE
