"""EXP3's scores on the way: arms at their milestones, against random order there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from leaner_harness import paired
from leaner_harness.experiments.report.charts import Axis, Point, Series, plot
from leaner_harness.experiments.report.document import (
    Block,
    Column,
    Estimate,
    Figure,
    Note,
    Panel,
    Row,
    Table,
    Value,
)
from leaner_harness.experiments.report.files import Kept, Scored, files_of
from leaner_harness.experiments.report.scores import (
    Answers,
    Compared,
    Together,
    asked,
    averages,
    differences,
    overall,
    tests,
)
from leaner_harness.svg import INK, A, B, C, D

_CONTROL = "-control"
_COLORS = (B, C, D, A)


def _arms(kept: Kept) -> dict[tuple[str, str], list[Scored]]:
    """(arm, milestone) -> results, a seed each."""
    values = kept.experiment.values
    found = {
        (arm, milestone): kept.results_of("score", arm=arm, milestone=milestone)
        for arm in values["arm"]
        for milestone in values["milestone"]
    }
    return {place: results for place, results in found.items() if results}


def milestones(kept: Kept) -> Iterator[Block]:
    """Each arm's scores at each milestone, beside random order's."""
    arms = _arms(kept)
    if not arms:
        yield Note("No scores are there.")
        return
    alone = {place: Together(list(map(Answers, results))) for place, results in arms.items()}
    first = next(iter(arms.values()))[0].record
    tasks = next(iter(alone.values())).tasks
    shown = averages(tasks)
    gaps = _gaps(arms)
    yield Note(
        f"{asked(first, tasks)} Tasks: {', '.join(tasks)}. Differences are from random order at "
        f"the same milestone, not paired by seed, {tests(len(gaps))}"
    )
    scored = {
        place: {name: each.estimate(metric) for metric, name in shown.items()}
        for place, each in alone.items()
    }
    yield _score_table(arms, gaps, scored, list(shown.values()))
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
    gaps: Mapping[tuple[str, str], Compared],
    scored: Mapping[tuple[str, str], Mapping[str, Estimate]],
    names: Sequence[str],
) -> Table:
    corrected = dict(zip(gaps, paired.holm([e.found.p for e in gaps.values()]), strict=True))
    rows = []
    for place, results in arms.items():
        gap = gaps.get(place)
        training = results[0].record.get("training") or {}
        cells: list[Value] = [*place, training.get("steps"), training.get("tokens_seen")]
        base = arms.get(("random", place[1]), [])
        cells.append(f"{len(results)} and {len(base)}" if gap else f"{len(results)}")
        cells += [scored[place][name] for name in names]
        files = files_of(results)
        if gap is None:
            cells += [None, None, None, "baseline" if place[0] == "random" else "", ""]
        else:
            p = corrected[place]
            cells += [Estimate(gap.found.value, *gap.found.interval), gap.found.p, p]
            cells += [gap.verdict(p, "better", "worse"), gap.chance]
            files += files_of(base)
        rows.append(Row(cells, files))
    return Table(
        (
            Column("arm"), Column("milestone"), Column("steps", ",d"), Column("tokens", ",d"),
            Column("seeds"), *(Column(name, ".3f") for name in names),
            Column(f"{names[-1]} - random", "+.3f"), Column("p", ".2g"),
            Column("p (Holm)", ".2g", shared=True), Column("verdict", shared=True),
            Column("chance"),
        ),
        rows,
    )  # fmt: skip


def _score_figure(
    arms: Mapping[tuple[str, str], Sequence[Scored]],
    scored: Mapping[tuple[str, str], Mapping[str, Estimate]],
    name: str,
) -> Figure:
    series = []
    for arm, color in _colors([arm for arm, _ in arms]).items():
        points = sorted(
            Point(seen, *scored[place][name])
            for place, results in arms.items()
            if place[0] == arm
            and (seen := (results[0].record.get("training") or {}).get("tokens_seen"))
        )
        series.append(Series(arm, color, points, dashed=arm.endswith(_CONTROL)))
    said = "; ".join(f"{s.name}: {', '.join(f'{p.y:.3f}' for p in s.points)}" for s in series)
    title = "Score at milestones"
    picture = plot(title, Axis("tokens trained on"), Axis(name), series, f"{title}. {said}")
    files = [name for results in arms.values() for name in files_of(results)]
    panels = [Panel("score-milestones", picture)] if picture else []
    return Figure(title, "Lines: 95 % intervals.", panels, files)


def _colors(arms: Sequence[str]) -> dict[str, str]:
    """Each order's, which its control shares."""
    orders = list(dict.fromkeys(arm.removesuffix(_CONTROL) for arm in arms if arm != "random"))
    colors = {order: _COLORS[n % len(_COLORS)] for n, order in enumerate(orders)}
    return {arm: colors.get(arm.removesuffix(_CONTROL), INK) for arm in arms}
