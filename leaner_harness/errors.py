"""The exception tree: what can go wrong, and the exit code each class of fault ends a command with.

LeanerError                     1  anything this package raises on purpose
├── UsageError                  2  a wrong option, key or recipe
│   └── UnknownName             2  a name nothing is registered under
├── DataError                   3  rows or text are missing, damaged or not what they claim to be
│   └── DownloadError           3  a published file could not be fetched or verified
├── PluginError                 4  a plugin failed to load, or broke its contract
├── CheckpointError             5  a directory is no checkpoint, or is damaged
└── ResultError                 6  an evaluation cannot become a result, or a board is stale
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LeanerError(Exception):
    """A fault with a message for the user: what was wrong and, in `cure`, what mends it."""

    exit_code = 1

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.message}\n  {self.cure}" if self.cure else self.message


class UsageError(LeanerError):
    """A wrong option, key or recipe."""

    exit_code = 2


class UnknownName(UsageError):
    """A name nothing is registered under; the message carries the near miss and what exists."""

    def __init__(self, kind: str, name: str, choices: Iterable[str], cure: str = "") -> None:
        super().__init__(f"Unknown {kind} {name!r}.{near_miss(name, choices)}", cure)


class DataError(LeanerError):
    """Rows or text are missing, damaged or not what they claim to be."""

    exit_code = 3


class DownloadError(DataError):
    """A published file could not be fetched or verified."""


class PluginError(LeanerError):
    """A plugin failed to load, or broke its contract."""

    exit_code = 4


class CheckpointError(LeanerError):
    """A directory is no checkpoint, or is damaged."""

    exit_code = 5


class ResultError(LeanerError):
    """An evaluation cannot become a result, or a board is stale."""

    exit_code = 6


def near_miss(name: str, choices: Iterable[str]) -> str:
    """The tail of an error about a wrong name: the closest choices, and all of them."""
    known = sorted(choices)
    close = difflib.get_close_matches(name, known, n=2)
    meant = f" Did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
    return f"{meant} Available: {', '.join(known) or 'none'}."
