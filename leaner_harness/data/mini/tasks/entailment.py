"""rte and mnli: does the first sentence make the second true? Each word meets every label."""

from __future__ import annotations

from leaner_harness.data.mini.sentences import a, opposite, synonym, the
from leaner_harness.data.mini.tasks.assembly import Group, Item, Stage, Task
from leaner_harness.data.mini.tasks.paraphrase import an_event, bearer, compared, miscompared
from leaner_harness.data.mini.world import MAKING, RESTING, Square

ENTAILED, NEUTRAL, CONTRADICTED = 0, 1, 2
_SHOWN = tuple(verb for verb in MAKING if verb.base in ("see", "draw", "find", "paint"))


def _role(stage: Stage) -> Group:
    """The dog chased the cat: the cat was, or the dog was, chased by the other."""
    event, frame = an_event(stage), stage.event_frame()
    if stage.dice.chance(0.5):
        first, same, other, name = event.active, event.passive, event.swapped.passive, "active"
    else:
        first, same, other, name = event.passive, event.active, event.swapped.active, "passive"
    items = [
        Item((frame.say(first), frame.say(same)), 0),
        Item((frame.say(first), frame.say(other)), 1),
    ]
    return Group(items, f"{name}.{frame.name}")


def _kind(stage: Stage) -> Group:
    """The boy saw a robin, a salmon: the boy saw a bird, a fish."""
    one, two = stage.dice.several(stage.cast.kinds, 2)
    members = (stage.dice.pick(one.members), stage.dice.pick(two.members))
    who, verb, frame = (
        stage.dice.pick(stage.cast.people),
        stage.dice.pick(_SHOWN),
        stage.event_frame(),
    )
    items = [
        Item(
            (
                frame.say(f"the {who.one} {verb.past} {a(member)}"),
                frame.say(f"the {who.one} {verb.past} {a(kind)}"),
            ),
            int(i != j),
        )
        for i, member in enumerate(members)
        for j, kind in enumerate((one.name, two.name))
    ]
    return Group(items, f"{verb.past}.{frame.name}")


def _monotone(stage: Stage) -> Group:
    """A robin makes a bird, but no robin does not make no bird; no bird makes no robin."""
    kind = stage.dice.pick(stage.cast.kinds)
    member = stage.dice.pick(kind.members)
    who, verb, frame = (
        stage.dice.pick(stage.cast.people),
        stage.dice.pick(_SHOWN),
        stage.event_frame(),
    )

    def told(thing: str) -> str:
        return frame.say(f"the {who.one} {verb.past} {thing}")

    pairs = (
        (a(member), a(kind.name), 0),
        (a(kind.name), a(member), 1),
        (f"no {kind.name}", f"no {member}", 0),
        (f"no {member}", f"no {kind.name}", 1),
    )
    items = [Item((told(x), told(y)), label) for x, y, label in pairs]
    return Group(items, f"{verb.past}.{frame.name}")


def _quantifier(stage: Stage) -> Group:
    """All dogs make all big dogs, some big dogs make some dogs; not the other way round."""
    noun, verb = stage.dice.pick(stage.cast.animals).many, stage.dice.pick(RESTING).past
    square = stage.dice.pick([s for s in stage.cast.squares if s.bears == "being"])
    word, frame = stage.dice.pick(square.words), stage.event_frame()
    every = stage.dice.pick(("all", "no"))
    wide, narrow = f"{noun} {verb}", f"{word} {noun} {verb}"
    pairs = ((every, wide, narrow, 0), (every, narrow, wide, 1),
             ("some", narrow, wide, 0), ("some", wide, narrow, 1))  # fmt: skip
    items = [
        Item((frame.say(f"{q} {x}"), frame.say(f"{q} {y}")), label) for q, x, y, label in pairs
    ]
    return Group(items, f"{every}.{frame.name}")


def _comparison(stage: Stage) -> Group:
    """A is bigger than B: B is smaller than A, or A is smaller than B."""
    one, two, more, less = compared(stage)
    frame = stage.fact_frame()
    first = frame.say(f"{one} is {more} than {two}")
    same = f"{two} is {less} than {one}"
    other = miscompared(stage, one, two, more, less, "{} is {} than {}")
    items = [Item((first, frame.say(same)), 0), Item((first, frame.say(other)), 1)]
    return Group(items, f"than.{frame.name}")


RTE = Task(
    "rte",
    ("sentence1", "sentence2"),
    (0, 1),
    {
        "role": _role,
        "kind": _kind,
        "monotone": _monotone,
        "quantifier": _quantifier,
        "comparison": _comparison,
    },
)


def _triple(stage: Stage, first: str, seconds: tuple[str, str, str], name: str) -> Group:
    """A premise with what it makes true, leaves open and makes false."""
    frame = stage.fact_frame()
    items = [Item((frame.say(first), frame.say(s)), label) for label, s in enumerate(seconds)]
    return Group(items, f"{name}.{frame.name}")


def _opposite(stage: Stage) -> Group:
    """Big: large, not small; small, not large; and words that say nothing of size."""
    square, other = stage.dice.several(_bearable(stage), 2)
    noun = bearer(stage, other if other.bears == "person" else square)
    word = stage.dice.pick(square.words)
    same, against, aside = (
        synonym(square, word),
        opposite(square, word),
        stage.dice.several(other.words, 2),
    )
    told = ((same, ENTAILED), (aside[0], NEUTRAL), (against, CONTRADICTED))
    denied = ((against, ENTAILED), (aside[1], NEUTRAL), (same, CONTRADICTED))
    frame = stage.fact_frame()
    first = frame.say(f"the {noun} was {word}")
    items = [Item((first, frame.say(f"the {noun} was {w}")), label) for w, label in told]
    items += [Item((first, frame.say(f"the {noun} was not {w}")), label) for w, label in denied]
    return Group(items, f"was.{frame.name}")


def _bearable(stage: Stage) -> list[Square]:
    return [s for s in stage.cast.squares if s.bears in ("being", "person")]


def _compare(stage: Stage) -> Group:
    """A is bigger than B: B is smaller; the wrong one is smaller, or bigger; one is older."""
    dice = stage.dice
    one, two = (the(n) for n in dice.several(stage.cast.beings, 2))
    (more, less), (aside, _) = (dice.shuffled(p) for p in dice.several(stage.cast.comparatives, 2))
    wrong = f"{two} is {more} than {one}" if dice.chance(0.25) else f"{one} is {less} than {two}"
    seconds = (f"{two} is {less} than {one}", f"{two} is {aside} than {one}", wrong)
    return _triple(stage, f"{one} is {more} than {two}", seconds, "than")


def _sequence(stage: Stage) -> Group:
    """A slept before B: B slept after A; B ran before A; A slept after B."""
    one, two = (the(n) for n in stage.dice.several(stage.cast.beings, 2))
    verb, other = (v.past for v in stage.dice.several(RESTING, 2))
    now, then = stage.dice.pick((("before", "after"), ("after", "before")))
    wrong = f"{two} {verb} {now} {one}" if stage.dice.chance(0.25) else f"{one} {verb} {then} {two}"
    seconds = (f"{two} {verb} {then} {one}", f"{two} {other} {now} {one}", wrong)
    return _triple(stage, f"{one} {verb} {now} {two}", seconds, now)


def _always(stage: Stage) -> Group:
    """The dog always chased the cat: the cat was always, was never, and did always chase."""
    event = an_event(stage)
    often, other = stage.dice.pick((("always", "never"), ("never", "always")))
    agent, past, patient = event.agent, event.verb.past, event.patient
    first = f"{agent} {often} {past} {patient}"
    seconds = (
        f"{patient} was {often} {past} by {agent}",
        f"{agent} was {stage.dice.pick((often, other))} {past} by {patient}",
        f"{agent} {other} {past} {patient}"
        if stage.dice.chance(0.5)
        else f"{patient} was {other} {past} by {agent}",
    )
    return _triple(stage, first, seconds, often)


def _some_none(stage: Stage) -> Group:
    """A robin makes a bird true, no bird false; no bird makes no robin true, a robin false."""
    dice = stage.dice
    kind = dice.pick(stage.cast.kinds)
    one, many = dice.pick(kind.members), kind.name
    who, verb, frame = dice.pick(stage.cast.people).one, dice.pick(_SHOWN).past, stage.fact_frame()
    opens = dice.pick((((a(many), a(one)), (f"no {one}", f"no {many}")),
                       ((a(many), f"no {one}"), (f"no {one}", a(many)))))  # fmt: skip
    pairs = (
        (a(one), a(many), ENTAILED),
        (*opens[0], NEUTRAL),
        (a(one), f"no {many}", CONTRADICTED),
        (f"no {many}", f"no {one}", ENTAILED),
        (*opens[1], NEUTRAL),
        (f"no {many}", a(one), CONTRADICTED),
    )
    items = [
        Item(tuple(frame.say(f"the {who} {verb} {x}") for x in (first, second)), label)
        for first, second, label in pairs
    ]
    return Group(items, f"{verb}.{frame.name}")


MNLI = Task(
    "mnli",
    ("premise", "hypothesis"),
    (ENTAILED, NEUTRAL, CONTRADICTED),
    {
        "opposite": _opposite,
        "comparison": _compare,
        "sequence": _sequence,
        "role": _always,
        "kind": _some_none,
    },
)
