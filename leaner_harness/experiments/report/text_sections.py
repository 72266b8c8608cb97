"""Sections on the text of both sides: how diverse it is, and what it costs in tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leaner_harness.entropy.report import ALL
from leaner_harness.experiments.report.charts import Axis, Point, Series, plot
from leaner_harness.experiments.report.document import (
    Block,
    Column,
    Estimate,
    Figure,
    Note,
    Panel,
    Row,
    Section,
    Table,
)
from leaner_harness.experiments.report.files import TEXTS, Kept
from leaner_harness.experiments.report.names import COLORS, NAMES


def sections(kept: Kept) -> Iterator[Section]:
    """Entropies, and both tokenizers on both texts."""
    found = kept.texts
    absent = [Note("The figures of both texts are not there.")]
    yield Section("How diverse the texts are", list(_entropy(found)) if found else absent)
    yield Section("What the tokenizers favour", list(_tokenizers(found)) if found else absent)


def _entropy(found: Mapping[str, Any]) -> Iterator[Block]:
    genres = found["entropy"]["genres"]
    part = genres[ALL] if ALL in genres else genres[sorted(genres)[0]]
    names = [NAMES.get(side, side) for side in found["sides"]]
    panels = []
    for unit in ("words", "tokens"):
        series = []
        for key, name, color in zip("ab", names, COLORS.values(), strict=True):
            blocks = part[unit][key]["blocks"]
            points = [
                Point(n, block["corrected"], *block["interval"])
                for n, block in enumerate(blocks, start=1)
            ]
            series.append(Series(name, color, points))
        said = "; ".join(f"{s.name} {', '.join(f'{p.y:.2f}' for p in s.points)}" for s in series)
        about = f"Entropy of runs of 1, 2 and 3 {unit}, in bits: {said}"
        picture = plot(
            f"Runs of {unit}",
            Axis("length of the run", ticks=(1, 2, 3)),
            Axis("bits"),
            series,
            about,
        )
        panels.append(Panel(f"entropy-{unit}", picture))
    yield Figure(
        "Block entropy of both texts",
        "As far as they are read with equal steps, at equal sizes; lines: 95 % intervals. To be "
        "read beside the learning curves: how much of a difference in loss may be the text's.",
        panels,
        [TEXTS],
    )
    rows = [row for unit in ("words", "tokens") for row in _entropy_rows(part[unit], unit)]
    yield Table(
        (
            Column("unit"), Column("run", "d"), Column("n of each", ",d"),
            *(Column(f"{name}, bits", ".3f") for name in names),
            Column("difference", "+.3f"), *(Column(f"seen, {name}", ".0%") for name in names),
        ),
        rows,
        "Corrected for what a sample does not show (Grassberger). seen: the probability that the "
        "next run is one that was counted; below about 90 % a figure says more of the sample than "
        "of the text. tokens: of one tokenizer made from equal shares of both texts. The paper "
        "states 15.86 (LEANER) and 16.41 bits (original) as 1-gram entropy: not reproduced, and "
        "its unit is not known.",
    )  # fmt: skip


def _entropy_rows(part: Mapping[str, Any], unit: str) -> Iterator[Row]:
    pairs = zip(part["a"]["blocks"], part["b"]["blocks"], part["difference"], strict=True)
    for run, (one, other, gap) in enumerate(pairs, start=1):
        bits = [Estimate(each["corrected"], *each["interval"]) for each in (one, other)]
        seen = [each["coverage"] for each in (one, other)]
        difference = Estimate(gap["value"], *gap["interval"])
        yield Row([unit, run, part["n"], *bits, difference, *seen], [TEXTS])


def _tokenizers(found: Mapping[str, Any]) -> Iterator[Block]:
    yield Note(
        "Every tokenizer is made from the text of one side and is shorter on it. Each side is "
        "trained in its own; the paper uses LEANER's for both, which charges the original for "
        "words that LEANER does not have."
    )
    rows: list[Row] = []
    for side, sizes in found["texts"].items():
        for name, tokens in sizes["tokens"].items():
            made = "its own" if name == side else f"made from {NAMES.get(name, name)}"
            per = [tokens / sizes["words"], tokens / sizes["bytes"], sizes["bytes"] / tokens]
            counts: Sequence[int] = [sizes[key] for key in ("documents", "words", "bytes")]
            rows.append(Row([NAMES.get(side, side), *counts, made, tokens, *per], [TEXTS]))
    yield Table(
        (
            Column("training text"), Column("documents", ",d"), Column("words", ",d"),
            Column("bytes", ",d"), Column("tokenizer"), Column("tokens", ",d"),
            Column("tokens a word", ".3f"), Column("tokens a byte", ".3f"),
            Column("bytes a token", ".2f"),
        ),
        rows,
    )  # fmt: skip
