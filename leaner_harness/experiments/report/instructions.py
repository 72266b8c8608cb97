"""EXP2: four ways to pre-train and to instruct, by what their answers are worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from leaner_harness import answer_scores, compare_answers, paired, recompute
from leaner_harness.answer_scores import GRADES, TASK
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
from leaner_harness.experiments.report.files import Kept, Scored, files_of
from leaner_harness.experiments.report.scores import PERMUTATIONS, check_same_rows, over_seeds
from leaner_harness.experiments.report.training import Group, curves, training_table
from leaner_harness.judge.verdicts import SUM
from leaner_harness.paired import Columns, Difference
from leaner_harness.results import Record
from leaner_harness.svg import A, B, C, D

SIDES = ("leaner", "original")
_NAMES = {"leaner": "LEANER", "original": "original"}
_WAYS = tuple((side, taught) for side in SIDES for taught in SIDES)
_COLORS = dict(zip(_WAYS, (A, B, C, D), strict=True))

Pairs = Sequence[Sequence[tuple[Scored, Scored]]]
"""For each seed the pairs of results whose mean difference is the effect."""


class Effect(NamedTuple):
    """A difference that is asked for."""

    name: str
    pairs: Pairs

    @property
    def files(self) -> list[str]:
        """Of all results in it."""
        return files_of([each for pairs in self.pairs for pair in pairs for each in pair])


class Found(NamedTuple):
    """An effect on one metric, over all questions or those of a kind."""

    effect: Effect
    metric: str
    kind: str
    questions: int
    found: Difference


def sections(kept: Kept) -> Iterator[Section]:
    """All sections of the report."""
    ways = _ways(kept)
    yield Section("The four ways", list(_four(ways)))
    yield Section("What each choice changes", list(_effects(kept, ways)))
    yield Section("By kind of question", list(_kinds(ways)))
    yield Section("Learning curves", list(_curves(kept)))


Ways = dict[tuple[str, str], dict[str, Scored]]
"""(pre-trained on, instructed with) -> seed -> result."""


def _ways(kept: Kept) -> Ways:
    found: Ways = {}
    for way in _WAYS:
        results = kept.results_of("answer", side=way[0], instructions=way[1])
        if results:
            found[way] = {each.cell.at["seed"]: each for each in results}
    check_same_rows([each for seeds in found.values() for each in seeds.values()])
    return found


def samples(source: Scored) -> list[Record]:
    """The answers of a result, in the order of their questions."""
    found = recompute.read_samples(source.result, source.path)
    return sorted(found, key=lambda sample: str(sample["id"]))


def metrics(ways: Ways) -> tuple[str, ...]:
    """The grades if there was a judge, else the checks."""
    some = next(iter(next(iter(ways.values())).values()))
    return (
        GRADES
        if is_judged(ways)
        else tuple(line.metric for line in compare_answers.lines(samples(some)))
    )


def is_judged(ways: Ways) -> bool:
    """Whether a judge graded the answers."""
    return any(
        each.record["judge"] is not None for seeds in ways.values() for each in seeds.values()
    )


def _four(ways: Ways) -> Iterator[Block]:
    if not ways:
        yield Note("No answers are there.")
        return
    yield Note(_about(ways))
    names = metrics(ways)
    rows = []
    for (side, taught), seeds in ways.items():
        results = list(seeds.values())
        n = results[0].record["tasks"][TASK]["n"]
        cells: list[Value] = [_NAMES[side], _NAMES[taught], ", ".join(seeds), n]
        rows.append(Row([*cells, *_means(results, names)], files_of(results)))
    heads = (Column("pre-trained on"), Column("instructed with"), Column("seeds"))
    yield Table((*heads, Column("questions", ",d"), *(Column(n, ".3f") for n in names)), rows)


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


def _means(results: Sequence[Scored], names: Sequence[str]) -> list[Estimate | None]:
    tables = [answer_scores.table(samples(each)) for each in results]
    values = [answer_scores.means(each.values) for each in tables]
    draws = [np.concatenate(list(answer_scores.drawn_means(each.values))) for each in tables]
    found: list[Estimate | None] = []
    for name in names:
        columns = [each.names.index(name) for each in tables]
        mean = np.array([v[c] for v, c in zip(values, columns, strict=True)])
        drawn = np.stack([d[:, c] for d, c in zip(draws, columns, strict=True)], axis=1)
        found.append(None if np.isnan(drawn).any() else over_seeds(mean, drawn))
    return found


def effects_of(ways: Ways) -> list[Effect]:
    """What can be asked: each choice with the other held, and over both of the other."""
    found = []
    for number, what in enumerate(("pre-training", "instructions")):
        held = "instructions" if number == 0 else "pre-training"
        both: dict[str, list[tuple[Scored, Scored]]] = {}
        for other in SIDES:
            one, two = (_way(number, side, other) for side in SIDES)
            shared = [s for s in ways.get(one, {}) if s in ways.get(two, {})]
            pairs = {seed: (ways[one][seed], ways[two][seed]) for seed in shared}
            for seed, pair in pairs.items():
                both.setdefault(seed, []).append(pair)
            if pairs:
                name = f"{what}, {_NAMES[other]} {held}"
                found.append(Effect(name, [[pair] for pair in pairs.values()]))
        whole = [pairs for pairs in both.values() if len(pairs) == len(SIDES)]
        if whole:
            found.append(Effect(f"{what}, both", whole))
    return found


def _way(number: int, side: str, other: str) -> tuple[str, str]:
    return (side, other) if number == 0 else (other, side)


def measure(effect: Effect, kind: str = "") -> list[Found]:
    """LEANER - original of an effect on every metric, of all questions or those of a kind."""
    by_seed = [[_columns(*pair, kind) for pair in pairs] for pairs in effect.pairs]
    found = []
    for metric in by_seed[0][0][1]:
        some = [[columns[metric] for _, columns in pairs if metric in columns] for pairs in by_seed]
        if all(len(each) == len(pairs) for each, pairs in zip(some, by_seed, strict=True)):
            joined = _joined([_averaged(each) for each in some])
            n = by_seed[0][0][0]
            found.append(Found(effect, metric, kind, n, paired.difference(joined)))
    return found


def _columns(one: Scored, other: Scored, kind: str) -> tuple[int, dict[str, Columns]]:
    """How many questions, and the columns of each metric."""
    both = samples(one), samples(other)
    compare_answers.check_questions(both[0], both[1], (one.files[0], other.files[0]))
    first, second = ([s for s in each if not kind or s["kind"] == kind] for each in both)
    found = compare_answers.columns(first, second, PERMUTATIONS)
    return len(first), {metric: cols for name, (metric, cols) in found.items() if name == metric}


def _averaged(some: Sequence[Columns]) -> Columns:
    """The mean of pairs of one seed: the same questions are drawn, and exchanged, in each."""
    exchanged = [each.exchanged for each in some if each.exchanged is not None]
    return Columns(
        np.mean([each.values for each in some], axis=0),
        np.mean([each.draws for each in some], axis=0),
        np.mean(exchanged, axis=0) if len(exchanged) == len(some) else None,
        1,
    )


def _joined(seeds: Sequence[Columns]) -> Columns:
    """All seeds: the first side's columns, then the second's."""
    if len(seeds) == 1:
        return seeds[0]
    values = np.stack([each.values for each in seeds], axis=1).ravel()
    draws = np.concatenate(
        [np.stack([e.draws[:, side] for e in seeds], axis=1) for side in (0, 1)], axis=1
    )
    return Columns(values, draws, None, len(seeds))


def _table(found: Sequence[Found], *, kinds: bool) -> Table:
    corrected = paired.holm([each.found.p for each in found])
    rows = []
    for each, p in zip(found, corrected, strict=True):
        said = paired.verdict(each.found.value, p)
        said = said.replace("A better", "LEANER higher").replace("B better", "original higher")
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
        "empty: the share of empty answers, better low.",
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
    said = "; ".join(
        f"{name}: {', '.join(f'{b.name} {b.found.value:+.3f}' for b in bars)}"
        for name, bars in groups
    )
    yield Figure(
        "LEANER - original, by choice",
        "Lines: 95 % intervals, uncorrected.",
        [
            Panel(
                f"choice-{number}",
                forest(name, "LEANER - original", bars, f"{name}: {said}"),
            )
            for number, (name, bars) in enumerate(groups, start=1)
        ],
        [name for effect in effects for name in effect.files],
    )


def _kinds(ways: Ways) -> Iterator[Block]:
    """What pre-training changes, by kind, or by similarity to the instructions."""
    chosen = [each for each in effects_of(ways) if each.name == "pre-training, both"]
    if not chosen:
        yield Note("Pre-training on either side, over both instructions, has no answers.")
        return
    first = next(iter(next(iter(ways.values())).values()))
    kinds = sorted({str(sample["kind"]) for sample in samples(first)})
    asked = {SUM} if is_judged(ways) else set(metrics(ways))
    found = [e for kind in kinds for e in measure(chosen[0], kind) if e.metric in asked]
    yield Note(
        "Kinds are bins of similarity to training instructions for the published questions, and "
        "kinds of task for our own. Few questions of a kind show only large differences."
    )
    yield _table(found, kinds=True)


def _curves(kept: Kept) -> Iterator[Block]:
    before = [
        Group(_NAMES[side], color, runs)
        for side, color in zip(SIDES, (A, B), strict=True)
        if (runs := kept.runs_of("train", side=side))
    ]
    after = [
        Group(f"{_NAMES[way[0]]}, {_NAMES[way[1]]}", _COLORS[way], runs)
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
