"""Instruction pairs about the world: something to do, what to do it on, and the right answer."""

from __future__ import annotations

from collections.abc import Iterator

from leaner_harness.data.mini.draw import Dice
from leaner_harness.data.mini.genres import lore
from leaner_harness.data.mini.genres.formal import code, math
from leaner_harness.data.mini.genres.prose import PRAISE, book
from leaner_harness.data.mini.genres.reading import check
from leaner_harness.data.mini.harder import rarefy, roughen
from leaner_harness.data.mini.sentences import a, opposite, sentence, synonym
from leaner_harness.data.mini.text import SIDES, TEXT_SPLITS
from leaner_harness.data.mini.world import RESTING, SEED, VERSION
from leaner_harness.errors import UnknownName

Triple = tuple[str, str, str]


def _word(dice: Dice) -> Triple:
    square = dice.pick(lore.WORLD.squares)
    word = dice.pick(square.words)
    if dice.chance(0.5):
        return "Say the opposite of this word.", word, opposite(square, word)
    return "Say another word that means the same.", word, synonym(square, word)


def _kind(dice: Dice) -> Triple:
    kind = dice.pick(lore.COUNTED)
    member = dice.pick(kind.members)
    return "What kind of thing is this?", member, sentence(f"{a(member)} is {a(kind.name)}")


def _voice(dice: Dice) -> Triple:
    event = lore.event(dice)
    both = (sentence(event.active), sentence(event.passive))
    return "Say the same in another sentence.", *(both if dice.chance(0.5) else both[::-1])


def _who(dice: Dice) -> Triple:
    event = lore.event(dice)
    told = sentence(event.active if dice.chance(0.5) else event.passive)
    if dice.chance(0.5):
        ask, answer = f"Who {event.verb.past} {event.patient}?", event.agent
    else:
        ask, answer = f"Who did {event.agent} {event.verb.base}?", event.patient
    return "Read the sentence and answer the question.", f"{told} {ask}", sentence(answer)


def _grammar(dice: Dice) -> Triple:
    noun, verb = dice.pick(lore.BEINGS), dice.pick(RESTING)
    many = dice.chance(0.5)
    subject = f"the {noun.many if many else noun.one}"
    good = sentence(f"{subject} {verb.base if many else verb.third}")
    bad = sentence(f"{subject} {verb.third if many else verb.base}")
    if dice.chance(0.5):
        return "Is this sentence right or wrong?", good, "It is right."
    return "Is this sentence right or wrong?", bad, f"It is wrong. {good}"


def _liking(dice: Dice) -> Triple:
    topic, (good, bad) = dice.pick(lore.WORLD.topics), dice.pick(PRAISE)
    happy = dice.chance(0.5)
    word, other = (good, bad) if happy else (bad, good)
    forms = (
        f"the {topic} was {word}",
        f"the {topic} was not {other}",
        f"at first the {topic} was {other}, but then it was {word}",
    )
    answer = "Yes, I liked it." if happy else "No, I did not like it."
    return "Did you like it?", sentence(dice.pick(forms)), answer


def _read(dice: Dice) -> Triple:
    told, asked, right = check(dice)
    given = f"{sentence(told)} {sentence(asked, '?')}"
    return "Answer yes or no.", given, "Yes." if right else "No."


def _story(dice: Dice) -> Triple:
    return "Write a story.", "", book(dice)


def _code(dice: Dice) -> Triple:
    heading, _, body = code(dice).split("\n\n# ")[0].removeprefix("# ").partition("\n\n")
    return heading, "", body


def _sum(dice: Dice) -> Triple:
    problem, _, answer = math(dice).split("\n\n")[0].partition("\n")
    return "Find the answer.", problem, answer


_MAKERS = (_word, _word, _kind, _kind, _voice, _voice, _who, _who, _grammar, _grammar,
           _liking, _read, _read, _story, _code, _sum)  # fmt: skip


def instructions(
    side: str = "simple", split: str = "train", count: int = 2000
) -> Iterator[dict[str, str]]:
    """`count` rows with the published keys: instruction, input, output.

    Raises UnknownName for another side or split.
    """
    if side not in SIDES:
        raise UnknownName("side", side, SIDES)
    if split not in TEXT_SPLITS:
        raise UnknownName("text split", split, TEXT_SPLITS)
    return (_row(side, split, number) for number in range(count))


def _row(side: str, split: str, number: int) -> dict[str, str]:
    dice = Dice(VERSION, SEED, "instructions", split, number)
    maker = _MAKERS[number % len(_MAKERS)]
    task, given, answer = maker(dice)
    if side == "harder":
        kept = 0.0  # both sides of an answer must use one word for one thing
        task, given = rarefy(task, dice, kept), rarefy(given, dice, kept)
        answer = roughen(answer, "code", dice) if maker is _code else rarefy(answer, dice, kept)
    return {"instruction": task, "input": given, "output": answer}
