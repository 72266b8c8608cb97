"""Results of several trainings on the same rows: differences, means and draws over rows and seeds.

A training is the unit of chance, as in `leaner_harness.compare.trainings`. Shapes: R runs, D draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from leaner_harness import intervals, paired, scoring
from leaner_harness.compare import trainings
from leaner_harness.data.glue import TASKS
from leaner_harness.errors import LeanerError
from leaner_harness.experiments.report.document import Estimate
from leaner_harness.experiments.report.files import Scored
from leaner_harness.experiments.report.names import METRICS
from leaner_harness.intervals import Interval
from leaner_harness.paired import Difference
from leaner_harness.results import Record, metric_ends, recompute
from leaner_harness.results.recompute import ScoredTask
from leaner_harness.statistics import Array

MEAN = "mean"
AVERAGES = {scoring.SCORE: "raw mean", scoring.CENTRED: "centred mean"}
PERMUTATIONS = 10_000
ONE_SIDE = "rows, and training seeds of one side alone"
ONE_TRAINING = "one seed of a side: cannot tell"


@dataclass(frozen=True)
class Answers:
    """One result's rows, scored."""

    source: Scored

    @cached_property
    def tasks(self) -> Mapping[str, ScoredTask]:
        """By task."""
        samples = recompute.by_task(recompute.read_samples(self.source.result, self.source.path))
        return {name: recompute.scored_task(name, found) for name, found in samples.items()}

    @property
    def record(self) -> Record:
        """What the result says."""
        return self.source.record


class Compared(NamedTuple):
    """A task, or the mean, in one metric: the first side less the second."""

    task: str
    metric: str
    found: Difference
    chance: str
    """What varies: `rows`, or rows and seeds."""

    def verdict(self, p: float, better: str, worse: str) -> str:
        """What a corrected p value says; of seeds of one side alone it is too small."""
        if self.chance == ONE_SIDE:
            return ONE_TRAINING
        return paired.verdict(self.found.value, p, better, worse)


def check_same_rows(results: Sequence[Scored]) -> None:
    """Raise LeanerError unless all were asked the same of the same rows."""
    found = {each.result.ranking: each for each in results}
    if len(found) > 1:
        shown = "; ".join(
            f"{each.files[0]} ({' '.join(part[:8] for part in ranking)})"
            for ranking, each in sorted(found.items(), key=lambda item: item[0])
        )
        raise LeanerError(
            f"These results are of different rows or protocols: {shown}.",
            "Score one as the other was, or take one out of the folder.",
        )


def differences(
    first: Sequence[Scored], second: Sequence[Scored], permutations: int = PERMUTATIONS
) -> list[Compared]:
    """The tasks that all have, and their mean in both metrics; paired on the same rows."""
    check_same_rows([*first, *second])
    one, other = (list(map(Answers, side)) for side in (first, second))
    names = common_tasks([*one, *other])
    columns = {name: trainings.columns(name, one, other, permutations) for name in names}
    chance = _chance(one, other, names[0])
    found = [
        Compared(name, scoring.SCORE, paired.difference(columns[name][scoring.SCORE]), chance)
        for name in names
    ]
    for metric in (scoring.SCORE, scoring.CENTRED) if len(names) > 1 else ():
        mean = paired.group_columns({name: columns[name][metric] for name in names})
        found.append(Compared(MEAN, metric, paired.difference(mean), chance))
    return found


def _chance(one: Sequence[Answers], other: Sequence[Answers], name: str) -> str:
    """What varies between two sides on a task."""
    if len(one) == len(other) == 1:
        several = len(one[0].tasks[name].rows[0]) > 1
        return "rows and fine-tuning seeds" if several else "rows"
    alone = min(trainings.counts(one, other, name)) == 1
    return ONE_SIDE if alone else "rows and training seeds"


def mean_of(compared: Sequence[Compared], metric: str) -> Compared | None:
    """The difference of the mean over tasks; None of a single task, which is no mean."""
    found = [each for each in compared if each.task == MEAN and each.metric == metric]
    return found[0] if found else None


def asked(record: Record, tasks: Sequence[str]) -> str:
    """Which rows were asked, and how; of a single task also what its score is."""
    found = f"{record['board']}, {record['data']['split']} split, {record['protocol']['name']}."
    if len(tasks) == 1:
        return f"{found} The score of {tasks[0]} is {METRICS[TASKS[tasks[0]].metric]}."
    return found


def tests(comparisons: int) -> str:
    """How differences are tested, in words."""
    return (
        "on the same rows; in brackets 95 % intervals. With one training of either side p is a "
        "permutation test, whose only chance is the rows; with several it is Student's t over "
        f"rows and training seeds. p is corrected over the {comparisons} comparisons of this "
        "section (Holm)."
    )


def averages(tasks: Sequence[str]) -> Mapping[str, str]:
    """Metric -> what is shown of some tasks in it; the last says most. One task has no mean."""
    return {scoring.SCORE: tasks[0]} if len(tasks) == 1 else AVERAGES


def chief(tasks: Sequence[str]) -> tuple[str, str]:
    """The metric that says most of some tasks, and what is shown of them in it."""
    return list(averages(tasks).items())[-1]


def overall(compared: Sequence[Compared]) -> Compared | None:
    """The difference of the centred mean, or of the only task."""
    return compared[0] if len(compared) == 1 else mean_of(compared, scoring.CENTRED)


def common_tasks(runs: Sequence[Answers]) -> list[str]:
    """The tasks that all results have, in the usual order."""
    return [name for name in TASKS if all(name in run.tasks for run in runs)]


@dataclass(frozen=True)
class Together:
    """All results of one protocol, drawn together: the same rows in each draw of every run."""

    runs: Sequence[Answers]

    @cached_property
    def tasks(self) -> list[str]:
        """Those that all have."""
        return common_tasks(self.runs)

    @cached_property
    def _found(self) -> dict[str, dict[str, tuple[Array, Array]]]:
        """Task -> metric -> values (R,) and draws (D, R)."""
        check_same_rows([run.source for run in self.runs])
        return {name: self._task(name) for name in self.tasks}

    def _task(self, name: str) -> dict[str, tuple[Array, Array]]:
        tasks = [run.tasks[name] for run in self.runs]
        sizes = [len(task.rows[0]) for task in tasks]
        rows = trainings.joined(tasks)
        values = scoring.seed_values(TASKS[name], rows)
        draws = scoring.metric_draws(TASKS[name], rows, tasks[0].units)
        metrics = (scoring.SCORE, scoring.CENTRED)
        found = {metric: (values[metric], draws[metric]) for metric in metrics}
        averaged = trainings.averaged
        return {m: (averaged(each, sizes), averaged(d, sizes)) for m, (each, d) in found.items()}

    def task(self, name: str, metric: str = scoring.SCORE) -> tuple[Array, Array]:
        """Values (R,) and draws (D, R) of one task."""
        return self._found[name][metric]

    def value(self, name: str) -> float:
        """The score of one task, the mean over runs."""
        return float(self.task(name)[0].mean())

    def mean(self, metric: str) -> tuple[Array, Array]:
        """Values (R,) and draws (D, R) of the mean over tasks."""
        parts = {name: self.task(name, metric) for name in self.tasks}
        values = np.mean([value for value, _ in parts.values()], axis=0)
        return values, intervals.group_draws({name: drawn for name, (_, drawn) in parts.items()})

    def estimate(self, metric: str) -> Estimate:
        """The mean over tasks and runs, which differ in their training seed."""
        rows = {name: self.runs[0].tasks[name].rows for name in self.tasks}
        constants = {n: scoring.majority_baseline(TASKS[n], each) for n, each in rows.items()}
        return over_seeds(*self.mean(metric), metric_ends.mean_ends(metric, constants))

    def where(self, sources: Sequence[Scored]) -> list[int]:
        """The numbers of some results' runs."""
        order = {id(run.source): number for number, run in enumerate(self.runs)}
        return [order[id(source)] for source in sources if id(source) in order]


def relative_means(groups: Sequence[Together]) -> tuple[list[Estimate | None], list[str]]:
    """For each group of runs, the mean over tasks of its score / the best group's score.

    And the tasks that are not part of it, for no group scores above 0 there: a share of nothing is
    no number. The means are None where that leaves no task.
    """
    tasks = [name for name in TASKS if all(name in group.tasks for group in groups)]
    scores = np.array([[group.value(name) for name in tasks] for group in groups])
    counted = scores.max(axis=0) > 0  # (tasks,)
    without = [name for name, is_counted in zip(tasks, counted, strict=True) if not is_counted]
    if not counted.any():
        return [None] * len(groups), without
    shares = scores[:, counted] / scores[:, counted].max(axis=0)
    return [Estimate(float(share)) for share in shares.mean(axis=1)], without


def over_seeds(values: Array, draws: Array, ends: Interval) -> Estimate:
    """The mean over training seeds (S,), with an interval over rows and, of several, seeds.

    The interval ends where the metric does.
    """
    mean = float(values.mean())
    if len(values) > 1:
        found = intervals.t_interval(mean, intervals.spread([values], [draws]))
    else:
        found = intervals.percentile_interval(draws[:, 0])
    return Estimate(mean, *metric_ends.within(found, ends))


def holm(found: Sequence[Compared]) -> Iterator[float]:
    """p values corrected for their number, in the same order."""
    yield from paired.holm([each.found.p for each in found])
