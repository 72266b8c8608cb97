"""Tables in Markdown, and text that cannot break out of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; its cells are Markdown already."""
    head = f"| {' | '.join(names)} |\n|{'---|' * len(names)}"
    return "\n".join([head, *(f"| {' | '.join(row)} |" for row in rows)])


def cell(value: Any) -> str:
    """Any text as a part of a cell: it breaks out of none, and is no HTML, code or link."""
    shown = " ".join(str(value).split()).replace("|", "\\|").replace("`", "'")
    return shown.replace("<", "&lt;").replace("](", "]\\(")
