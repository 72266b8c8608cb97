"""Compare runs, or ways to train, pair by pair: paired tests on the same rows, all corrected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from leaner_harness import paired, scoring
from leaner_harness.compare import answers, trainings
from leaner_harness.compare.sides import RANKING, Run, Side, Way, chance, differing_recipes, load
from leaner_harness.data.glue import AVERAGED, TASKS
from leaner_harness.errors import ResultError
from leaner_harness.intervals import DRAWS
from leaner_harness.paired import ALPHA, CANNOT_TELL, POWER, Columns
from leaner_harness.results import Record, answer_scores
from leaner_harness.results.answer_scores import TASK

PERMUTATIONS = 10_000
FEW = 200
"""Fewer rows than this detect nothing smaller than about a tenth."""
MEAN = "mean"


def compare(paths: Sequence[Path]) -> Record:
    """Every pair of runs, as `compare_ways` does it."""
    return compare_ways([Way("", [path]) for path in paths])


def compare_ways(ways: Sequence[Way]) -> Record:
    """Every pair of ways to train on every task and in the mean, as one JSON value.

    A way is a run, or the runs of several trainings, which are then the unit of chance. Runs of
    LEANER-Eval are compared in every grade and by kind of question. Raises ResultError where runs
    were not asked the same of the same rows, and where one training is counted twice.
    """
    sides = load(ways)
    first = sides[0].runs[0]
    pairs = list(combinations(sides, 2))
    work = _answers(sides) if answer_scores.has_answers(first.result) else _tasks_and_means(sides)
    count = len(pairs) * work.most
    # Enough that a difference no permutation reaches stays below .01 after the correction.
    permutations = max(PERMUTATIONS, 100 * count)
    found = [
        _record(one, other, *part)
        for one, other in pairs
        for part in work.columns(one, other, permutations)
    ]
    for comparison, p in zip(found, paired.holm([c["p"] for c in found]), strict=True):
        comparison["p_holm"] = p
        told = comparison.pop("told")
        comparison["verdict"] = paired.verdict(comparison["difference"], p) if told else CANNOT_TELL
    return {
        "ranking": dict(zip(RANKING, first.result.ranking, strict=False)),
        "runs": [
            {"name": side.name, "trainings": side.trainings, "seeds": side.runs[0].seeds}
            for side in sides
        ],
        "comparisons": found,
        "warnings": [*work.warnings, *differing_recipes(sides), *_trained_once(sides)],
        "settings": {
            "alpha": ALPHA,
            "power": POWER,
            "bootstrap_draws": DRAWS,
            "permutations": permutations,
            "smallest_p": 1 / (1 + permutations),
            "correction": f"Holm over {len(found)} comparisons",
        },
    }


class _Work(NamedTuple):
    """What there is to compare of a pair of runs."""

    most: int
    """Comparisons of a pair, at most."""
    columns: Callable[[Side, Side, int], Iterable[tuple[str, str, Columns]]]
    """Name, metric and columns of each, from two sides and a number of permutations."""
    warnings: list[str]


def _tasks_and_means(sides: Sequence[Side]) -> _Work:
    runs = [run for side in sides for run in side.runs]
    names = _tasks(runs)
    means = 2 if set(AVERAGED) <= set(names) else 0
    return _Work(
        len(names) + means,
        lambda one, other, permutations: _compare_pair(one, other, names, permutations),
        _warnings(runs[0], names),
    )


def _answers(sides: Sequence[Side]) -> _Work:
    runs = [run for side in sides for run in side.runs]
    first = runs[0].samples[TASK]
    for run in runs[1:]:
        answers.check_questions(first, run.samples[TASK], (runs[0].name, run.name))

    def columns(one: Side, other: Side, permutations: int) -> Iterable[tuple[str, str, Columns]]:
        mine, theirs = ([run.samples[TASK] for run in side.runs] for side in (one, other))
        found = answers.columns(mine, theirs, permutations)
        return ((name, metric, columns) for name, (metric, columns) in found.items())

    counts = {"": len(first), **answers.counts(first)}
    asked = answers.lines(first)
    few = [f"{line.name}: {counts[line.kind]}" for line in asked if counts[line.kind] < FEW]
    shown = f"Few questions ({'; '.join(few)}): below {FEW} only large differences show."
    short = [text for r in runs for text in answers.shortfall(r.name, r.samples[TASK])]
    return _Work(len(asked), columns, [shown, *short] if few else short)


def _tasks(runs: Sequence[Run]) -> list[str]:
    """The tasks every run has, with the same rows; those outside the average may be in some."""
    first = runs[0]
    for run in runs[1:]:
        for name in AVERAGED:
            if (name in run.tasks) != (name in first.tasks):
                raise ResultError(f"{first.name} and {run.name}: {name} is in one of them only.")
    names = [name for name in TASKS if all(name in run.tasks for run in runs)]
    for run in runs[1:]:
        for name in names:
            _same_rows(name, first, run)
    return names


def _same_rows(task: str, one: Run, other: Run) -> None:
    first, second = (
        Counter(f"{s.get('part', '')}{s['idx']} (label {s['label']})" for s in run.samples[task])
        for run in (one, other)
    )
    if alone := sorted(((first - second) + (second - first)).elements()):
        raise ResultError(
            f"{one.name} and {other.name}: {len(alone)} rows of {task} are in one of them only, "
            f"among them {alone[0]}."
        )


def _compare_pair(
    one: Side, other: Side, names: Sequence[str], permutations: int
) -> Iterator[tuple[str, str, Columns]]:
    found = {name: trainings.columns(name, one.runs, other.runs, permutations) for name in names}
    for name in names:
        yield name, scoring.SCORE, found[name][scoring.SCORE]
    if set(AVERAGED) <= set(names):
        for metric in (scoring.SCORE, scoring.CENTRED):
            mean = paired.group_columns({name: found[name][metric] for name in AVERAGED})
            yield MEAN, metric, mean


def _record(one: Side, other: Side, task: str, metric: str, columns: Columns) -> Record:
    found = paired.difference(columns)
    return {
        "a": one.name,
        "b": other.name,
        "task": task,
        "metric": metric,
        "scores": list(found.scores),
        "difference": found.value,
        "interval": list(found.interval),
        "p": found.p,
        "test": "t" if columns.exchanged is None else "permutation",
        "chance": chance(one, other),
        "minimum_detectable": found.minimum_detectable,
        "told": not _is_lone(one, other),
    }


def _is_lone(one: Side, other: Side) -> bool:
    """Whether one side was trained once and the other several times: its chance is not known."""
    several = max(len(side.runs) for side in (one, other)) > 1
    return several and min(one.trainings, other.trainings) == 1


def _trained_once(sides: Sequence[Side]) -> Iterator[str]:
    for side in sides:
        if any(_is_lone(side, other) for other in sides if other.trainings > 1):
            yield (
                f"{side.name} was trained once: how much another seed would change it is not "
                "known, so neither it nor what was trained several times is called better."
            )


def _warnings(run: Run, names: Sequence[str]) -> list[str]:
    """Why a task cannot carry a claim, whatever its p value."""
    found = []
    for name in names:
        task = run.tasks[name]
        n = len(set(task.units)) if task.units else len(task.rows)
        if n < FEW:
            found.append(f"{name}: {n} independent rows; below {FEW} only large differences show.")
    if "stsb" in names and not run.result.record["data"]["synthetic"]:
        found.append("stsb: its labels are whole numbers given by a language model.")
    if "wnli" in names:
        found.append("wnli: its train rows contradict its test rows; learning lowers the score.")
    return found
