"""The board as Markdown: a pure function of the result files, one table per comparable set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leaner_harness import scoring
from leaner_harness.data.glue import AVERAGED, TASKS
from leaner_harness.errors import ResultError
from leaner_harness.files import write_atomic
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
    sections = [_section(boards[key]) for key in sorted(boards)]
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
    kind = {
        "mini": "Synthetic rows embedded in the package (leaner-mini-v1); not comparable with "
        "published LEANER-GLUE numbers.",
        "official": "Published rows, every file verified.",
        "local": "Rows from a local folder that are not, or not all, the published ones.",
    }.get(data["source"], "")
    note = f"{kind} Data fingerprint `{data['fingerprint']}`."
    ranked = sorted(results, key=_rank)
    rows = [_row(place, result) for place, result in enumerate(ranked, start=1)]
    known = [_baseline_row(ranked[0]), *_overlap_rows(ranked)]
    table = "\n".join([_header(), *rows, *known])
    return "\n\n".join([title, note, table]) + "\n"


def _rank(result: Result) -> tuple[float, str]:
    mean = result.mean(scoring.CENTRED)
    return (-mean["value"] if mean else float("inf")), str(result.path)


def _header() -> str:
    tasks = [f"{name} ({_METRIC[TASKS[name].metric]})" for name in AVERAGED]
    names = ["#", "model", "parameters", "tokens seen", "centred", "raw", *tasks]
    return f"| {' | '.join(names)} |\n|{'---|' * len(names)}"


def _row(place: int, result: Result) -> str:
    record = result.record
    link = f"[{record['model']['name']}]({result.path.as_posix()})"  # names are checked in read
    training = record.get("training") or {}
    complete = bool(record["mean"])
    cells = [
        str(place) if complete else "–",
        link,
        _count(record["model"]["parameters"]),
        # Random weights have the checkpoint's shape, and have seen none of its text.
        _count(0 if _from_scratch(result) else training.get("tokens_seen")),
        _mean(result, scoring.CENTRED),
        _mean(result, scoring.SCORE),
        *(_task_cell(record["tasks"].get(name)) for name in AVERAGED),
    ]
    return f"| {' | '.join(cells)} |"


def _from_scratch(result: Result) -> bool:
    return bool(result.record["model"].get("scorer", {}).get("from_scratch"))


def _baseline_row(result: Result) -> str:
    tasks = result.record["tasks"]
    constants = [tasks[n].get("majority_baseline") if n in tasks else None for n in AVERAGED]
    known = [constant for constant in constants if constant is not None]
    raw = f"{sum(known) / len(known):.3f}" if len(known) == len(AVERAGED) else "–"
    cells = ["–" if constant is None else f"{constant:.3f}" for constant in constants]
    return f"| | *best constant prediction* | 0 | 0 | 0.000 | {raw} | {' | '.join(cells)} |"


_OVERLAP = {"jaccard": "word overlap", "words": "words"}


def _overlap_rows(results: Sequence[Result]) -> list[str]:
    """What word counting reaches on these rows, by the first result that says it."""
    found = []
    for key, title in _OVERLAP.items():
        cells = []
        for name in AVERAGED:
            tasks = [result.record["tasks"].get(name) or {} for result in results]
            said = [(task.get("baselines") or {}).get(key) for task in tasks]
            known = [value for value in said if value is not None]
            cells.append(scoring.shown(known[0]) if known else "–")
        if any(cell != "–" for cell in cells):
            found.append(f"| | *{title}* | | | | | {' | '.join(cells)} |")
    return found


def _mean(result: Result, metric: str) -> str:
    mean = result.mean(metric)
    if mean is None:
        return f"– (missing: {_escape(', '.join(map(str, result.record['missing'])))})"
    low, high = mean["interval"]
    return f"{scoring.shown(mean['value'])} [{scoring.shown(low)}, {scoring.shown(high)}]"


def _task_cell(task: dict[str, Any] | None) -> str:
    if task is None:
        return "–"
    if task["state"] != "ok":
        return _escape(task["state"])
    spread = task.get("seeds", {}).get("sd")
    plus_minus = "" if spread is None else f" ±{scoring.shown(spread)}"
    return scoring.shown(task["metrics"][scoring.SCORE]) + plus_minus


def _count(value: float | None) -> str:
    """A count as in 1.56M; a dash where it is not known."""
    if value is None:
        return "–"
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return str(int(value))


def _escape(text: str) -> str:
    """Text that cannot break out of a table cell."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
