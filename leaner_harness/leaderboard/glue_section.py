"""LEANER-GLUE on the board: one table for each set of comparable results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leaner_harness import scoring
from leaner_harness.data.glue import AVERAGED, TASKS
from leaner_harness.leaderboard import markdown
from leaner_harness.leaderboard.markdown import DASH
from leaner_harness.leaderboard.sets import METRIC_NAMES, WORD_BASELINES, Comparable, Ranked, mean
from leaner_harness.markdown import cell, table
from leaner_harness.results import Record


def section(found: Comparable) -> str:
    """The table of results of LEANER-GLUE that were asked the same."""
    data, protocol = found.first["data"], found.first["protocol"]["name"]
    title = f"## {found.first['board']}, {cell(protocol)}, {cell(data['split'])} split"
    heading = f"{title} ({markdown.fingerprints(found)})"
    note = markdown.source_note(found, "Synthetic rows (leaner-mini-v1)")
    known = [_baseline_row(found.constants()), *_overlap_rows(found)]
    shown = table(_columns(), [*map(_row, found.rows), *known])
    return "\n\n".join([heading, note, shown]) + "\n"


def _columns() -> list[str]:
    tasks = [f"{name} ({METRIC_NAMES[TASKS[name].metric]})" for name in AVERAGED]
    return ["#", "model", "parameters", "tokens seen", "centred", "raw", *tasks]


def _row(row: Ranked) -> list[str]:
    record = row.entry.result.record
    return [
        *markdown.name_cells(row),
        _mean(record, scoring.CENTRED),
        _mean(record, scoring.SCORE),
        *(_task_cell(record["tasks"].get(name)) for name in AVERAGED),
    ]


def _baseline_row(known: Mapping[str, float]) -> list[str]:
    raw = f"{sum(known.values()) / len(known):.3f}" if len(known) == len(AVERAGED) else DASH
    cells = [f"{known[name]:.3f}" if name in known else DASH for name in AVERAGED]
    return ["", "*best constant prediction*", "0", "0", "0.000", raw, *cells]


def _overlap_rows(of: Comparable) -> list[list[str]]:
    """What word counting reaches on these rows."""
    found = []
    for key, label in WORD_BASELINES.items():
        known = [of.word_baseline(name, key) for name in AVERAGED]
        if any(value is not None for value in known):
            cells = [DASH if value is None else scoring.shown(value) for value in known]
            found.append(["", f"*{label}*", "", "", "", "", *cells])
    return found


def _mean(record: Record, metric: str) -> str:
    found = mean(record, metric)
    if found is None:
        return f"{DASH} (missing: {cell(', '.join(map(str, record['missing'])))})"
    value, low, high = map(scoring.shown, found)
    return f"{value} [{low}, {high}]"


def _task_cell(task: dict[str, Any] | None) -> str:
    if task is None:
        return DASH
    if task["state"] != "ok":
        return cell(task["state"])
    spread = task.get("seeds", {}).get("sd")
    plus_minus = "" if spread is None else f" ±{scoring.shown(spread)}"
    return scoring.shown(task["metrics"][scoring.SCORE]) + plus_minus
