"""sst2: is it praise? Each word of praise or blame stands equally often under both labels."""

from __future__ import annotations

from leaner_harness.data.mini.tables import CORE_PRAISE
from leaner_harness.data.mini.tasks.assembly import Group, Item, Stage, Task

_STRENGTH = ("", "really", "so")


def _denial(stage: Stage, pair: tuple[str, str]) -> Group:
    """It was good, it was not bad; it was bad, it was not good."""
    good, bad = pair
    topic, frame = stage.dice.pick(stage.cast.topics), stage.view_frame()
    be, very = stage.dice.pick(("is", "was")), stage.dice.pick(_STRENGTH[:2])
    deny = stage.dice.pick(("not", "never") if be == "was" else ("not",))
    items = [
        Item((frame.say(f"the {topic} {be} {very} {good}"),), 1),
        Item((frame.say(f"the {topic} {be} {very} {bad}"),), 0),
        Item((frame.say(f"the {topic} {be} {deny} {very} {good}"),), 0),
        Item((frame.say(f"the {topic} {be} {deny} {very} {bad}"),), 1),
    ]
    return Group(items, f"{be}-{deny}.{frame.name}")


def _polarity(stage: Stage) -> Group:
    """Denial with words that every split knows."""
    good = stage.dice.pick(CORE_PRAISE)[0]
    bad = stage.dice.pick(CORE_PRAISE)[1]
    return _denial(stage, (good, bad))


def _new_word(stage: Stage) -> Group:
    """Denial with words that belong to this split alone."""
    return _denial(stage, stage.dice.pick(stage.cast.praise))


def _opposed(stage: Stage, first: str, second: str, name: str) -> Group:
    """Two judgements where the second counts; both orders."""
    good, bad = stage.dice.pick(CORE_PRAISE)[0], stage.dice.pick(CORE_PRAISE)[1]
    topic, frame = stage.dice.pick(stage.cast.topics), stage.view_frame()
    very, more = stage.dice.pick(_STRENGTH), stage.dice.pick(_STRENGTH)

    def told(before: str, after: str) -> str:
        start = first.replace("TOPIC", f"the {topic}")
        return frame.say(f"{start} {very} {before}, but {second} {more} {after}")

    return Group([Item((told(bad, good),), 1), Item((told(good, bad),), 0)], f"{name}.{frame.name}")


def _contrast(stage: Stage) -> Group:
    """At first it was dull, but later it was great."""
    start = stage.dice.pick(("at first TOPIC was", "TOPIC looked", "for a while TOPIC was"))
    return _opposed(stage, start, stage.dice.pick(("it was", "then it was")), "but")


def _expectation(stage: Stage) -> Group:
    """I thought it would be dull, but it was great."""
    who = stage.dice.pick(("I", "we", "they"))
    return _opposed(stage, f"{who} thought TOPIC would be", "it was", "thought")


SST2 = Task(
    "sst2",
    ("sentence",),
    (0, 1),
    {
        "polarity": _polarity,
        "new_word": _new_word,
        "contrast": _contrast,
        "expectation": _expectation,
    },
)
