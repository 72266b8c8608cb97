"""What a rewrite says: its words, its length, and the numbers and negations of its source."""

from __future__ import annotations

import re
from collections.abc import Iterable

from leaner_harness.dataset.checks.code_blocks import prose_of
from leaner_harness.dataset.checks.grading import Thresholds, at_least, at_most
from leaner_harness.dataset.checks.reading import Reading
from leaner_harness.dataset.records import PASS, Finding
from leaner_harness.dataset.vocabulary import NUMBER, Vocabulary

_NAMED = 20
"""Words outside that a note names, the commonest first: more would not be heeded."""
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_ORDINALS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_LARGE = {"once": 1, "twice": 2, "dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6}
_VALUES = (
    {word: value for value, word in enumerate(_UNITS)}
    | {word: value for value, word in enumerate(_ORDINALS)}
    | {word: 10 * ten for ten, word in enumerate(_TENS, start=2)}
    | _LARGE
)
_COMPOUND = re.compile(rf"({'|'.join(_TENS)})[- ]({'|'.join(_UNITS[1:10] + _ORDINALS[1:10])})\b")
_LISTED = re.compile(r"(?m)^[ \t]*\(?\d{1,3}[.):](?=\s)")
_SENTENCE = re.compile(r"[.!?]+[\"')\]]*\s+|\n+")
_NEGATED = re.compile(
    r"[ncw](?:(?<!\w.)(?:(?<=n)(?:ot?|ever|one|obody|othing|owhere|either|or)|(?<=c)annot"
    r"|(?<=w)ithout)|(?<=n)['’]t)\b"
)
"""In lower case: not, no, never, ..., cannot, without, and n't; first letters first, for speed."""


def vocabulary(text: str, genre: str, allowed: Vocabulary, limits: Thresholds) -> Finding:
    """Share of running words inside the list; code itself does not count."""
    share, outside = allowed.coverage(prose_of(text) if genre == "code" else text)
    common = sorted(outside, key=lambda word: (-outside[word], word))[:_NAMED]
    return at_least(
        "vocabulary", share, limits.coverage_warn, limits.coverage_fail, ", ".join(common)
    )


def length_ratio(source: Reading, new: Reading, genre: str, limits: Thresholds) -> Finding:
    """Words of the rewrite over those of its source; a text without a word fails."""
    before, after = len(source.words), len(new.words)
    ratio = after / max(before, 1)
    low = limits.ratio_low_web if genre == "web" else limits.ratio_low
    if ratio < low or not after:
        return at_least("length_ratio", ratio, 1.0, max(low, 1e-9), "too short")
    note = "too long" if ratio > limits.ratio_high else ""
    return at_most("length_ratio", ratio, limits.ratio_high, limits.ratio_high, note)


def numbers_kept(source: Reading, new: Reading, limits: Thresholds) -> Finding:
    """Share of the source's distinct numbers that are in the rewrite, in digits or in words.

    The note names those that are not there, and those that are there and not in the source. Marks
    of list items are no numbers.
    """
    before, after = _digits(source.text), _digits(new.text)
    lost = _not_spelled(before - after, new)
    added = _not_spelled(after - before, source)
    share = 1 - len(lost) / len(before) if before else 1.0
    note = "; ".join(filter(None, (_named("lost", lost), _named("new", added))))
    return at_least("numbers_kept", share, limits.numbers_warn, limits.numbers_fail, note)


def negation_kept(source: Reading, new: Reading, limits: Thresholds) -> Finding:
    """How near the numbers of sentences with a negation are: the smaller over the larger.

    Advice: sentences are split and joined, and `unhappy` is one without.
    """
    before, after = _negated(source.lower), _negated(new.lower)
    value = min(before, after) / max(before, after) if before or after else 1.0
    note = f"{before} before, {after} after" if before != after else ""
    few = max(before, after) < 2  # one sentence more or less says nothing
    if few:
        return Finding("negation_kept", value, PASS, limits.negation_warn, note=note)
    return at_least("negation_kept", value, limits.negation_warn, None, note)


def _digits(text: str) -> set[str]:
    return {_plain(match) for match in NUMBER.findall(_LISTED.sub("", text))}


def _plain(number: str) -> str:
    """1,000 is 1000, 007 is 7 and 2.50 is 2.5; 10:30 stays."""
    whole, dot, part = re.sub(r",(?=\d{3}(?!\d))", "", number).partition(".")
    part = part.rstrip("0") if part.isdigit() else part
    return (whole.lstrip("0") or "0") + (dot + part if part else "")


def _not_spelled(numbers: set[str], text: Reading) -> list[str]:
    """Those that do not stand in words, either; in order."""
    if not numbers:
        return []
    found = {str(_VALUES[word]) for word in _VALUES.keys() & set(text.words)}
    pairs = _COMPOUND.findall(text.lower)
    found |= {str(_VALUES[ten] + _VALUES[one]) for ten, one in pairs}
    return sorted(numbers - found, key=lambda number: (len(number), number))


def _named(what: str, numbers: Iterable[str]) -> str:
    listed = ", ".join(numbers)
    return f"{what} {listed}" if listed else ""


def _negated(text: str) -> int:
    """Sentences with a negation: those whose negation is the first since a sentence's end."""
    count, last = 0, 0
    for match in _NEGATED.finditer(text):
        if not count or _SENTENCE.search(text, last, match.start()):
            count += 1
        last = match.end()
    return count
