"""What the page shows, as one JSON value: the boards, their rows and the refused files.

A row's `cells` stand in the order of its board's `columns`. A cell is a number, a text (why there
is none), null, or `[value, low, high, sd]`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leaner_harness import scoring
from leaner_harness.data.glue import AVERAGED, TASKS
from leaner_harness.judge.surface import EMPTY
from leaner_harness.judge.verdicts import SUM
from leaner_harness.leaderboard.answers_section import card
from leaner_harness.leaderboard.entries import VERIFIED, Entry, Refused
from leaner_harness.leaderboard.page import commands, phenomena
from leaner_harness.leaderboard.page.pool import Pool
from leaner_harness.leaderboard.page.run_details import details
from leaner_harness.leaderboard.ranks import RULE
from leaner_harness.leaderboard.sets import (
    METRIC_NAMES,
    WORD_BASELINES,
    Comparable,
    Ranked,
    comparable_sets,
    mean,
    number,
    part,
    score,
    shown_refused,
    sizes,
    text,
)
from leaner_harness.results import Record
from leaner_harness.results.answer_scores import GRADES, METRICS, TASK, has_answers

_SMALL = 6
"""Decimals: more than are shown, or some would be rounded twice."""


def content(entries: Sequence[Entry], refused: Sequence[Refused], folder: Path) -> Record:
    """The page's data."""
    pool, place = Pool(), commands.place(folder)
    boards = [_board(found, pool, place) for found in comparable_sets(entries)]
    _tell_apart(boards)
    return {
        "boards": boards,
        "rank_rule": RULE,
        "refused": shown_refused(refused, folder),
        "refused_count": len(refused),
        "pool": pool.values,
    }


def _board(found: Comparable, pool: Pool, folder: Path) -> Record:
    record = found.first
    judged = found.verified_first[0]
    data, protocol = record["data"], record["protocol"]
    columns = _answer_columns(found) if found.answers else _glue_columns(found)
    kinds = _kinds(found)
    tested = phenomena.of_board(found)
    board = {
        "name": record["board"],
        "protocol": text(protocol["name"]),
        "split": text(data["split"]),
        "source": text(found.source),
        "synthetic": found.synthetic,
        "fingerprint": text(data["fingerprint"]),
        "protocol_fingerprint": text(protocol["fingerprint"]),
        "answers": found.answers,
        "seeds": found.seeds,
        "card": card(part(judged, "judge").get("card")) if part(judged, "judge") else "",
        "ranked": found.ranked,
        "columns": columns,
        "kinds": kinds,
        "phenomena": tested,
        "references": [] if found.answers else _references(found, phenomena.constants(tested)),
        "rows": [
            _row(row, columns, kinds) | _behind(row, tested, pool, folder) for row in found.rows
        ],
    }
    board["id"] = "/".join(
        [board["name"], board["protocol"], board["split"]]
        + [board[key][:8] for key in ("fingerprint", "protocol_fingerprint")]
        + (["synthetic"] if found.synthetic else [])
    )
    return board


def _tell_apart(boards: Sequence[Record]) -> None:
    """Number the boards whose files claim one name: each is reached by its own link."""
    seen = Counter[str]()
    for board in boards:
        seen[board["id"]] += 1
        if seen[board["id"]] > 1:
            board["id"] += f"/{seen[board['id']]}"


def _glue_columns(found: Comparable) -> list[Record]:
    named = {name for row in found.rows for name in part(row.entry.result.record, "tasks")}
    others = sorted(name for name in named if name not in AVERAGED)
    tasks = [name for name in (*AVERAGED, *others) if name in named or name in AVERAGED]
    return [
        {"key": scoring.CENTRED, "label": "Centred", "group": "mean"},
        {"key": scoring.SCORE, "label": "Raw", "group": "mean"},
        *(
            {
                "key": name,
                "label": text(name, 40),
                "group": "task",
                "metric": METRIC_NAMES[TASKS[name].metric] if name in TASKS else "",
            }
            for name in tasks
        ),
    ]


def _answer_columns(found: Comparable) -> list[Record]:
    named = {
        name
        for row in found.rows
        for name in part(row.entry.result.record, "tasks", TASK, "metrics")
    }
    order = sorted((name for name in METRICS if name in named), key=lambda name: name != SUM)
    return [
        {
            "key": name,
            "label": name.replace("_", " ").capitalize(),
            "group": "mean" if name == SUM else "metric",
            **({"low": True} if name == EMPTY else {}),
            **({"places": 2} if name in GRADES else {}),
        }
        for name in order
    ]


def _kinds(found: Comparable) -> list[str]:
    """Kinds of questions: what the columns can be narrowed to."""
    if not found.answers:
        return []
    kinds = (part(row.entry.result.record, "tasks", TASK, "kinds") for row in found.rows)
    return sorted({str(kind) for each in kinds for kind in each})[:50]


def _row(row: Ranked, columns: Sequence[Record], kinds: Sequence[str]) -> Record:
    entry = row.entry
    record = entry.result.record
    cell = _answer_cell if has_answers(entry.result) else _glue_cell
    shown = {
        "name": text(row.name),
        "path": entry.result.path.as_posix(),
        "verified": entry.state == VERIFIED,
        "family": _family(record),
        "sizes": [None if size is None else round(size) for size in sizes(record)],
        "cells": [cell(record, column["key"]) for column in columns],
    }
    if row.rank:
        shown["rank"] = list(row.rank)
    if kinds:
        shown["n"] = number(part(record, "tasks", TASK).get("n"))
        shown["kinds"] = [_kind(record, kind, columns) for kind in kinds]
    return shown


def _behind(row: Ranked, tested: list[Record], pool: Pool, folder: Path) -> Record:
    """What is behind a row's numbers: why it is in its state, its details, its phenomena."""
    record = row.entry.result.record
    cells = phenomena.of_row(record, tested)
    return {
        "why": pool.add(text(row.entry.reason)),
        "details": details(record, pool, folder),
        **({"phenomena": cells} if cells else {}),
    }


def _family(record: Record) -> str:
    training = part(record, "training")
    known = part(training, "recipe").get("architecture") or training.get("recipe_name")
    return text(known or record["model"]["model_type"] or "unknown", 40)


def _glue_cell(record: Record, key: str) -> Any:
    if key in (scoring.CENTRED, scoring.SCORE):
        return _cell(mean(record, key))
    task = part(record, "tasks", key)
    if not task:
        return None
    if task.get("state") != "ok":
        return text(task.get("state"), 40)
    return _task_cell(task, scoring.SCORE, part(task, "seeds").get("sd"))


def _answer_cell(record: Record, key: str) -> Any:
    """Of grades, what they are between where too little was judged: those are no fair sample."""
    task = part(record, "tasks", TASK)
    if key not in GRADES or part(record, "mean"):
        return _task_cell(task, key)
    ends = part(task, "bounds").get(key)
    low, high = map(number, ends) if isinstance(ends, list) and len(ends) == 2 else (None, None)
    return None if low is None or high is None else f"incomplete ({low:.2f} to {high:.2f})"


def _task_cell(task: Record, metric: str, deviation: Any = None) -> Any:
    value = number(part(task, "metrics").get(metric))
    bounds = part(task, "intervals_total") or part(task, "intervals")
    found = _cell(score(value, bounds.get(metric)))
    if found is None:
        return None if value is None else round(value, _SMALL)
    known = number(deviation)
    return found if known is None else [*found, round(known, _SMALL)]


def _cell(found: Sequence[float] | None) -> list[float] | None:
    return None if found is None else [round(value, _SMALL) for value in found]


def _kind(record: Record, kind: str, columns: Sequence[Record]) -> list[Any]:
    """n of a kind of question, and its value in each column."""
    found = part(record, "tasks", TASK, "kinds", kind)
    hidden = () if part(record, "mean") else GRADES
    values = [
        None if column["key"] in hidden else number(part(found, "metrics").get(column["key"]))
        for column in columns
    ]
    return [
        number(found.get("n")),
        *(None if value is None else round(value, _SMALL) for value in values),
    ]


def _references(found: Comparable, more: Mapping[str, float]) -> list[Record]:
    """What no model has to beat by reading: constants, and the counting of words."""
    constants = found.constants()
    best: dict[str, float] = {**constants, **more}
    if len(constants) == len(AVERAGED):
        best |= {scoring.CENTRED: 0.0, scoring.SCORE: sum(constants.values()) / len(constants)}
    lines = {"Best constant prediction": best}
    for key, label in WORD_BASELINES.items():
        said = {name: found.word_baseline(name, key) for name in AVERAGED}
        lines[label.capitalize()] = {
            name: value for name, value in said.items() if value is not None
        }
    return [
        {"label": label, "values": {name: round(value, _SMALL) for name, value in values.items()}}
        for label, values in lines.items()
        if values
    ]
