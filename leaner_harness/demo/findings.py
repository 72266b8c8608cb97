"""What the demo found: each number with its interval, and what it shows and does not show."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from leaner_harness import scoring
from leaner_harness.demo import FAMILIES, GROUP, QUESTIONS, TASKS
from leaner_harness.results import Record, mean_interval, read_all, task_interval
from leaner_harness.results.answer_scores import TASK

_CHECKS = ("well_formed", "non_repetition", "on_topic")


class Finding(NamedTuple):
    """One line of what was found."""

    what: str
    value: str
    reading: str


def read(out: Path) -> list[Finding]:
    """What a demo that is done found."""
    curricula = json.loads((out / "curricula.json").read_text(encoding="utf-8"))
    return list(findings([each.record for each in read_all(out / "results")], curricula))


def findings(records: Iterable[Record], curricula: Record) -> Iterator[Finding]:
    """What results and the comparison of curricula say, and no more than they can."""
    found = {
        (each["board"], each["model"]["name"], each["protocol"]["name"]): each
        for each in records
        if each["board"] != GROUP or each["data"]["split"] == "test"
    }
    for name in ("llama", "ngram"):
        yield _zero_shot(name, found[GROUP, f"demo-{name}", "zero-shot"])
    for name in FAMILIES:
        yield from _tuned(name, found[GROUP, f"demo-{name}", "glance"])
    yield from _orders(curricula)
    yield _answered(found[QUESTIONS, "demo-llama", "checks"])


def _zero_shot(name: str, record: Record) -> Finding:
    mean = record["mean"][scoring.CENTRED]
    interval = mean_interval(mean)
    value, reading = _shown(mean["value"], interval), _against(interval, 0.0)
    return Finding(f"{name}, zero-shot, centred mean of 8", value, reading)


def _tuned(name: str, record: Record) -> Iterator[Finding]:
    for task in TASKS:
        found = record["tasks"][task]
        interval = task_interval(found, scoring.SCORE)
        value = _shown(found["metrics"][scoring.SCORE], interval)
        reading = _against(interval, found["majority_baseline"])
        yield Finding(f"{name}, fine-tuned, {task}", value, reading)


def _against(interval: Sequence[float], constant: float) -> str:
    """Where an interval lies, seen from what the best constant answer scores."""
    low, high = interval
    where = "above" if low > constant else "below" if high < constant else "not told apart from"
    return f"{where} the best constant ({scoring.shown(constant)})"


def _orders(report: Record) -> Iterator[Finding]:
    for row in report["groups"]:
        if row["group"] != report["baseline"]:
            value = f"{row['difference']:+.3f} {report['measure']['unit']}"
            yield Finding(f"{row['group']} against {report['baseline']}", value, row["verdict"])


def _answered(record: Record) -> Finding:
    task = record["tasks"][TASK]
    value = ", ".join(f"{name} {task['metrics'][name]:.2f}" for name in _CHECKS)
    return Finding(f"{task['n']} answers, surface checks", value, "no grades: no judge saw them")


def _shown(value: float, interval: Sequence[float]) -> str:
    low, high = map(scoring.shown, interval)
    return f"{scoring.shown(value)} [{low}, {high}]"
