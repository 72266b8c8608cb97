"""EXP3: what an order saves, by `leaner curriculum compare`, and scores on the way."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leaner_harness import paired
from leaner_harness.curriculum_report import compare_runs
from leaner_harness.errors import LeanerError, UsageError
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
    Value,
)
from leaner_harness.experiments.report.files import Kept, Scored, Training, files_of
from leaner_harness.experiments.report.scores import (
    Answers,
    Compared,
    Together,
    averages,
    differences,
    overall,
)
from leaner_harness.experiments.report.training import Group, curves, training_table
from leaner_harness.svg import INK, A, B, C, D

_STEPS = ("random", "easy-first", "control")
SHORTER, REACHED = "shorter", "reached"
_WHOLE = "100%"
_COLORS = (B, C, D, A)


def sections(kept: Kept) -> Iterator[Section]:
    """All sections of the report."""
    groups = groups_of(kept)
    try:
        found = compared(kept)
    except LeanerError as error:
        yield Section("What an order saves", [Note(f"Nothing can be compared: {error.message}")])
    else:
        yield Section("What an order saves", [*_saved(found, groups), *_shorter(kept, found)])
    yield Section("Scores on the way", list(_milestones(kept)))
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
        "paired by seed. order alone: the difference from the control, which reads pools of the "
        "same sizes in random order.",
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
        losses.append(Row([*cells, _estimate(row["order_alone"])], [*files, *more]))
        costs.append(Row(_costs(row), files))
    yield Table(
        (
            Column("shown"), Column("seed numbers"), Column("rate", "g"), Column(unit, ".4f"),
            Column("difference", "+.4f"), Column("p", ".2g"),
            Column("p (Holm)", ".2g", shared=True), Column("verdict", shared=True),
            Column("order alone", "+.4f"),
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
        "that ends there would be better. Whole bill: training tokens, a third of the scored ones, "
        "and those a reference was trained on.",
    )  # fmt: skip
    if found["warnings"]:
        yield Note("Warnings: " + " ".join(found["warnings"]))


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


def _arms(kept: Kept) -> dict[tuple[str, str], list[Scored]]:
    """(arm, milestone) -> results, a seed each."""
    values = kept.experiment.values
    found = {
        (arm, milestone): kept.results_of("score", arm=arm, milestone=milestone)
        for arm in values["arm"]
        for milestone in values["milestone"]
    }
    return {place: results for place, results in found.items() if results}


def _milestones(kept: Kept) -> Iterator[Block]:
    arms = _arms(kept)
    if not arms:
        yield Note("No scores are there.")
        return
    alone = {place: Together(list(map(Answers, results))) for place, results in arms.items()}
    first = next(iter(arms.values()))[0].record
    tasks = next(iter(alone.values())).tasks
    shown = averages(tasks)
    yield Note(
        f"{first['board']}, {first['data']['split']} split, {first['protocol']['name']}: "
        f"{', '.join(tasks)}. Differences are from random order at the same milestone, on the "
        "same rows."
    )
    scored = {
        place: {name: each.estimate(metric) for metric, name in shown.items()}
        for place, each in alone.items()
    }
    yield _score_table(arms, scored, list(shown.values()))
    yield _score_figure(arms, scored, list(shown.values())[-1])


def _gaps(arms: Mapping[tuple[str, str], Sequence[Scored]]) -> dict[tuple[str, str], Compared]:
    """The difference from random order in the centred mean, or the only task, by place."""
    found = {}
    for (arm, milestone), results in arms.items():
        base = arms.get(("random", milestone))
        if arm != "random" and base:
            gap = overall(differences(results, base))
            if gap is not None:
                found[arm, milestone] = gap
    return found


def _score_table(
    arms: Mapping[tuple[str, str], Sequence[Scored]],
    scored: Mapping[tuple[str, str], Mapping[str, Estimate]],
    names: Sequence[str],
) -> Table:
    gaps = _gaps(arms)
    corrected = dict(zip(gaps, paired.holm([e.found.p for e in gaps.values()]), strict=True))
    rows = []
    for place, results in arms.items():
        gap = gaps.get(place)
        training = results[0].record.get("training") or {}
        cells: list[Value] = [*place, training.get("steps"), training.get("tokens_seen")]
        cells.append(len(results))
        cells += [scored[place][name] for name in names]
        files = files_of(results)
        if gap is None:
            cells += [None, None, None, "baseline" if place[0] == "random" else ""]
        else:
            p = corrected[place]
            cells += [Estimate(gap.found.value, *gap.found.interval), gap.found.p, p]
            cells.append(paired.verdict(gap.found.value, p, "better", "worse"))
            files += files_of(arms["random", place[1]])
        rows.append(Row(cells, files))
    return Table(
        (
            Column("arm"), Column("milestone"), Column("steps", ",d"), Column("tokens", ",d"),
            Column("seeds", "d"), *(Column(name, ".3f") for name in names),
            Column(f"{names[-1]} - random", "+.3f"), Column("p", ".2g"),
            Column("p (Holm)", ".2g", shared=True), Column("verdict", shared=True),
        ),
        rows,
    )  # fmt: skip


def _score_figure(
    arms: Mapping[tuple[str, str], Sequence[Scored]],
    scored: Mapping[tuple[str, str], Mapping[str, Estimate]],
    name: str,
) -> Figure:
    series = []
    for number, arm in enumerate(dict.fromkeys(arm for arm, _ in arms)):
        points = sorted(
            Point(seen, *scored[place][name])
            for place, results in arms.items()
            if place[0] == arm
            and (seen := (results[0].record.get("training") or {}).get("tokens_seen"))
        )
        color = INK if arm == "random" else _COLORS[number % len(_COLORS)]
        series.append(Series(arm, color, points, dashed=arm.endswith("-control")))
    said = "; ".join(f"{s.name}: {', '.join(f'{p.y:.3f}' for p in s.points)}" for s in series)
    title = "Score at milestones"
    picture = plot(title, Axis("tokens trained on"), Axis(name), series, f"{title}. {said}")
    files = [name for results in arms.values() for name in files_of(results)]
    panels = [Panel("score-milestones", picture)] if picture else []
    return Figure(title, "Lines: 95 % intervals.", panels, files)


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
