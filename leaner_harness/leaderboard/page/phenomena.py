"""Phenomena on the page: those of a board, by task, and the scores that its rows have of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from leaner_harness.data.glue import TASKS
from leaner_harness.leaderboard.entries import VERIFIED
from leaner_harness.leaderboard.sets import Comparable, number, part, score, text
from leaner_harness.results import Record
from leaner_harness.results.recompute import MOST_PHENOMENA

_DECIMALS = 3
"""As many as are shown. Scores are whole thousandths on the page: a thousand runs have many."""


def of_board(found: Comparable) -> list[Record]:
    """`{task, keys, names, n, constants}` of each task whose rows name what they test.

    The rows of a board are the same, so are its phenomena; of results that say otherwise the
    commonest are kept.
    """
    boards = []
    for task in TASKS:
        by_row = [part(row.entry.result.record, "tasks", task, "phenomena") for row in found.rows]
        keys = _commonest(by_row)
        if keys:
            trusted = [each for row, each in zip(found.rows, by_row, strict=True) if _seen(row)]
            known = [_first(key, [*trusted, *by_row]) for key in keys]
            boards.append(
                {
                    "task": task,
                    "keys": keys,
                    "names": [text(key, 60).replace("_", " ") for key in keys],
                    "n": [number(each.get("n")) for each in known],
                    "constants": [_thousandths(each.get("majority_baseline")) for each in known],
                }
            )
    return boards


def of_row(record: Record, board: list[Record]) -> list[Any]:
    """`[value, low, high]` of each phenomenon of a board, in thousandths, or null; or nothing."""
    cells = [
        _cell(part(record, "tasks", each["task"], "phenomena", key))
        for each in board
        for key in each["keys"]
    ]
    return cells if any(cells) else []


def constants(board: list[Record]) -> dict[str, float]:
    """The best constant's score of each phenomenon, by the column's key."""
    return {
        f"{each['task']}: {key}": constant / 10**_DECIMALS
        for each in board
        for key, constant in zip(each["keys"], each["constants"], strict=True)
        if constant is not None
    }


def _commonest(by_row: list[Record]) -> list[str]:
    counts = Counter(key for row in by_row for key in row)
    kept = sorted(counts, key=lambda key: (-counts[key], key))[:MOST_PHENOMENA]
    return sorted(kept)


def _seen(row: Any) -> bool:
    return bool(row.entry.state == VERIFIED)


def _first(key: str, by_row: list[Record]) -> Record:
    return next(part(row, key) for row in by_row if key in row)


def _cell(found: Record) -> list[int | None] | None:
    known = score(found.get("value"), found.get("interval_total", found.get("interval")))
    return None if known is None else [_thousandths(value) for value in known]


def _thousandths(value: Any) -> int | None:
    known = number(value)
    return None if known is None else round(round(known, _DECIMALS) * 10**_DECIMALS)
