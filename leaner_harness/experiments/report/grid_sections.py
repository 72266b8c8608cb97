"""EXP1's grid of text sizes and parameters: scores, and how much smaller either may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from leaner_harness import scoring
from leaner_harness.experiments.report import ratio
from leaner_harness.experiments.report.charts import Axis, Point, Series, plot
from leaner_harness.experiments.report.document import (
    Block,
    Column,
    Figure,
    Note,
    Panel,
    Row,
    Section,
    Table,
    Value,
)
from leaner_harness.experiments.report.files import Kept, Scored, Training, files_of
from leaner_harness.experiments.report.names import COLORS, NAMES, SIDES
from leaner_harness.experiments.report.scores import Answers, Together, averages, chief
from leaner_harness.statistics import Array

_METHOD = (
    "The ratio is the size that LEANER needs to reach the original's score at its largest size, "
    "over that size: below 1, LEANER needs less. Of a text only the words count that were read at "
    "least once. Scores ({name}) are made never to fall with "
    "the size (isotonic regression) and interpolated in the logarithm of the size. In brackets "
    "intervals that hold together, for all rows of this table, with 95 % (Bonferroni). They draw "
    "rows, the same for all sizes and both sides, and what other seeds might come to: Student's t "
    "on the seeds' spread, taken to be one at all sizes of a side. Where LEANER is there at its "
    "smallest size, or not at its largest, the answer is beyond the grid. Where the original's "
    "score is not shown to grow with the size (one-sided, at 2.5 %), equal scores say nothing of "
    "sizes: cannot tell."
)


class Place(NamedTuple):
    """A point of the grid, on one side."""

    side: str
    parameters: str
    words: str


class Found(NamedTuple):
    """What is there at a place: runs and results, a seed each."""

    runs: list[Training]
    results: list[Scored]
    together: Together
    """The results, drawn by themselves: what is drawn with others depends on them."""

    @property
    def files(self) -> list[str]:
        """What its numbers come from."""
        return [*files_of(self.runs), *files_of(self.results)]

    @property
    def words(self) -> int:
        """Words of the training text that were read at all: the rest taught nothing."""
        record = self.runs[0].run.record
        words, seen = record["data"]["words"], record.get("words_seen")
        return int(words if seen is None else min(words, seen))

    @property
    def parameters(self) -> int:
        """Of the model."""
        return int(self.runs[0].run.record["parameters"]["total"])

    @property
    def tokens(self) -> int:
        """Trained on."""
        return self.runs[0].run.tokens


def sections(kept: Kept) -> Iterator[Section]:
    """The grid, and what it says of sizes at equal scores."""
    grid = _grid(kept)
    yield Section("How much smaller at an equal score", list(_smaller(kept, grid)))
    yield Section("Scores over the grid", list(_scores(kept, grid)))


def _grid(kept: Kept) -> dict[Place, Found]:
    values = kept.experiment.values
    runs: dict[Place, list[Training]] = {}
    results: dict[Place, list[Scored]] = {}
    for side in SIDES:
        for parameters in map(str, values["parameters"]):
            for words in map(str, values["words"]):
                place = Place(side, parameters, words)
                at = {"side": side, "parameters": parameters, "words": words}
                steps = ("grid", "grid-score")
                if (parameters, words) == (str(values["size"]), str(values["all_words"])):
                    at, steps = {"side": side, "architecture": "llama"}, ("train", "score")
                runs[place] = kept.runs_of(steps[0], **at)
                results[place] = kept.results_of(steps[1], **at)
    return {
        place: Found(runs[place], found, Together(list(map(Answers, found))))
        for place, found in results.items()
        if found and runs[place]
    }


def _tasks(grid: Mapping[Place, Found]) -> list[str]:
    return next(iter(grid.values())).together.tasks if grid else []


def _name(grid: Mapping[Place, Found]) -> str:
    """What is shown of the tasks: their centred mean, or the only one."""
    return chief(_tasks(grid))[1]


def _smaller(kept: Kept, grid: Mapping[Place, Found]) -> Iterator[Block]:
    yield Note(_METHOD.format(name=_name(grid)))
    values = kept.experiment.values
    rows: list[Row] = []
    among = len(values["parameters"]) + len(values["words"])
    for parameters in map(str, values["parameters"]):
        places = [[Place(side, parameters, str(w)) for w in values["words"]] for side in SIDES]
        rows += _answer(grid, places, "text read, in words", f"{parameters} parameters", among)
    for words in map(str, values["words"]):
        places = [[Place(side, str(p), words) for p in values["parameters"]] for side in SIDES]
        rows += _answer(grid, places, "parameters", f"{int(words):,} words of LEANER", among)
    yield Table(
        (
            Column("size"), Column("at"), Column("sizes of LEANER"), Column("sizes of original"),
            Column("ratio at an equal score"), Column("verdict"), Column("why"), Column("seeds"),
        ),
        rows,
    )  # fmt: skip


def _answer(
    grid: Mapping[Place, Found], places: Sequence[Sequence[Place]], size: str, at: str, among: int
) -> Iterator[Row]:
    """One of several rows, where both sides have two sizes or more."""
    found = [[grid[place] for place in side if place in grid] for side in places]
    if min(map(len, found)) < 2:
        return
    sizes = [[each.words if "words" in size else each.parameters for each in f] for f in found]
    values, draws, where = _drawn([each for side in found for each in side])
    sides = [
        ratio.side(some, [values[where(f)] for f in each], [draws[:, where(f)] for f in each])
        for some, each in zip(sizes, found, strict=True)
    ]
    simpler, original = sides
    answer = ratio.ratio(simpler, original, among)
    cells: list[Value] = [size, at, *(" to ".join(_ends(some)) for some in sizes)]
    cells += [ratio.shown(answer), answer.verdict, answer.reason]
    cells.append(f"{simpler.values.shape[1]} and {original.values.shape[1]}")
    yield Row(cells, [name for side in found for each in side for name in each.files])


def _drawn(found: Sequence[Found]) -> tuple[Array, Array, Callable[[Found], list[int]]]:
    """Scores (R,) and draws (D, R) of all runs, and which of them are of a place."""
    together = Together([run for each in found for run in each.together.runs])
    values, draws = together.mean(chief(together.tasks)[0])
    return values, draws, lambda each: together.where(each.results)


def _ends(sizes: Sequence[int]) -> tuple[str, str]:
    return f"{min(sizes):,}", f"{max(sizes):,}"


def _scores(kept: Kept, grid: Mapping[Place, Found]) -> Iterator[Block]:
    if not grid:
        yield Note("The grid has no results.")
        return
    files = [name for found in grid.values() for name in found.files]
    shown = averages(_tasks(grid))
    constant = "; the best constant answer has 0" if scoring.CENTRED in shown else ""
    yield Figure(
        "Score against tokens trained on, and against parameters",
        f"LLaMA, {_name(grid)}{constant}. Lines: 95 % intervals over rows and, with several, "
        "training seeds.",
        list(_panels(kept, grid)),
        files,
    )
    rows = [
        Row(
            [NAMES[place.side], found.parameters, found.words,
             int(found.runs[0].run.record["data"]["tokens"]), found.tokens, len(found.results),
             *map(found.together.estimate, shown)],
            found.files,
        )
        for place, found in grid.items()
    ]  # fmt: skip
    yield Table(
        (
            Column("side"), Column("parameters", ",d"), Column("words read", ",d"),
            Column("tokens of text", ",d"), Column("tokens trained on", ",d"),
            Column("seeds", "d"), *(Column(name, ".3f") for name in shown.values()),
        ),
        rows,
    )  # fmt: skip


def _panels(kept: Kept, grid: Mapping[Place, Found]) -> Iterator[Panel]:
    values = kept.experiment.values
    sizes = list(map(str, values["parameters"]))
    y = Axis(_name(grid))
    series = [
        Series(
            f"{NAMES[side]} {size}", COLORS[side],
            _points(grid, side, lambda f: f.tokens, parameters=size),
            dashed=size != sizes[0], squares=size != sizes[0],
        )
        for side in SIDES
        for size in dict.fromkeys((sizes[0], sizes[-1]))
    ]  # fmt: skip
    yield from _panel(
        "score-tokens", "Score against tokens", Axis("tokens trained on", log=True), y, series
    )
    largest = str(values["words"][-1])
    series = [
        Series(
            NAMES[side], COLORS[side], _points(grid, side, lambda f: f.parameters, words=largest)
        )
        for side in SIDES
    ]
    axis = Axis("parameters", log=True, ticks=sorted({p.x for each in series for p in each.points}))
    yield from _panel("score-parameters", "Score against parameters", axis, y, series)


def _points(
    grid: Mapping[Place, Found], side: str, size: Callable[[Found], float], **at: str
) -> list[Point]:
    metric, _ = chief(_tasks(grid))
    return sorted(
        Point(size(found), *found.together.estimate(metric))
        for place, found in grid.items()
        if place.side == side and all(getattr(place, key) == value for key, value in at.items())
    )


def _panel(name: str, title: str, x: Axis, y: Axis, series: Sequence[Series]) -> Iterator[Panel]:
    said = "; ".join(
        f"{each.name}: " + ", ".join(f"{point.y:.3f} at {point.x:,.0f}" for point in each.points)
        for each in series
    )
    picture = plot(title, x, y, series, f"{title}. {said}")
    if picture:
        yield Panel(name, picture)
