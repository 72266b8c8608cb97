"""What a change of results may not do by itself: take results away, or contradict the others."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from leaner_harness import results
from leaner_harness.data.glue import TASKS
from leaner_harness.errors import LeanerError
from leaner_harness.leaderboard.entries import Entry, Refused
from leaner_harness.leaderboard.sets import WORD_BASELINES, number, part, word_baseline
from leaner_harness.results import Record
from leaner_harness.results.rules import samples_name

_APART = 2e-3
"""By which word baselines of the same rows differ between versions of what fits them, at most."""


def faults(folder: Path, before: Path, entries: Sequence[Entry]) -> list[Refused]:
    """What is wrong with `folder` as a change of the results folder `before`.

    `entries` are those that are new or other than they were. Results that are unreadable in
    `before` are nobody's standard.
    """
    known = _by_rows(before)
    found = list(_taken_away(folder, before))
    for entry in entries:
        if reason := _contradicts(entry.result.record, known):
            found.append(Refused(folder / entry.result.path, reason))
    return found


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


def _by_rows(folder: Path) -> dict[tuple[str, str, str], list[Record]]:
    found = defaultdict(list)
    for path in results.paths(folder):
        try:
            record = results.read(path).record
        except LeanerError:
            continue
        found[_rows(record)].append(record)
    return found


def _contradicts(record: Record, known: dict[tuple[str, str, str], list[Record]]) -> str:
    """Which word baseline is another than results of the same rows state; empty for none.

    It is made of training rows, which no result carries, so that samples cannot say it.
    """
    others = known.get(_rows(record), [])
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
