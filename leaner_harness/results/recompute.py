"""What a result's samples say: metrics, intervals and baselines of each task, and the means.

A result is made by this, and `verify` makes it again from the committed samples: a number on the
board never rests on something nobody can check.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leaner_harness import intervals, results, scoring
from leaner_harness.data.glue import AVERAGED, TASKS, GlueTask
from leaner_harness.errors import ResultError
from leaner_harness.results import (
    Record,
    Result,
    answer_scores,
    metric_ends,
    predictions,
    rules,
    sample_rules,
)
from leaner_harness.statistics import Array

TOLERANCE = 1e-6
MOST_PHENOMENA = 50
"""Of a task."""
_FROM_SAMPLES = ("units", "seeds", "intervals_total", "phenomena", "kinds", "states", "bounds")
"""What of a task follows from its samples, and is there with some of them only."""


@dataclass(frozen=True, slots=True)
class ScoredTask:
    """The samples of one task, scored."""

    rows: list[scoring.SeedRows]
    """One scored row per training seed each; a zero-shot model has one."""
    units: list[Hashable] | None
    """Which rows belong together and are drawn together; None where each stands alone."""
    several: bool
    """Whether the samples hold training seeds, be it one."""
    tags: list[str]
    """The phenomenon that each row tests; empty where it names none."""

    def of(self, tag: str) -> ScoredTask:
        """The rows of one phenomenon."""
        chosen = [number for number, each in enumerate(self.tags) if each == tag]
        rows = [self.rows[number] for number in chosen]
        units = [self.units[number] for number in chosen] if self.units else None
        return ScoredTask(rows, units, self.several, [tag] * len(rows))


def scored_sample(sample: Record) -> scoring.ScoredRow | scoring.SeedRows:
    """The scored row of a reduced sample; one that holds training seeds gives a row for each."""
    return scoring.scored_row(TASKS[sample["task"]], sample, sample["log_likelihoods"])


def score_samples(samples: Iterable[Record]) -> tuple[dict[str, Record], dict[str, Record]]:
    """Per task `{n, metrics, intervals, majority_baseline}`, and the group means.

    `intervals` resample rows, or whole `units` of rows with the same `pair_id`, whose number is
    then there. Where samples name what they test, `phenomena` has the task's own metric on the rows
    of each: `{n, value, interval, majority_baseline}`. Where samples hold training seeds, `seeds`
    is their number, scores and standard deviation, and `intervals_total` (`interval_total` of a
    mean and a phenomenon) counts rows and seeds as chance.

    The order of samples changes nothing. There are no means unless all averaged tasks are there.
    Raises ResultError where samples differ in their number of seeds.
    """
    scored = {name: scored_task(name, found) for name, found in by_task(samples).items()}
    if len({len(task.rows[0]) for task in scored.values()}) > 1:
        raise ResultError("The tasks differ in their number of training seeds.", _CURE)
    values = {name: scoring.seed_values(TASKS[name], task.rows) for name, task in scored.items()}
    draws = {
        name: scoring.metric_draws(TASKS[name], task.rows, task.units)
        for name, task in scored.items()
    }
    tasks = {name: _task_record(name, scored[name], values[name], draws[name]) for name in scored}
    complete = all(name in tasks for name in AVERAGED)
    return metric_ends.cut(tasks, _means(tasks, values, draws) if complete else {})


def by_task(samples: Iterable[Record]) -> dict[str, list[Record]]:
    """The samples of each task; the same samples are in the same order."""
    found: dict[str, list[Record]] = defaultdict(list)
    for sample in samples:
        found[sample["task"]].append(sample)
    return {name: sorted(found[name], key=order) for name in sorted(found)}


def order(sample: Record) -> tuple[str, str, int]:
    """A sample's place: several processes hand samples over in another order than one does."""
    return sample["task"], sample.get("part", ""), sample["idx"]


def scored_task(name: str, samples: Sequence[Record]) -> ScoredTask:
    """Score the samples of one task; raises ResultError where their numbers of seeds differ."""
    found = [scored_sample(sample) for sample in samples]
    several = [isinstance(sample["log_likelihoods"][0], list) for sample in samples]
    rows = [scoring.seed_rows(row) for row in found]
    if len(set(several)) > 1 or len(set(map(len, rows))) > 1:
        raise ResultError(f"{name}: its samples differ in their number of training seeds.", _CURE)
    for sample, seeds, is_several in zip(samples, rows, several, strict=True):
        predictions.check(sample, seeds, several=is_several)
    tags = [sample.get("tag", "") for sample in samples]
    return ScoredTask(rows, _units(samples), several[0], tags)


def _units(samples: Sequence[Record]) -> list[Hashable] | None:
    if not any("pair_id" in sample for sample in samples):
        return None
    return [
        (sample.get("part", ""), sample["pair_id"]) if "pair_id" in sample else number
        for number, sample in enumerate(samples)
    ]


def _task_record(
    name: str, task: ScoredTask, values: Mapping[str, Array], draws: Mapping[str, Array]
) -> Record:
    record: Record = {
        "n": len(task.rows),
        "metrics": {metric: round(float(seeds.mean()), 9) for metric, seeds in values.items()},
        "intervals": {metric: _over_rows(drawn) for metric, drawn in draws.items()},
        "majority_baseline": round(scoring.majority_baseline(TASKS[name], task.rows), 9),
    }
    if task.units:
        record["units"] = len(set(task.units))
    if task.several:
        record["seeds"] = _seeds(values[scoring.SCORE])
    if len(task.rows[0]) > 1:
        record["intervals_total"] = {
            metric: _over_rows_and_seeds(values[metric], drawn) for metric, drawn in draws.items()
        }
    if phenomena := _phenomena(name, task):
        record["phenomena"] = phenomena
    return record


def _phenomena(name: str, task: ScoredTask) -> Record:
    """The score of each phenomenon; none where there are so many that they can be none."""
    tags = sorted(set(task.tags) - {""})
    if len(tags) > MOST_PHENOMENA:
        return {}
    return {tag: _phenomenon(TASKS[name], task.of(tag)) for tag in tags}


def _phenomenon(kind: GlueTask, task: ScoredTask) -> Record:
    seeds = scoring.seed_values(kind, task.rows)[scoring.SCORE]
    draws = scoring.metric_draws(kind, task.rows, task.units)[scoring.SCORE]
    record: Record = {
        "n": len(task.rows),
        "value": round(float(seeds.mean()), 9),
        "interval": _over_rows(draws),
        "majority_baseline": round(scoring.majority_baseline(kind, task.rows), 9),
    }
    if len(seeds) > 1:
        record["interval_total"] = _over_rows_and_seeds(seeds, draws)
    return record


def _means(
    tasks: Mapping[str, Record],
    values: Mapping[str, Mapping[str, Array]],
    draws: Mapping[str, Mapping[str, Array]],
) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for metric in (scoring.SCORE, scoring.CENTRED):
        value = sum(tasks[name]["metrics"][metric] for name in AVERAGED) / len(AVERAGED)
        drawn = intervals.group_draws({name: draws[name][metric] for name in AVERAGED})
        seeds = np.mean([values[name][metric] for name in AVERAGED], axis=0)
        found[metric] = {"value": round(value, 9), "interval": _over_rows(drawn)}
        if any("seeds" in tasks[name] for name in AVERAGED):
            found[metric]["seeds"] = _seeds(seeds)
        if len(seeds) > 1:
            found[metric]["interval_total"] = _over_rows_and_seeds(seeds, drawn)
    return found


def _seeds(scores: Array) -> Record:
    """Scores of the training seeds, and their sample standard deviation if there are several."""
    record: Record = {"n": len(scores), "scores": [round(float(score), 9) for score in scores]}
    return record | ({"sd": round(float(scores.std(ddof=1)), 9)} if len(scores) > 1 else {})


def _over_rows(draws: Array) -> list[float]:
    return [round(bound, 6) for bound in intervals.percentile_interval(draws.mean(-1))]


def _over_rows_and_seeds(scores: Array, draws: Array) -> list[float]:
    found = intervals.t_interval(float(scores.mean()), intervals.spread([scores], [draws]))
    return [round(bound, 6) for bound in found]


def verify(result: Result, folder: Path) -> None:
    """Raise ResultError unless a result's numbers are those its committed samples give.

    They must fit together as well (`rules.agree`): samples do not say everything.
    """
    _verified(result, folder)


def completed(result: Result, folder: Path) -> Result:
    """A result with what its samples give and it lacks, for it is older than that number.

    Its intervals end where their metrics do. Raises ResultError where `verify` does.
    """
    tasks, mean = _verified(result, folder)
    return Result(_merged(metric_ends.of_record(result.record), {"tasks": tasks, "mean": mean}))


def _merged(stated: Record, computed: Record) -> Record:
    """Both, down to the last dictionary; what is stated stays as it is."""
    found = computed | stated
    inner = {key for key, value in stated.items() if isinstance(value, dict)} & set(computed)
    return found | {key: _merged(stated[key], computed[key]) for key in inner}


def _verified(result: Result, folder: Path) -> tuple[dict[str, Record], dict[str, Record]]:
    """What the samples of a verified result give: tasks and means."""
    path = folder / result.path
    score = answer_scores.score if answer_scores.has_answers(result) else score_samples
    samples = read_samples(result, path)
    tasks, mean = score(samples)
    stated = metric_ends.of_record(result.record)
    ran = {name: task for name, task in stated["tasks"].items() if task["state"] == "ok"}
    if set(ran) != set(tasks):
        raise ResultError(f"{path}: its samples are of other tasks than its scores.", _CURE)
    for name, task in tasks.items():
        _same(f"{path}: {name}", *_promised(ran[name], task))
        _same_labels(f"{path}: {name}", ran[name].get("labels"), name, samples)
    _same(f"{path}: mean", stated["mean"], mean)
    rules.agree(result.record)
    return tasks, mean


def _same_labels(what: str, stated: Record | None, task: str, samples: list[Record]) -> None:
    """Samples with other labels than the data set has are of other rows."""
    if task not in TASKS or TASKS[task].regression:
        return
    counted = Counter(str(sample["label"]) for sample in samples if sample["task"] == task)
    _same(f"{what} labels", stated or {}, dict(counted))


def _promised(stated: Record, computed: Record) -> tuple[Record, Record]:
    """What a task states of that which samples give, and what they do give.

    Both are without what came later and lacks: the score's intervals must be there; those of other
    metrics, and phenomena, may lack.
    """
    late = {"phenomena"} - set(stated)
    computed = {key: value for key, value in computed.items() if key not in late}
    bounds = computed["intervals"]
    lacking = set(bounds) - {scoring.SCORE, scoring.CENTRED} - set(stated.get("intervals") or ())
    computed["intervals"] = {name: bounds[name] for name in bounds if name not in lacking}
    names = {*computed, *(key for key in _FROM_SAMPLES if stated.get(key))}
    return {key: stated.get(key) for key in names}, computed


def read_samples(result: Result, path: Path) -> list[Record]:
    """The samples beside a result at `path`; raises ResultError unless they are those it names."""
    samples = path.with_name(result.record["samples"]["file"])
    checked = sample_rules.answers if answer_scores.has_answers(result) else sample_rules.choices
    try:
        content = results.read_packed(samples)
        if hashlib.sha256(content).hexdigest() != result.record["samples"]["sha256"]:
            raise ResultError(f"{samples} was changed after {path.name} was written.", _CURE)
        found = list(checked(results.unpack_samples(content)))
    except FileNotFoundError as error:
        raise ResultError(f"{path}: its samples {samples.name} are not there.") from error
    except ValueError as error:
        raise ResultError(f"{samples} holds no samples: {error}.", _CURE) from error
    if not found:
        raise ResultError(f"{samples} holds no samples.", _CURE)
    return found


_CURE = "Make it again: leaner results add OUTPUT --replace"


def _same(what: str, stated: Any, computed: Any) -> None:
    """Compare records number by number."""
    if isinstance(computed, dict):
        if not isinstance(stated, dict) or set(stated) != set(computed):
            raise ResultError(f"{what} has other entries than its samples give.", _CURE)
        for key, value in computed.items():
            _same(f"{what} {key}", stated[key], value)
    elif isinstance(computed, list):
        if not isinstance(stated, list) or len(stated) != len(computed):
            raise ResultError(f"{what} is {stated}; its samples give {computed}.", _CURE)
        for one, other in zip(stated, computed, strict=True):
            _same(what, one, other)
    elif not isinstance(stated, int | float) or not abs(stated - computed) <= TOLERANCE:
        raise ResultError(f"{what} is {stated}; its samples give {computed}.", _CURE)
