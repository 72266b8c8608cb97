"""`sentence_length` and `flesch`: how a text reads, from its sentences, words and syllables."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from leaner_harness import Examples

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?:\s+|$)|\n\s*\n")
_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*")
_VOWELS = re.compile(r"[aeiouy]+")
_SILENT_END = re.compile(r"[^aeiouyl]e$|[^aeiouytd]ed$|[^aeiouysxzcg]es$")


def sentences(text: str) -> list[str]:
    """The sentences of a text: up to a full stop before a space, or a blank line."""
    return [part for part in _SENTENCE_END.split(text) if part.strip()]


def sentence_length(examples: Examples) -> NDArray[np.float32]:
    """Mean words between spaces in a sentence, (n,). Source: TinyHelen's SentLen.

    The paper found sentences with spaCy; a full stop after an abbreviation counts as an end here.
    """
    return np.array([_words_in_a_sentence(d.text) for d in examples.documents], dtype=np.float32)


def _words_in_a_sentence(text: str) -> float:
    found = sentences(text)
    return sum(len(sentence.split()) for sentence in found) / max(len(found), 1)


def flesch(examples: Examples) -> NDArray[np.float32]:
    """206.835 less the reading ease of Flesch 1948, (n,): larger is harder.

    English only; syllables are counted by groups of vowels.
    """
    return np.array([_difficulty(d.text) for d in examples.documents], dtype=np.float32)


def _difficulty(text: str) -> float:
    words = _WORD.findall(text)
    if not words:
        return 0.0
    in_sentence = len(words) / max(len(sentences(text)), 1)
    return 1.015 * in_sentence + 84.6 * sum(map(syllables, words)) / len(words)


def syllables(word: str) -> int:
    """Groups of vowels in an English word, without a silent ending; at least one."""
    lower = word.lower()
    return max(1, len(_VOWELS.findall(lower)) - bool(_SILENT_END.search(lower)))
