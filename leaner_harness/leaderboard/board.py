"""The board as Markdown: a pure function of the result files, one table per comparable set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leaner_harness import answer_scores, scoring
from leaner_harness.data.glue import AVERAGED, TASKS
from leaner_harness.errors import ResultError
from leaner_harness.files import write_atomic
from leaner_harness.leaderboard import answers_section, markdown
from leaner_harness.leaderboard.markdown import DASH
from leaner_harness.markdown import table
from leaner_harness.recompute import verify
from leaner_harness.results import Result, read_all

PAGE = "README.md"

_INTRODUCTION = """\
# Leaderboard

Made by `leaner leaderboard build` from the result files in this folder; edit those, not this page.
Results share a table only where group, split, data fingerprint and protocol are the same.

*Centred* is the mean over the eight tasks of (score - constant) / (1 - constant), where constant is
the best constant prediction under the task's own metric: 0 is a model that ignores the text, 1 is
perfect. *Raw* is the plain mean of the tasks' scores, the paper's kind of average. Brackets are
95 % bootstrap intervals over the rows, not over training seeds; what follows ± is the standard
deviation over the seeds of fine-tuning. Ranks follow the centred mean and do not say that a
difference is significant: `leaner compare` does. *Word overlap* (Jaccard) and *words* are what a
threshold on shared words, and a linear model of the words, reach after seeing the training rows.
"""

_METRIC = {"mcc": "MCC", "acc": "acc", "acc_f1": "acc/F1", "pearson_spearman": "r/ρ"}


def build(folder: Path) -> str:
    """The Markdown page for a results folder."""
    boards: dict[tuple[str, ...], list[Result]] = defaultdict(list)
    for result in read_all(folder):
        boards[result.ranking].append(result)
    sections = [
        answers_section.section(boards[key])
        if answer_scores.has_answers(boards[key][0])
        else _section(boards[key])
        for key in sorted(boards)
    ]
    return "\n".join([_INTRODUCTION, *(sections or ["No results yet.\n"])])


def write(folder: Path) -> Path:
    """Build the page into the results folder; returns its path."""
    page = folder / PAGE
    write_atomic(page, build(folder))
    return page


def check(folder: Path) -> None:
    """Raise ResultError unless the page follows from the results, and they from their samples."""
    for result in read_all(folder):
        verify(result, folder)
    page = folder / PAGE
    if not page.is_file() or page.read_text(encoding="utf-8") != build(folder):
        raise ResultError(f"{page} is stale.", f"Run: leaner leaderboard build --results {folder}")


def _section(results: Sequence[Result]) -> str:
    first = results[0].record
    data, protocol = first["data"], first["protocol"]["name"]
    fingerprint = data["fingerprint"][:8]
    title = f"## {first['board']}, {protocol}, {data['split']} split ({fingerprint})"
    note = markdown.source_note(results[0], "Synthetic rows (leaner-mini-v1)")
    ranked = sorted(results, key=_rank)
    rows = [_row(place, result) for place, result in enumerate(ranked, start=1)]
    known = [_baseline_row(ranked[0]), *_overlap_rows(ranked)]
    shown = table(_columns(), [*rows, *known])
    return "\n\n".join([title, note, shown]) + "\n"


def _rank(result: Result) -> tuple[float, str]:
    mean = result.mean(scoring.CENTRED)
    return (-mean["value"] if mean else float("inf")), str(result.path)


def _columns() -> list[str]:
    tasks = [f"{name} ({_METRIC[TASKS[name].metric]})" for name in AVERAGED]
    return ["#", "model", "parameters", "tokens seen", "centred", "raw", *tasks]


def _row(place: int, result: Result) -> list[str]:
    record = result.record
    return [
        str(place) if record["mean"] else DASH,
        markdown.link(result),
        *markdown.size_cells(result),
        _mean(result, scoring.CENTRED),
        _mean(result, scoring.SCORE),
        *(_task_cell(record["tasks"].get(name)) for name in AVERAGED),
    ]


def _baseline_row(result: Result) -> list[str]:
    tasks = result.record["tasks"]
    constants = [tasks[n].get("majority_baseline") if n in tasks else None for n in AVERAGED]
    known = [constant for constant in constants if constant is not None]
    raw = f"{sum(known) / len(known):.3f}" if len(known) == len(AVERAGED) else DASH
    cells = [DASH if constant is None else f"{constant:.3f}" for constant in constants]
    return ["", "*best constant prediction*", "0", "0", "0.000", raw, *cells]


_OVERLAP = {"jaccard": "word overlap", "words": "words"}


def _overlap_rows(results: Sequence[Result]) -> list[list[str]]:
    """What word counting reaches on these rows, by the first result that says it."""
    found = []
    for key, title in _OVERLAP.items():
        cells = []
        for name in AVERAGED:
            tasks = [result.record["tasks"].get(name) or {} for result in results]
            said = [(task.get("baselines") or {}).get(key) for task in tasks]
            known = [value for value in said if value is not None]
            cells.append(scoring.shown(known[0]) if known else DASH)
        if any(cell != DASH for cell in cells):
            found.append(["", f"*{title}*", "", "", "", "", *cells])
    return found


def _mean(result: Result, metric: str) -> str:
    mean = result.mean(metric)
    if mean is None:
        return f"{DASH} (missing: {markdown.escape(', '.join(map(str, result.record['missing'])))})"
    low, high = mean["interval"]
    return f"{scoring.shown(mean['value'])} [{scoring.shown(low)}, {scoring.shown(high)}]"


def _task_cell(task: dict[str, Any] | None) -> str:
    if task is None:
        return DASH
    if task["state"] != "ok":
        return markdown.escape(task["state"])
    spread = task.get("seeds", {}).get("sd")
    plus_minus = "" if spread is None else f" ±{scoring.shown(spread)}"
    return scoring.shown(task["metrics"][scoring.SCORE]) + plus_minus
