"""What a results folder holds: entries for the board, verified or not, and files that are refused.

Nothing a file holds can stop the others from being read.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from leaner_harness import results
from leaner_harness.errors import LeanerError, ResultError
from leaner_harness.leaderboard import known_digests, same_rows
from leaner_harness.leaderboard.known_digests import KnownDigests
from leaner_harness.results import Result, metric_ends, recompute, rules, untrusted

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


def raise_refused(refused: Sequence[Refused]) -> None:
    """Raise ResultError with the first reason, and how many more there are, if any file is."""
    if refused:
        more = f" ({len(refused) - 1} more files are refused.)" if len(refused) > 1 else ""
        raise ResultError(f"{refused[0].reason}{more}")


def read_entries(
    folder: Path, wanted: Callable[[Path], bool] = lambda _: True
) -> tuple[list[Entry], list[Refused]]:
    """Every result below `folder` whose path is wanted, and every refused file, sorted by path.

    Raises nothing, whatever a file holds. What was verified once is not computed again while
    result, samples and code stay the same. A result that states other rows than most of those of
    the same fingerprint is refused; so are samples of no result.
    """
    known = KnownDigests()
    entries, refused = [], []
    paths = results.paths(folder)
    names = Counter(str(path).casefold() for path in paths)
    for path in filter(wanted, paths):
        try:
            if not (name := str(path.relative_to(folder))).isprintable():
                raise ResultError(f"{untrusted.shown(name, 200)} is no name that can be shown.")
            if names[str(path).casefold()] > 1:
                raise ResultError(f"{path} and another are one file where case does not count.")
            entries.append(_entry(path, folder, known))
        except LeanerError as error:
            refused.append(Refused(path, str(error)))
        except Exception as error:  # a hostile file finds what nobody thought of
            refused.append(Refused(path, f"{path} cannot be read: {untrusted.shown(error, 200)}."))
    known.save()
    refused += [
        Refused(path, f"There is no result beside {untrusted.shown(path.name, 200)}.")
        for path in results.lone_samples(folder)
        if wanted(path)
    ]
    verified = [number for number, entry in enumerate(entries) if entry.state == VERIFIED]
    wrong = same_rows.others([entry.result for entry in entries], verified)
    refused += [Refused(folder / entries[n].result.path, why) for n, why in wrong.items()]
    kept = [entry for number, entry in enumerate(entries) if number not in wrong]
    return kept, sorted(refused, key=lambda each: each.path)


def _entry(path: Path, folder: Path, known: KnownDigests) -> Entry:
    content = results.read_bytes(path)
    samples = path.with_name(rules.samples_name(path.stem))
    try:
        packed = [results.read_packed(samples)] if os.path.lexists(samples) else []
    except ValueError as error:
        raise ResultError(f"{samples} holds no samples: {error}.") from error
    key = known_digests.key(content, *packed)
    good = key in known
    # What was parsed with care once may be parsed with speed.
    result = Result(json.loads(content)) if good else results.parse(content, path)
    if path.resolve() != folder.resolve() / result.path:
        raise ResultError(f"{path} says it belongs at {folder / result.path}.", "Move it.")
    if not good:
        if packed:
            recompute.verify(result, folder)
        else:
            rules.agree(result.record)
        known.add(key)
    # An interval beyond a metric's end was held against its samples without that; so it is shown.
    result = Result(metric_ends.of_record(result.record))
    if packed:
        return Entry(result, VERIFIED, "Its numbers are those its samples give.")
    return Entry(result, UNVERIFIED, "There are no samples beside it.")
