"""Training runs in a report: their curves, and a table of what each group of them was."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from leaner_harness.experiments.report.charts import Axis, Point, Series, plot
from leaner_harness.experiments.report.document import (
    Column,
    Estimate,
    Figure,
    Panel,
    Row,
    Table,
    Value,
)
from leaner_harness.experiments.report.files import Training, files_of
from leaner_harness.intervals import of_seeds
from leaner_harness.learning_curve import MEASURES


class Group(NamedTuple):
    """Runs that differ in their seed alone."""

    name: str
    color: str
    runs: Sequence[Training]


Panels = Sequence[tuple[str, Sequence[Group]]]
"""A picture's name, and the groups that are drawn in it."""


def curves(panels: Panels, note: str) -> Figure:
    """A picture for each panel, one line a seed."""
    drawn = [panel for name, groups in panels for panel in _panel(name, groups)]
    runs = [run for _, groups in panels for group in groups for run in group.runs]
    return Figure("Validation loss over tokens", note, drawn, files_of(runs))


def _panel(name: str, groups: Sequence[Group]) -> Iterator[Panel]:
    if not groups:
        return
    unit = MEASURES[groups[0].runs[0].run.key]
    series = [
        Series(
            "" if number else group.name,
            group.color,
            [Point(p.tokens, p.loss) for p in each.run.curve],
        )
        for group in groups
        for number, each in enumerate(group.runs)
    ]
    ends = "; ".join(f"{s.name} ends at {s.points[-1].y:.3f}" for s in series if s.name)
    about = f"{name}, validation loss in {unit} over tokens trained on: {ends}"
    yield Panel(
        "-".join(["curve", *re.findall(r"\w+", name)]),
        plot(name, Axis("tokens trained on"), Axis(unit), series, about),
    )


def training_table(panels: Panels, *heads: str) -> Table:
    """What each group was: size, budget, text, and the loss it ended at."""
    rows = [_row([name, group.name], group.runs) for name, groups in panels for group in groups]
    return Table(
        (
            *map(Column, heads), Column("seed numbers"), Column("parameters", ",d"),
            Column("steps", ",d"), Column("tokens trained on", ",d"), Column("passes", ".2f"),
            Column("words of text", ",d"), Column("validation loss", ".3f"), Column("unit"),
        ),
        rows,
        "Brackets: 95 % intervals over seeds. passes: tokens trained on over tokens of the text. "
        "Seconds and hardware of each run are in its record; they depend on what else the machine "
        "did.",
    )  # fmt: skip


def _row(heads: Sequence[Value], runs: Sequence[Training]) -> Row:
    first = runs[0].run
    data = first.record["data"]
    cells: list[Value] = [*heads, ", ".join(str(each.run.seed) for each in runs)]
    cells += [first.record["parameters"]["total"], first.steps, first.tokens]
    cells += [first.tokens / data["tokens"], data["words"], _loss(runs)]
    return Row([*cells, MEASURES[first.key]], files_of(runs))


def _loss(runs: Sequence[Training]) -> Estimate:
    """The mean over seeds."""
    mean, interval = of_seeds([each.run.loss for each in runs])
    return Estimate(mean, *(interval or (None, None)))
