"""What is compared: sides of one run each, or of the runs of several trainings of one way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, zip_longest
from pathlib import Path
from typing import NamedTuple

from leaner_harness import results
from leaner_harness.compare import parts, trainings
from leaner_harness.errors import ResultError
from leaner_harness.results import Record, Result, answer_scores, recompute
from leaner_harness.results.answer_scores import TASK
from leaner_harness.results.recompute import ScoredTask

RANKING = ("board", "split", "data fingerprint", "protocol", "protocol fingerprint")


@dataclass(frozen=True, slots=True)
class Run:
    """One result with its samples, scored."""

    name: str
    result: Result
    samples: Mapping[str, list[Record]]
    tasks: Mapping[str, ScoredTask]

    @property
    def record(self) -> Record:
        """What the result says."""
        return self.result.record

    @property
    def seeds(self) -> int:
        """Of how many fine-tuning seeds it holds predictions; one for a zero-shot run."""
        return len(next(iter(self.tasks.values())).rows[0]) if self.tasks else 1


class Way(NamedTuple):
    """A way to train: the results of its trainings, and a name, which may be empty."""

    name: str
    paths: Sequence[Path]


@dataclass(frozen=True, slots=True)
class Side:
    """A run, or the runs of several trainings."""

    name: str
    runs: Sequence[Run]

    @property
    def trainings(self) -> int:
        """How often it was trained; answers do not say that they are from scratch."""
        return sum(
            len(trainings.sizes(run, next(iter(run.tasks)))) if run.tasks else 1
            for run in self.runs
        )


def load(ways: Sequence[Way]) -> list[Side]:
    """Read and score the runs; raises ResultError where they were not asked the same."""
    read = [[(path, results.read(path)) for path in way.paths] for way in ways]
    models = [result.record["model"]["name"] for found in read for _, result in found]
    distinct = len(set(models)) == len(models)
    sides: list[Side] = []
    for way, found in zip(ways, read, strict=True):
        runs = []
        for path, result in found:
            model = result.record["model"]["name"]
            name = model if distinct else f"{model}/{result.record['run']}"
            runs.append(_scored(name, result, path))
            same_ranking((sides[0].runs if sides else runs)[0], runs[-1])
        sides.append(Side(way.name or _called(runs), runs))
    if len(models) > len(sides):
        _refuse_one_training_twice([run for side in sides for run in side.runs])
    return sides


def chance(one: Side, other: Side) -> list[str]:
    """What varies between two sides: of several trainings, fine-tuning is a part of each."""
    found, both = ["rows"], (one, other)
    if any(len(side.runs) > 1 for side in both):
        return found + [f"trainings of {side.name}" for side in both if side.trainings > 1]
    return found + [f"training seeds of {side.name}" for side in both if side.runs[0].seeds > 1]


def _called(runs: Sequence[Run]) -> str:
    more = len(runs) - 1
    return runs[0].name + (f" and {more} more" if more else "")


def _scored(name: str, result: Result, path: Path) -> Run:
    rows = recompute.read_samples(result, path)
    if answer_scores.has_answers(result):
        return Run(name, result, {TASK: sorted(rows, key=lambda row: str(row["id"]))}, {})
    samples = recompute.by_task(rows)
    tasks = {task: recompute.scored_task(task, found) for task, found in samples.items()}
    return Run(name, result, samples, tasks)


def same_ranking(one: Run, other: Run) -> None:
    """Raise ResultError, and say which part differs, for runs that share no table."""
    both = zip_longest(RANKING, one.result.ranking, other.result.ranking, fillvalue="ranking")
    differing = {part: f"{part} {a} and {b}" for part, a, b in both if a != b}
    if differing:
        found = parts.described(differing, one.name, one.result, other.name, other.result)
        raise ResultError(
            f"{one.name} and {other.name} cannot be compared; they differ in {'; '.join(found)}.",
            "Score both on the same rows in the same way.",
        )


def _refuse_one_training_twice(runs: Sequence[Run]) -> None:
    """Raise ResultError for the same weights twice: they show no chance of training."""
    for one, other in combinations(runs, 2):
        if one.result.replaceable == other.result.replaceable:
            raise ResultError(
                f"{one.name} and {other.name} are of the same weights: one training, not two.",
                "Train again with another seed: --set seed=N.",
            )


def differing_recipes(sides: Sequence[Side]) -> Iterator[str]:
    """Warnings of sides whose trainings differ in more than their seed."""
    for side in sides:
        recipes = [_recipe(run) for run in side.runs]
        keys = sorted({key for recipe in recipes for key in recipe})
        other = [key for key in keys if any(r.get(key) != recipes[0].get(key) for r in recipes)]
        if other:
            yield (
                f"{side.name}: its trainings differ in {', '.join(other)}, and not only in their "
                "seed."
            )


_OWN = ("seed", "init_from", "follow", "reference")
"""What trainings of one way have of their own: what they begin with goes by the seed, too."""


def _recipe(run: Run) -> Record:
    training = run.record.get("training") or {}
    recipe = training.get("recipe") or {}
    return {key: value for key, value in recipe.items() if key not in _OWN}
