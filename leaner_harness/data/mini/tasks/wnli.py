"""wnli: whom does the pronoun mean? Each case comes as four rows that share every word."""

from __future__ import annotations

from leaner_harness.data.mini.sentences import the
from leaner_harness.data.mini.tasks.assembly import Group, Item, Stage, Task
from leaner_harness.data.mini.world import Noun


def _pair(stage: Stage, pronoun: str) -> list[Noun]:
    """Two beings that share a pronoun, so that only sense tells them apart."""
    if pronoun == "it":
        return stage.dice.several(stage.cast.animals, 2)
    people = [n for couple in stage.cast.couples for n in couple if n.pronoun == pronoun]
    return stage.dice.several(people, 2)


def _because(stage: Stage, pronoun: str) -> Group:
    """The dog called the cat, helped the cat, because it needed help: who needed help?"""
    cause, frame = stage.dice.pick(stage.cast.causes), stage.event_frame()
    one, two = (the(noun) for noun in _pair(stage, pronoun))
    items = []
    for deed, reason, right in (
        (cause.first, cause.first_reason, one),
        (cause.second, cause.second_reason, two),
    ):
        told = " ".join({"A": one, "B": two}.get(word, word) for word in deed.split())
        because = frame.say(f"{told} because {pronoun} {reason}")
        items += [Item((because, frame.say(f"{x} {reason}")), int(x == right)) for x in (one, two)]
    name = cause.second.replace(" ", "-") + "." + cause.second_reason.replace(" ", "-")
    return Group(items, f"{name}.{frame.name}")


WNLI = Task(
    "wnli",
    ("sentence1", "sentence2"),
    (0, 1),
    {
        "he": lambda stage: _because(stage, "he"),
        "she": lambda stage: _because(stage, "she"),
        "it": lambda stage: _because(stage, "it"),
    },
)
