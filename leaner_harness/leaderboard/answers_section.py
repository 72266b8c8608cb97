"""LEANER-Eval on the board: one table per judge, for grades of two judges are not comparable."""

from __future__ import annotations

from collections.abc import Sequence

from leaner_harness.answer_scores import GRADES, TASK
from leaner_harness.judge.surface import CHECKS, EMPTY
from leaner_harness.judge.verdicts import COVERAGE, SUM
from leaner_harness.leaderboard import markdown
from leaner_harness.leaderboard.markdown import DASH
from leaner_harness.markdown import table
from leaner_harness.results import Record, Result

_GRADED = (
    "Grades by a judge, from 0 to 5 each and 15 in sum; in brackets 95 % bootstrap intervals over "
    "the questions. *Card*: whether this judge could tell planted good answers from spoiled ones. "
)
_CHECKS = (
    "*Checks* (`well_formed` to `empty`) are numbers from 0 to 1 that need no judge and are no "
    "grades: none sees whether an answer is true."
)


def section(results: Sequence[Result]) -> str:
    """The table of results that one judge graded, or of those that have none."""
    first = results[0].record
    judged = first["judge"] is not None
    data, protocol = first["data"], first["protocol"]
    fingerprints = f"{data['fingerprint'][:8]}, {protocol['fingerprint'][:8]}"
    title = f"## {first['board']}, {protocol['name']} ({fingerprints})"
    about = (_GRADED if judged else "No judge. ") + _CHECKS
    note = markdown.source_note(results[0], "Questions of our own")
    ranked = sorted(results, key=_rank)
    names = ["#", "model", "parameters", "tokens seen", "n"]
    names += [*GRADES, COVERAGE, "card"] if judged else []
    rows = [_row(place, result, judged=judged) for place, result in enumerate(ranked, start=1)]
    shown = table([*names, *CHECKS, EMPTY], rows)
    return "\n\n".join([title, f"{about}\n{note}", shown]) + "\n"


def _rank(result: Result) -> tuple[float, str]:
    mean = result.mean(SUM)
    return (-mean["value"] if mean else float("inf")), str(result.path)


def _row(place: int, result: Result, *, judged: bool) -> list[str]:
    record = result.record
    task = record["tasks"][TASK]
    row = [str(place) if record["mean"] else DASH, markdown.link(result)]
    row += [*markdown.size_cells(result), str(task["n"])]
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
