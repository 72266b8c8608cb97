"""What a result file must be: its JSON Schema, and numbers that must agree with each other.

These hold without the samples. That the numbers follow from the samples is `recompute.verify`.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from itertools import pairwise
from typing import Any

import fastjsonschema

from leaner_harness.data.glue import AVERAGED
from leaner_harness.errors import ResultError
from leaner_harness.judge.surface import CHECKS, EMPTY
from leaner_harness.judge.verdicts import COVERAGE, DIMENSIONS, SUM
from leaner_harness.results import arguments
from leaner_harness.results.untrusted import shown
from leaner_harness.scoring import CENTRED, SCORE

Record = dict[str, Any]

ANSWER_BOARDS = ("leaner_eval_mini", "leaner_eval")
"""Boards of questions: their samples are answers, those of all others are choices."""
SLACK = 2e-6
"""Bounds are rounded to six decimals."""
_CURE = "docs/results.md says what stands where; make it with: leaner results add OUTPUT"


@functools.cache
def schema() -> Record:
    """The JSON Schema of a result file."""
    file = resources.files("leaner_harness.results").joinpath("result.schema.json")
    found: Record = json.loads(file.read_text("utf-8"))
    return found


@functools.cache
def _validator() -> Callable[[Any], Any]:
    found: Callable[[Any], Any] = fastjsonschema.compile(schema(), use_default=False)
    return found


def check(record: Any) -> Record:
    """A result's record as the schema wants it; raises ResultError that says where it is not."""
    try:
        _validator()(record)
    except fastjsonschema.JsonSchemaValueException as error:
        place = shown(".".join(error.path[1:]), 120)[1:-1]
        raise ResultError(f"{place or 'the file'} {_said(error)}", _CURE) from error
    found: Record = record
    return found


def agree(record: Record) -> None:
    """Raise ResultError unless the parts of a checked record fit together."""
    for problem in _disagreements(record):
        raise ResultError(problem, _CURE)


def _said(error: fastjsonschema.JsonSchemaValueException) -> str:
    """A broken rule in words, and the value that breaks it."""
    value, wanted, rule = error.value, error.rule_definition, str(error.rule)
    if rule == "required":
        return f"lacks {', '.join(key for key in wanted if key not in value)}."
    if rule == "additionalProperties":
        extra = sorted(set(value) - set(error.definition.get("properties", {})))
        return f"holds {shown(extra[0] if extra else value)}, which is no part of a result."
    text = wanted if isinstance(wanted, str) else " or ".join(map(str, _listed(wanted)))
    return f"{_RULES.get(rule, f'must have {rule}')} {text}; it is {shown(value)}."


def _listed(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


_RULES = {
    "minimum": "must be at least",
    "maximum": "must be at most",
    "pattern": "must be like",
    "type": "must be of type",
    "enum": "must be one of",
    "const": "must be",
}


def _disagreements(record: Record) -> Iterator[str]:
    """What does not fit together, in the order of the file."""
    data = record["data"]
    if data["synthetic"] != (data["source"] == "mini"):
        yield f"data.synthetic is {data['synthetic']}; data.source is {data['source']}."
    answers = "questions" in record["tasks"]
    if answers != (record["board"] in ANSWER_BOARDS):
        yield f"board is {record['board']}; tasks holds {'questions' if answers else 'none'}."
    if answers and len(record["tasks"]) > 1:
        yield "tasks holds questions and others; a result is of one board."
    if not answers and record.get("judge") is not None:
        yield "judge is there; nothing of this board is graded."
    yield from arguments.faults(record["model"]["model_args"])
    for name, task in record["tasks"].items():
        if task["state"] == "ok":
            yield from _task(f"tasks.{name}", task)
        elif "metrics" in task:
            yield f"tasks.{name} has metrics, and the state {shown(task['state'])}."
    yield from _answer_means(record) if answers else _choice_means(record)
    yield from _curve(record.get("training") or {})
    if data["fingerprint"] != rows_fingerprint(record["tasks"]):
        yield "data.fingerprint is not that of its tasks' rows."


def rows_fingerprint(tasks: Mapping[str, Record]) -> str:
    """Of the rows of all averaged tasks that ran, or of the questions."""
    if "questions" in tasks:
        return str(tasks["questions"]["fingerprint"])
    ran = [name for name in AVERAGED if name in tasks and tasks[name]["state"] == "ok"]
    lines = [f"{name} {tasks[name]['fingerprint']}" for name in ran]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def samples_name(run: str) -> str:
    """The file beside a result that holds its samples."""
    return f"{run}.samples.jsonl.gz"


def _task(place: str, task: Record) -> Iterator[str]:
    for key in ("intervals", "intervals_total"):
        for name, bounds in task.get(key, {}).items():
            if name not in task["metrics"]:
                yield f"{place}.{key}.{name} is there; such a metric is not."
            else:
                yield from _holds(f"{place}.{key}.{name}", bounds, task["metrics"][name])
    for key in ("labels", "states"):
        if task.get(key) and sum(task[key].values()) != task["n"]:
            yield f"{place}.n is {task['n']}; {key} are {sum(task[key].values())}."
    kinds = task.get("kinds")
    if kinds and sum(kind["n"] for kind in kinds.values()) != task["n"]:
        yield f"{place}.n is {task['n']}; its kinds have others in sum."
    phenomena = task.get("phenomena", {})
    if sum(each["n"] for each in phenomena.values()) > task["n"]:
        yield f"{place}.n is {task['n']}; its phenomena have more in sum."
    for name, each in phenomena.items():
        yield from _value(f"{place}.phenomena.{shown(name)}", each)
    if "seeds" in task:
        yield from _seeds(f"{place}.seeds", task["seeds"], task["metrics"][SCORE])


def _holds(place: str, bounds: list[float], value: float) -> Iterator[str]:
    low, high = bounds
    if not low - SLACK <= value <= high + SLACK:
        yield f"{place} is [{low}, {high}]; its value {value} lies outside."


def _seeds(place: str, seeds: Record, value: float) -> Iterator[str]:
    scores = seeds["scores"]
    if len(scores) != seeds["n"]:
        yield f"{place}.n is {seeds['n']}; there are {len(scores)} scores."
    elif not _same(math.fsum(scores) / len(scores), value):
        yield f"{place}.scores have another mean than the metric, {value}."


def _choice_means(record: Record) -> Iterator[str]:
    tasks, mean = record["tasks"], record["mean"]
    ran = [name for name in AVERAGED if name in tasks and tasks[name]["state"] == "ok"]
    if len(ran) < len(AVERAGED) or record["missing"]:
        if mean:
            yield "mean is there, though tasks are missing: a mean over part of them misleads."
        return
    if set(mean) != {SCORE, CENTRED}:
        yield f"mean must hold {SCORE} and {CENTRED}, for no task is missing."
    for name in mean:
        values = [tasks[task]["metrics"].get(name, math.nan) for task in AVERAGED]
        yield from _mean(f"mean.{name}", mean[name], math.fsum(values) / len(values))


def _answer_means(record: Record) -> Iterator[str]:
    task, mean = record["tasks"]["questions"], record["mean"]
    metrics, judged = task["metrics"], record.get("judge") is not None
    if (COVERAGE in metrics) != judged:
        yield "judge and grades go together: one is there without the other."
    yield from _lacks("tasks.questions.metrics", metrics, (*CHECKS, EMPTY))
    if judged:  # where too little was judged for a mean, what it may be stands in its place
        key = "intervals" if mean else "bounds"
        yield from _lacks(f"tasks.questions.{key}", task.get(key, {}), (*DIMENSIONS, SUM))
    if mean and set(mean) != {SUM}:
        yield f"mean must hold {SUM} alone."
    for name in mean:
        yield from _mean(f"mean.{name}", mean[name], metrics.get(name, math.nan))


def _lacks(place: str, found: Mapping[str, Any], names: Sequence[str]) -> Iterator[str]:
    if lacking := [name for name in names if name not in found]:
        yield f"{place} lacks {', '.join(lacking)}."


def _mean(place: str, mean: Mapping[str, Any], value: float) -> Iterator[str]:
    if not _same(mean["value"], value):
        yield f"{place}.value is {mean['value']}; its tasks give {value:.9f}."
    yield from _value(place, mean)
    if "seeds" in mean:
        yield from _seeds(f"{place}.seeds", mean["seeds"], mean["value"])


def _value(place: str, found: Mapping[str, Any]) -> Iterator[str]:
    """A value and its intervals."""
    for key in ("interval", "interval_total"):
        if key in found:
            yield from _holds(f"{place}.{key}", found[key], found["value"])


def _curve(training: Mapping[str, Any]) -> Iterator[str]:
    seen = [point["tokens_seen"] for point in training.get("curve", [])]
    if any(one >= other for one, other in pairwise(seen)):
        yield "training.curve is not in the order of tokens_seen."
    known = training.get("tokens_seen")
    if seen and known is not None and seen[-1] > known:
        yield f"training.curve ends at {seen[-1]} tokens; training.tokens_seen is {known}."


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= SLACK
