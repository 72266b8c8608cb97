"""EXP1: models trained on simpler text against models trained on its original, by architecture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from leaner_harness import scoring
from leaner_harness.data.glue import AVERAGED
from leaner_harness.experiments.report import grid_sections, scratch_sections, text_sections
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
from leaner_harness.experiments.report.names import COLORS, NAMES, SIDES
from leaner_harness.experiments.report.scores import (
    AVERAGES,
    MEAN,
    Answers,
    Compared,
    Together,
    asked,
    differences,
    holm,
    mean_of,
    relative_means,
    tests,
)
from leaner_harness.experiments.report.training import Group, curves, training_table
from leaner_harness.results import Record
from leaner_harness.svg import A

RELATIVE = "relative to the best"


class Pair(NamedTuple):
    """Both sides of one architecture."""

    name: str
    leaner: list[Scored]
    original: list[Scored]

    @property
    def files(self) -> list[str]:
        """What is compared comes from these."""
        return files_of([*self.leaner, *self.original])

    @property
    def seeds(self) -> str:
        """How many trainings of either side."""
        return f"{len(self.leaner)} and {len(self.original)}"


def sections(kept: Kept) -> Iterator[Section]:
    """All sections of the report."""
    pairs = pairs_of(kept)
    yield Section("LEANER against original", list(_against(pairs)))
    yield Section("Against no pre-training", list(scratch_sections.against_scratch(kept)))
    yield Section("Learning curves", list(_curves(kept)))
    yield from text_sections.sections(kept)
    yield from grid_sections.sections(kept)


def pairs_of(kept: Kept) -> list[Pair]:
    """The architectures of which both sides have results."""
    found = [
        Pair(name, *(kept.results_of("score", side=side, architecture=name) for side in SIDES))
        for name in kept.experiment.values["architecture"]
    ]
    return [pair for pair in found if pair.leaner and pair.original]


def _against(pairs: Sequence[Pair]) -> Iterator[Block]:
    if not pairs:
        yield Note("No architecture has results of both sides.")
        return
    compared = {pair.name: differences(pair.leaner, pair.original) for pair in pairs}
    flat = [(pair, each) for pair in pairs for each in compared[pair.name]]
    corrected = list(holm([each for _, each in flat]))
    rows = [(*both, p) for both, p in zip(flat, corrected, strict=True)]
    first = pairs[0].leaner[0].record
    tasks = [each.task for each in compared[pairs[0].name] if each.task != MEAN]
    yield Note(
        f"{asked(first, tasks)} {_scored_tasks(first)}Differences are LEANER - original "
        f"{tests(len(rows))}"
    )
    # Each by itself: what is drawn together depends on all that is.
    alone = [Together(list(map(Answers, side))) for p in pairs for side in (p.leaner, p.original)]
    if any(each.task == MEAN for _, each in flat):
        yield from _averages(pairs, rows, alone)
    yield _tasks(rows)
    yield Figure(
        "LEANER - original, task by task",
        "Points right of the dashed line: LEANER is better. Lines: 95 % intervals, uncorrected.",
        [panel for pair in pairs for panel in _forest(pair.name, compared[pair.name])],
        [name for pair in pairs for name in pair.files],
    )


def _averages(
    pairs: Sequence[Pair],
    rows: Sequence[tuple[Pair, Compared, float]],
    alone: Sequence[Together],
) -> Iterator[Block]:
    shares, without = relative_means(alone)
    yield _means(pairs, rows, alone, shares)
    yield Note(
        "The paper's average is not defined, so there are three: the plain mean of the tasks' "
        "scores; the mean of (score - constant) / (1 - constant), constant being the best constant "
        "answer; and the mean of each score over the best one of this table on that task, which "
        "has no interval."
        + (f" It is without {', '.join(without)}: no model scores above 0." if without else "")
    )


def _scored_tasks(record: Record) -> str:
    tasks = record["tasks"]
    absent = [name for name in AVERAGED if tasks.get(name, {}).get("state") != "ok"]
    if not absent:
        return ""
    if len(absent) == len(AVERAGED) - 1:
        (only,) = set(AVERAGED) - set(absent)
        return f"One of the eight tasks was scored, {only}: there is no mean. "
    return f"Means are over the tasks that were scored; without {', '.join(absent)}. "


_COMPARED = (
    Column("LEANER", ".3f"),
    Column("original", ".3f"),
    Column("difference", "+.3f"),
    Column("p", ".2g"),
    Column("p (Holm)", ".2g", shared=True),
    Column("verdict", shared=True),
)


def _means(
    pairs: Sequence[Pair],
    rows: Sequence[tuple[Pair, Compared, float]],
    alone: Sequence[Together],
    shares: Sequence[Estimate | None],
) -> Table:
    """Averages of both sides; of each pair two sides follow one another in what is alone."""
    found = []
    for number, pair in enumerate(pairs):
        sides = slice(2 * number, 2 * number + 2)
        for metric, name in AVERAGES.items():
            for of, each, p in rows:
                if of is pair and each.task == MEAN and each.metric == metric:
                    means = [side.estimate(metric) for side in alone[sides]]
                    found.append(_row([pair.name, name, *means], pair, each, p))
        ours, theirs = shares[sides]
        gap = None if ours is None or theirs is None else Estimate(ours.value - theirs.value)
        cells: list[Value] = [pair.name, RELATIVE, ours, theirs, gap, None, None, ""]
        cells += [pair.seeds, ""]
        # The best of a task may be any model's.
        found.append(Row(cells, [name for each in pairs for name in each.files]))
    heads = (Column("architecture"), Column("average"), *_COMPARED)
    return Table((*heads, Column("seeds"), Column("chance")), found)


def _row(heads: list[Value], pair: Pair, each: Compared, p: float) -> Row:
    cells = [*heads, Estimate(each.found.value, *each.found.interval), each.found.p, p]
    return Row([*cells, _verdict(each, p), pair.seeds, each.chance], pair.files)


def _verdict(each: Compared, p: float) -> str:
    return each.verdict(p, "LEANER better", "original better")


def _tasks(rows: Sequence[tuple[Pair, Compared, float]]) -> Table:
    found = []
    for pair, each, p in rows:
        if each.task != MEAN:
            n = pair.leaner[0].record["tasks"][each.task]["n"]
            cells: list[Value] = [pair.name, each.task, n, *each.found.scores]
            cells += [Estimate(each.found.value, *each.found.interval), each.found.p, p]
            cells += [_verdict(each, p), pair.seeds, each.chance, each.found.minimum_detectable]
            found.append(Row(cells, pair.files))
    heads = (Column("architecture"), Column("task"), Column("rows", ",d"), *_COMPARED)
    note = "detects: the true difference that would be found with 80 % power at .05, uncorrected."
    more = (Column("seeds"), Column("chance"), Column("detects", ".3f"))
    return Table((*heads, *more), found, note)


def _forest(name: str, compared: Sequence[Compared]) -> Iterator[Panel]:
    bars = [
        Bar(each.task, Estimate(each.found.value, *each.found.interval), A)
        for each in compared
        if each.metric == scoring.SCORE
    ]
    said = ", ".join(f"{bar.name} {bar.found.value:+.3f}" for bar in bars)
    picture = forest(name, "LEANER - original", bars, f"{name}, LEANER - original: {said}")
    if picture:
        yield Panel(f"difference-{name}", picture)


def _curves(kept: Kept) -> Iterator[Block]:
    groups = [
        (name, [Group(NAMES[side], COLORS[side], runs) for side, runs in found if runs])
        for name in kept.experiment.values["architecture"]
        for found in [
            [(side, kept.runs_of("train", side=side, architecture=name)) for side in SIDES]
        ]
    ]
    yield curves(
        groups,
        "One line a training seed. Each side is measured on validation text of its own kind and "
        "trained in tokens of its own tokenizer: bits per byte take the tokenizer out, not the "
        "text, and one text may be easier to predict than the other. Nats per target (BERT, XLNet) "
        "depend on the tokenizer, too. Neither says which side learned more.",
    )
    yield training_table(groups, "architecture", "side")


def claims(kept: Kept) -> Section:
    """What the paper says of both sides, beside what is found here."""
    (said,) = kept.experiment.paper
    figures = said["figures"]
    paper = f"{figures['leaner']:.3f} and {figures['original']:.3f}"
    names = {pair.name: pair for pair in pairs_of(kept)}
    found = names.get("xlnet")
    if found is None:
        why = f"XLNet has no results of both sides. {said['not_comparable']}"
        return claim_section([Claim(said["claim"], paper, "none", NOT_COMPARABLE, why)])
    compared = differences(found.leaner, found.original)
    means = [mean_of(compared, metric) for metric in (scoring.SCORE, scoring.CENTRED)]
    if means[0] is None or means[1] is None:
        why = f"One task makes no average. {said['not_comparable']}"
        return claim_section([Claim(said["claim"], paper, "none", NOT_COMPARABLE, why)])
    raw, centred = means[0].found, means[1].found
    ours = f"raw means {raw.scores[0]:.3f} and {raw.scores[1]:.3f}"
    lines = [Claim(said["claim"], paper, ours, NOT_COMPARABLE, said["not_comparable"], found.files)]
    word, why = direction(
        centred.value, *centred.interval, min(len(found.leaner), len(found.original))
    )
    if found.leaner[0].record["data"]["synthetic"]:
        word, why = NOT_COMPARABLE, "synthetic rows, which are not the paper's"
    elif kept.experiment.preset != "paper":
        why += f"; at the budget of the preset {kept.experiment.preset}, which is not the paper's"
        if centred.interval.low <= 0 <= centred.interval.high:  # so little training may hide it
            word = NOT_COMPARABLE
    low, high = centred.interval
    shown = f"centred means differ by {centred.value:+.3f} [{low:+.3f}, {high:+.3f}]"
    what = "The direction: XLNet is better when it was trained on LEANER"
    lines.append(Claim(what, "+0.063", shown, word, why, found.files))
    return claim_section(lines)
