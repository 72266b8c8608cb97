"""Surface checks: numbers of an answer that need no model, and are no grades of one.

Each is from 0 to 1, larger is better. They tell broken from fluent; none sees whether an answer is
true, and a copied question can look on topic. They have names and a scale of their own, so that
they are never taken for a judge's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from leaner_harness.judge.verdicts import Item, Scale, Verdict, empty_verdict, is_empty
from leaner_harness.llm.records import OK

CHECKS = ("well_formed", "non_repetition", "on_topic", "own_words", "finished")

EMPTY = "empty"
"""The share of answers in which nothing stands: a number beside the checks, and better low."""
SCALE = Scale(CHECKS, 1)
VERSION = 1

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
_SENTENCE = re.compile(r"[^.!?]+[.!?]+[\"')\]]*|[^.!?]+\Z")
_LIST_ITEM = re.compile(r"\A\s*(?:[-*]|\d+[.)])\s")
_GRAM = 3  # words in a row that count as the same said again, or as copied
_STEM = 5  # letters by which words of one family are known
_COMMON = frozenset(
    "a about all an and any are as at be been but by can could describe did do does explain for "
    "from get give has have how i if in is it its like make many may me might more much my name "
    "no not of on one or our out people please said say sentence should so some something story "
    "tell than that the their them then there these they thing things this to two up use us want "
    "was we were what when where which who why will with word words would write you your".split()
)


class SurfaceJudge:
    """The checks in the place of a judge: for trials, and to see what they cannot see."""

    scale = SCALE
    fingerprint: Mapping[str, Any] = {"kind": "surface", "version": VERSION}

    def judge(self, items: Iterable[Item]) -> Iterator[Verdict]:
        """The checks of each item."""
        for item in items:
            if is_empty(item.answer):
                yield empty_verdict(item, SCALE)
            else:
                yield Verdict(item.id, OK, check(item.question, item.answer))


def open_judge(argument: str, llm: object) -> SurfaceJudge:
    """The surface checks; there is nothing to choose."""
    return SurfaceJudge()


def check(question: str, answer: str) -> dict[str, float]:
    """All checks of one answer; an empty one has 0 in each."""
    words, asked = _words(answer), _words(question)
    if not words:
        return dict.fromkeys(CHECKS, 0.0)
    return {
        "well_formed": _well_formed(answer),
        "non_repetition": _non_repetition(words),
        "on_topic": _on_topic(asked, words),
        "own_words": _own_words(asked, words),
        "finished": float(_ends(answer)),
    }


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE.findall(text) if _words(part)]


def _well_formed(answer: str) -> float:
    """The share of sentences that begin as one does, and end as one does."""
    found = _sentences(answer)
    good = [_LIST_ITEM.sub("", part) for part in found]
    return sum(part[:1].isupper() or part[:1] in "\"'(" for part in good if _ends(part)) / len(
        found
    )


def _ends(text: str) -> bool:
    return text.rstrip().rstrip("\"')]").endswith((".", "!", "?"))


def _non_repetition(words: list[str]) -> float:
    """The share of runs of three words that were not there before."""
    runs = list(zip(*(words[start:] for start in range(_GRAM)), strict=False)) or [tuple(words)]
    return len(set(runs)) / len(runs)


def _on_topic(asked: list[str], words: list[str]) -> float:
    """The share of what the question is about that the answer speaks of; 1 if it names nothing."""
    topics = {word[:_STEM] for word in asked if word not in _COMMON}
    return len(topics & {word[:_STEM] for word in words}) / len(topics) if topics else 1.0


def _own_words(asked: list[str], words: list[str]) -> float:
    """The share of runs of three words that are not copied from the question."""
    runs = list(zip(*(words[start:] for start in range(_GRAM)), strict=False)) or [tuple(words)]
    copied = set(zip(*(asked[start:] for start in range(_GRAM)), strict=False))
    if len(words) < _GRAM:
        return float(" ".join(words) not in " ".join(asked))
    return sum(run not in copied for run in runs) / len(runs)
