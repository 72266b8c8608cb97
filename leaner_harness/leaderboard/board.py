"""The board in two forms, Markdown and a page: pure functions of the result files."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from leaner_harness.errors import ResultError, UsageError
from leaner_harness.files import write_atomic
from leaner_harness.leaderboard import answers_section, glue_section
from leaner_harness.leaderboard.entries import Entry, Refused, raise_refused, read_entries
from leaner_harness.leaderboard.page.document import document
from leaner_harness.leaderboard.ranks import RULE
from leaner_harness.leaderboard.sets import comparable_sets, shown_refused
from leaner_harness.markdown import cell

README = "README.md"
PAGE = "index.html"

_INTRODUCTION = f"""\
# Leaderboard

Made by `leaner leaderboard build` from the result files in this folder; edit those, not this page.
The same with charts, filters and the details of every run: [index.html](index.html), one file that
opens from disk. Results share a table only where group, split, data fingerprint, protocol and judge
are the same, and synthetic rows never with published ones.

*Centred* is the mean over the eight tasks of (score - constant) / (1 - constant), where constant is
the best constant prediction under the task's own metric: 0 is a model that ignores the text, 1 is
perfect. *Raw* is the plain mean of the tasks' scores, the paper's kind of average. Brackets are
95 % intervals: over the rows and, with several seeds of fine-tuning, over these too; what follows ±
is the standard deviation over them. *Word overlap* (Jaccard) and *words* are what a threshold on
shared words, and a linear model of words and pairs of neighbouring words, reach after seeing the
training rows.

A row is one checkpoint: how much another pre-training would differ is in no interval and no rank.

{textwrap.fill(RULE, 100)} (*#* is the rank.)

Scores, intervals, constants and means were computed again from each result's samples. Sizes,
tokens, computation, curves and the word baselines do not follow from samples: they are what the
result states, and of the word baselines what most results of the same rows state. A model marked
*unverified* has no samples beside its result, and no rank.
"""


def write(folder: Path) -> tuple[list[Entry], list[Refused]]:
    """Build both forms into the results folder; returns what is on them, and what is refused."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder.", "Name the results folder: --results DIR")
    entries, refused = read_entries(folder)
    for path, content in _forms(entries, refused, folder).items():
        write_atomic(path, content)
    return entries, refused


def check(folder: Path) -> None:
    """Raise ResultError for a refused file, and unless both forms follow from the results."""
    entries, refused = read_entries(folder)
    raise_refused(refused)
    for path, content in _forms(entries, refused, folder).items():
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            raise ResultError(
                f"{path} is stale.", f"Run: leaner leaderboard build --results {folder}"
            )


def _forms(entries: Sequence[Entry], refused: Sequence[Refused], folder: Path) -> dict[Path, str]:
    return {
        folder / README: _markdown(entries, refused, folder),
        folder / PAGE: document(entries, refused, folder),
    }


def _markdown(entries: Sequence[Entry], refused: Sequence[Refused], folder: Path) -> str:
    sections = [
        answers_section.section(found) if found.answers else glue_section.section(found)
        for found in comparable_sets(entries)
    ]
    shown = [_INTRODUCTION, *(sections or ["No results yet.\n"])]
    return "\n".join([*shown, *([_refused(refused, folder)] if refused else [])])


def _refused(refused: Sequence[Refused], folder: Path) -> str:
    """The files that are on no board, and why."""
    lines = [f"- {cell(path)}: {cell(reason)}" for path, reason in shown_refused(refused, folder)]
    more = len(refused) - len(lines)
    listed = [*lines, *([f"- and {more} more"] if more else [])]
    return "\n".join([f"## Refused files ({len(refused)})", "", *listed]) + "\n"
