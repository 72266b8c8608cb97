"""Details of a run: where its numbers come from, bounded so that no file can swell the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leaner_harness import scoring
from leaner_harness.answer_scores import TASK
from leaner_harness.leaderboard.page import commands
from leaner_harness.leaderboard.page.pool import Pool
from leaner_harness.leaderboard.sets import number, part, text
from leaner_harness.results import Record

_MOST_FACTS = 60
_MOST_CHARACTERS = 3000
"""Of a section's facts."""
_MOST_POINTS = 40
"""Of a learning curve: more than a small picture shows."""
_DEEPEST = 4
_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}\Z")
_SKIPPED = ("recipe", "versions", "curve", "lm_eval", "parameters")
_UNDER_SCORES = (scoring.SCORE, scoring.CENTRED)
_CURVES = {
    "validation_bits_per_byte": "validation, bits per byte",
    "validation_loss": "validation, nats per target",
    "loss": "training loss, nats per target",
    scoring.SCORE: "raw mean score",
    scoring.CENTRED: "centred mean score",
}


def details(record: Record, pool: Pool) -> Record:
    """Facts by section, commands, the metrics of each task, the learning curve.

    Facts are two numbers of the pool: that of their names, and that of their values.
    """
    training = part(record, "training")
    sections = {
        "Model": part(record, "model"),
        "Training": {key: value for key, value in training.items() if key not in _SKIPPED},
        "Rows": part(record, "data"),
        "Protocol": part(record, "protocol"),
        "Judge": part(record, "judge"),
        "Provenance": part(record, "provenance"),
        "Samples": part(record, "samples"),
        "Versions in training": part(training, "versions"),
    }
    named = (name for name, facts in sections.items() if facts)
    found: Record = {
        "sections": {name: _pooled(_facts(sections[name]), pool) for name in named},
        "recipe": _pooled(_recipe(part(training, "recipe")), pool),
        "train": commands.train(record),
        "score": commands.score(record),
        "verify": commands.verify(record),
        "missing": [text(name, 60) for name in record["missing"][:20]],
        "tasks": _tasks(record, pool),
    }
    if curve := learning_curve(training):
        found["curve"] = curve
    return found


def _pooled(facts: Iterator[tuple[str, str]], pool: Pool) -> list[int]:
    known = list(_bounded(facts))
    return [pool.add([name for name, _ in known]), pool.add([value for _, value in known])]


def _facts(record: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Name and text of everything in a record, names of inner ones joined by dots."""
    for key in sorted(record, key=str):
        value = record[key]
        name = f"{before}{text(key, 60)}"
        if isinstance(value, dict) and name.count(".") < 3:
            yield from _facts(value, f"{name}.")
        elif value not in (None, "", [], {}):
            yield name, text(_shown(value), 200)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "nested too deep to show"


def _recipe(recipe: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys and values as a recipe file has them; what has no such form is left out."""
    for key in sorted(recipe, key=str):
        value = toml(recipe[key])
        if value is not None and _KEY.match(str(key)):
            yield key, value


def toml(value: Any, depth: int = 0) -> str | None:
    """A value as TOML on one line; None for what TOML, or a recipe, does not have."""
    if isinstance(value, str | bool) or number(value) is not None:
        return json.dumps(value, ensure_ascii=False)
    if depth > _DEEPEST:
        return None
    if isinstance(value, list):
        parts = [toml(each, depth + 1) for each in value]
        return None if None in parts else f"[{', '.join(map(str, parts))}]"
    if isinstance(value, dict):
        pairs = {str(k): toml(each, depth + 1) for k, each in value.items() if each is not None}
        if None in pairs.values() or not all(map(_KEY.match, pairs)):
            return None
        return f"{{{', '.join(f'{key} = {each}' for key, each in pairs.items())}}}"
    return None


def _bounded(facts: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The facts, as far as there is room for them."""
    room = _MOST_CHARACTERS
    for count, (key, value) in enumerate(facts):
        room -= len(key) + len(value)
        if room < 0 or count == _MOST_FACTS:
            yield "…", "more is in the file"
            return
        yield key, value


def _tasks(record: Record, pool: Pool) -> list[list[Any]]:
    """Name, rows, constant and the numbers beside the score, of each task."""
    found = []
    for name in sorted(part(record, "tasks"), key=str):
        task = part(record, "tasks", name)
        beside = _numbers(part(task, "metrics")) | _beside(task)
        names, values = pool.add(list(beside)), list(beside.values())
        constant = number(task.get("majority_baseline"))
        shown = None if constant is None else round(constant, 4)
        found.append([text(name, 40), number(task.get("n")), shown, names, values])
    return [] if [name for name, *_ in found] == [TASK] else found


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    known = {text(key, 40): number(metrics[key]) for key in sorted(metrics, key=str)[:20]}
    return {
        key: round(value, 4)
        for key, value in known.items()
        if value is not None and key not in _UNDER_SCORES
    }


def _beside(task: Record) -> dict[str, float]:
    """Of fine-tuning: the rate that won, and how many seeds there were."""
    tuned = part(task, "finetuning")
    known = {
        "learning rate": number(tuned.get("rate")),
        "seeds": number(part(task, "seeds").get("n")),
    }
    return {key: value for key, value in known.items() if value is not None}


def learning_curve(training: Mapping[str, Any]) -> Record | None:
    """What a record's `curve` says, `[{"tokens_seen": ..., METRIC: ...}, ...]`, of one metric."""
    points = training.get("curve")
    if not isinstance(points, list):
        return None
    for metric, label in _CURVES.items():
        there = [p for p in points if isinstance(p, dict) and "tokens_seen" in p and metric in p]
        pairs = [(number(p["tokens_seen"]), number(p[metric])) for p in _thinned(there)]
        known = [[x, round(y, 4)] for x, y in pairs if x is not None and y is not None]
        if len(known) > 1:
            return {"label": label, "points": known}
    return None


def _thinned(points: Sequence[Record]) -> list[Record]:
    if len(points) <= _MOST_POINTS:
        return list(points)
    last = len(points) - 1
    return [points[round(i * last / (_MOST_POINTS - 1))] for i in range(_MOST_POINTS)]
