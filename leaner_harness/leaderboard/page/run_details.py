"""Details of a run: where its numbers come from, bounded so that no file can swell the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from leaner_harness import scoring
from leaner_harness.data.glue import TASKS
from leaner_harness.leaderboard.page import commands
from leaner_harness.leaderboard.page.pool import Pool
from leaner_harness.leaderboard.sets import number, part, text
from leaner_harness.learning_curve import MEASURES, MOST_POINTS, thinned
from leaner_harness.results import Record
from leaner_harness.results.answer_scores import TASK

_MOST_FACTS = 60
_MOST_CHARACTERS = 3000
"""Of a section's facts."""
_DEEPEST = 4
_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}\Z")
_SKIPPED = ("recipe", "versions", "curve", "lm_eval", "parameters")
_UNDER_SCORES = (scoring.SCORE, scoring.CENTRED)


def details(record: Record, pool: Pool, folder: Path) -> Record:
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
        "verify": commands.verify(record, folder),
        "missing": [text(name, 60) for name in record["missing"][:20]],
        "tasks": _tasks(record, pool),
    }
    # Random weights of a checkpoint's shape have learned nothing of what its log tells.
    is_random = part(record, "model", "scorer").get("from_scratch")
    if (curve := curve_of(training)) and not is_random:
        found["curve"] = pool.add(curve)
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
    for name in sorted(part(record, "tasks"), key=lambda name: (_place(name), str(name))):
        task = part(record, "tasks", name)
        beside = _numbers(part(task, "metrics")) | _beside(task)
        names, values = pool.add(list(beside)), list(beside.values())
        constant = number(task.get("majority_baseline"))
        shown = None if constant is None else round(constant, 4)
        found.append([text(name, 40), number(task.get("n")), shown, names, values])
    return [] if [name for name, *_ in found] == [TASK] else found


def _place(task: str) -> int:
    """Tasks in the order of the columns."""
    known = list(TASKS)
    return known.index(task) if task in known else len(known)


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


def curve_of(training: Mapping[str, Any]) -> Record | None:
    """The columns of a record's learning curve: tokens, losses, and the measure on validation text.

    None where there are fewer than two points.
    """
    found = training.get("curve")
    points = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    points = [each for each in points if number(each.get("tokens_seen")) is not None]
    points = thinned(points, MOST_POINTS)
    if len(points) < 2:
        return None
    measure = next((key for key in MEASURES if any(key in each for each in points)), "")
    return {
        "tokens": [round(each["tokens_seen"]) for each in points],
        "loss": [_rounded(each.get("loss")) for each in points],
        "validation": [_rounded(each.get(measure)) for each in points] if measure else [],
        "unit": MEASURES.get(measure, ""),
    }


def _rounded(value: Any) -> float | None:
    known = number(value)
    return None if known is None else round(known, 3)
