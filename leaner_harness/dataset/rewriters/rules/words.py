"""Harder words replaced by simpler ones of a table of ours, their inflection kept.

A word is replaced only where its place says which word it is: a verb that is a noun too, after
`to` or a pronoun; a participle that differs from the past, after a form of `be` or `have`.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from leaner_harness.dataset.words import groups, lines

_LINE = re.compile(r"(?P<kind>[vwnax^])(?:\[(?P<forms>\w+)\])?(?P<limits>[^:\s]*): (?P<rest>.+)\Z")
_LIMIT = re.compile(r"(!<|<|!|>|~)([^!<>~]+)")
_TOKEN = re.compile(r"[^\W\d_]+(?:['’][a-z]+)?|[^\S\n]+|\n|.")
_VOWEL = re.compile(r"(?!(?:uni|use|usu|one|eu))[aeiou]|hour|honest")
BE = frozenset("be am is are was were been being isn't aren't wasn't weren't".split())
HAVE = frozenset("have has had having".split())
PRONOUNS = frozenset("i you he she it we they who which that this".split())
_BEFORE_BASE = frozenset(
    "to will would can could shall should may might must not i you we they do does did don't "
    "doesn't didn't can't won't cannot help helps let please".split()
)
_BEFORE_S = frozenset("he she it who which that this".split())
_ADVERB = re.compile(r"\w+ly\Z|also\Z|often\Z|not\Z|never\Z|then\Z|now\Z")


class Entry(NamedTuple):
    """What to put for a phrase, and where."""

    tail: tuple[str, ...]
    """Words of the phrase after its first."""
    new: str
    place: str
    """Which place it needs: `` any, `base`, `s`, `to`, `be`, `either`, `start`."""
    participle: str = ""
    """The participle, where it differs from `new`, the past."""
    graded: tuple[str, str] = ("", "")
    """What to put after `more` and `most`."""
    limits: tuple[tuple[str, frozenset[str]], ...] = ()


class Change(NamedTuple):
    """A text with simpler words, and how often each word was replaced."""

    text: str
    words: Counter[str]


@cache
def table() -> dict[str, tuple[Entry, ...]]:
    """Entries by the first word of their phrase, the longest first."""
    found: dict[str, list[Entry]] = {}
    for line in lines("simpler"):
        for first, entry in _entries(line):
            found.setdefault(first, []).append(entry)
    return {
        first: tuple(sorted(some, key=lambda entry: -len(entry.tail)))
        for first, some in found.items()
    }


def _entries(line: str) -> Iterator[tuple[str, Entry]]:
    match = _LINE.match(line)
    if match is None:
        raise ValueError(f"no entry: {line}")
    old, new = match["rest"].split(" -> ")
    found = _LIMIT.findall(match["limits"])
    limits = tuple((sign, frozenset(words.split(","))) for sign, words in found)
    for phrase in old.split(", "):
        first, *tail = phrase.split()
        for form, entry in _forms(match["kind"], match["forms"] or "", first, new):
            yield form, entry._replace(tail=tuple(tail), limits=limits)


def _forms(kind: str, allowed: str, first: str, new: str) -> Iterator[tuple[str, Entry]]:
    if kind in "vw":
        yield from _verb(kind, allowed or "bsdg", first, new)
    elif kind == "n":
        if "p" not in allowed:
            yield first, Entry((), new, "")
        if "s" not in allowed:
            yield plural(first), Entry((), _plurals(new), "")
    elif kind == "a":
        plain, *graded = new.split("/")
        more = (_degree(plain, graded, "more"), _degree(plain, graded, "most"))
        yield first, Entry((), plain, "", graded=more)
    else:
        yield first, Entry((), new, "start" if kind == "^" else "")


def _degree(plain: str, graded: Sequence[str], which: str) -> str:
    return graded[which == "most"] if graded else f"{which} {plain}"


def _verb(kind: str, allowed: str, old: str, new: str) -> Iterator[tuple[str, Entry]]:
    verb, _, rest = new.partition(" ")
    tail = f" {rest}" if rest else ""
    noun = kind == "w"
    if "b" in allowed or "t" in allowed:
        place = "to" if "t" in allowed else "base" if noun else ""
        yield old, Entry((), new, place)
    if "s" in allowed:
        yield third(old), Entry((), third(verb) + tail, "s" if noun else "")
    if "g" in allowed:
        yield ing(old), Entry((), ing(verb) + tail, "")
    if "d" in allowed or "p" in allowed:
        past, participle = parts(verb)
        differs = participle + tail if past != participle else ""
        place = "be" if "p" in allowed else "either" if differs else ""
        for form in set(parts(old)):
            yield form, Entry((), past + tail, place, participle=differs)


@cache
def _irregular() -> dict[str, tuple[str, ...]]:
    return groups("irregular")


def _doubles(verb: str) -> bool:
    """Whether the last letter doubles before -ed and -ing."""
    return verb in _irregular()["doubling"]


def parts(verb: str) -> tuple[str, str]:
    """Past and participle."""
    if verb in _irregular():
        past, participle = _irregular()[verb][:2]
        return past, participle
    if verb.endswith("e"):
        return f"{verb}d", f"{verb}d"
    if re.search(r"[^aeiou]y\Z", verb):
        return f"{verb[:-1]}ied", f"{verb[:-1]}ied"
    form = verb + (verb[-1] if _doubles(verb) else "") + "ed"
    return form, form


def ing(verb: str) -> str:
    """The form in -ing."""
    if verb.endswith("ie"):
        return f"{verb[:-2]}ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe")):
        return f"{verb[:-1]}ing"
    return verb + (verb[-1] if _doubles(verb) else "") + "ing"


def third(verb: str) -> str:
    """The form in -s."""
    return {"have": "has", "be": "is"}.get(verb) or plural(verb, regular=True)


def plural(noun: str, regular: bool = False) -> str:
    """The plural of a noun."""
    if not regular and noun in _irregular():
        return _irregular()[noun][0]
    if noun.endswith(("s", "x", "ch", "sh", "z")) or noun in ("go", "do", "undergo"):
        return {"hypothesis": "hypotheses"}.get(noun, f"{noun}es")
    return f"{noun[:-1]}ies" if re.search(r"[^aeiou]y\Z", noun) else f"{noun}s"


def _plurals(new: str) -> str:
    """The plural of a phrase: of the noun before `of`, of all that `and` joins, or its last."""
    if " of " in new:
        return {"piece of clothing": "clothes"}.get(new, "s of ".join(new.split(" of ", 1)))
    return " and ".join(
        " ".join([*part.split()[:-1], plural(part.split()[-1])]) for part in new.split(" and ")
    )


def simplify(sentence: str) -> Change:
    """A sentence with the words of the table replaced; capitalised ones only at its start."""
    words = _Words(sentence)
    counted: Counter[str] = Counter()
    number = 0
    while number < len(words.lower):
        entries = table().get(words.lower[number])
        last = _replace(words, number, entries) if entries else None
        if last is not None:
            counted[" ".join(words.lower[number : last + 1])] += 1
        number = (number if last is None else last) + 1
    return Change("".join(words.tokens), counted)


class _Words:
    """A sentence taken apart."""

    def __init__(self, sentence: str) -> None:
        self.tokens = _TOKEN.findall(sentence)
        self.places = [n for n, token in enumerate(self.tokens) if token[0].isalpha()]
        """Of the words in `tokens`."""
        self.lower = [self.tokens[n].lower() for n in self.places]

    def together(self, first: int, last: int) -> bool:
        """Whether there is only white space between these words."""
        places = self.places[first : last + 1]
        return all(
            b - a == 2 and self.tokens[a + 1].isspace() for a, b in itertools.pairwise(places)
        )

    def put(self, first: int, last: int, new: str) -> None:
        """Put a phrase where some words were; `_` at its end takes the mark behind, too."""
        start, end = self.places[first], self.places[last]
        capital = self.tokens[start][0].isupper()
        for place in range(start, end + 1 + new.endswith("_")):
            self.tokens[place] = ""
        new = new.rstrip("_")
        self.tokens[start] = new[0].upper() + new[1:] if capital else new
        if first and self.lower[first - 1] in ("a", "an") and self.together(first - 1, first):
            article = self.tokens[self.places[first - 1]]
            self.tokens[self.places[first - 1]] = article[0] + ("n" if _VOWEL.match(new) else "")


def _replace(words: _Words, number: int, entries: Sequence[Entry]) -> int | None:
    """Put the first entry that fits at a word; returns the last word it took."""
    token = words.tokens[words.places[number]]
    if token != words.lower[number] and (number or not token[1:].islower()):
        return None
    for entry in entries:
        last = number + len(entry.tail)
        if tuple(words.lower[number + 1 : last + 1]) != entry.tail:
            continue
        new = words.together(number, last) and _fitting(entry, _Around(words, number, last))
        if new:
            words.put(number - (new in entry.graded), last, new)
            return last
    return None


class _Around(NamedTuple):
    """Where a phrase stands: words `first` to `last` of a sentence."""

    words: _Words
    first: int
    last: int

    def before(self, back: int = 1) -> str:
        """The word before, if nothing but white space is between."""
        place = self.first - back
        near = place >= 0 and self.words.together(place, self.first)
        return self.words.lower[place] if near else ""

    def after(self) -> str:
        """The word behind; `.` for a mark or the end."""
        behind = self.last + 1
        near = behind < len(self.words.lower) and self.words.together(self.last, behind)
        return self.words.lower[behind] if near else "."

    def joined(self) -> str:
        """The words that `and` or `or` joins to the phrase."""
        left = self.before(2) if self.before() in ("and", "or") else ""
        behind = self.words.lower[self.last + 2 : self.last + 3]
        return " ".join([left, *behind] if self.after() in ("and", "or") else [left])

    def beside(self) -> str:
        """The signs that touch it."""
        tokens, places = self.words.tokens, self.words.places
        first, last = places[self.first], places[self.last]
        return "".join(tokens[max(first - 1, 0) : first] + tokens[last + 1 : last + 2])


def _fitting(entry: Entry, around: _Around) -> str | None:
    """What to put, or None where the entry does not fit."""
    beside = around.beside()
    if not set(beside).isdisjoint("-'’/_@*") or beside in ('""', "“”"):
        return None
    if not all(_allows(sign, words, around) for sign, words in entry.limits):
        return None
    before = around.before()
    if entry.new in around.joined():
        return None
    if entry.place == "start":
        return entry.new if around.first == 0 and "," in beside else None
    if before in ("more", "most") and entry.graded[0]:
        return entry.graded[before == "most"]
    if entry.place in ("be", "either"):
        return _past(entry, before, around)
    return entry.new if _in_place(entry.place, before) else None


def _in_place(place: str, before: str) -> bool:
    if place == "base":
        return before in _BEFORE_BASE
    if place == "s":
        return before in _BEFORE_S
    return before == "to" if place == "to" else True


def _past(entry: Entry, before: str, around: _Around) -> str | None:
    if _ADVERB.match(before):
        before = around.before(2)
    if before in BE or before in HAVE:
        return entry.participle or entry.new
    return entry.new if entry.place == "either" and before in PRONOUNS - {"that"} else None


def _allows(sign: str, words: frozenset[str], around: _Around) -> bool:
    if sign == "~":
        return words.isdisjoint(around.words.lower[around.last + 1 :])
    word = around.before() if "<" in sign else around.after()
    return (word in words) != sign.startswith("!")
