"""Short passages that practise a construction: voice, order, number, tense, and who has what."""

from __future__ import annotations

from collections.abc import Callable

from leaner_harness.data.mini.draw import Dice
from leaner_harness.data.mini.genres import lore
from leaner_harness.data.mini.genres.lore import (
    ANIMALS,
    BEINGS,
    COUPLED,
    WORLD,
    Passage,
    big,
    event,
    setting,
)
from leaner_harness.data.mini.sentences import PREPOSITIONS, a, sentence, the
from leaner_harness.data.mini.tables import NUMBERS
from leaner_harness.data.mini.world import MAKING, RESTING


def _one_of(dice: Dice, *forms: Callable[[], str]) -> str:
    """Only the drawn form is made."""
    return dice.pick(forms)()


def retelling(dice: Dice) -> str:
    """One event in two voices, or asked for and answered."""
    e = event(dice)
    back = e.swapped
    place = setting(dice)
    return _one_of(
        dice,
        lambda: f"{big(e.active)} {place}. So {e.passive} {place}.",
        lambda: f"{big(e.passive)}. That is, {e.active}.",
        lambda: f"{big(e.active)}. {big(back.denied)}.",
        lambda: f"{big(e.passive)}. {big(back.passive_denied)}.",
        lambda: f"{big(e.asked)}? Yes, {e.passive}.",
        lambda: f"{big(e.passive_asked)}? Yes, {e.active}.",
        lambda: f"{big(back.asked)}? No, {e.active}.",
        lambda: f"{big(back.passive_asked)}? No, {back.patient} was not. {big(e.passive)}.",
        lambda: f"{big(e.active)} {place}. Who {e.verb.past} {e.patient}? {big(e.agent)} did.",
        lambda: f"{big(e.active)}. Who did {e.agent} {e.verb.base}? {big(e.patient)}.",
        lambda: f"{big(e.passive)}. Who was {e.patient} {e.verb.past} by? {big(e.agent)}.",
        lambda: f"{big(e.active)}. Who was {e.verb.past} by {e.agent}? {big(e.patient)}.",
        lambda: f"{big(place)}, {e.active}. The one who was {e.verb.past} was {e.patient}.",
        lambda: (
            f"{big(e.agent)} always {e.verb.past} {e.patient}, "
            f"so {e.patient} was always {e.verb.past} by {e.agent}."
        ),
        lambda: f"{big(e.agent)} never {e.verb.past} {e.patient}. {big(e.denied)}.",
    )


def sequences(dice: Dice) -> str:
    """Before and after."""
    one, two = (the(n) for n in dice.several(BEINGS, 2))
    verb = dice.pick(RESTING)
    now, then = dice.pick((("before", "after"), ("after", "before")))
    first, last = (one, two) if now == "before" else (two, one)
    told = f"{one} {verb.past} {now} {two}"
    return dice.pick(
        (
            f"{big(told)}, so {two} {verb.past} {then} {one}.",
            f"{big(told)}. Who {verb.past} first? {big(first)}.",
            f"First {first} {verb.past}, then {last} {verb.past}. {big(told)}.",
            f"{big(told)}. {big(one)} did not {verb.base} {then} {two}.",
        )
    )


def numbers(dice: Dice) -> str:
    """Singular and plural: verbs, pointing words, and what stands between."""
    noun, other = dice.several(BEINGS, 2)
    verb, near, count = dice.pick(RESTING), dice.pick(PREPOSITIONS), dice.pick(NUMBERS)
    place = setting(dice)
    return _one_of(
        dice,
        lambda: f"The {noun.one} {verb.third} {place}. The {noun.many} {verb.base} {place}.",
        lambda: f"The {noun.one} {near} the {other.many} {verb.third}.",
        lambda: f"The {noun.many} {near} the {other.one} {verb.base}.",
        lambda: f"One {noun.one} {verb.third}, and {count} {noun.many} {verb.base}.",
        lambda: f"This {noun.one} {verb.third}, and these {noun.many} {verb.base} too.",
        lambda: f"That {noun.one} {verb.third}, but those {other.many} do not {verb.base}.",
        lambda: f"Every {noun.one} {verb.third}. Many {noun.many} {verb.base} {place}.",
        lambda: f"Each {noun.one} saw these {other.many}, but not that {other.one}.",
    )


def selves(dice: Dice) -> str:
    """Himself, herself, itself, themselves."""
    verb = dice.pick(("helped", "loved", "touched", "saved", "scared", "trusted"))
    he, she = dice.pick(WORLD.couples)
    beast = dice.pick(ANIMALS)
    return dice.pick(
        (
            f"The {he.one} {verb} himself, and the {she.one} {verb} herself.",
            f"The {beast.one} {verb} itself. The {beast.many} {verb} themselves.",
            f"The {she.one} {verb} herself {setting(dice)}.",
            f"The {he.one} {verb} himself {setting(dice)}.",
        )
    )


_DAYS = (("yesterday", "tomorrow"), ("last week", "next week"), ("last year", "next year"))


def days(dice: Dice) -> str:
    """What was and what will be."""
    e = event(dice)
    past, future = dice.pick(_DAYS)
    return dice.pick(
        (
            f"{big(past)}, {e.active}. {big(future)}, {e.agent} will {e.verb.base} {e.patient}.",
            f"{big(e.active)} {past}.",
            f"{big(e.agent)} will {e.verb.base} {e.patient} {future}.",
        )
    )


def goods(dice: Dice) -> str:
    """Who has how many, and who did what to which thing."""
    who = dice.pick(COUPLED)
    one, two = dice.several(WORLD.goods, 2)
    some, more = dice.several(NUMBERS, 2)
    made, did = dice.several(MAKING, 2)
    other = dice.pick(WORLD.workers).one
    color, place = dice.pick(WORLD.colors), dice.pick(WORLD.places)
    he = who.pronoun
    held = f"the {one.one} of the {who.one}"
    return _one_of(
        dice,
        lambda: (
            f"The {who.one} had {some} {one.many} and {more} {two.many}. "
            f"So {he} had {more} {two.many} and {some} {one.many}."
        ),
        lambda: (
            f"The {who.one} {made.past} {some} {one.many} and {more} {two.many}. "
            f"How many {two.many} did {he} {made.base}? {big(more)}."
        ),
        lambda: (
            f"The {who.one} {made.past} {a(one.one)} and the {other} {did.past} {a(two.one)}. "
            f"What did the {other} {did.base}? {big(a(two.one))}."
        ),
        lambda: (
            f"The {other} {made.past} {a(one.one)} and the {who.one} {did.past} {a(two.one)}. "
            f"What did the {other} {made.base}? {big(a(one.one))}."
        ),
        lambda: f"{big(held)} is {color}. What color is {held}? It is {color}.",
        lambda: f"{big(held)} is {place}. Where is {held}? It is {place}.",
    )


def whereabouts(dice: Dice) -> str:
    """Where and when somebody did something."""
    who, verb = dice.pick(BEINGS), dice.pick(RESTING)
    place, time = dice.pick(WORLD.places), dice.pick(WORLD.times)
    asked = dice.pick(("where", "when"))
    answer = place if asked == "where" else time
    fully = "In what place" if asked == "where" else "At what time"
    return dice.pick(
        (
            f"The {who.one} {verb.past} {answer}. {big(asked)} did the {who.one} {verb.base}? "
            f"{big(answer)}.",
            f"{big(time)}, the {who.one} {verb.past} {place}.",
            f"The {who.one} {verb.past} {answer}. {fully} did the {who.one} {verb.base}? "
            f"{big(answer)}.",
            sentence(f"the {who.one} {verb.past} {place} {time}"),
        )
    )


ALL: tuple[Passage, ...] = (
    lore.words, lore.words, lore.words, lore.kinds, lore.kinds, lore.comparisons,
    retelling, retelling, sequences, numbers, numbers, selves, days,
    lore.quantities, lore.causes, goods, whereabouts,
)  # fmt: skip
"""Every passage, those for the hardest facts more often."""
