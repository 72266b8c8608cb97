"""The picture of a task: how many items were kept of each label, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leaner_harness.data.glue import get_task
from leaner_harness.dataset.glue.wording import TOLD
from leaner_harness.svg import INK, PALE, dot, drawing, line, text

_LEFT, _WIDE, _RIGHT = 300, 360, 120
_TOP, _ROW = 64, 30
_COLOR = "#2a6f97"
_LONGEST = 38
"""Characters of a label's meaning that have room."""


def picture(manifest: Mapping[str, Any]) -> str:
    """SVG: a row for each label, its rate and the 95 % interval of that."""
    name, labels = manifest["settings"]["task"], manifest["report"]["labels"]
    bottom = _TOP + _ROW * max(len(labels), 1)
    title = f"{name}: share of the items that were kept, by label"
    parts = [
        text(12, 24, title, size=14, bold=True),
        text(12, 42, "of those kept or rejected, with 95 % intervals (Wilson)", color="#666"),
        *_grid(bottom),
    ]
    for number, (label, found) in enumerate(labels.items()):
        parts += _row(_TOP + _ROW * (number + 0.5), f"{label}: {_meaning(name, label)}", found)
    return drawing(_LEFT + _WIDE + _RIGHT, bottom + 36, title, parts)


def _meaning(task: str, label: str) -> str:
    means = TOLD[get_task(task).name].labels[int(label)]
    return means if len(means) <= _LONGEST else means[: _LONGEST - 1].rstrip(" ,") + "…"


def _grid(bottom: float) -> Iterator[str]:
    for tenth in range(0, 11, 2):
        x = _place(tenth / 10)
        yield line(x, _TOP, x, bottom, PALE)
        yield text(x, bottom + 18, f"{tenth * 10} %", anchor="middle", color="#666")


def _row(y: float, name: str, found: Mapping[str, Any]) -> Iterator[str]:
    yield text(_LEFT - 12, y + 4, name, anchor="end")
    if found["rate"] is None:
        yield text(_LEFT + 8, y + 4, "none settled", color="#666")
        return
    low, high = map(_place, found["interval"])
    yield line(low, y, high, y, _COLOR, width=2)
    yield dot(_place(found["rate"]), y, _COLOR)
    settled = found["kept"] + found["rejected"]
    shown = f"{found['kept']:,} of {settled:,}"
    yield text(_LEFT + _WIDE + 14, y + 4, shown, color=INK)


def _place(share: float) -> float:
    return _LEFT + _WIDE * share
