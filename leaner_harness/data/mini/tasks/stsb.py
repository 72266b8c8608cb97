"""stsb: how alike are two sentences, 0 to 5? Voice and frame are drawn apart from the score.

5 same meaning; 4 one small detail less; 3 one describing word turned into its opposite; 2 the two
beings exchange their parts; 1 the same beings, another deed; 0 other beings, another deed.
"""

from __future__ import annotations

from dataclasses import dataclass

from leaner_harness.data.mini.sentences import Event, Frame, opposite, synonym
from leaner_harness.data.mini.tasks.assembly import Group, Item, Stage, Task
from leaner_harness.data.mini.world import DOING, Square, Verb

_BARE = Frame()
_CHANGES = {
    5: ((True, True), (True, False), (False, True)),
    4: ((True, True), (True, False), (False, True), (False, False)),
    3: ((True, True), (True, False), (False, False), (False, True)),
    2: ((True, True), (True, False), (False, True)),
    1: ((True, True), (False, True), (True, False), (False, False), (False, False)),
    0: ((False, False), (False, False), (False, True)),
}
"""Whether the second sentence changes voice and synonym: that costs shared words, not meaning."""


def _event(agent: str, verb: Verb, patient: str, word: str, on_agent: bool) -> Event:
    first, second = (f"{word} {agent}", patient) if on_agent else (agent, f"{word} {patient}")
    return Event(f"the {first}", verb, f"the {second}")


@dataclass(frozen=True)
class _Scene:
    """Who is in one group of pairs, what is done, and the word that describes one of them."""

    beings: list[str]
    deeds: list[Verb]
    square: Square
    word: str
    on_agent: bool

    def event(self, score: int, synonymous: bool) -> Event:
        """A second event that deserves `score` beside the first."""
        one, two, three, four = self.beings
        deed, other = self.deeds
        word = synonym(self.square, self.word) if synonymous else self.word
        if score == 0:
            return _event(three, other, four, word, self.on_agent)
        if score == 1:
            return _event(one, other, two, word, self.on_agent)
        if score == 2:
            return _event(two, deed, one, word, self.on_agent)
        if score == 3:
            word = opposite(self.square, word)
        return _event(one, deed, two, word, self.on_agent)


def _scene(stage: Stage, on_agent: bool) -> _Scene:
    dice = stage.dice
    beings = [noun.one for noun in dice.several(stage.cast.beings, 4)]
    square = dice.pick([s for s in stage.cast.squares if s.bears == "being"])
    return _Scene(beings, dice.several(DOING, 2), square, dice.pick(square.words), on_agent)


def _grades(stage: Stage, on_agent: bool) -> Group:
    """Six pairs that share a first event, one of each score."""
    dice, scene = stage.dice, _scene(stage, on_agent)
    frame = dice.pick([f for f in stage.event_frames if f != _BARE])
    first = scene.event(5, False)
    framed = dice.shuffled((frame, _BARE))
    items = []
    for score, changes in _CHANGES.items():
        flipped, synonymous = dice.pick(changes)
        second = scene.event(score, synonymous)
        here, there = framed if score == 4 else [dice.pick(framed)] * 2
        passive = dice.chance(0.5)
        x = here.say(first.passive if passive else first.active)
        y = there.say(second.passive if passive != flipped else second.active)
        items.append(Item((y, x) if dice.chance(0.5) else (x, y), score))
    return Group(items, f"{'agent' if on_agent else 'patient'}.{frame.name}")


STSB = Task(
    "stsb",
    ("sentence1", "sentence2"),
    (0, 1, 2, 3, 4, 5),
    {"agent_word": lambda s: _grades(s, True), "patient_word": lambda s: _grades(s, False)},
)
