"""Judges that are known: a reader who sees what was done to an answer, and those who do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from leaner_harness.judge import check
from leaner_harness.judge.ballots import Ballot, Graded
from leaner_harness.judge.opening import Opened
from leaner_harness.judge.planted import planted
from leaner_harness.judge.verdicts import DIMENSIONS, Item, Verdict

# What a reader would give, by variant: grammar, coherence, specificity.
READER = {
    "gold": (5, 5, 5), "shuffled": (1, 1, 2), "off_topic": (5, 5, 0), "loop": (5, 1, 3),
    "cut_off": (4, 4, 3), "echo": (5, 4, 1), "padded": (5, 4, 4), "generic": (5, 4, 1),
    "keywords": (1, 0, 2), "false_fact": (5, 5, 2), "broken_grammar": (2, 3, 4),
    "empty": (0, 0, 0), "ordered": (1, 1, 1), "break_out": (1, 1, 2), "corrupted_10": (4, 4, 4),
    "corrupted_30": (3, 2, 3), "corrupted_60": (2, 1, 1), "corrupted_90": (0, 0, 0),
    "spaced": (5, 5, 5), "babble": (4, 2, 0),
}  # fmt: skip

Grade = Callable[[Item, str], Iterable[float]]
"""Grades of an item that is a variant."""
Shift = Callable[[Ballot, int, str, str], float]
"""What is added to each grade by ballot, place from 0, label and variant."""


@cache
def variants() -> dict[tuple[str, str], str]:
    """What was done to an answer, by question and answer: sham judges know it."""
    return {(item.question, item.answer): variant for item, variant in planted()}


def reader(item: Item, variant: str) -> tuple[int, ...]:
    return READER[variant]


class Sham:
    """Grades as a function says; `second` says what it says the second time."""

    def __init__(self, grade: Grade = reader, second: Grade | None = None, name: str = "sham"):
        self._grade, self.fingerprint = grade, {"kind": "test", "model": name}
        if second is not None:
            self.retest = lambda items: self._verdicts(items, second)

    def judge(self, items: Iterable[Item]) -> Iterator[Verdict]:
        return self._verdicts(items, self._grade)

    def _verdicts(self, items: Iterable[Item], grade: Grade) -> Iterator[Verdict]:
        for item in items:
            values = grade(item, item.id.partition("/")[0])
            yield Verdict(item.id, "ok", dict(zip(DIMENSIONS, values, strict=True)))


class ShamBallots(Sham):
    """Grades ballots, too: as the reader does, and something by place or label."""

    def __init__(self, shift: Shift = lambda *_: 0, **more: Any):
        super().__init__(**more)
        self._shift = shift

    def judge_ballots(self, ballots: Iterable[Ballot]) -> Iterator[Graded]:
        for ballot in ballots:
            grades = {}
            for place, (label, answer) in enumerate(ballot.answers.items()):
                variant = variants()[ballot.question, answer]
                added = self._shift(ballot, place, label, variant)
                values = [min(5, max(0, value + added)) for value in READER[variant]]
                grades[label] = dict(zip(DIMENSIONS, values, strict=True))
            yield Graded(ballot.id, "ok", grades)


def card_of(grade: Grade) -> dict[str, Any]:
    """The card of a judge that grades by a function of item and variant."""
    return card_by(Sham(grade))


def card_by(judge: Sham) -> dict[str, Any]:
    return check.run(Opened(judge, None))


def failed(card: dict[str, Any]) -> set[str]:
    return {name for name, passed in card["checks"].items() if passed is False}
