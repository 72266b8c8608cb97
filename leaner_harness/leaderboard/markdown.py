"""Cells of the board's tables: what results of every kind show alike."""

from __future__ import annotations

from leaner_harness.counts import short
from leaner_harness.leaderboard.entries import VERIFIED
from leaner_harness.leaderboard.sets import Comparable, Ranked, sizes
from leaner_harness.markdown import cell

DASH = "–"


def name_cells(row: Ranked) -> list[str]:
    """Rank, the model's name with the way to its result, parameters and tokens seen."""
    place = str(row.rank.place) if row.rank else DASH
    parameters, tokens, _ = sizes(row.entry.result.record)
    return [place, _link(row), count(parameters), count(tokens)]


def _link(row: Ranked) -> str:
    """Names were checked when they were read: no markup is in them."""
    shown = f"[{row.name}]({row.entry.result.path.as_posix()})"
    return shown if row.entry.state == VERIFIED else f"{shown} (*unverified*)"


def count(value: float | None) -> str:
    """A count as in 1.56M; a dash where it is not known."""
    return DASH if value is None else short(value)


def fingerprints(found: Comparable) -> str:
    """Those of the rows and of the protocol, shortened: tables may differ in either alone."""
    parts = (found.first["data"]["fingerprint"], found.first["protocol"]["fingerprint"])
    return cell(", ".join(part[:8] for part in parts))


def source_note(found: Comparable, ours: str) -> str:
    """Where the rows came from; `ours` says what the embedded ones are."""
    kind = {
        "mini": f"{ours} embedded in the package; not comparable with published numbers.",
        "official": "Published rows, every file verified.",
        "local": "Rows from a local folder that are not, or not all, the published ones.",
    }.get(found.source, "")
    seeds = "" if found.seeds is None else f" Seeds of fine-tuning: {found.seeds}."
    return f"{kind} Data fingerprint `{cell(found.first['data']['fingerprint'])}`.{seeds}"
