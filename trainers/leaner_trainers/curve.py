"""The learning curve of a run, as a picture drawn from its log."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from leaner_harness import write_atomic

_KEYS = {
    "validation_bits_per_byte": "bits per byte",
    "validation_loss": "nats per target",
}
_SMOOTH = 0.02  # share of the run over which the training loss is averaged
_DPI = 120


def draw_curve(log: Path, picture: Path) -> None:
    """Draw the training and the validation loss of a `log.jsonl` over the tokens seen.

    Where there was a curriculum, the share of the text that could be read is drawn behind them.
    """
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_training(left, entries)
    _draw_validation(right, entries)
    if any("pool_share" in entry for entry in entries):
        for axes in (left, right):
            _draw_pool(axes, entries, is_named=axes is right)
    for axes in (left, right):
        axes.set_xlabel("tokens seen")
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=_DPI, format="png")
    write_atomic(picture, drawn.getvalue())


def _draw_pool(axes: Axes, entries: list[dict[str, Any]], *, is_named: bool) -> None:
    """The share of the text that may be read, as a shade behind the losses."""
    scored = [entry for entry in entries if "pool_share" in entry]
    behind = axes.twinx()
    seen = [entry["tokens_seen"] for entry in scored]
    shares = [100 * entry["pool_share"] for entry in scored]
    behind.fill_between(seen, shares, step="pre", color="#e3a64b", alpha=0.2, linewidth=0)
    behind.set_ylim(0, 105)
    behind.spines[["top", "left"]].set_visible(False)
    behind.tick_params(colors="#9a6a14", labelright=is_named, right=is_named)
    if is_named:
        behind.set_ylabel("pool, % of the text", color="#9a6a14")
    axes.set_zorder(behind.get_zorder() + 1)
    axes.patch.set_visible(False)


def _draw_training(axes: Axes, entries: list[dict[str, Any]]) -> None:
    """Nats per target of every step, and their mean over some of them."""
    seen = [entry["tokens_seen"] for entry in entries]
    losses = [entry["loss"] for entry in entries]
    width = max(1, round(_SMOOTH * len(losses)))
    sums = np.cumsum([0.0, *losses])
    ends = np.arange(1, len(losses) + 1)
    starts = np.maximum(0, ends - width)
    means = (sums[ends] - sums[starts]) / (ends - starts)
    axes.plot(seen, losses, color="#9ab8d8", linewidth=0.6)
    axes.plot(seen, means, color="#1f4e8c", linewidth=1.6)
    axes.set_title("training loss", loc="left")
    axes.set_ylabel("nats per target")


def _draw_validation(axes: Axes, entries: list[dict[str, Any]]) -> None:
    """The loss on the validation text, and on each genre of it."""
    axes.set_title("validation loss", loc="left")
    for key, unit in _KEYS.items():
        scored = [entry for entry in entries if key in entry]
        if not scored:
            continue
        seen = [entry["tokens_seen"] for entry in scored]
        by_genre = f"{key}_by_genre"
        for genre in scored[-1].get(by_genre, {}):
            losses = [entry[by_genre][genre] for entry in scored]
            axes.plot(seen, losses, linewidth=1, marker=".", label=genre, alpha=0.8)
        losses = [entry[key] for entry in scored]
        axes.plot(seen, losses, color="black", linewidth=1.8, marker="o", markersize=3, label="all")
        axes.set_ylabel(unit)
        axes.legend(frameon=False, fontsize="small")
