"""cola: is the sentence acceptable? Each word stands as often in good as in bad sentences."""

from __future__ import annotations

from leaner_harness.data.mini.sentences import PREPOSITIONS
from leaner_harness.data.mini.tasks.assembly import Group, Item, Stage, Task
from leaner_harness.data.mini.world import DOING, RESTING, Noun

_SELF = tuple(v for v in DOING if v.base in ("help", "love", "touch", "save", "scare", "trust"))
_DETERMINERS = (("this", "these"), ("that", "those"), ("every", "many"), ("each", "two"))
_DAYS = (("yesterday", "tomorrow"), ("last week", "next week"), ("last year", "next year"))


def _crossed(stage: Stage, clauses: tuple[tuple[str, bool], ...], name: str) -> Group:
    frame = stage.event_frame()
    items = [Item((frame.say(clause),), int(good)) for clause, good in clauses]
    return Group(items, f"{name}.{frame.name}")


def _agreement(stage: Stage) -> Group:
    """The dog runs, the dogs run; the dog run, the dogs runs."""
    noun, verb = stage.dice.pick(stage.cast.beings), stage.dice.pick(RESTING)
    clauses = (
        (f"the {noun.one} {verb.third}", True),
        (f"the {noun.many} {verb.third}", False),
        (f"the {noun.many} {verb.base}", True),
        (f"the {noun.one} {verb.base}", False),
    )
    return _crossed(stage, clauses, "verb")


def _agreement_across(stage: Stage) -> Group:
    """The dog near the cats runs; the dogs near the cat run; and both with the other verb."""
    head, other = stage.dice.several(stage.cast.beings, 2)
    verb, near = stage.dice.pick(RESTING), stage.dice.pick(PREPOSITIONS)
    one, many = f"the {head.one} {near} the {other.many}", f"the {head.many} {near} the {other.one}"
    clauses = (
        (f"{one} {verb.third}", True),
        (f"{many} {verb.third}", False),
        (f"{many} {verb.base}", True),
        (f"{one} {verb.base}", False),
    )
    return _crossed(stage, clauses, near)


def _determiner(stage: Stage) -> Group:
    """The girl saw this dog, these dogs; this dogs, these dog."""
    subject, noun = stage.dice.several(stage.cast.beings, 2)
    verb, (one, many) = stage.dice.pick(DOING), stage.dice.pick(_DETERMINERS)
    clause = f"the {subject.one} {verb.past}"
    clauses = (
        (f"{clause} {one} {noun.one}", True),
        (f"{clause} {one} {noun.many}", False),
        (f"{clause} {many} {noun.many}", True),
        (f"{clause} {many} {noun.one}", False),
    )
    return _crossed(stage, clauses, f"{one}-{many}")


def _order(stage: Stage) -> Group:
    """The dog chased the cat; two neighbours exchanged spoil it."""
    one, two = stage.dice.several(stage.cast.beings, 2)
    verb = stage.dice.pick(DOING)
    good = ["the", one.one, verb.past, "the", two.one]
    if stage.dice.chance(0.5):
        good[2:3] = ["will", verb.base]
    place = stage.dice.below(len(good) - 1)
    bad = list(good)
    bad[place], bad[place + 1] = bad[place + 1], bad[place]
    return _crossed(stage, ((" ".join(good), True), (" ".join(bad), False)), f"swap{place}")


def _reflexive(stage: Stage) -> Group:
    """The boy helped himself, the girl helped herself; and crossed."""
    if stage.dice.chance(0.6):
        he, she = stage.dice.pick(stage.cast.couples)
        named = ((he.one, "himself"), (she.one, "herself"))
    else:
        noun: Noun = stage.dice.pick(stage.cast.animals)
        named = ((noun.one, "itself"), (noun.many, "themselves"))
    verb = stage.dice.pick(_SELF).past
    (one, own), (two, other) = named
    clauses = (
        (f"the {one} {verb} {own}", True),
        (f"the {two} {verb} {own}", False),
        (f"the {two} {verb} {other}", True),
        (f"the {one} {verb} {other}", False),
    )
    return _crossed(stage, clauses, own)


def _tense(stage: Stage) -> Group:
    """The dog ran yesterday, will run tomorrow; ran tomorrow, will run yesterday."""
    one, two = stage.dice.several(stage.cast.beings, 2)
    verb, (past, future) = stage.dice.pick(DOING), stage.dice.pick(_DAYS)
    did, will = f"{verb.past} the {two.one}", f"will {verb.base} the {two.one}"
    clauses = (
        (f"the {one.one} {did} {past}", True),
        (f"the {one.one} {did} {future}", False),
        (f"the {one.one} {will} {future}", True),
        (f"the {one.one} {will} {past}", False),
    )
    return _crossed(stage, clauses, past.replace(" ", "-"))


COLA = Task(
    "cola",
    ("sentence",),
    (0, 1),
    {
        "agreement": _agreement,
        "agreement_across": _agreement_across,
        "determiner": _determiner,
        "order": _order,
        "reflexive": _reflexive,
        "tense": _tense,
    },
)
