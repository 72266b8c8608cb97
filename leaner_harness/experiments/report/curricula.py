"""EXP3: what an order saves, by `leaner curriculum compare`, and scores on the way."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leaner_harness import paired
from leaner_harness.curriculum_report import compare_runs
from leaner_harness.errors import LeanerError, UsageError
from leaner_harness.experiments.report import curricula_scores
from leaner_harness.experiments.report.document import (
    Block,
    Column,
    Estimate,
    Note,
    Row,
    Section,
    Table,
    Value,
)
from leaner_harness.experiments.report.files import Kept, Training, files_of, plain
from leaner_harness.experiments.report.training import Group, curves, training_table
from leaner_harness.svg import INK, A, D

_STEPS = ("random", "easy-first", "control")
SHORTER, REACHED = "shorter", "reached"
_WHOLE = "100%"


def sections(kept: Kept) -> Iterator[Section]:
    """All sections of the report."""
    groups = groups_of(kept)
    try:
        found = compared(kept)
    except LeanerError as error:
        yield Section(
            "What an order saves",
            [Note(f"Nothing can be compared: {plain(error.message, kept.folder)}")],
        )
    else:
        yield Section("What an order saves", [*_saved(found, groups), *_shorter(kept, found)])
    yield Section("Scores on the way", list(curricula_scores.milestones(kept)))
    yield Section("Learning curves", list(_curves(groups)))


def groups_of(kept: Kept) -> dict[str, list[Training]]:
    """Runs of the whole budget, by what they were shown."""
    found: dict[str, list[Training]] = {}
    for step in _STEPS:
        for each in kept.runs_of(step):
            found.setdefault(each.run.group, []).append(each)
    return found


def compared(kept: Kept) -> dict[str, Any]:
    """What `leaner curriculum compare` finds; raises LeanerError where it finds nothing."""
    runs = [each for step in (*_STEPS, SHORTER) for each in kept.runs_of(step)]
    if not runs:
        raise UsageError("No training run is there.")
    return compare_runs([each.run.path for each in runs])


def _estimate(found: Mapping[str, Any]) -> Estimate | None:
    if found["mean"] is None:
        return None
    return Estimate(found["mean"], *(found["interval"] or (None, None)))


def _saved(found: Mapping[str, Any], groups: Mapping[str, Sequence[Training]]) -> Iterator[Block]:
    unit, budget = found["measure"]["unit"], found["budget"]
    base = files_of(groups[found["baseline"]])
    yield Note(
        f"Against {found['baseline']}. Budget {budget['steps']:,} steps, {budget['tokens']:,} "
        f"tokens. Target: {found['target']:.4f} {unit}, the mean of the baseline's last losses on "
        "the validation text. In brackets 95 % intervals over seeds (Student); differences are "
        f"paired by seed, p is corrected over the {_tested(found)} comparisons of this table "
        "(Holm). detects: the true difference that would be found with 80 % power at .05, "
        "uncorrected. order alone: the difference from the control, which reads pools of the same "
        f"sizes in random order.{_one_reference(groups)}",
        base,
    )
    losses, costs = [], []
    for row in found["groups"]:
        name = row["group"]
        control = next(
            (f"{g[0].run.group}" for g in groups.values() if g[0].run.control_of == name), ""
        )
        files = [*files_of(groups[name]), *base]
        more = files_of(groups[control]) if control else []
        gap = {"mean": row["difference"], "interval": row["difference_interval"]}
        cells: list[Value] = [name, ", ".join(map(str, row["seeds"])), row["learning_rate"]]
        cells += [_estimate(row["loss"]), _estimate(gap), row["p"], row["p_holm"], row["verdict"]]
        cells.append(row["detectable"])
        losses.append(Row([*cells, _estimate(row["order_alone"])], [*files, *more]))
        costs.append(Row(_costs(row), files))
    yield Table(
        (
            Column("shown"), Column("seed numbers"), Column("rate", "g"), Column(unit, ".4f"),
            Column("difference", "+.4f"), Column("p", ".2g"),
            Column("p (Holm)", ".2g", shared=True), Column("verdict", shared=True),
            Column("detects", ".4f"), Column("order alone", "+.4f"),
        ),
        losses,
    )  # fmt: skip
    yield Table(
        (
            Column("shown"), Column("reached by"), Column("steps to target", ",.0f"),
            Column("tokens to target", ",.0f"), Column("share of the budget", ".0%"),
            Column("unique tokens", ",.0f"), Column("whole bill, tokens", ",.0f"),
            Column("bill / baseline's", ".2f"),
        ),
        costs,
        "To target: the first measurement at or below it; the rate has not fallen yet, so a run "
        "that ends there would be better. Means are of the seeds that reached it, of random order "
        "some half; where one did not, there is no interval. Whole bill: training tokens, a third "
        "of the scored ones, and those a reference was trained on.",
    )  # fmt: skip
    if found["warnings"]:
        yield Note("Warnings: " + " ".join(found["warnings"]))


def _tested(found: Mapping[str, Any]) -> int:
    return sum(row["p"] is not None for row in found["groups"])


def _one_reference(groups: Mapping[str, Sequence[Training]]) -> str:
    """What no interval holds where one reference ranked the text, whatever the seed."""
    one = []
    for name, runs in groups.items():
        references = {each.run.recipe.get("reference") or "" for each in runs}
        if len(runs) > len(references) == 1 and "" not in references:
            one.append(name)
    if not one:
        return ""
    return f" One reference for all seeds: its own chance is in no interval of {', '.join(one)}."


def _costs(row: Mapping[str, Any]) -> list[Value]:
    crossing = row["first_crossing"]
    cells: list[Value] = [row["group"], f"{crossing['seeds']} of {row['loss']['n']} seeds"]
    cells += [_estimate(crossing[key]) for key in ("steps", "tokens", "share_of_budget")]
    return [*cells, *(_estimate(row[key]) for key in ("unique_tokens", "bill", "bill_ratio"))]


def _shorter(kept: Kept, found: Mapping[str, Any]) -> Iterator[Block]:
    """Runs of fewer steps: what they come to, and whether that is the target."""
    budget = found["budget"]["steps"]
    rows = []
    for row in found["groups"]:
        runs = [each for each in kept.runs_of(SHORTER) if each.run.group == row["group"]]
        for share, tried in row["strict"]["budgets"].items():
            if share != _WHOLE:
                gap = tried["difference"]
                cells: list[Value] = [row["group"], share, tried["loss"]["n"]]
                cells += [_estimate(tried["loss"]), _estimate(gap), reached(gap["interval"])]
                cells += [_estimate(tried[key]) for key in ("unique_tokens", "bill_ratio")]
                rows.append(Row(cells, files_of(runs)))
    if rows:
        yield Table(
            (
                Column("shown"), Column("share of the steps"), Column("seeds", "d"),
                Column(found["measure"]["unit"], ".4f"), Column("above random order", "+.4f"),
                Column("its loss", shared=True), Column("unique tokens", ",.0f"),
                Column("bill / baseline's", ".2f"),
            ),
            rows,
            f"Runs of fewer than the {budget:,} steps, each with a decay of its own, beside random "
            "order at all of them, paired by seed. Reached: the interval lies at or below 0.",
        )  # fmt: skip


def reached(interval: Sequence[float] | None) -> str:
    """Whether a loss is, from the interval of its difference; one seed has none."""
    low, high = interval or (-math.inf, math.inf)
    return REACHED if high <= 0 else "not reached" if low > 0 else paired.CANNOT_TELL


def _curves(groups: Mapping[str, Sequence[Training]]) -> Iterator[Block]:
    panels = []
    plain = [(name, runs) for name, runs in groups.items() if not runs[0].run.control_of]
    base = [Group(name, INK, runs) for name, runs in plain[:1]]
    for name, runs in plain[1:]:
        control = [
            Group("its control", D, other)
            for other in groups.values()
            if other[0].run.control_of == name
        ]
        panels.append((name, [*base, Group("easy first", A, runs), *control]))
    yield curves(panels or [("random", base)], "One line a training seed, all on the same text.")
    rows = [
        (name, [Group("random" if name in ("random", "no curriculum") or runs[0].run.control_of
                      else "easy first", INK, runs)])
        for name, runs in groups.items()
    ]  # fmt: skip
    yield training_table(rows, "shown", "order")
