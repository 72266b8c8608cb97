"""Bars on a terminal: one for each stage of what takes long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import Progress

from leaner_harness.cli.console import err
from leaner_harness.dataset.build import Announce


@contextmanager
def bars() -> Iterator[Announce]:
    """A bar for each stage, on a terminal; what it gives moves one on."""
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        found: dict[str, Any] = {}

        def announce(stage: str, count: int) -> None:
            if stage not in found:
                found[stage] = progress.add_task(stage, total=None)
            progress.advance(found[stage], count)

        yield announce
