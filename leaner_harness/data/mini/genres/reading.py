"""Something is told, then asked about: the answer, yes or no, follows from what was told."""

from __future__ import annotations

from leaner_harness.data.mini.draw import Dice
from leaner_harness.data.mini.genres import lore
from leaner_harness.data.mini.genres.lore import BEINGS, COUNTED, PEOPLE, WORLD, big
from leaner_harness.data.mini.sentences import a, opposite, synonym, the
from leaner_harness.data.mini.tables import NUMBERS
from leaner_harness.data.mini.world import RESTING

Check = tuple[str, str, bool]
"""What is told, what is asked, and whether the answer is yes."""


def _event(dice: Dice) -> Check:
    event, right = lore.event(dice), dice.chance(0.5)
    other = event if right else event.swapped
    asked = other.asked if dice.chance(0.4) else other.passive_asked
    return (event.active if dice.chance(0.6) else event.passive), asked, right


def _word(dice: Dice) -> Check:
    square = dice.pick(WORLD.squares)
    word, noun, right = dice.pick(square.words), lore.bearer(dice, square), dice.chance(0.5)
    asked = synonym(square, word) if right else opposite(square, word)
    return f"the {noun} was {word}", f"was the {noun} {asked}", right


def _kind(dice: Dice) -> Check:
    kind, right = dice.pick(COUNTED), dice.chance(0.5)
    wrong = [k for k in WORLD.kinds if k is not kind and k.name not in ("bird", "fish", "insect")]
    named = kind if right else dice.pick(wrong)
    who = dice.pick(PEOPLE).one
    told = f"the {who} saw {a(dice.pick(kind.members))}"
    return told, f"did the {who} see {a(named.name)}", right


def _more(dice: Dice) -> Check:
    one, two = (the(n) for n in dice.several(BEINGS, 2))
    more, less = dice.shuffled(dice.pick(WORLD.comparatives))
    right = dice.chance(0.5)
    first, second = (two, one) if right else (one, two)
    if dice.chance(0.3):
        return f"{one} is {more} than {two}", f"is {second} {more} than {first}", right
    return f"{one} is {more} than {two}", f"is {first} {less} than {second}", right


def _order(dice: Dice) -> Check:
    one, two = (the(n) for n in dice.several(BEINGS, 2))
    verb, right = dice.pick(RESTING), dice.chance(0.5)
    now, then = dice.pick((("before", "after"), ("after", "before")))
    first, second = (two, one) if right else (one, two)
    told = f"{one} {verb.past} {now} {two}"
    if dice.chance(0.3):
        return told, f"did {second} {verb.base} {now} {first}", right
    return told, f"did {first} {verb.base} {then} {second}", right


def _count(dice: Dice) -> Check:
    who, right = dice.pick(PEOPLE).one, dice.chance(0.5)
    (one, two), (some, more) = dice.several(WORLD.goods, 2), dice.several(NUMBERS, 2)
    first, second = (more, some) if right else (some, more)
    told = f"the {who} had {some} {one.many} and {more} {two.many}"
    return told, f"did the {who} have {first} {two.many} and {second} {one.many}", right


_CHECKS = (_event, _event, _word, _word, _kind, _more, _order, _count)


def check(dice: Dice) -> Check:
    """One thing told and one question about it."""
    return dice.pick(_CHECKS)(dice)


def reading(dice: Dice) -> str:
    """The sentence, the question and the answer, in a row."""
    told, asked, right = check(dice)
    place = f" {lore.setting(dice)}" if " was " not in told and " is " not in told else ""
    ending = place if dice.chance(0.3) else ""
    return f"{big(told)}{ending}. {big(asked)}{ending}? {'Yes' if right else 'No'}."
