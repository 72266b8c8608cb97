"""Short passages that state the facts of the world or show a construction; genres share them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from leaner_harness.data.mini.draw import Dice
from leaner_harness.data.mini.sentences import (
    Event,
    a,
    opposite,
    synonym,
    the,
)
from leaner_harness.data.mini.world import (
    DOING,
    RESTING,
    TEXT_KINDS,
    Cast,
    Kind,
    Square,
    everything,
)

Passage = Callable[[Dice], str]

WORLD: Cast = everything()
BEINGS, PEOPLE, ANIMALS = WORLD.beings, WORLD.people, WORLD.animals
COUPLED = tuple(noun for couple in WORLD.couples for noun in couple)
KINDS: tuple[Kind, ...] = (
    *WORLD.kinds,
    *TEXT_KINDS,
    Kind("animal", tuple(n.one for n in ANIMALS)),
    Kind("person", tuple(n.one for n in PEOPLE)),
    Kind("color", WORLD.colors),
)
COUNTED = tuple(k for k in KINDS if k.name not in ("drink", "food", "color"))


def gather(dice: Dice, passages: Sequence[Passage], start: str = "", gap: str = " ") -> str:
    """Passages drawn and joined until the text has a length that was drawn too."""
    goal = 55 + dice.below(85)
    parts = [start] if start else []
    words = len(start.split())
    order: list[Passage] = []
    while words < goal:
        order = order or dice.shuffled(passages)
        part = order.pop()(dice)
        words += len(part.split())
        if part not in parts[-8:]:
            parts.append(part)
    return gap.join(parts)


def bearer(dice: Dice, square: Square) -> str:
    """A noun that the words of the square describe."""
    if square.bears == "being":
        return dice.pick(BEINGS).one
    if square.bears == "person":
        return dice.pick(PEOPLE).one
    return dice.pick(square.bears.split())


def event(dice: Dice) -> Event:
    """Some being does something to another."""
    one, two = dice.several(BEINGS, 2)
    return Event(the(one), dice.pick(DOING), the(two))


def setting(dice: Dice) -> str:
    """A place or a time."""
    return dice.pick(WORLD.places if dice.chance(0.6) else WORLD.times)


_WORD_FORMS = (
    "{W} means the same as {v}.",
    "The word {w} means the same as the word {v}.",
    "{W} is another word for {v}.",
    "{W} and {v} mean the same, but {o} is the opposite.",
    "The opposite of {w} is {o}.",
    "{W} is the opposite of {o}.",
    "If {n} is {w}, then the {x} is also {v}.",
    "If {n} is {w}, then the {x} is not {o}.",
    "The {x} was {w}. The {x} was {v}, not {o}.",
    "The {x} was {w}, so the {x} was not {p}.",
    "Was the {x} {w}? Yes, the {x} was {v}.",
    "Was the {x} {o}? No, the {x} was {w}.",
    "The {w} {x} is here. Where is the {v} {x}? The {v} {x} is here.",
)


def words(dice: Dice) -> str:
    """Which words mean the same and which the opposite."""
    square = dice.pick(WORLD.squares)
    word = dice.pick(square.words)
    against, noun = opposite(square, word), bearer(dice, square)
    return dice.pick(_WORD_FORMS).format(
        w=word, W=word.capitalize(), v=synonym(square, word), o=against,
        p=synonym(square, against), x=noun, n=a(noun),
    )  # fmt: skip


_KIND_FORMS = (
    "{A} is a kind of {k}.",
    "{A} is {ak}.",
    "Every {m} is {ak}.",
    "{A} is {ak}, and {b} is {ak} too.",
    "{A} is {ak}, but not every {k} is {am}.",
    "{A} is not {aj}. It is {ak}.",
    "The {who} saw {am}, so the {who} saw {ak}.",
    "The {who} saw no {k}, so the {who} saw no {m}.",
    "The {who} found {am}. Did the {who} find {ak}? Yes.",
    "The {who} drew {am}. Did the {who} draw {aj}? No, it was {ak}.",
)


def kinds(dice: Dice, kind: Kind | None = None) -> str:
    """Which thing is of which kind; of `kind`, if it is given."""
    kind = kind or dice.pick(COUNTED if dice.chance(0.6) else KINDS)
    other = dice.pick([k for k in COUNTED if k is not kind])
    one, two = dice.several(kind.members, 2)
    if kind not in COUNTED:
        form = "{} is a kind of {}." if kind.name != "color" else "{} is a {}."
        return form.format(one.capitalize(), kind.name)
    exclusive = {kind.name, other.name} & {"animal", "bird", "fish", "insect"}
    forms = _KIND_FORMS if len(exclusive) < 2 else _KIND_FORMS[:5]
    return dice.pick(forms).format(
        A=a(one).capitalize(), am=a(one), m=one, b=a(two), k=kind.name, ak=a(kind.name),
        aj=a(other.name), who=dice.pick(PEOPLE).one,
    )  # fmt: skip


_COMPARE_FORMS = (
    "{one} is {more} than {two}, so {two} is {less} than {one}.",
    "if {one} is {more} than {two}, then {two} is {less} than {one}.",
    "{two} is {less} than {one}. That is because {one} is {more} than {two}.",
    "is {one} {less} than {two}? No, {one} is {more}.",
    "is {two} {less} than {one}? Yes, {one} is {more} than {two}.",
    "{one} is {more} than {two}. {Two} is not {more} than {one}.",
    "who is {less}, {one} or {two}? {One} is {more}, so {two} is {less}.",
)


def comparisons(dice: Dice) -> str:
    """Bigger and smaller, from both sides."""
    one, two = (the(n) for n in dice.several(BEINGS, 2))
    more, less = dice.shuffled(dice.pick(WORLD.comparatives))
    text = dice.pick(_COMPARE_FORMS).format(
        one=one, two=two, more=more, less=less, One=big(one), Two=big(two)
    )
    return big(text)


def big(text: str) -> str:
    """The text with a capital."""
    return text[0].upper() + text[1:]


def quantities(dice: Dice) -> str:
    """All, some and no."""
    beast, verb = dice.pick(ANIMALS).many, dice.pick(RESTING).past
    square = dice.pick([s for s in WORLD.squares if s.bears == "being"])
    word = dice.pick(square.words)
    rest = synonym(square, opposite(square, word))
    return dice.pick(
        (
            f"All the {beast} {verb}, so all the {word} {beast} {verb}.",
            f"All {beast} {verb}. That means that all {word} {beast} {verb}.",
            f"Some {word} {beast} {verb}, so some {beast} {verb}.",
            f"No {beast} {verb}, so no {word} {beast} {verb}.",
            f"Some {beast} {verb}, but some did not.",
            f"No {word} {beast} {verb}, but some {rest} {beast} {verb}.",
        )
    )


def causes(dice: Dice) -> str:
    """Why somebody did something, and who the pronoun is."""
    cause = dice.pick(WORLD.causes)
    pronoun = dice.pick(("he", "she", "it"))
    pool = [n for n in (ANIMALS if pronoun == "it" else COUPLED) if n.pronoun == pronoun]
    one, two = (the(n) for n in dice.several(pool, 2))
    first = dice.chance(0.5)
    deed, reason = (
        (cause.first, cause.first_reason) if first else (cause.second, cause.second_reason)
    )
    told = " ".join({"A": one, "B": two}.get(w, w) for w in deed.split())
    who = one if first else two
    tail = dice.pick((f"{big(who)} {reason}.", f"Who {reason}? {big(who)}.", ""))
    return f"{big(told)} because {pronoun} {reason}. {tail}".strip()
