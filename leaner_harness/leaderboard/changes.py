"""What a change of results may not do by itself: take away, replace or contradict others."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from leaner_harness import results
from leaner_harness.data.glue import TASKS
from leaner_harness.errors import LeanerError
from leaner_harness.leaderboard import same_rows
from leaner_harness.leaderboard.entries import VERIFIED, Entry, Refused
from leaner_harness.leaderboard.sets import WORD_BASELINES, number, part, word_baseline
from leaner_harness.results import Record, Result
from leaner_harness.results.rules import samples_name

_APART = 2e-3
"""By which word baselines of the same rows differ between versions of what fits them, at most."""


def faults(folder: Path, before: Path, entries: Sequence[Entry]) -> list[Refused]:
    """What is wrong with `folder` as a change of the results folder `before`.

    `entries` are those that are new or other than they were. Results that are unreadable in
    `before` are nobody's standard.
    """
    known = list(_readable(before))
    baselines = defaultdict(list)
    for result in known:
        baselines[_rows(result.record)].append(result.record)
    changed = {entry.result.path for entry in entries}
    kept = [result for result in known if result.path not in changed]
    asked = _asked(kept, before, {key for e in entries for key in same_rows.keys(e.result)})
    found = list(_taken_away(folder, before))
    for entry in entries:
        record = entry.result.record
        reason = (
            _replaces(entry.result, before)
            or _contradicts(record, baselines.get(_rows(record), []))
            or _other_rows(entry, folder, asked)
        )
        if reason:
            found.append(Refused(folder / entry.result.path, reason))
    return found


def _readable(folder: Path) -> Iterator[Result]:
    for path in results.paths(folder):
        with contextlib.suppress(LeanerError):
            yield results.read(path)


def _asked(
    known: Sequence[Result], folder: Path, wanted: Collection[same_rows.Key]
) -> dict[same_rows.Key, str]:
    """The digest of the rows behind each name that is wanted, from a result that has samples."""
    found: dict[same_rows.Key, str] = {}
    for result in known:
        if any(key in wanted and key not in found for key in same_rows.keys(result)):
            with contextlib.suppress(LeanerError):
                found = same_rows.digests(result, folder) | found
    return found


def _other_rows(entry: Entry, folder: Path, asked: Mapping[same_rows.Key, str]) -> str:
    """Which task is of other rows than its fingerprint names; empty for none that is known."""
    if entry.state != VERIFIED:
        return ""
    for key, digest in same_rows.digests(entry.result, folder).items():
        if asked.get(key, digest) != digest:
            return (
                f"{key.task} is of other rows, or of other labels, than results have that name the "
                "same rows. Score it again."
            )
    return ""


def _replaces(result: Result, before: Path) -> str:
    """Why a result may not take the place of the one there; empty where it may."""
    path = before / result.path
    try:
        if os.path.lexists(path):
            results.refuse_other(result, path)
    except LeanerError as error:
        return f"{error.message} Give this model another name: only maintainers replace a result."
    return ""


def _taken_away(folder: Path, before: Path) -> Iterator[Refused]:
    for path in results.paths(before):
        now = folder / path.relative_to(before)
        samples = samples_name(path.stem)
        if not os.path.lexists(now):
            yield Refused(
                now,
                f"It is not there any more, and is in {before}. Merge the branch that this goes "
                "to; only its maintainers take a result away.",
            )
        elif os.path.lexists(path.with_name(samples)) and not os.path.lexists(
            now.with_name(samples)
        ):
            yield Refused(now, f"Its samples {samples} were taken away, and with them its rank.")


def _rows(record: Record) -> tuple[str, str, str]:
    """Of which rows a result is."""
    data = record["data"]
    return str(record["board"]), str(data["split"]), str(data["fingerprint"])


def _contradicts(record: Record, others: Sequence[Record]) -> str:
    """Which word baseline is another than results of the same rows state; empty for none.

    It is made of training rows, which no result carries, so that samples cannot say it.
    """
    for task in TASKS:
        for key in WORD_BASELINES:
            said = number(part(record, "tasks", task, "baselines").get(key))
            usual = word_baseline(others, task, key)
            if said is not None and usual is not None and abs(said - usual) > _APART:
                return (
                    f"{task} has a word baseline ({key}) of {said:.3f}, where other results of "
                    f"the same rows have {usual:.3f}. Score it again with the current version."
                )
    return ""
