"""EXP1's controls: what pre-training is worth beside new random weights of the same shape."""

from __future__ import annotations

from collections.abc import Iterator

from leaner_harness.experiments.report.document import Block, Column, Estimate, Note, Row, Table
from leaner_harness.experiments.report.files import Kept, Scored, files_of
from leaner_harness.experiments.report.names import NAMES, SIDES
from leaner_harness.experiments.report.scores import (
    AVERAGES,
    MEAN,
    Compared,
    asked,
    differences,
    holm,
    tests,
)
from leaner_harness.results import Record


def against_scratch(kept: Kept) -> Iterator[Block]:
    """Fine-tuned from a checkpoint of either side, beside random weights of its shape."""
    found: list[tuple[str, str, list[Scored], str, Compared]] = []
    for name in kept.experiment.values["tuned"]:
        for side in SIDES:
            scratch = kept.results_of("scratch", side=side, tuned=name)
            tuned = kept.results_of("tune", side=side, tuned=name)
            # Where all models are fine-tuned, those are what stands against the control.
            if not any(cell.step == "tune" for cell in kept.experiment.cells):
                tuned = kept.results_of("score", side=side, architecture=name)
            if scratch and tuned:
                each = differences(tuned, scratch)
                seeds = f"{len(tuned)} and {len(scratch)}"
                found += [(name, NAMES[side], [*tuned, *scratch], seeds, one) for one in each]
    if not found:
        yield Note(
            "This preset fine-tunes nothing: there is no control from scratch. (Zero-shot, random "
            "weights are at chance, and need no control.)"
            if not kept.experiment.values["tuned"]
            else "No fine-tuned results of both a checkpoint and its control are there."
        )
        return
    tasks = list(dict.fromkeys(each.task for *_, each in found if each.task != MEAN))
    corrected = holm([each for *_, each in found])
    rows = [
        Row(
            [name, side, each.task, AVERAGES.get(each.metric, "") if each.task == MEAN else "",
             _rows_of(runs[0].record, each.task), *each.found.scores,
             Estimate(each.found.value, *each.found.interval), each.found.p, p,
             each.verdict(p, "pre-trained better", "scratch better"), seeds, each.chance],
            files_of(runs),
        )
        for (name, side, runs, seeds, each), p in zip(found, corrected, strict=True)
    ]  # fmt: skip
    yield Table(
        (
            Column("architecture"), Column("pre-trained on"), Column("task"), Column("average"),
            Column("rows", ",d"), Column("pre-trained", ".3f"), Column("from scratch", ".3f"),
            Column("difference", "+.3f"), Column("p", ".2g"),
            Column("p (Holm)", ".2g", shared=True), Column("verdict", shared=True),
            Column("results"), Column("chance"),
        ),
        rows,
        "Fine-tuned from a checkpoint, and from new random weights of its shape, with its "
        "tokenizer: each result, and each seed of fine-tuning in it, draws its own and counts as a "
        "training. "
        f"{asked(found[0][2][0].record, tasks)} Differences are {tests(len(found))}",
    )  # fmt: skip


def _rows_of(record: Record, task: str) -> int | None:
    found: int | None = record["tasks"].get(task, {}).get("n")
    return found
