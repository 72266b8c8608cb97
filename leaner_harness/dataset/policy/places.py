"""Places in a text, and the two letters and a word that stand in for each: `FR country`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from leaner_harness.dataset.policy.names import CAPITAL, genders
from leaner_harness.dataset.words import groups, lines

COUNTRY = "country"


class Place(NamedTuple):
    """A place that a name of it, or a word made from it, means."""

    name: str
    kind: str
    after: str = ""
    """What follows the stand-in: ` people` for those who live there."""
    adjective: bool = False


@cache
def countries() -> Mapping[str, Place]:
    """Names of countries, their adjectives and peoples."""
    found: dict[str, Place] = {}
    for line in lines("countries"):
        names, adjectives, *people = (part.strip() for part in f"{line}||".split("|"))
        name, *others = (each.strip() for each in names.split("/"))
        place = Place(name, COUNTRY)
        for adjective in adjectives.replace("_", " ").split() if "_" not in adjectives else ():
            found[adjective] = place._replace(adjective=True)
            if not adjective.endswith(("ch", "sh", "ese", "ss")):
                found[f"{adjective}s"] = Place(name, COUNTRY, " people")
        for adjective in adjectives.split() if "_" in adjectives else ():
            found[adjective.replace("_", " ")] = place._replace(adjective=True)
        for word in people[0].split():
            found[word.replace("_", " ")] = Place(name, COUNTRY, " people")
        found |= {each: place for each in (name, *others)}
    return found


@cache
def _gazetteer() -> Mapping[str, Place]:
    listed = {
        name.replace("_", " "): Place(name.replace("_", " "), kind)
        for kind, names in groups("places").items()
        for name in names
    }
    return listed | dict(countries())


@cache
def _by_first_word() -> Mapping[str, tuple[str, ...]]:
    """Names by what they start with, the longest first."""
    found: dict[str, list[str]] = {}
    for name in sorted(_gazetteer(), key=len, reverse=True):
        found.setdefault(re.split(r"[ ,]", name)[0], []).append(name)
    return {first: tuple(names) for first, names in found.items()}


_START = re.compile(r"(?<![\w'’.-])(?:[A-Z]\.){2,}(?:[A-Z]\.)?|(?<![\w'’.-])[A-ZÀ-Þ][^\W\d_]*\.?")
_AFTER_PEOPLE = ("street", "school", "county", "bridge", "park")
"""Kinds that are called after someone: a whole name before `Hill` is a person."""
_KINDS = {last: kind for kind, names in groups("place_words").items() for last in names}
_NAMED_KIND = re.compile(rf"(?<!\w)((?:{CAPITAL} ){{1,3}}(?:{'|'.join(_KINDS)}))\b(?! [A-Z]| to )")
_BESIDE = re.compile(rf"\b(?:in|at|near|from|to|of) ({CAPITAL}(?: {CAPITAL})?), ({CAPITAL})")
_SMALL = "city|town|village|island|district|province|county|river|lake|mountain|state|region"
_CALLED = re.compile(rf"\b({_SMALL}) of ({CAPITAL}(?: {CAPITAL})?)")
_LINKED = rf"{CAPITAL}(?:[- ](?:sur |la |le |en |de |du |les |l')*{CAPITAL})*"
_IS_A = re.compile(
    rf"(?:\A|\n)({_LINKED}),?(?: in [A-Z]\w+,?)? (?:is|was) (?:a|an|the) "
    rf"(?:[\w-]+ ){{0,3}}?({_SMALL}|commune|municipality)\b"
)
_AS_KIND = {"commune": "town", "municipality": "town"}


def _listed(text: str) -> Iterator[tuple[str, Place]]:
    """Names of our lists, where they are no part of a longer name."""
    end = 0
    for match in _START.finditer(text):
        if match.start() < end:
            continue
        key = match[0] if match[0] in _by_first_word() else match[0].rstrip(".")
        for name in _by_first_word().get(key, ()):
            after = match.start() + len(name)
            if text.startswith(name, match.start()) and not text[after : after + 1].isalnum():
                place = _gazetteer()[name]
                if place.kind == COUNTRY or _alone(text, match.start(), after):
                    yield name, place
                end = after
                break


def _alone(text: str, start: int, end: int) -> bool:
    """Whether no capitalised word stands beside."""
    before = re.search(rf"([.!?:]?)(?:\A|\b|\s)({CAPITAL}) \Z", text[max(0, start - 30) : start])
    after = re.match(r" [A-Z][A-Za-z]", text[end : end + 3])
    return not after and (before is None or before[2].lower() in _SENTENCE_WORDS)


_SENTENCE_WORDS = frozenset("in at near from to the of on for and but when while as".split())


def places(text: str) -> dict[str, Place]:
    """The places that a text names: those of our lists, and those whose kind the text says."""
    found: dict[str, Place] = {}
    for name, place in _listed(text):
        found.setdefault(name, place)
    for match in _NAMED_KIND.finditer(text):
        words = match[1].split()
        if words[0].lower() in _SENTENCE_WORDS:
            words = words[1:]
        someone = words[0] in genders() and _KINDS[words[-1]] not in _AFTER_PEOPLE
        if len(words) > 1 and not someone:
            found.setdefault(" ".join(words), Place(" ".join(words), _KINDS[words[-1]]))
    for match in _BESIDE.finditer(text):
        if match[2] in found:
            found.setdefault(match[1], Place(match[1], "city"))
    for match in _CALLED.finditer(text):
        found.setdefault(match[2], Place(match[2], match[1]))
    for match in _IS_A.finditer(text):
        if match[1] not in ("It", "This", "He", "She", "There", "That", "Here"):
            kind = _AS_KIND.get(match[2], match[2])
            found.setdefault(match[1], Place(match[1], kind))
    return found


def countries_in(text: str) -> list[str]:
    """The countries that a text names, each once; quicker than `places`."""
    known = countries()
    return list(dict.fromkeys(name for name, _ in _listed(text) if name in known))


def assign(found: Mapping[str, Place]) -> dict[str, str]:
    """Two letters and a kind for each name; no two places of a document get the same."""
    given: dict[Place, str] = {}
    taken: set[str] = set()
    for place in found.values():
        root = place._replace(after="", adjective=False)
        if root not in given:
            # Letters that are a name themselves, such as US, would be replaced again.
            pairs = [pair for pair in _letters(place.name) if pair not in found]
            options = [f"{pair} {place.kind}" for pair in pairs or ["XX"]]
            given[root] = next((each for each in options if each not in taken), options[0])
            taken.add(given[root])
    return {
        name: given[place._replace(after="", adjective=False)] + place.after
        for name, place in found.items()
    }


def _letters(name: str) -> Iterator[str]:
    """Pairs to stand for a name: its first two letters, those of its words, others of it."""
    parts = re.findall(r"[^\W\d_]+", name)
    letters = "".join(parts).upper()
    yield letters[:2]
    if len(parts) > 1:
        yield (parts[0][0] + parts[1][0]).upper()
    for letter in letters[2:]:
        yield letters[0] + letter
