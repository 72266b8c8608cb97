"""Where the ranks of a build keep what they know, and how many there are."""

from __future__ import annotations

from pathlib import Path

from leaner_harness.errors import UsageError
from leaner_harness.files import write_atomic

RANKS = "ranks"
"""Folder in a build's: the ranks' ledgers, and datatrove's notes of what is done."""


def rank_folder(folder: Path, rank: int) -> Path:
    """Where a rank has its ledger."""
    return folder / RANKS / f"{rank:05d}"


def begun_with(folder: Path) -> int | None:
    """How many ranks share a build; None where it was not begun by ranks."""
    file = folder / RANKS / "tasks"
    return int(file.read_text()) if file.is_file() else None


def check_tasks(folder: Path, tasks: int) -> None:
    """Raise UsageError where a build was begun with other tasks; note them for a new one."""
    if tasks < 1:
        raise UsageError(f"tasks are {tasks}; there must be 1 or more.")
    known = begun_with(folder)
    if known is None and (folder / "ledger.sqlite").is_file():
        raise UsageError(
            f"{folder} was begun by one process.", "leaner build resume; or take another folder."
        )
    if known is None:
        write_atomic(folder / RANKS / "tasks", f"{tasks}\n")
    elif known != tasks:
        raise UsageError(
            f"{folder} was begun with {known} tasks, not {tasks}, and which rank has a document "
            "depends on that.",
            f"Give {known} tasks again (workers may change), or take another folder.",
        )
