"""From groups of matched items to the rows of a file: quotas, balance, order, ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from leaner_harness.data.mini.draw import Dice
from leaner_harness.data.mini.sentences import Frame
from leaner_harness.data.mini.world import VERSION, Cast

FIRST_IDX = 9_000_000


@dataclass(frozen=True, slots=True)
class Item:
    """One row before it gets its ids; `texts` fill the task's fields in order."""

    texts: tuple[str, ...]
    label: int


@dataclass(frozen=True, slots=True)
class Group:
    """Items that stand or fall together: the same words under each label."""

    items: list[Item]
    template: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a family plays: the split's words and frames, and the dice."""

    cast: Cast
    dice: Dice
    event_frames: tuple[Frame, ...]
    fact_frames: tuple[Frame, ...]
    ask_frames: tuple[Frame, ...]
    view_frames: tuple[Frame, ...]

    def event_frame(self) -> Frame:
        """A frame for something that happened."""
        return self.dice.pick(self.event_frames)

    def fact_frame(self) -> Frame:
        """A frame for something that is so."""
        return self.dice.pick(self.fact_frames)

    def ask_frame(self) -> Frame:
        """A frame for a question."""
        return self.dice.pick(self.ask_frames)

    def view_frame(self) -> Frame:
        """A frame for an opinion."""
        return self.dice.pick(self.view_frames)


Family = Callable[[Stage], Group]


@dataclass(frozen=True)
class Task:
    """One task: its fields, its labels, and a family of groups for each tag."""

    name: str
    fields: tuple[str, ...]
    labels: tuple[int, ...]
    families: Mapping[str, Family]


def assemble(task: Task, stage: Stage, part: str, size: int, first: int) -> list[dict[str, Any]]:
    """`size` rows with balanced labels, every tag about equally often, in a mixed order.

    Any beginning of the file is balanced too, so `--limit` keeps chance where it was.
    """
    quotas = {label: size // len(task.labels) for label in task.labels}
    for label in task.labels[: size % len(task.labels)]:
        quotas[label] += 1
    by_label: dict[int, list[dict[str, Any]]] = {label: [] for label in task.labels}
    for row in _rows(task, stage, part):
        same = by_label[row["label"]]
        if len(same) < quotas[row["label"]]:
            same.append(row)
        elif all(len(by_label[label]) == quotas[label] for label in task.labels):
            break
    mixed = list(_dealt([stage.dice.shuffled(rows) for rows in by_label.values()]))
    whole = float if task.name == "stsb" else int
    return [
        row | {"label": whole(row["label"]), "idx": FIRST_IDX + first + i}
        for i, row in enumerate(mixed)
    ]


def _rows(task: Task, stage: Stage, part: str) -> Iterator[dict[str, Any]]:
    """Rows without end, group by group, the tags taking turns; no row comes twice."""
    seen: set[tuple[str, ...]] = set()
    number = 0
    counts = dict.fromkeys(task.families, 0)
    for _ in range(200_000):
        tag = min(counts, key=counts.__getitem__)
        group = task.families[tag](stage)
        fresh = {item.texts for item in group.items} - seen
        if len(fresh) < len(group.items):
            counts[tag] += 1 if stage.dice.chance(0.02) else 0  # a full tag lets others go on
            continue
        seen |= fresh
        counts[tag] += len(group.items)
        number += 1
        for item in group.items:
            yield {
                **dict(zip(task.fields, item.texts, strict=True)),
                "label": item.label,
                "tag": tag,
                "pair_id": f"{part}-{tag}-{number}",
                "template_id": f"{tag}.{group.template}",
                "source": VERSION,
            }
    raise AssertionError(f"{part}: the world is too small for this many rows")


def _dealt(piles: Iterable[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """One row from each pile in turn until all are empty."""
    left = [list(reversed(pile)) for pile in piles]
    while any(left):
        yield from (pile.pop() for pile in left if pile)
