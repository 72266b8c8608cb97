"""The paper's figures beside ours: reproduced, not reproduced or not comparable, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from leaner_harness.experiments.report.document import Column, Note, Row, Section, Table

REPRODUCED, NOT_REPRODUCED = "reproduced", "not reproduced"
NOT_COMPARABLE = "not comparable"


class Claim(NamedTuple):
    """A claim of the paper, and what was found of it here."""

    claim: str
    paper: str
    ours: str
    word: str
    why: str
    files: Sequence[str] = ()


def section(claims: Sequence[Claim]) -> Section:
    """All claims as a table."""
    columns = [Column(name) for name in ("the paper says", "its figures", "ours", "verdict", "why")]
    rows = [Row([c.claim, c.paper, c.ours, c.word, c.why], c.files) for c in claims]
    about = "Quoted from TinyHelen (arXiv 2501.00522), which states no intervals for these."
    return Section("The paper's figures beside ours", [Note(about), Table(columns, rows)])


def direction(difference: float, low: float, high: float, seeds: int) -> tuple[str, str]:
    """Whether a direction that the paper says is found here: the word, and why."""
    if seeds < 3:
        return NOT_COMPARABLE, f"{seeds} training seed(s): chance between trainings is not known"
    if low > 0:
        return REPRODUCED, "the direction: the interval lies above 0"
    if high < 0:
        return NOT_REPRODUCED, "the interval lies below 0"
    return NOT_REPRODUCED, "no difference was found: the interval holds 0"
