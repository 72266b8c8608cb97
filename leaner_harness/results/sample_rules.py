"""What a line of a result's samples must be, before anything is computed from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from leaner_harness.data.glue import TASKS, GlueTask
from leaner_harness.data.rows import LONGEST_TAG, MOST_ROWS
from leaner_harness.judge.surface import CHECKS, EMPTY
from leaner_harness.judge.verdicts import DIMENSIONS, HIGHEST, JUDGED_STATES, SCORED
from leaner_harness.results.untrusted import shown

MOST_SEEDS = 50
_CHOICE = {"task", "idx", "label", "log_likelihoods", "prediction", "predictions"}
_CHOICE |= {"part", "tag", "pair_id"}
_ANSWER = {"task", "id", "kind", "checks", "state", "grades"}


def choices(samples: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Samples of a board of choices, each row once; raises ValueError for one that is none."""
    seen = set()
    for number, sample in enumerate(samples, start=1):
        if not isinstance(sample, dict) or not set(sample) <= _CHOICE:
            raise ValueError(f"line {number} is no sample: {shown(sample)}")
        if problem := _choice(sample):
            raise ValueError(f"line {number}: {problem}")
        row = row_of(sample)
        if row in seen:
            raise ValueError(f"line {number}: row {sample['idx']} of {row[0]} is there twice")
        seen.add(row)
        yield sample


def row_of(sample: Mapping[str, Any]) -> tuple[str, str, int]:
    """Task, part and number of a sample's row; a row that names no part is of the task's first."""
    name = sample["task"]
    return name, sample.get("part") or TASKS[name].parts[0], sample["idx"]


def _choice(sample: Mapping[str, Any]) -> str:
    """What is wrong with it; empty if nothing."""
    name = sample.get("task")
    if not isinstance(name, str) or name not in TASKS:
        return f"{shown(name)} is no task"
    task = TASKS[name]
    idx, label = sample.get("idx"), sample.get("label")
    if type(idx) is not int or not 0 <= idx < MOST_ROWS:
        return f"idx {shown(idx)} is no row"
    if not _label_fits(task, label):
        return f"label {shown(label)} is none of {task.name}"
    if sample.get("part", task.parts[0]) not in task.parts:
        return f"part {shown(sample['part'])} is none of {task.name}"
    if not isinstance(sample.get("pair_id", ""), str | int):
        return f"pair_id {shown(sample['pair_id'])} is no name"
    for prediction in (sample.get("prediction"), *_listed(sample.get("predictions"))):
        if not all(each is None or _is_number(each) for each in _listed(prediction)):
            return f"prediction {shown(prediction)} is no number"
    if not _is_tag(sample.get("tag", "none")):
        return f"tag {shown(sample['tag'])} is no name of {LONGEST_TAG} characters at most"
    scores = sample.get("log_likelihoods")
    if not _are_scores(task, scores) and not _are_seeds(task, scores):
        return f"log_likelihoods {shown(scores)} are not {task.classes} numbers, or lists of these"
    return ""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_tag(tag: Any) -> bool:
    return isinstance(tag, str) and 0 < len(tag) <= LONGEST_TAG


def _label_fits(task: GlueTask, label: Any) -> bool:
    if task.regression:
        return _is_number(label) and 0 <= label <= task.classes - 1
    return type(label) is int and 0 <= label < task.classes


def _are_scores(task: GlueTask, scores: Any) -> bool:
    return isinstance(scores, list) and len(scores) == task.classes and all(map(_is_number, scores))


def _are_seeds(task: GlueTask, scores: Any) -> bool:
    if not isinstance(scores, list) or not 0 < len(scores) <= MOST_SEEDS:
        return False
    return all(_are_scores(task, seed) for seed in scores)


def answers(samples: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Samples of a board of answers, each question once; raises ValueError for one that is none."""
    counted: Counter[str] = Counter()
    for number, sample in enumerate(samples, start=1):
        if not isinstance(sample, dict) or not set(sample) <= _ANSWER:
            raise ValueError(f"line {number} is no sample: {shown(sample)}")
        if problem := _answer(sample):
            raise ValueError(f"line {number}: {problem}")
        counted[sample["id"]] += 1
        if counted[sample["id"]] > 1:
            raise ValueError(f"line {number}: question {shown(sample['id'])} is there twice")
        yield sample


def _answer(sample: Mapping[str, Any]) -> str:
    if not isinstance(sample.get("id"), str) or not isinstance(sample.get("kind"), str):
        return "id and kind must be texts"
    if not _are_marks(sample.get("checks"), (*CHECKS, EMPTY), 1):
        return f"checks {shown(sample.get('checks'))} are not numbers from 0 to 1"
    if "state" not in sample:
        return ""
    if sample["state"] not in JUDGED_STATES:
        return f"state {shown(sample['state'])} is unknown"
    if sample["state"] in SCORED and not _are_marks(sample.get("grades"), DIMENSIONS, HIGHEST):
        return f"grades {shown(sample.get('grades'))} are not numbers from 0 to {HIGHEST}"
    return ""


def _are_marks(marks: Any, names: Iterable[str], highest: float) -> bool:
    """Whether each name has a number from 0 to `highest`, and nothing else has one."""
    if not isinstance(marks, dict) or set(marks) != set(names):
        return False
    return all(_is_number(mark) and 0 <= mark <= highest for mark in marks.values())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
