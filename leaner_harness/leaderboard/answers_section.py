"""LEANER-Eval on the board: one table per judge, for grades of two judges are not comparable."""

from __future__ import annotations

from leaner_harness.judge.surface import CHECKS, EMPTY
from leaner_harness.judge.verdicts import COVERAGE
from leaner_harness.leaderboard import markdown
from leaner_harness.leaderboard.sets import Comparable, Ranked
from leaner_harness.markdown import cell, table
from leaner_harness.results import Record
from leaner_harness.results.answer_scores import GRADES, TASK

_GRADED = (
    "Grades by a judge, from 0 to 5 each and 15 in sum; in brackets 95 % bootstrap intervals over "
    "the questions. *Card*: whether this judge could tell planted good answers from spoiled ones. "
)
_CHECKS = (
    "*Checks* (`well_formed` to `empty`) are numbers from 0 to 1 that need no judge and are no "
    "grades: none sees whether an answer is true."
)


def section(found: Comparable) -> str:
    """The table of results that one judge graded, or of those that have none."""
    first = found.first
    judged = first.get("judge") is not None
    protocol = cell(first["protocol"]["name"])
    title = f"## {first['board']}, {protocol} ({markdown.fingerprints(found)})"
    about = (_GRADED if judged else "No judge. ") + _CHECKS
    note = markdown.source_note(found, "Questions of our own")
    names = ["#", "model", "parameters", "tokens seen", "n"]
    names += [*GRADES, COVERAGE, "card"] if judged else []
    rows = [_row(row, judged=judged) for row in found.rows]
    shown = table([*names, *CHECKS, EMPTY], rows)
    return "\n\n".join([title, f"{about}\n{note}", shown]) + "\n"


def _row(ranked: Ranked, *, judged: bool) -> list[str]:
    record = ranked.entry.result.record
    task = record["tasks"][TASK]
    row = [*markdown.name_cells(ranked), str(task["n"])]
    if judged:
        row += [_grade(record, name) for name in GRADES]
        row += [f"{task['metrics'][COVERAGE]:.1%}", card(record["judge"]["card"])]
    return [*row, *(f"{task['metrics'][name]:.3f}" for name in (*CHECKS, EMPTY))]


def _grade(record: Record, name: str) -> str:
    """A mean with its interval; what it is between where too little was judged."""
    task = record["tasks"][TASK]
    if not record["mean"]:
        low, high = task["bounds"][name]
        return f"incomplete ({low:.2f} to {high:.2f})"
    low, high = task["intervals"][name]
    return f"{task['metrics'][name]:.2f} [{low:.2f}, {high:.2f}]"


def card(known: Record | None) -> str:
    """What a result says of its judge's card."""
    if known is None:
        return "uncalibrated"
    return "passed" if known["passed"] else "FAILED"
