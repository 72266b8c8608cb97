"""People in a text, and the names that stand in for theirs: as many letters, as many genders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from leaner_harness.dataset.words import groups

MALE, FEMALE = "male", "female"
CAPITAL = r"[A-ZÀ-ÖØ-Þ][^\W\d_]*(?:[-'’][A-ZÀ-ÖØ-Þ][^\W\d_]*)*"
"""A capitalised word."""
_PARTICLES = "|".join(groups("person_words")["particle"])
_ABBREVIATED = "Mr|Mrs|Ms|Dr|Prof|St|Rev"
_PART = rf'(?:{CAPITAL}(?:(?<= [A-Z])\.)?|"{CAPITAL}")'
_RUN = re.compile(
    rf"(?<![\w'’])(?:(?:{_ABBREVIATED}|[A-Z])\.|{CAPITAL})(?: (?:(?:{_PARTICLES}) )*{_PART})*"
)
_LIFE = re.compile(
    r" (?:[IVX]{1,4} )?\([;, ]*(?:born|b\.|c\. ?\d|[A-Z][a-z]+ \d|\d{1,2} [A-Z]|\d{4} ?[-–])"
)
_OPENS = re.compile(r"[.!?]\W*\Z")
_NUMERAL = re.compile(r"[IVX]+\.?\Z")
_WORD = re.compile(r"(?<![\w'’])[^\W\d_]+")
_SURNAME_LEAST = 3


@dataclass
class Person:
    """Someone in a document."""

    gender: str
    surfaces: list[str] = field(default_factory=list)
    """How the text calls them: whole names first."""


@cache
def stand_ins(gender: str) -> tuple[str, ...]:
    """The 26 names, A to Z, of a gender."""
    return groups("stand_ins")[gender]


def all_stand_ins() -> frozenset[str]:
    """The names that the policy puts in."""
    return frozenset(stand_ins(MALE) + stand_ins(FEMALE))


@cache
def genders() -> Mapping[str, str]:
    """Given names that are nothing else, with their gender."""
    lists = groups("given_names")
    known = {name: gender for gender in (MALE, FEMALE) for name in stand_ins(gender)}
    return {name: gender for gender in (MALE, FEMALE) for name in lists[gender]} | known


@cache
def _with_surname() -> Mapping[str, str]:
    """Given names that may be words: only with another name behind them."""
    lists = groups("given_names")
    return {name: gender for gender in (MALE, FEMALE) for name in lists[f"{gender}_word"]}


@cache
def _words(group: str) -> frozenset[str]:
    return frozenset(groups("person_words")[group])


def starts_sentence(text: str) -> bool:
    """Whether what stands behind a full stop is the end, or a word that begins sentences."""
    word = re.match(r"\s*([^\W\d_]*)", text)
    return not text.strip() or bool(word and word[1] in _words("start"))


def people(text: str, no_people: Iterable[str] = ()) -> list[Person]:
    """Those that a text names, in the order of their first full or only name.

    Someone is a given name of our list, alone or before other names; what follows a title; or what
    begins a line before dates of a life. `no_people` are known to be places or works.
    """
    words = set(_WORD.findall(text))
    apart = set(no_people)
    found: list[Person] = []
    for match in _RUN.finditer(text):
        person = _person(match, words, apart)
        if person:
            _join(found, person)
    return found


def _person(match: re.Match[str], words: set[str], apart: set[str]) -> Person | None:
    title, parts = _without_title(match[0].replace('"', "").split(), words)
    if (
        len(parts) > 1
        and parts[1] in genders()
        and parts[0] not in genders()
        and _OPENS.search(match.string[max(0, match.start() - 3) : match.start()])
    ):
        parts = parts[1:]  # `Later Jane came.`
    parts = _to_the_end(parts, apart)
    if not parts or not apart.isdisjoint((" ".join(parts), parts[0])):
        return None
    gender = genders().get(parts[0])
    if len(parts) > 1:
        gender = gender or _with_surname().get(parts[0])
    starts = len(parts) > 1 and match.string[: match.start()][-1:] in ("", "\n")
    if not (title or gender or (starts and _LIFE.match(match.string, match.end()))):
        return None
    usual = gender or (title if title in (MALE, FEMALE) else None) or _by_pronouns(match.string)
    given = bool(gender) or not title
    return Person(usual, _forms(parts, words, given))


def _to_the_end(parts: list[str], apart: set[str]) -> list[str]:
    """A name up to a word that is none: of a sentence, a number of kings, a place behind it."""
    for place, part in enumerate(parts):
        if _NUMERAL.match(part) or (place and part in _words("start")):
            parts = parts[:place]
            break
    if parts and _is_thing(parts):
        return []
    return parts[:-1] if len(parts) > 2 and parts[-1] in apart else parts


def _is_thing(parts: Sequence[str]) -> bool:
    """Whether a name is of a thing, such as one in `Cup`; `Hill` may be a surname, too."""
    if parts[0] in genders() and len(parts) > 1 and parts[-1] in _words("surname"):
        return False
    return not _words("thing").isdisjoint((parts[0], parts[-1]))


def _without_title(parts: Sequence[str], words: set[str]) -> tuple[str, list[str]]:
    """The gender of a title before a name, or `title`; and the name."""
    kind, left = "", list(parts)
    while left:
        first = left[0]
        titles = (MALE, f"{MALE}_title"), (FEMALE, f"{FEMALE}_title"), ("title", "title")
        of = next((gender for gender, group in titles if first in _words(group)), "")
        common = first in _words("start") or (first.lower() in words and first not in genders())
        if not of and not common:
            break
        kind = of or kind
        left.pop(0)
    return kind, left


def _forms(parts: Sequence[str], words: set[str], given: bool) -> list[str]:
    """A whole name, and its shorter forms: what it ends in, the given name, and the last."""
    forms = [" ".join(parts[first:]) for first in range(len(parts) - 1)] or [parts[0]]
    if len(parts) > 1 and given and "." not in parts[0]:
        forms.append(parts[0])
    last = parts[-1]
    if len(last) >= _SURNAME_LEAST and last.lower() not in words and "." not in last:
        forms.append(last)
    return list(dict.fromkeys(forms))


def _by_pronouns(text: str) -> str:
    """The gender that a text speaks of more."""
    words = [word.lower() for word in _WORD.findall(text)]
    he, she = (sum(word in _words(gender) for word in words) for gender in (MALE, FEMALE))
    return FEMALE if she > he else MALE


def _join(found: list[Person], person: Person) -> None:
    """Add someone, or the new forms of a name to whom they belong."""
    for known in found:
        if _same(known, person):
            more = [form for form in person.surfaces if form not in known.surfaces]
            known.surfaces = sorted([*known.surfaces, *more], key=len, reverse=True)
            return
    found.append(person)


def _same(known: Person, person: Person) -> bool:
    """Whether two names are of one: all words of one are in the other, or Mike and Michael Hill."""
    one, other = (
        {word for form in each.surfaces for word in form.split()} for each in (known, person)
    )
    if one <= other or other <= one:
        return True
    first, last = (each.surfaces[0].split() for each in (known, person))
    alike = first[0][0] == last[0][0] and known.gender == person.gender
    return alike and min(len(first), len(last)) > 1 and first[-1] == last[-1]


def assign(found: Sequence[Person]) -> dict[str, str]:
    """A name for each form of each name: of the same initial and gender, no two people the same.

    Whoever has a name of the lists keeps it. Where an initial is taken, the next free name serves;
    beyond 26 of a gender, names are shared.
    """
    forms = {form for person in found for form in person.surfaces}
    chosen: dict[int, str] = {}
    for number, person in enumerate(found):
        own = person.surfaces[0].split()[0]
        if own in stand_ins(person.gender) and own not in chosen.values():
            chosen[number] = own
    for number, person in enumerate(found):
        if number not in chosen:
            taken = set(chosen.values()) | forms
            chosen[number] = _free(person.surfaces[0], stand_ins(person.gender), taken)
    given: dict[str, str] = {}
    for number, person in enumerate(found):
        for form in person.surfaces:
            given.setdefault(form, chosen[number])
    # A stand-in is never replaced again.
    return given | {name: name for name in chosen.values()}


def _free(name: str, names: Sequence[str], taken: set[str]) -> str:
    start = (ord(_plain(name[0])) - ord("A")) % len(names)
    order = [*names[start:], *names[:start]]
    return next((each for each in order if each not in taken), order[0])


def _plain(letter: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFKD", letter)[0].upper()
