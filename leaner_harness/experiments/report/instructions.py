"""EXP2: four ways to pre-train and to instruct, by what their answers are worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from leaner_harness import paired
from leaner_harness.compare import answers
from leaner_harness.experiments.report.charts import Bar, forest
from leaner_harness.experiments.report.claims import NOT_COMPARABLE, Claim, direction
from leaner_harness.experiments.report.claims import section as claim_section
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
from leaner_harness.experiments.report.effects import (
    Found,
    Ways,
    effects_of,
    measure,
    samples,
)
from leaner_harness.experiments.report.files import Kept, Scored, files_of
from leaner_harness.experiments.report.names import COLORS, NAMES, SIDES
from leaner_harness.experiments.report.scores import check_same_rows, over_seeds
from leaner_harness.experiments.report.training import Group, curves, training_table
from leaner_harness.intervals import Interval
from leaner_harness.judge.verdicts import RUBRIC, SUM
from leaner_harness.results import Record, answer_scores
from leaner_harness.results.answer_scores import GRADES
from leaner_harness.svg import A, B, C, D

_WAYS = tuple((side, taught) for side in SIDES for taught in SIDES)
_COLORS = dict(zip(_WAYS, (A, B, C, D), strict=True))


def sections(kept: Kept) -> Iterator[Section]:
    """All sections of the report."""
    ways = _ways(kept)
    yield Section("The four ways", list(_four(ways)))
    yield Section("What each choice changes", list(_effects(kept, ways)))
    yield Section("By kind of question", list(_kinds(ways)))
    yield Section("Learning curves", list(_curves(kept)))


def _ways(kept: Kept) -> Ways:
    found: Ways = {}
    for way in _WAYS:
        results = kept.results_of("answer", side=way[0], instructions=way[1])
        if results:
            found[way] = {each.cell.at["seed"]: each for each in results}
    check_same_rows([each for seeds in found.values() for each in seeds.values()])
    return found


def metrics(ways: Ways) -> tuple[str, ...]:
    """The grades if there was a judge, else the checks."""
    some = next(iter(next(iter(ways.values())).values()))
    return (
        GRADES if is_judged(ways) else tuple(line.metric for line in answers.lines(samples(some)))
    )


def is_judged(ways: Ways) -> bool:
    """Whether a judge graded the answers."""
    return any(
        each.record.get("judge") is not None for seeds in ways.values() for each in seeds.values()
    )


def _four(ways: Ways) -> Iterator[Block]:
    if not ways:
        yield Note("No answers are there.")
        return
    yield Note(_about(ways))
    yield _way_table(ways, metrics(ways))


def _way_table(ways: Ways, names: Sequence[str], kinds: Sequence[str] = ()) -> Table:
    """Means of each way over all questions, or over those of each kind."""
    rows = []
    for kind in kinds or ("",):
        for (side, taught), seeds in ways.items():
            answered = [_of_kind(each, kind) for each in seeds.values()]
            cells: list[Value] = [*([kind] if kinds else []), NAMES[side], NAMES[taught]]
            cells += [", ".join(seeds), len(answered[0]), *_means(answered, names)]
            rows.append(Row(cells, files_of(list(seeds.values()))))
    heads = [*([Column("kind")] if kinds else []), Column("pre-trained on")]
    heads += [Column("instructed with"), Column("seed numbers"), Column("questions", ",d")]
    return Table([*heads, *(Column(name, ".3f") for name in names)], rows)


def _of_kind(source: Scored, kind: str) -> list[Record]:
    """The answers to questions of a kind, or to all."""
    return [sample for sample in samples(source) if not kind or sample["kind"] == kind]


def _about(ways: Ways) -> str:
    first = next(iter(next(iter(ways.values())).values())).record
    where = f"{first['board']}, {first['data']['source']} questions. In brackets: 95 % intervals "
    where += "over questions and, with several, training seeds."
    if is_judged(ways):
        return f"{where} Grades from 0 to 5, 15 in sum, by the judge {first['protocol']['name']}."
    return (
        f"{where} No judge was set: surface checks, from 0 to 1, in place of grades; not "
        "comparable with the paper. They tell broken answers from fluent ones, and not whether "
        "one is true."
    )


def _means(answered: Sequence[Sequence[Record]], names: Sequence[str]) -> list[Estimate | None]:
    """The mean of each metric over the answers of each seed."""
    tables = [answer_scores.table(each) for each in answered]
    values = [answer_scores.means(each.values) for each in tables]
    draws = [np.concatenate(list(answer_scores.drawn_means(each.values))) for each in tables]
    highest = RUBRIC.bounds()
    found: list[Estimate | None] = []
    for name in names:
        columns = [each.names.index(name) for each in tables]
        mean = np.array([v[c] for v, c in zip(values, columns, strict=True)])
        drawn = np.stack([d[:, c] for d, c in zip(draws, columns, strict=True)], axis=1)
        ends = Interval(0.0, highest.get(name, 1.0))
        found.append(None if np.isnan(drawn).any() else over_seeds(mean, drawn, ends))
    return found


def _table(found: Sequence[Found], *, kinds: bool) -> Table:
    corrected = paired.holm([each.found.p for each in found])
    rows = []
    for each, p in zip(found, corrected, strict=True):
        said = paired.verdict(each.found.value, p, "LEANER higher", "original higher")
        cells: list[Value] = [each.effect.name, *([each.kind] if kinds else []), each.metric]
        cells += [each.questions, *each.found.scores]
        cells += [Estimate(each.found.value, *each.found.interval), each.found.p, p, said]
        rows.append(Row([*cells, len(each.effect.pairs)], each.effect.files))
    return Table(
        (
            Column("choice"), *([Column("kind")] if kinds else []), Column("metric"),
            Column("questions", ",d"), Column("LEANER", ".3f"), Column("original", ".3f"),
            Column("difference", "+.3f"), Column("p", ".2g"),
            Column("p (Holm)", ".2g", shared=True), Column("verdict", shared=True),
            Column("seeds", "d"),
        ),
        rows,
        f"LEANER - original, paired by question; p is corrected over {len(rows)} comparisons. "
        "Of instructions, seeds are paired, too: both began with the same checkpoint. empty: the "
        "share of empty answers, better low.",
    )  # fmt: skip


def _effects(kept: Kept, ways: Ways) -> Iterator[Block]:
    effects = effects_of(ways)
    found = [each for effect in effects for each in measure(effect)]
    if not found:
        yield Note("No two ways that differ in one choice have answers.")
        return
    yield _table(found, kinds=False)
    groups = []
    for effect in effects:
        bars = [
            Bar(each.metric, Estimate(each.found.value, *each.found.interval), A)
            for each in found
            if each.effect is effect
        ]
        groups.append((effect.name, bars))
    yield Figure(
        "LEANER - original, by choice",
        "Lines: 95 % intervals, uncorrected.",
        [_panel(number, *group) for number, group in enumerate(groups, start=1)],
        [name for effect in effects for name in effect.files],
    )


def _panel(number: int, name: str, bars: Sequence[Bar]) -> Panel:
    said = ", ".join(f"{bar.name} {bar.found.value:+.3f}" for bar in bars)
    about = f"LEANER - original, {name}: {said}"
    return Panel(f"choice-{number}", forest(name, "LEANER - original", bars, about))


def _kinds(ways: Ways) -> Iterator[Block]:
    """The four ways, and what each choice changes, by kind or by similarity to instructions."""
    if not ways:
        yield Note("No answers are there.")
        return
    first = next(iter(next(iter(ways.values())).values()))
    kinds = sorted({str(sample["kind"]) for sample in samples(first)})
    asked = (SUM,) if is_judged(ways) else metrics(ways)
    yield Note(
        "Kinds are bins of similarity to training instructions for the published questions, and "
        "kinds of task for our own. Few questions of a kind show only large differences."
    )
    yield _way_table(ways, asked, kinds)
    chosen = [each for each in effects_of(ways) if each.name.endswith(", both")]
    if not is_judged(ways):
        yield Note("What a choice changes by kind is tested on grades alone, and there are none.")
        return
    if not chosen:
        yield Note("No choice has answers over both of the other.")
        return
    found = [e for each in chosen for kind in kinds for e in measure(each, kind)]
    yield _table([each for each in found if each.metric in asked], kinds=True)


def _curves(kept: Kept) -> Iterator[Block]:
    before = [
        Group(NAMES[side], COLORS[side], runs)
        for side in SIDES
        if (runs := kept.runs_of("train", side=side))
    ]
    after = [
        Group(f"{NAMES[way[0]]}, {NAMES[way[1]]}", _COLORS[way], runs)
        for way in _WAYS
        if (runs := kept.runs_of("instruct", side=way[0], instructions=way[1]))
    ]
    panels = [("pre-training", before), ("instruction tuning", after)]
    yield curves(
        panels,
        "One line a training seed, each on validation text of its own kind: lines of different "
        "text are not to be compared. After instruction tuning only answers count.",
    )
    yield training_table(panels, "stage", "trained on")


def claims(kept: Kept) -> Section:
    """What the paper says of the four ways, beside what is found here."""
    (said,) = kept.experiment.paper
    figures = said["figures"]
    paper = f"{figures['leaner-original']} and {figures['original-original']} of 15"
    ways = _ways(kept)
    chosen = [e for e in effects_of(ways) if e.name == "pre-training, original instructions"]
    if not chosen:
        why = f"Neither way has answers here. {said['not_comparable']}"
        return claim_section([Claim(said["claim"], paper, "none", NOT_COMPARABLE, why)])
    files = chosen[0].files
    if not is_judged(ways):
        why = "No judge was set: surface checks are no grades."
        return claim_section([Claim(said["claim"], paper, "no grades", NOT_COMPARABLE, why, files)])
    found = next(each.found for each in measure(chosen[0]) if each.metric == SUM)
    ours = f"{found.scores[0]:.1f} and {found.scores[1]:.1f} of 15"
    word, why = direction(found.value, *found.interval, len(chosen[0].pairs))
    if any(each.record["data"]["synthetic"] for seeds in ways.values() for each in seeds.values()):
        word, why = NOT_COMPARABLE, "questions of our own, which are not the paper's"
    low, high = found.interval
    gap = f"{found.value:+.2f} [{low:+.2f}, {high:+.2f}]"
    return claim_section(
        [
            Claim(said["claim"], paper, ours, NOT_COMPARABLE, said["not_comparable"], files),
            Claim("The direction: pre-training on LEANER is better", "+1.4", gap, word, why, files),
        ]
    )
