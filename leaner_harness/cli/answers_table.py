"""A table of one LEANER-Eval result: grades and checks, in all and by kind of question."""

from __future__ import annotations

from rich import box
from rich.table import Table

from leaner_harness.judge.verdicts import COVERAGE, SUM
from leaner_harness.leaderboard.answers_section import card
from leaner_harness.results import Record
from leaner_harness.results.answer_scores import METRICS, TASK


def answers_table(record: Record) -> Table:
    """A line a metric, and the sum by kind of question where a judge gave grades."""
    task = record["tasks"][TASK]
    table = Table(box=box.SIMPLE)
    table.add_column("metric")
    for name in ("mean", "95 % interval"):
        table.add_column(name, justify="right")
    for name in METRICS:
        if name in task["metrics"]:
            low, high = task["intervals"].get(name, [None, None])
            interval = "" if low is None else f"\\[{low:.3f}, {high:.3f}]"
            table.add_row(name, f"{task['metrics'][name]:.3f}", interval)
    for kind, part in task["kinds"].items() if SUM in task["metrics"] else ():
        value = part["metrics"].get(SUM)
        shown = "-" if value is None else f"{value:.3f}"
        table.add_row(f"{SUM}, {kind} (n = {part['n']})", shown, "")
    table.caption = _caption(record, task)
    return table


def _caption(record: Record, task: Record) -> str:
    if record.get("judge") is None:
        return f"n = {task['n']}. No judge: surface checks alone, from 0 to 1, which are no grades."
    states = ", ".join(f"{state} {count}" for state, count in task["states"].items())
    whole = "" if record["mean"] else "INCOMPLETE: no headline. "
    return (
        f"{whole}n = {task['n']}, {task['metrics'][COVERAGE]:.1%} judged ({states}). Grades from 0 "
        f"to 5, the sum to 15; checks from 0 to 1. Judge: {card(record['judge']['card'])}."
    )
