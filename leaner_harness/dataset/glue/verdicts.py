"""What became of every item: a function of the ledger, worked out anew each time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from leaner_harness.data.glue import GlueTask
from leaner_harness.dataset.glue.items import (
    Item,
    as_text,
    entered,
    near,
    read_text,
    twins,
)
from leaner_harness.dataset.glue.judging import Answer, Judge
from leaner_harness.dataset.ledger import FAILED, KEPT, PENDING, REJECTED, Entry, Ledger, Part
from leaner_harness.llm.records import OK

DISAGREES = "disagreement"
"""Why an item is rejected to whose rewrite the judge gives another label."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An item, what became of it, and what the judge said."""

    entry: Entry
    item: Item
    part: Part | None
    state: str
    reason: str
    before: Answer | None
    """To the item of the source; None where it was not asked."""
    after: Answer | None
    """To the rewrite."""


def new_text(task: GlueTask, part: Part | None) -> str | None:
    """The accepted rewrite of an item, its fields in the task's order; None where there is none."""
    if part is None or part.state != KEPT:
        return None
    texts = read_text(part.rewritten, task.fields)
    assert texts is not None, "the checks let items through alone"
    return as_text(texts)


def texts_to_judge(task: GlueTask, ledger: Ledger, entries: Iterable[Entry]) -> Iterator[str]:
    """Of items that were rewritten, or tried: the source, and the rewrite if there is one."""
    for part in (part for entry in entries for part in ledger.parts(entry)):
        if part.state != PENDING:
            yield part.chunk.text
            new = new_text(task, part)
            if new is not None:
                yield new


def outcomes(judge: Judge, ledger: Ledger, tolerance: float) -> Iterator[Outcome]:
    """What became of every item, in order; the ledger's documents are left as they are."""
    doubled = _doubled(judge.task, ledger, tolerance)
    for entry, item, part in entered(ledger):
        new = new_text(judge.task, part)
        before = None if part is None else judge.answer(part.chunk.text)
        after = None if new is None else judge.answer(new)
        if part is None:
            state, reason = entry.state, entry.reason
        elif part.state != KEPT:
            state, reason = part.state, part.reason
        elif entry.place in doubled:
            state, reason = REJECTED, doubled[entry.place]
        else:
            state, reason = _agreed(item, before, after, tolerance)
        yield Outcome(entry, item, part, state, reason, before, after)


def right(answer: Answer | None, item: Item, tolerance: float) -> bool | None:
    """Whether the judge gave the item's label; None where it gave none."""
    if answer is None or answer.value is None:
        return None
    return near(answer.value, item.label, tolerance)


def _agreed(
    item: Item, before: Answer | None, after: Answer | None, tolerance: float
) -> tuple[str, str]:
    """By the answer to the rewrite alone; that to the source must have been asked for."""
    if before is None or after is None:
        return PENDING, ""
    if after.state != OK:
        return FAILED, f"judge_{after.state}"
    return (KEPT, "") if right(after, item, tolerance) else (REJECTED, DISAGREES)


def _doubled(task: GlueTask, ledger: Ledger, tolerance: float) -> dict[int, str]:
    """Places of items whose rewrite is that of another, and why they go."""
    places: list[int] = []

    def found() -> Iterator[tuple[str, float]]:
        for entry, item, part in entered(ledger):
            new = new_text(task, part)
            if new is not None:
                places.append(entry.place)
                yield new, item.label

    doubled = twins(found(), tolerance)
    return {places[number]: reason for number, reason in doubled.items()}
