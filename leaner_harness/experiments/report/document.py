"""A report as data: sections of notes, tables and pictures; each row knows the files it is made of.

Cells are values, not text: what is shown, and how, is the business of whoever writes it out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

DASH = "–"


class Estimate(NamedTuple):
    """A number, and the 95 % interval around it if there is one."""

    value: float
    low: float | None = None
    high: float | None = None


Value = str | int | float | Estimate | None


class Column(NamedTuple):
    """A column of a table."""

    name: str
    form: str = ""
    """A format, as in `.3f`; empty for text."""
    shared: bool = False
    """Whether its values depend on every row of the table, as a corrected p value does."""


class Row(NamedTuple):
    """Values, and the files they come from, seen from the report's folder."""

    cells: Sequence[Value]
    files: Sequence[str]


@dataclass(frozen=True)
class Note:
    """A paragraph; with files where it holds numbers."""

    text: str
    files: Sequence[str] = ()


@dataclass(frozen=True)
class Table:
    """A table, and what its columns mean."""

    columns: Sequence[Column]
    rows: Sequence[Row]
    note: str = ""

    def without_empty_columns(self) -> Table:
        """What people are shown: a column in which no row says anything only takes room."""
        kept = [
            place
            for place in range(len(self.columns))
            if not self.rows or any(row.cells[place] not in (None, "") for row in self.rows)
        ]
        rows = [Row([row.cells[place] for place in kept], row.files) for row in self.rows]
        return Table([self.columns[place] for place in kept], rows, self.note)


class Panel(NamedTuple):
    """One picture."""

    name: str
    """Of its file, without the ending."""
    svg: str


@dataclass(frozen=True)
class Figure:
    """Pictures that belong together."""

    title: str
    note: str
    panels: Sequence[Panel]
    files: Sequence[str]


Block = Note | Table | Figure


@dataclass(frozen=True)
class Section:
    """A heading, and what is below it."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Report:
    """All that is said of an experiment."""

    title: str
    asks: str
    notices: Sequence[str]
    """What must be known before any number is read."""
    sections: Sequence[Section]
    absent: Sequence[str]
    """Cells without results."""
    refused: Sequence[tuple[str, str]] = ()
    """Files that were not used, and why."""
    about: dict[str, Any] = field(default_factory=dict)
    """Experiment, preset and settings, for machines."""

    def files(self) -> dict[str, int]:
        """The number of each file that is cited, in the order in which they are met."""
        numbers: dict[str, int] = {}
        for block in self.blocks():
            rows: Sequence[Row | Note | Figure] = (
                block.rows if isinstance(block, Table) else [block]
            )
            for part in rows:
                for name in part.files:
                    numbers.setdefault(name, len(numbers) + 1)
        return numbers

    def blocks(self) -> Iterator[Block]:
        """All blocks of all sections."""
        for section in self.sections:
            yield from section.blocks

    def record(self) -> dict[str, Any]:
        """The report as one JSON value; pictures are named, not drawn."""
        return {
            **self.about,
            "notices": list(self.notices),
            "absent": list(self.absent),
            "refused": [{"file": name, "reason": reason} for name, reason in self.refused],
            "sections": [
                {"title": section.title, "blocks": [_plain(block) for block in section.blocks]}
                for section in self.sections
            ],
        }


def _plain(block: Block) -> dict[str, Any]:
    if isinstance(block, Note):
        return {"note": block.text, "files": list(block.files)}
    if isinstance(block, Figure):
        names = [panel.name for panel in block.panels]
        return {"figure": block.title, "panels": names, "files": list(block.files)}
    rows = [
        {
            **{
                column.name: _json(cell)
                for column, cell in zip(block.columns, row.cells, strict=True)
            },
            "files": list(row.files),
        }
        for row in block.rows
    ]
    return {"note": block.note, "rows": rows}


def _json(value: Value) -> Any:
    return value._asdict() if isinstance(value, Estimate) else value


def shown(value: Value, form: str) -> str:
    """A value as people read it; a dash where there is none."""
    if value is None:
        return DASH
    if isinstance(value, str):
        return value
    if isinstance(value, Estimate):
        text = _number(value.value, form)
        if value.low is None or value.high is None:
            return text
        return f"{text} [{_number(value.low, form)}, {_number(value.high, form)}]"
    return _number(value, form)


def _number(value: float, form: str) -> str:
    if math.isnan(value):
        return DASH
    text = format(value, form)
    # No minus sign before a zero.
    return text.replace("-", "+" if form.startswith("+") else "", 1) if _is_zero(text) else text


def _is_zero(text: str) -> bool:
    return text.startswith("-") and not text.strip("-0.,%")
