"""Compare runs pair by pair: paired tests on the same rows, corrected for how many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, zip_longest
from pathlib import Path
from typing import NamedTuple

from leaner_harness import paired, results, scoring
from leaner_harness.compare import answers, parts
from leaner_harness.data.glue import AVERAGED, TASKS
from leaner_harness.errors import ResultError, near_miss
from leaner_harness.intervals import DRAWS
from leaner_harness.paired import ALPHA, POWER, Columns
from leaner_harness.results import Record, Result, answer_scores, recompute
from leaner_harness.results.answer_scores import TASK
from leaner_harness.results.recompute import ScoredTask

PERMUTATIONS = 10_000
FEW = 200
"""Fewer rows than this detect nothing smaller than about a tenth."""
MEAN = "mean"

_RANKING = ("board", "split", "data fingerprint", "protocol", "protocol fingerprint")


@dataclass(frozen=True, slots=True)
class Run:
    """One result with its samples, scored."""

    name: str
    result: Result
    samples: dict[str, list[Record]]
    tasks: dict[str, ScoredTask]

    @property
    def seeds(self) -> int:
        """The number of training seeds whose predictions it holds; one for a zero-shot run."""
        return len(next(iter(self.tasks.values())).rows[0]) if self.tasks else 1


def find(name: str, folder: Path) -> Path:
    """The result file `name` stands for: a path, or below `folder` `board/model/run`, or a model.

    Raises ResultError where there is none, or more than one.
    """
    if Path(name).is_file():
        return Path(name)
    known = [path.relative_to(folder) for path in results.paths(folder)]
    wanted = name.removeprefix(f"{folder.as_posix()}/").strip("/").removesuffix(".json")
    found = [path for path in known if wanted in _names(path)]
    if not found:
        choices = [path.with_suffix("").as_posix() for path in known]
        raise ResultError(f"No result {name!r} in {folder}.{near_miss(name, choices)}")
    if len(found) > 1:
        listed = ", ".join(path.with_suffix("").as_posix() for path in found)
        raise ResultError(f"{name!r} is more than one result: {listed}.", "Name one of these.")
    return folder / found[0]


def _names(path: Path) -> tuple[str, ...]:
    board, model, _ = path.parts
    return path.with_suffix("").as_posix(), f"{board}/{model}", model


def compare(paths: Sequence[Path]) -> Record:
    """Every pair of runs on every task and in the mean, as one JSON value.

    Runs of LEANER-Eval are compared in every grade and by kind of question. Raises ResultError
    where runs were not asked the same of the same rows.
    """
    runs = _load(paths)
    pairs = list(combinations(runs, 2))
    work = _answers(runs) if answer_scores.has_answers(runs[0].result) else _tasks_and_means(runs)
    count = len(pairs) * work.most
    # Enough that a difference no permutation reaches stays below .01 after the correction.
    permutations = max(PERMUTATIONS, 100 * count)
    found = [
        _record(one, other, *part)
        for one, other in pairs
        for part in work.columns(one, other, permutations)
    ]
    for comparison, p in zip(found, paired.holm([c["p"] for c in found]), strict=True):
        comparison |= {"p_holm": p, "verdict": paired.verdict(comparison["difference"], p)}
    return {
        "ranking": dict(zip(_RANKING, runs[0].result.ranking, strict=False)),
        "runs": [{"name": r.name, "seeds": r.seeds} for r in runs],
        "comparisons": found,
        "warnings": work.warnings,
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
    columns: Callable[[Run, Run, int], Iterable[tuple[str, str, Columns]]]
    """Name, metric and columns of each, from two runs and a number of permutations."""
    warnings: list[str]


def _tasks_and_means(runs: Sequence[Run]) -> _Work:
    names = _tasks(runs)
    means = 2 if set(AVERAGED) <= set(names) else 0
    return _Work(
        len(names) + means,
        lambda one, other, permutations: _compare_pair(one, other, names, permutations),
        _warnings(runs[0], names),
    )


def _answers(runs: Sequence[Run]) -> _Work:
    first = runs[0].samples[TASK]
    for run in runs[1:]:
        answers.check_questions(first, run.samples[TASK], (runs[0].name, run.name))

    def columns(one: Run, other: Run, permutations: int) -> Iterable[tuple[str, str, Columns]]:
        found = answers.columns(one.samples[TASK], other.samples[TASK], permutations)
        return ((name, metric, columns) for name, (metric, columns) in found.items())

    counts = {"": len(first), **answers.counts(first)}
    asked = answers.lines(first)
    few = [f"{line.name}: {counts[line.kind]}" for line in asked if counts[line.kind] < FEW]
    shown = f"Few questions ({'; '.join(few)}): below {FEW} only large differences show."
    short = [text for r in runs for text in answers.shortfall(r.name, r.samples[TASK])]
    return _Work(len(asked), columns, [shown, *short] if few else short)


def _load(paths: Sequence[Path]) -> list[Run]:
    found = [(path, results.read(path)) for path in paths]
    models = [result.record["model"]["name"] for _, result in found]
    distinct = len(set(models)) == len(models)
    runs: list[Run] = []
    for (path, result), model in zip(found, models, strict=True):
        name = model if distinct else f"{model}/{result.record['run']}"
        runs.append(_scored(name, result, path))
        _same_ranking(runs[0], runs[-1])
    return runs


def _scored(name: str, result: Result, path: Path) -> Run:
    rows = recompute.read_samples(result, path)
    if answer_scores.has_answers(result):
        return Run(name, result, {TASK: sorted(rows, key=lambda row: str(row["id"]))}, {})
    samples = recompute.by_task(rows)
    tasks = {task: recompute.scored_task(task, found) for task, found in samples.items()}
    return Run(name, result, samples, tasks)


def _same_ranking(one: Run, other: Run) -> None:
    """Raise ResultError, and say which part differs, for runs that share no table."""
    both = zip_longest(_RANKING, one.result.ranking, other.result.ranking, fillvalue="ranking")
    differing = {part: f"{part} {a} and {b}" for part, a, b in both if a != b}
    if differing:
        found = parts.described(differing, one.name, one.result, other.name, other.result)
        raise ResultError(
            f"{one.name} and {other.name} cannot be compared; they differ in {'; '.join(found)}.",
            "Score both on the same rows in the same way.",
        )


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
    one: Run, other: Run, names: Sequence[str], permutations: int
) -> Iterator[tuple[str, str, Columns]]:
    found = {
        name: paired.columns(
            TASKS[name],
            one.tasks[name].rows,
            other.tasks[name].rows,
            one.tasks[name].units or other.tasks[name].units,
            permutations,
        )
        for name in names
    }
    for name in names:
        yield name, scoring.SCORE, found[name][scoring.SCORE]
    if set(AVERAGED) <= set(names):
        for metric in (scoring.SCORE, scoring.CENTRED):
            mean = paired.group_columns({name: found[name][metric] for name in AVERAGED})
            yield MEAN, metric, mean


def _record(one: Run, other: Run, task: str, metric: str, columns: Columns) -> Record:
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
        "chance": ["rows", *(f"training seeds of {r.name}" for r in (one, other) if r.seeds > 1)],
        "minimum_detectable": found.minimum_detectable,
    }


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
