"""The small world: who and what is in it, and which facts hold, cut into three disjoint splits.

Every table is keyed by split. Tasks see one split through `cast`; pre-training text sees the
whole world through `everything`, so that text states all facts and tasks ask about disjoint ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from leaner_harness.data.mini import tables

VERSION = "leaner-mini-v1"
SEED = 20240607
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Noun:
    """A countable noun; `pronoun` is "he", "she" or "it", or empty where text must avoid one."""

    one: str
    many: str = ""
    pronoun: str = "it"


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb whose past form is also its participle wherever the passive is used."""

    base: str
    third: str
    past: str


@dataclass(frozen=True, slots=True)
class Square:
    """Two words that mean the same against two that mean the opposite."""

    left: tuple[str, str]
    right: tuple[str, str]
    bears: str
    """What it describes: "being", "person", or the nouns of things."""

    @property
    def words(self) -> tuple[str, str, str, str]:
        """Its four words."""
        return (*self.left, *self.right)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind word and the words of which it is the kind."""

    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cause:
    """Two sentences with one pronoun: it means the first being in one, the second in the other."""

    first: str
    second: str
    first_reason: str
    second_reason: str


@dataclass(frozen=True)
class Cast:
    """What one split may talk about."""

    couples: tuple[tuple[Noun, Noun], ...]
    workers: tuple[Noun, ...]
    animals: tuple[Noun, ...]
    squares: tuple[Square, ...]
    kinds: tuple[Kind, ...]
    comparatives: tuple[tuple[str, str], ...]
    goods: tuple[Noun, ...]
    topics: tuple[str, ...]
    praise: tuple[tuple[str, str], ...]
    colors: tuple[str, ...]
    places: tuple[str, ...]
    times: tuple[str, ...]
    causes: tuple[Cause, ...]

    @property
    def people(self) -> tuple[Noun, ...]:
        """Everyone, with or without a pronoun."""
        return tuple(n for couple in self.couples for n in couple) + self.workers

    @property
    def beings(self) -> tuple[Noun, ...]:
        """People and animals."""
        return self.people + self.animals


TEXT_KINDS = (
    Kind("drink", ("milk", "tea", "juice", "coffee", "water")),
    Kind("food", ("bread", "cheese", "rice", "soup", "cake")),
    Kind("container", ("cup", "box", "bag", "jar", "basket", "bowl")),
)
"""Kinds that only pre-training text talks about, besides animals, people and colors."""


def _verbs(table: str) -> tuple[Verb, ...]:
    return tuple(Verb(*entry.split()) for entry in table.split(","))


DOING = _verbs(
    "chase chases chased, help helps helped, follow follows followed, watch watches watched,"
    "push pushes pushed, pull pulls pulled, call calls called, visit visits visited,"
    "scare scares scared, save saves saved, love loves loved, miss misses missed,"
    "find finds found, catch catches caught, touch touches touched, trust trusts trusted,"
    "kick kicks kicked, hug hugs hugged"
)
"""Verbs that one being does to another."""
RESTING = _verbs(
    "sleep sleeps slept, run runs ran, walk walks walked, jump jumps jumped, sing sings sang,"
    "play plays played, dance dances danced, laugh laughs laughed, smile smiles smiled,"
    "work works worked, rest rests rested, wait waits waited"
)
"""Verbs that take no object."""
MAKING = _verbs(
    "see sees saw, draw draws drew, find finds found, paint paints painted, want wants wanted,"
    "like likes liked"
)
"""Verbs a person does to a thing."""


def plural(word: str) -> str:
    """The plural of a noun of this world."""
    if word in tables.IRREGULAR:
        return tables.IRREGULAR[word]
    return word + ("es" if word.endswith(("s", "x", "ch", "sh", "o")) else "s")


def _nouns(table: str, pronoun: str = "it") -> tuple[Noun, ...]:
    return tuple(Noun(word, plural(word), pronoun) for word in table.split())


def _pairs(table: str) -> tuple[tuple[str, str], ...]:
    return tuple((a, b) for a, b in (entry.split() for entry in table.split(",")))


def _phrases(table: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in table.split(","))


def _couples(table: str) -> tuple[tuple[Noun, Noun], ...]:
    return tuple((Noun(m, plural(m), "he"), Noun(f, plural(f), "she")) for m, f in _pairs(table))


def _square(line: str) -> Square:
    left, right, bears = (part.split() for part in line.split("|"))
    return Square((left[0], left[1]), (right[0], right[1]), " ".join(bears))


def _kind(line: str) -> Kind:
    name, _, members = line.strip().partition(":")
    return Kind(name, tuple(members.split()))


def _cause(line: str) -> Cause:
    first, second, reasons = (part.strip() for part in line.split("|"))
    one, _, two = reasons.partition(" / ")
    return Cause(first, second, one, two or one)


@cache
def cast(split: str) -> Cast:
    """The part of the world that belongs to one split."""
    return Cast(
        couples=_couples(tables.COUPLES[split]),
        workers=_nouns(tables.WORKERS[split], ""),
        animals=_nouns(tables.ANIMALS[split]),
        squares=tuple(_square(line) for line in tables.SQUARES[split].splitlines()),
        kinds=tuple(_kind(line) for line in tables.KINDS[split].splitlines()),
        comparatives=_pairs(tables.COMPARATIVES[split]),
        goods=_nouns(tables.GOODS[split]),
        topics=tuple(tables.TOPICS[split].split()),
        praise=_pairs(tables.PRAISE[split]),
        colors=tuple(tables.COLORS[split].split()),
        places=_phrases(tables.PLACES[split]),
        times=_phrases(tables.TIMES[split]),
        causes=tuple(_cause(line) for line in tables.CAUSES[split].splitlines()),
    )


@cache
def everything() -> Cast:
    """The whole world: all splits together, for pre-training text."""
    parts = [cast(split) for split in SPLITS]
    return Cast(
        **{name: sum((getattr(p, name) for p in parts), ()) for name in Cast.__annotations__}
    )
