"""A list of allowed lemmas, and how much of a text is inside it.

Names (capitalised inside a sentence, or short and all in capitals) and numbers are neither inside
nor outside: what is done with names is a matter of policy, not of vocabulary.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from leaner_harness.dataset.lemmas import candidates, lemma
from leaner_harness.errors import DataError, UsageError
from leaner_harness.files import write_atomic

SIZE = 2_000
"""Lemmas of the published data's prompt."""
WORD = re.compile(r"(?<!\w)[^\W\d_]+(?:['’][^\W\d_]+)?")
"""A word: letters, with a part after an apostrophe; what follows a digit (`20th`) is none."""
NUMBER = re.compile(r"[0-9](?<![\w.].)\d*(?:[.,:]\d+)*")
"""A number in digits. What it begins with comes before the look behind: several times as fast."""
_NAME = re.compile(r"[A-Z](?:(?<=[\w)'’][ \-/].)|(?<=[\w)'’][,;] .))[^\W\d_]*(?:['’][^\W\d_]+)?")
"""A capitalised word after another word or a comma, so not at a sentence's start."""
_ABBREVIATION = re.compile(r"[A-Z]{2,5}\Z")
_REMEMBERED = 1 << 20
"""Words whose answer is kept: memory does not grow with a corpus."""


class Counts(NamedTuple):
    """The running words of a text."""

    inside: int
    outside: Counter[str]
    """In lower case, as they stand: an editor is to find them."""
    names: Counter[str]
    numbers: int

    @property
    def share(self) -> float:
        """Inside, of those inside and outside; 1 for a text without words."""
        words = self.inside + self.outside.total()
        return self.inside / words if words else 1.0


@dataclass(frozen=True)
class Vocabulary:
    """Allowed lemmas."""

    lemmas: frozenset[str]
    origin: str = ""
    """What they were derived from, in words."""
    names: frozenset[str] = frozenset()
    """Words, as written, that are names wherever they stand: those a policy puts in."""
    _seen: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def sha256(self) -> str:
        """Of the list: the same lemmas, the same digest, whatever their order."""
        return hashlib.sha256("\n".join(sorted(self.lemmas)).encode()).hexdigest()

    def __contains__(self, word: str) -> bool:
        """Whether some lemma of a word is allowed; case does not matter."""
        if word not in self._seen:
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            self._seen[word] = not self.lemmas.isdisjoint(candidates(word.lower()))
        return self._seen[word]

    def count(self, text: str) -> Counts:
        """How many running words are inside, which are outside, which are names."""
        words, names = _words_and_names(text)
        outside: Counter[str] = Counter()
        named: Counter[str] = Counter()
        for word, times in words.items():
            if word not in self:
                if word in names or word in self.names or _ABBREVIATION.match(word):
                    named[word] += times
                else:
                    outside[word.lower()] += times
        inside = words.total() - outside.total() - named.total()
        return Counts(inside, outside, named, sum(1 for _ in NUMBER.finditer(text)))

    def coverage(self, text: str) -> tuple[float, Counter[str]]:
        """Share of running words inside, 0 to 1, and the words outside with their counts."""
        counts = self.count(text)
        return counts.share, counts.outside

    def save(self, path: Path) -> None:
        """Write a text file: what it is, then a lemma a line."""
        heading = f"{_ORIGIN}{' '.join(self.origin.split())}\n{_DIGEST}{self.sha256}\n"
        write_atomic(path, heading + "".join(f"{word}\n" for word in sorted(self.lemmas)))


_ORIGIN, _DIGEST = "# Allowed lemmas. From: ", "# sha256: "


def load(path: Path) -> Vocabulary:
    """Read a list: a lemma a line; lines that start with # are comments.

    Raises DataError for a file that cannot be read, is empty, or is not what its digest says.
    """
    try:
        return _parse(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"The vocabulary {path} cannot be read: {error}.",
            "Give a text file with a lemma a line, or make one: leaner build vocabulary",
        ) from error


@cache
def packaged() -> Vocabulary:
    """The list that ships: lemmas of the embedded mini text and a hand-written list."""
    file = files("leaner_harness.dataset") / "words/common.txt"
    return _parse(file.read_text("utf-8"), "packaged")


def derive(texts: Iterable[str], size: int = SIZE, origin: str = "a corpus") -> Vocabulary:
    """The commonest lemmas of some texts, names and numbers apart; ties by the alphabet.

    Raises UsageError for a size below 1, DataError for texts without words.
    """
    if size < 1:
        raise UsageError(f"A vocabulary of {size} lemmas is none.", "Give 1 or more.")
    common = _common_words(texts)
    lemmas: Counter[str] = Counter()
    for word, times in common.items():
        lemmas[lemma(word, common)] += times
    if not lemmas:
        raise DataError("There are no words in these texts.", "Give texts with English words.")
    chosen = sorted(lemmas, key=lambda word: (-lemmas[word], word))[:size]
    return Vocabulary(frozenset(chosen), origin)


def _common_words(texts: Iterable[str]) -> Counter[str]:
    """Words in lower case, but for those that are names more often than not."""
    words: Counter[str] = Counter()
    named: Counter[str] = Counter()
    for text in texts:
        for word, times in Counter(WORD.findall(text)).items():
            words[word.lower()] += times
        named.update(word.lower() for word in _NAME.findall(text))
    always = {"i", "i'm", "i'll", "i've", "i'd"}
    return Counter({w: n for w, n in words.items() if w in always or named[w] * 2 <= n})


def _words_and_names(text: str) -> tuple[Counter[str], frozenset[str]]:
    """Counts of the words as they stand, and those that are capitalised inside a sentence."""
    return Counter(WORD.findall(text)), frozenset(_NAME.findall(text))


def _parse(text: str, name: str) -> Vocabulary:
    lines = text.splitlines()
    words = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    found = Vocabulary(frozenset(word.lower() for word in words), _after(lines, _ORIGIN) or name)
    if not words:
        raise DataError(f"The vocabulary {name} has no words.", "Give one with a lemma a line.")
    digest = _after(lines, _DIGEST)
    if digest and digest != found.sha256:
        raise DataError(
            f"The vocabulary {name} was changed since its digest was written.",
            f"Take the line {_DIGEST.strip()!r} out, if that was meant.",
        )
    return found


def _after(lines: list[str], mark: str) -> str:
    return next((line[len(mark) :].strip() for line in lines if line.startswith(mark)), "")
