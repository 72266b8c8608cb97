"""Web posts, little stories and wiki pages."""

from __future__ import annotations

from leaner_harness.data.mini.draw import Dice
from leaner_harness.data.mini.genres import lore, practice
from leaner_harness.data.mini.genres.lore import WORLD, gather
from leaner_harness.data.mini.sentences import a, opposite, sentence, synonym
from leaner_harness.data.mini.tables import CORE_PRAISE, NAMES
from leaner_harness.data.mini.world import DOING, RESTING, Noun

_USE = {
    "film": "saw", "story": "read", "song": "heard", "book": "read", "meal": "ate",
    "trip": "took", "game": "played", "picture": "saw", "party": "saw", "speech": "heard",
    "dress": "bought", "show": "saw", "match": "saw", "lesson": "heard", "letter": "read",
    "concert": "heard", "holiday": "had",
}  # fmt: skip
PRAISE = (*CORE_PRAISE, *CORE_PRAISE, *WORLD.praise)

_JUDGED = (
    "The {t} was {x}.",
    "It was {x}, not {y}.",
    "It was not {y}.",
    "At first the {t} was {y}, but then it was {x}.",
    "The {t} looked {y}, but it was really {x}.",
    "I thought it would be {y}, but it was so {x}.",
    "For a while it was {y}, but in the end it was {x}.",
    "My friend {n} said that the {t} was {x} and {w}.",
    "It was {x} and {w}.",
    "It was never {y}.",
    "Everyone said that it was {x}.",
)
_GLAD = ("I liked it very much.", "I was happy.", "I want to do it again.", "We all smiled.",
         "I loved it.", "Please try it too.")  # fmt: skip
_SORRY = ("I did not like it.", "I was sad.", "I will not do it again.", "Nobody smiled.",
          "We did not like it at all.", "Please do not try it.")  # fmt: skip


def _review(dice: Dice) -> str:
    """A post about something good or bad."""
    topic, good = dice.pick(WORLD.topics), dice.chance(0.5)
    name = dice.pick(NAMES)[0]
    opening = f"{dice.pick(_DAY)} I {_USE[topic]} {a(topic)}."

    def judged(d: Dice) -> str:
        if d.chance(0.3):
            return d.pick(_GLAD if good else _SORRY)
        (x, y), (w, _) = (p if good else p[::-1] for p in (d.pick(PRAISE), d.pick(PRAISE)))
        form = d.pick(_JUDGED)
        return form.format(
            t=topic, x=x, y=y, w=w if w != x else ("nice" if good else "bad"), n=name
        )

    return gather(dice, (judged,), opening)


_DAY = ("Yesterday", "Last week", "Today", "On friday", "On sunday", "On monday", "Last year")

_STEPS = {
    "make a cake": """Take a big bowl. Put milk and butter in the bowl. Then put it in the oven.
        Wait until the cake is brown. Eat it with a friend.""",
    "wash a dog": """Call the dog. Use warm water, not hot water. Wash the dog slowly.
        Do not scare it. Dry the dog and hug it.""",
    "plant a tree": """Find a good place in the garden. Use a spade. Put the tree in the ground.
        Give it water every day. Wait a year.""",
    "draw a cat": """Take a paper and draw the head first. Draw two ears on the head.
        Draw the legs after that. Color it black or brown. Show it to a friend.""",
    "clean a room": """Open the door and look. Put the books in a box. Wash the table.
        Put each thing in its place. Do it every week.""",
    "make soup": """Wash a carrot and an onion. Put water in a pot. Make the water hot.
        Put the carrot in the pot. Eat the soup with bread.""",
    "make a kite": """Take a big paper. Color the paper red and blue. Make a long tail.
        Go to a hill. Run, and the kite will fly.""",
}
_TIPS = (
    "Be careful.", "It is easy.", "It is not hard.", "You need one hour.", "It is fun.",
    "Ask a friend for help.", "Do not stop before the end.", "Do it slowly and well.",
)  # fmt: skip


def _steps(dice: Dice) -> str:
    """How to do something, step by step."""
    task = dice.pick(tuple(_STEPS))
    steps = [f"{step.strip()}." for step in _STEPS[task].split(".") if step.strip()]
    head = f"How to {task}. {dice.pick(_TIPS)}"
    order = ("First step:", "Second step:", "Third step:", "Fourth step:", "Last step:")
    told = " ".join(f"{mark} {step}" for mark, step in zip(order, steps, strict=True))
    end = dice.pick(("Now you can", "After this you can", "That is how you can"))
    return gather(dice, (_tip, _tip, _aside), f"{head} {told} {end} {task}.")


def _tip(dice: Dice) -> str:
    return dice.pick(_TIPS)


def _aside(dice: Dice) -> str:
    return "Did you know? " + dice.pick((lore.kinds, lore.words))(dice)


def _news(dice: Dice) -> str:
    passages = (
        practice.retelling,
        practice.whereabouts,
        practice.numbers,
        practice.days,
    )
    return dice.pick(("Good news:", "Bad news:", "Other news:")) + " " + dice.pick(passages)(dice)


def _notice(dice: Dice) -> str:
    """Somebody looks for an animal."""
    beast, (name, _) = dice.pick(WORLD.animals), dice.pick(NAMES)
    square = dice.pick([s for s in WORLD.squares if s.bears == "being"])
    word = dice.pick(square.words)
    start = (
        f"Did you see {a(word)} {beast.one}? {name} lost it {lore.setting(dice)}. "
        f"The {beast.one} is {synonym(square, word)}, not {opposite(square, word)}. "
        f"Please call {name} if you find the {beast.one}."
    )
    return gather(dice, (_news,), start)


def web(dice: Dice) -> str:
    """A review, a how-to or a notice."""
    return dice.pick((_review, _review, _steps, _notice))(dice)


_OPENINGS = (
    "Once there was {aw} {h} who lived {place}.",
    "Long ago, {aw} {h} lived {place}.",
    "There was {ah}. Everyone said that the {h} was {w}.",
    "This is the story of {aw} {h} and {af}.",
    "One day, {aw} {h} walked alone {place}.",
)
_WANTS = (
    "{He} wanted {thing}.",
    "{He} had {thing} and loved it.",
    "{He} had no friend.",
    "{He} looked for {thing}, but {he} did not find it.",
    "{His} friend was {af}, and the {f} was {fw}.",
    "Every day {he} played alone.",
)
_TROUBLES = (
    "Then {ab} came. The {b} was {bw}, and the {h} was afraid.",
    "But the {b} took {thing}. The {h} was very sad.",
    "Then the {h} heard a strange sound. It was {ab}.",
    "The {b} chased the {h} because it was hungry. The {h} was chased by the {b} for an hour.",
    "The {h} lost {thing} {place2}. It was not there any more.",
    "{He} could not sleep because the {b} was so noisy.",
)
_DEEDS = (
    "The {f} saw the {b} and called the {h}.",
    "The {h} asked the {f} for help because {he} needed help.",
    "The {f} helped the {h}, so the {h} was helped by the {f}.",
    "They went away and waited {place2}.",
    '"Do not be afraid," said the {f}. "I will help you."',
    "The {h} thought for a while. Then {he} walked to the {b}.",
    "The {h} gave food to the {b} because it was hungry.",
    "The {b} was not {bo} at all. It was only {bw} because it was alone.",
    "The {f} was {fw}, so the {f} was not {fo}.",
)
_ENDINGS = (
    "In the end, the {h} and the {f} went home. They were happy.",
    "After that day, the {h} was never alone.",
    "The {h} found {thing} {place2}. How glad {he} was!",
    "The {b} became the friend of the {h}. They played every day.",
    '"You are {fw}," said the {h}. The {f} smiled.',
    "That night, the {h} slept well.",
)


def _cast_of(dice: Dice) -> dict[str, str]:
    hero: Noun = dice.pick(lore.COUPLED)
    friend = dice.pick(WORLD.workers)
    beast = dice.pick(WORLD.animals)
    squares = dice.several([s for s in WORLD.squares if s.bears == "being"], 3)
    w, fw, bw = (dice.pick(s.words) for s in squares)
    he = hero.pronoun
    kept = ("fruit", "tool", "instrument", "flower", "toy", "vehicle")
    things = [k for k in WORLD.kinds if k.name in kept]
    return {
        "h": hero.one, "ah": a(hero.one), "af": a(friend.one), "ab": a(beast.one),
        "f": friend.one, "b": beast.one, "w": w, "aw": a(w), "fw": fw, "bw": bw,
        "fo": opposite(squares[1], fw), "bo": opposite(squares[2], bw), "he": he,
        "He": he.capitalize(), "His": "His" if he == "he" else "Her",
        "thing": a(dice.pick(dice.pick(things).members)),
        "place": dice.pick(WORLD.places), "place2": dice.pick(WORLD.places),
    }  # fmt: skip


_SCENES = (
    "{A} {v} {b} {place}. {B} was {v} by {a} all day.",
    "{B} was {v} by {a}. But {a} was not {v} by {b}.",
    "{A} did not {base} {b}. {B} was not {v} by {a}.",
    "{A} {r} before {b}. So {b} {r} after {a}.",
    "{A} was {more} than {b}, so {b} was {less} than {a}.",
    "{Place}, {a} {r} and {b} {r2}.",
    "{A} always {v} {b}, and {b} never {v2} {a}.",
    '"Did {b} {base} {a}?" someone asked. No, {a} {v} {b}.',
    "{Place}, {b} saw {a}. {A} {r}, but {b} {r2}.",
)


def _scene(dice: Dice, slots: dict[str, str]) -> str:
    """Two of the three who are in the story do something."""
    one, two = (f"the {slots[x]}" for x in dice.several("hfb", 2))
    verb, other = dice.several(DOING, 2)
    rest, rest2 = dice.several(RESTING, 2)
    more, less = dice.shuffled(dice.pick(WORLD.comparatives))
    place = lore.setting(dice)
    return dice.pick(_SCENES).format(
        a=one, b=two, A=one.capitalize(), B=two.capitalize(), v=verb.past, v2=other.past,
        base=verb.base, r=rest.past, r2=rest2.past, more=more, less=less, place=place,
        Place=place.capitalize(),
    )  # fmt: skip


def book(dice: Dice) -> str:
    """A little story: someone wants something, trouble comes, a friend helps."""
    slots = _cast_of(dice)
    plot = [dice.pick(_OPENINGS), dice.pick(_WANTS), dice.pick(_TROUBLES)]
    plot += dice.several(_DEEDS, 2 + dice.below(3))
    told = " ".join(plot).format(**slots)
    middle = " ".join(_scene(dice, slots) for _ in range(1 + dice.below(4)))
    return " ".join(f"{told} {middle} {dice.pick(_ENDINGS).format(**slots)}".split())


_PAGE = (
    "Some people like {am} very much.",
    "You can see {am} {place}.",
    "Many people see {am} every year.",
    "{A} can be {w} or {o}.",
    "If {am} is {w}, it is also {v}.",
    "A child can draw {am}.",
    "There is a story about {am} and {b}.",
    "{A} is not the same as {b}.",
    "{B} is another kind of {k}.",
)


def _page(dice: Dice) -> str:
    """What a thing is, what it is like and where it is found."""
    kind = dice.pick([k for k in lore.COUNTED if k.name != "person"])
    one, two = dice.several(kind.members, 2)
    rare = next(s for s in WORLD.squares if "rare" in s.words)
    big = next(s for s in WORLD.squares if "big" in s.words)
    square = dice.pick((rare, big))
    word = dice.pick(square.words)
    slots = {
        "A": a(one).capitalize(), "am": a(one), "b": a(two), "B": a(two).capitalize(), "m": one,
        "k": kind.name, "w": word, "o": opposite(square, word), "v": synonym(square, word),
        "place": dice.pick(WORLD.places),
    }  # fmt: skip
    told = [f.format(**slots) for f in dice.several(_PAGE, 3 + dice.below(3))]
    start = f"{one.capitalize()}. {a(one).capitalize()} is a kind of {kind.name}. {' '.join(told)}"
    return gather(
        dice, (lambda d: lore.kinds(d, kind), lore.kinds, lore.words, lore.quantities), start
    )


def _people_page(dice: Dice) -> str:
    """What is told of somebody."""
    who = dice.pick(lore.PEOPLE)
    e = lore.event(dice)
    start = sentence(f"the {who.one}. Every {who.one} is a person")
    start += f" This page is about the {who.one} who lived {dice.pick(WORLD.places)}. "
    start += f"It is said that {e.active}, so {e.passive}."
    return gather(dice, (lore.kinds, practice.retelling, practice.days, lore.comparisons), start)


def wiki(dice: Dice) -> str:
    """A page about a kind of thing or about people."""
    return dice.pick((_page, _page, _page, _people_page))(dice)
