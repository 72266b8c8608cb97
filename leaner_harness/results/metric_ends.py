"""Where metrics end: no score of a task lies beyond these, and so no interval has to.

Student's interval over training seeds knows of no end; of three seeds it may pass 1 by far. It is
cut there, which leaves out nothing that could be true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leaner_harness import scoring
from leaner_harness import statistics as stats
from leaner_harness.data.glue import AVERAGED, TASKS, GlueTask
from leaner_harness.intervals import Interval
from leaner_harness.results import Record

_CORRELATIONS = ("mcc", "pearson", "spearman")


def ends(task: GlueTask, metric: str, constant: float) -> Interval:
    """The least and the largest value of a metric; `constant` is what the centred score is of."""
    own = task.metric if metric in (scoring.SCORE, scoring.CENTRED) else metric
    least = -1.0 if own in (*_CORRELATIONS, "pearson_spearman") else 0.0
    if metric == scoring.CENTRED:
        least = float(stats.centred(least, constant))
    return Interval(least, 1.0)


def mean_ends(metric: str, constants: Mapping[str, float]) -> Interval:
    """The same of the mean over the tasks whose constants these are."""
    found = [ends(TASKS[name], metric, constant) for name, constant in constants.items()]
    return Interval(sum(low for low, _ in found) / len(found), 1.0)


def within(bounds: Sequence[float], end: Interval) -> Interval:
    """An interval without what lies beyond the ends."""
    low, high = bounds
    return Interval(max(low, end.low), min(high, end.high))


def cut(tasks: Mapping[str, Record], mean: Mapping[str, Record]) -> tuple[Record, Record]:
    """Scores of tasks, and their means, whose intervals over seeds end where the metrics do.

    Tasks of other boards, and tasks without a score, stay as they are.
    """
    constants = {
        name: float(task["majority_baseline"])
        for name, task in tasks.items()
        if name in TASKS and task.get("majority_baseline") is not None
    }
    found = {
        name: _cut_task(TASKS[name], task, constants[name]) if name in constants else task
        for name, task in tasks.items()
    }
    if not constants.keys() >= set(AVERAGED):
        return found, dict(mean)
    averaged = {name: constants[name] for name in AVERAGED}
    return found, {
        metric: _cut_value(each, mean_ends(metric, averaged)) for metric, each in mean.items()
    }


def of_record(record: Record) -> Record:
    """A result's record, which may be older than the rule that its intervals end."""
    tasks, mean = cut(record["tasks"], record["mean"])
    return record | {"tasks": tasks, "mean": mean}


def _cut_task(task: GlueTask, record: Record, constant: float) -> Record:
    found = dict(record)
    if "intervals_total" in found:
        found["intervals_total"] = {
            metric: _rounded(within(bounds, ends(task, metric, constant)))
            for metric, bounds in found["intervals_total"].items()
        }
    if "phenomena" in found:
        end = ends(task, scoring.SCORE, constant)
        found["phenomena"] = {
            tag: _cut_value(each, end) for tag, each in found["phenomena"].items()
        }
    return found


def _cut_value(record: Record, end: Interval) -> Record:
    if "interval_total" not in record:
        return record
    return record | {"interval_total": _rounded(within(record["interval_total"], end))}


def _rounded(bounds: Interval) -> list[float]:
    return [round(bound, 6) for bound in bounds]
