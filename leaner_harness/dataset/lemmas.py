"""Lemmas of English words: a table of irregular forms, and the rules for the others.

Rules alone cannot tell `hoped` from `hopped`; a list of known words can. So a word has candidates,
in order, and whoever asks says which of them there are. Held against simplemma 2.0 (19 MB of
tables) on the published simplified text: the same lemma for 96 % of the running words, most of the
others by choice (`them`, `people`) or by its slips (`playing`: playe); with lists of 2,000 derived
by either, the shares of words inside are the same to .001 in prose and to .007 in code.
"""

from __future__ import annotations

import re
from collections.abc import Container
from functools import cache, lru_cache

from leaner_harness.dataset.words import lines

_ENDING = re.compile(r"(?:n't|'(?:s|m|d|re|ve|ll)?)\Z")
_SHORT = {"can't": "can", "won't": "will", "shan't": "shall", "ain't": "be", "let's": "let"}
_OWN = frozenset(
    "evening morning building nothing something anything everything during ceiling hundred news "
    "always perhaps species series his this its us plus thus bus gas yes less unless besides red "
    "bed sacred naked ring king bring string spring thing wing sing indeed afterwards towards "
    "lens physics mathematics sometimes outside interest rest best west test guest forest honest "
    "nest chest harvest request suggest bias focus virus status".split()
)
"""Words that look inflected and are not."""
_COMPARED = frozenset(
    "big small tall short long high low near fast slow old young new great strong weak rich poor "
    "warm cold cool hot soft hard loud quiet light dark bright clear clean deep wide thick thin "
    "fat kind nice sweet safe large late close simple smart cheap full few sharp smooth rough "
    "mild wild calm fair fine brave strange tight loose sad mad wet dry quick broad great "
    "green red blue white black tough".split()
)
"""What has degrees by -er and -est; most other words in -er are none (farmer, number, water)."""
_VOWEL = re.compile(r"[aeiouy]")


@cache
def _irregular() -> dict[str, tuple[str, ...]]:
    """Lemmas of each form in the table: `lives` has two."""
    found: dict[str, tuple[str, ...]] = {}
    for line in lines("forms"):
        lemma, *forms = line.split()
        for form in forms:
            found[form] = (*found.get(form, ()), lemma)
    return found


@lru_cache(maxsize=1 << 17)
def candidates(word: str) -> tuple[str, ...]:
    """What the lemma of a word in lower case may be, the likeliest first; the word is the last.

    Many a candidate is no word at all (`walke`, before `walk`): see `lemma`.
    """
    word = word.replace("’", "'")
    if "'" in word:
        word = _SHORT.get(word) or _ENDING.sub("", word) or word
    found = _irregular().get(word, ())
    if word not in _OWN:
        found = (*found, *_plural(word), *_past(word), *_going(word), *_compared(word))
    return (*dict.fromkeys((*found, word)),)


def lemma(word: str, known: Container[str]) -> str:
    """The first candidate that is known; else what the table says, or the word itself."""
    found = candidates(word)
    return next((some for some in found if some in known), _irregular().get(word, found)[-1])


def _plural(word: str) -> tuple[str, ...]:
    """boxes: boxe, box; cities: citie, city."""
    if len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return ()
    if word.endswith("ies"):
        return word[:-1], word[:-3] + "y"
    if word.endswith("es"):
        return word[:-1], word[:-2]
    return (word[:-1],)


def _past(word: str) -> tuple[str, ...]:
    if word.endswith("ied") and len(word) > 4:
        return word[:-1], word[:-3] + "y"
    return _stems(word[:-2]) if word.endswith("ed") and not word.endswith("eed") else ()


def _going(word: str) -> tuple[str, ...]:
    return _stems(word[:-3]) if word.endswith("ing") else ()


def _stems(stem: str) -> tuple[str, ...]:
    """hop: hope, hop; hopp: hoppe, hopp, hop."""
    if len(stem) < 2 or not _VOWEL.search(stem):
        return ()
    doubled = len(stem) > 3 and stem[-1] == stem[-2]
    return (stem + "e", stem, *([stem[:-1]] if doubled else ()))


def _compared(word: str) -> tuple[str, ...]:
    """Of an adjective that is compared; any in -y."""
    for ending in ("er", "est"):
        if word.endswith("i" + ending) and len(word) > len(ending) + 4:
            return (word[: -len(ending) - 1] + "y",)
        if word.endswith(ending):
            stems = _stems(word[: -len(ending)])
            return tuple(stem for stem in stems if stem in _COMPARED)
    return ()
