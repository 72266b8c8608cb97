"""Textbook pages and conversations."""

from __future__ import annotations

from leaner_harness.data.mini.draw import Dice
from leaner_harness.data.mini.genres import lore, practice
from leaner_harness.data.mini.genres.lore import Passage, gather
from leaner_harness.data.mini.genres.reading import check, reading
from leaner_harness.data.mini.sentences import a, opposite, synonym
from leaner_harness.data.mini.tables import NAMES

_LESSONS: dict[str, tuple[Passage, ...]] = {
    "words that mean the same, and opposites": (lore.words,),
    "kinds of things": (lore.kinds,),
    "who did it": (practice.retelling, practice.retelling, practice.selves),
    "one and many": (practice.numbers, practice.numbers, practice.selves),
    "more and less": (lore.comparisons,),
    "before and after": (practice.sequences, practice.days),
    "all, some and no": (lore.quantities, lore.kinds),
    "why": (lore.causes, practice.selves),
    "where, when and what": (practice.whereabouts, practice.goods),
    "words and sentences": practice.ALL,
    "yes and no": (reading,),
}
_TITLES = (*_LESSONS, *tuple(_LESSONS)[:2], *tuple(_LESSONS)[-1:] * 4)
"""Words and kinds come up more often, being many facts; reading most, being what all is for."""
_STARTS = (
    "Lesson {n}: {t}. Read this with a friend.",
    "In this lesson we learn about {t}.",
    "Today we read about {t}. Think before you answer.",
    "Lesson {n} is about {t}.",
    "We learn about {t}. Look at each sentence.",
)


def textbook(dice: Dice) -> str:
    """A lesson on one thing, by examples."""
    title = dice.pick(_TITLES)
    start = dice.pick(_STARTS).format(n=1 + dice.below(40), t=title)
    return gather(dice, _LESSONS[title], start)


def _talk_words(dice: Dice) -> tuple[str, str]:
    square = dice.pick(lore.WORLD.squares)
    word, noun = dice.pick(square.words), lore.bearer(dice, square)
    same, against = synonym(square, word), opposite(square, word)
    return dice.pick(
        (
            (f"Is the {noun} {word}?", f"Yes, the {noun} is {same}."),
            (f"Is the {noun} {word}?", f"No, the {noun} is not {word}. The {noun} is {against}."),
            (f"I saw {a(word)} {noun}.", f"So you saw {a(same)} {noun}!"),
            (f"What is the opposite of {word}?", f"It is {against}."),
            (f"What is another word for {word}?", f"You can say {same}."),
        )
    )


def _talk_event(dice: Dice) -> tuple[str, str]:
    e = lore.event(dice)
    back = e.swapped
    past, agent, patient = e.verb.past, e.agent, e.patient
    return dice.pick(
        (
            (f"Who {past} {patient}?", f"{agent.capitalize()} did."),
            (f"Who did {agent} {e.verb.base}?", f"{agent.capitalize()} {past} {patient}."),
            (f"Who was {past} by {agent}?", f"{patient.capitalize()} was."),
            (f"{e.asked.capitalize()}?", f"Yes, {e.passive}."),
            (f"{back.asked.capitalize()}?", f"No, {back.denied}."),
            (f"I think that {back.active}.", f"No, {e.active}. {patient.capitalize()} did not."),
            (f"Is it true that {e.active}?", f"Yes, it is true that {e.passive}."),
            (f"I heard that {e.passive}.", f"Yes, {e.active}."),
            (
                f"{e.active.capitalize()} yesterday.",
                f"Will {agent} {e.verb.base} {patient} tomorrow?",
            ),
        )
    )


def _talk_liking(dice: Dice) -> tuple[str, str]:
    from leaner_harness.data.mini.genres.prose import PRAISE

    topic = dice.pick(lore.WORLD.topics)
    good, bad = dice.pick(PRAISE)
    return dice.pick(
        (
            (f"Was the {topic} {good}?", f"Yes, it was not {bad}. I liked it."),
            (f"Was the {topic} {good}?", f"No, it was {bad}. I did not like it."),
            (f"The {topic} was {bad}.", f"At first it was {bad}, but then it was {good}."),
            (f"I liked the {topic}.", f"I liked it too. It was {good}."),
            (f"I did not like the {topic}.", f"Why? Was it {bad}?"),
            (f"I thought the {topic} would be {bad}.", f"But it was {good}, and we loved it."),
        )
    )


def _talk_more(dice: Dice) -> tuple[str, str]:
    one, two = (f"the {n.one}" for n in dice.several(lore.BEINGS, 2))
    more, less = dice.shuffled(dice.pick(lore.WORLD.comparatives))
    kind = dice.pick(lore.COUNTED)
    member = dice.pick(kind.members)
    return dice.pick(
        (
            (f"Is {one} {more} than {two}?", f"Yes, {two} is {less}."),
            (f"I think that {one} is {more} than {two}.", f"So {two} is {less} than {one}."),
            (f"What is {a(member)}?", f"{a(member).capitalize()} is a kind of {kind.name}."),
            (f"Did you see {a(kind.name)}?", f"Yes, I saw {a(member)}."),
            (f"I saw no {kind.name}.", f"So you saw no {member}."),
        )
    )


def _talk_read(dice: Dice) -> tuple[str, str]:
    told, asked, right = check(dice)
    return f"{lore.big(told)}. {lore.big(asked)}?", "Yes." if right else "No."


_TALKS = (
    _talk_read,
    _talk_read,
    _talk_read,
    _talk_words,
    _talk_event,
    _talk_event,
    _talk_liking,
    _talk_more,
)
_GREETINGS = ("Hello", "Hi", "Good morning", "Good evening", "My dear", "Good day")


def conversation(dice: Dice) -> str:
    """Two people ask and answer in turn."""
    (one, _), (two, _) = dice.several(NAMES, 2)
    place = lore.setting(dice)
    greeting = dice.pick(_GREETINGS)
    start = f'{one} met {two} {place}.\n"{greeting} {two}," said {one}.'
    turns: list[str] = [start]
    goal = 50 + dice.below(80)
    count = len(start.split())
    while count < goal:
        ask, answer = dice.pick(_TALKS)(dice)
        turn = _turn(dice, one, ask) + "\n" + _turn(dice, two, answer)
        count += len(turn.split())
        turns.append(turn)
    return "\n".join(turns)


def _turn(dice: Dice, name: str, said: str) -> str:
    if said.endswith("?"):
        return f'"{said}" asked {name}.' if dice.chance(0.6) else f'{name} asked, "{said}"'
    if dice.chance(0.6):
        return f'"{said[:-1]}," said {name}.' if said.endswith(".") else f'"{said}" said {name}.'
    return f'{name} said, "{said}"'
