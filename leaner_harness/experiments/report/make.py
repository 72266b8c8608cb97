"""Make the report of an experiment from its folder, and write it there, in both forms."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from leaner_harness.errors import UsageError
from leaner_harness.experiments.grid import Experiment
from leaner_harness.experiments.report import curricula, curricula_claims, instructions, sides
from leaner_harness.experiments.report.document import Figure, Report
from leaner_harness.experiments.report.files import Kept, read
from leaner_harness.experiments.report.markdown import PICTURES, markdown
from leaner_harness.experiments.report.page import page
from leaner_harness.files import write_atomic

MARKDOWN, PAGE = "report.md", "report.html"
_KINDS = {
    "sides": (sides.claims, sides.sections),
    "instructions": (instructions.claims, instructions.sections),
    "curricula": (curricula_claims.claims, curricula.sections),
}
_NEEDS = {
    "sides": ("seed", "architecture", "tuned", "parameters", "words", "size", "all_words"),
    "instructions": ("seed",),
    "curricula": ("seed", "arm", "milestone"),
}
"""What of a preset a kind of report is made of."""
_ENOUGH = 3
"""Training seeds, below which no interval says anything of chance between trainings."""


def report(experiment: Experiment, folder: Path) -> Report:
    """What the files in a folder say of an experiment; the same files, the same report.

    Raises UsageError where its TOML file names no kind of report, or lacks what that is made of.
    """
    _check(experiment)
    kept = read(experiment, folder)
    claims, sections = _KINDS[experiment.report]
    return Report(
        experiment.title,
        experiment.asks,
        list(_notices(kept)),
        [*([claims(kept)] if experiment.paper else []), *sections(kept)],
        kept.absent(),
        kept.refused,
        {
            "experiment": experiment.name,
            "preset": experiment.preset,
            "equal": experiment.equal if experiment.equal_means else None,
            "cells": len(experiment.cells),
        },
    )


def _check(experiment: Experiment) -> None:
    """Raise UsageError unless a report can be made of an experiment's grid."""
    name = experiment.name
    if experiment.report not in _KINDS:
        raise UsageError(f"{name} has no report.", f'Write report = "..." of {", ".join(_KINDS)}.')
    if lacking := [key for key in _NEEDS[experiment.report] if key not in experiment.values]:
        raise UsageError(
            f"The preset {experiment.preset} of {name} lacks {', '.join(lacking)}, of which a "
            f"report {experiment.report!r} is made.",
            "Write them; an axis that is not gone over is an empty list.",
        )
    if len(experiment.paper) > 1:
        raise UsageError(f"{name} has {len(experiment.paper)} [[paper]]; write one, or none.")


def _notices(kept: Kept) -> Iterator[str]:
    """What must be known before any number is read."""
    experiment = kept.experiment
    seeds = _seeds(kept)
    if experiment.preset == "smoke":
        yield (
            "Nothing can be concluded from this report. The preset smoke trains for minutes on "
            "embedded text: it shows that the way works, and no more."
        )
    if seeds < _ENOUGH:
        some = " of some ways to train" * (seeds < len(experiment.values["seed"]))
        yield (
            f"{seeds} training seed{'s' * (seeds != 1)}{some}: nothing can be concluded about one "
            "way to train against another. Intervals and p values say how far these very weights "
            "differ."
        )
    if absent := kept.absent():
        yield (
            f"Incomplete: {len(absent)} of {len(experiment.cells)} cells have no results; they are "
            "listed at the end."
        )
    if kept.refused:
        yield f"{len(kept.refused)} files were not used; they are listed at the end, with reasons."
    if about := experiment.values.get("about"):
        yield f"Preset {experiment.preset}: {about}"
    if len(forms := _precisions(kept)) > 1:
        yield f"Trained on machines that differ: {' and '.join(sorted(forms))}."
    if experiment.equal_means:
        yield f"What both sides have in common: {experiment.equal_means}."


def _seeds(kept: Kept) -> int:
    """How many training seeds there are, where the fewest are: of cells that differ in it alone."""
    found: Counter[tuple[str, ...]] = Counter()
    for cell in kept.experiment.cells:
        if "seed" in cell.at and (cell.name in kept.training or cell.name in kept.scored):
            alike = (f"{key}={value}" for key, value in cell.at.items() if key != "seed")
            found[cell.step, *alike] += 1
    return min(found.values(), default=0)


def _precisions(kept: Kept) -> set[str]:
    """What the trainings computed in: `bf16 = "auto"` leaves that to the machine."""
    told = (str(each.run.record.get("hardware", "")) for each in kept.training.values())
    return {form for each in told for form in ("float32", "bfloat16") if form in each}


def write(found: Report, folder: Path) -> list[Path]:
    """Write the report's two forms, and the pictures that the first one shows; returns the two.

    Pictures that the report before this one showed are taken away, and nobody else's.
    """
    for name in _shown_before(folder / MARKDOWN):
        (folder / PICTURES / name).unlink(missing_ok=True)
    for block in found.blocks():
        for panel in block.panels if isinstance(block, Figure) else ():
            write_atomic(folder / PICTURES / f"{panel.name}.svg", panel.svg)
    write_atomic(folder / MARKDOWN, markdown(found))
    write_atomic(folder / PAGE, page(found))
    return [folder / MARKDOWN, folder / PAGE]


def _shown_before(path: Path) -> list[str]:
    """The pictures that a report shows, if one is there."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return re.findall(rf"\]\({PICTURES}/([^/()]+\.svg)\)", text)
