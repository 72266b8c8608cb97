"""What a results folder holds: entries for the board, verified or not, and files that are refused.

Nothing a file holds can stop the others from being read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leaner_harness import recompute, result_rules, results
from leaner_harness.errors import LeanerError, ResultError
from leaner_harness.results import Result

VERIFIED = "verified"
"""The metrics were recomputed from the samples beside the result."""
UNVERIFIED = "unverified"
"""There are no samples: the numbers are what somebody said."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A result the board may show."""

    result: Result
    state: str
    """VERIFIED or UNVERIFIED."""
    reason: str
    """Why it is in that state."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that never gets onto a board."""

    path: Path
    reason: str


def read_entries(folder: Path) -> tuple[list[Entry], list[Refused]]:
    """Every result below `folder` and every refused file, both sorted by path; raises nothing."""
    entries, refused = [], []
    for path in _files(folder):
        try:
            entries.append(_entry(path, folder))
        except LeanerError as error:
            refused.append(Refused(path, str(error)))
        except Exception as error:  # noqa: BLE001  a hostile file finds what we did not think of
            refused.append(Refused(path, f"{path} cannot be read: {error!r}."))
    return entries, refused


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.glob("*/*/*.json")))


def _entry(path: Path, folder: Path) -> Entry:
    result = results.read(path)
    if path.relative_to(folder) != result.path:
        raise ResultError(f"{path} says it belongs at {folder / result.path}.", "Move it.")
    if not path.with_name(result.record["samples"]["file"]).exists():
        result_rules.agree(result.record)
        return Entry(result, UNVERIFIED, "There are no samples beside it.")
    recompute.verify(result, folder)
    return Entry(result, VERIFIED, "Its numbers are those its samples give.")
