"""Folders of experiments as a run leaves them, made of numbers alone: nothing is trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import small_results

from leaner_harness.data.glue import AVERAGED
from leaner_harness.entropy.report import report as entropies
from leaner_harness.experiments import grid
from leaner_harness.experiments.grid import checkpoint
from leaner_harness.files import write_json


def read(
    folder: Path, name: str = "exp1", preset: str = "smoke", **options: Any
) -> grid.Experiment:
    folders = {"runs": "runs", "results": folder, "published": "data", "judge": "openai:m"}
    return grid.read(name, preset, folders, **options)


def fill(folder: Path, experiment: grid.Experiment, skills: Mapping[str, float]) -> None:
    """All that the cells of EXP1 or EXP3 leave; a side's skill, or an arm's, by its name."""
    for number, cell in enumerate(experiment.cells):
        skill = skills.get(cell.at.get("side") or cell.at.get("arm") or "", 0.3)
        if cell.command[0] == "evaluate":
            _write_score(folder / "boards", cell.command, skill, seed=number)
        elif cell.command[0] == "train":
            place = folder / "training" / checkpoint(cell).name
            weights = _scored(experiment, checkpoint(cell))
            write_training(place, _overrides(cell.command), loss=2.0 - skill, weights=weights)
        else:
            write_json(folder / "texts" / "sides.json", texts())


def _write_score(boards: Path, command: tuple[str, ...], skill: float, seed: int) -> None:
    """A result of the protocol that the command asks for; fine-tuned ones have one seed."""
    asked = dict(zip(command, command[1:], strict=False))
    names = asked["--tasks"].split(",")
    model, protocol = asked["--model"], asked.get("--protocol", "zero-shot")
    if protocol == "zero-shot":
        small_results.write(boards, model, small_results.zero_shot(skill, seed))
    else:
        samples = small_results.fine_tuned([skill], seed)
        if set(names) <= set(AVERAGED):
            samples = [each for each in samples if each["task"] in names]
        changes: dict[str, Any] = {"run": f"{protocol}-validation"}
        changes["protocol"] = {"name": protocol, "fingerprint": protocol}
        if _is_random(command):
            changes["scorer"] = {"from_scratch": True}
            changes["weights"] = Path(command[1]).name
        small_results.write(boards, model, samples, **changes)


def _is_random(command: tuple[str, ...]) -> bool:
    return any("from_scratch=true" in word for word in command)


def _scored(experiment: grid.Experiment, place: Path) -> dict[str, str]:
    """A digest for each milestone of a training; a result's is its model's name."""
    found = {"end": place.name}
    for cell in experiment.cells:
        path = Path(cell.command[1])
        if _is_random(cell.command):
            continue
        if cell.command[0] == "evaluate" and place in (path, *path.parents):
            milestone = "end" if path == place else path.name
            found[milestone] = cell.command[cell.command.index("--model") + 1]
    return found


def _overrides(command: tuple[str, ...]) -> dict[str, Any]:
    pairs = [b.partition("=") for a, b in zip(command, command[1:], strict=False) if a == "--set"]
    found: dict[str, Any] = {}
    for key, _, value in pairs:
        found[key] = json.loads(value) if value[:1] in '[{"' or value.isdigit() else value
    return found


def write_training(
    place: Path, recipe: dict[str, Any], loss: float, weights: Mapping[str, str] | None = None
) -> None:
    """A record and a curve of three points."""
    steps = int(recipe["steps"])
    key = "validation_bits_per_byte"
    points = [
        {"step": step, "tokens_seen": 512 * step, key: loss + 1 / step}
        for step in (steps // 4, steps // 2, steps)
    ]
    size = float(str(recipe["size"])[:-1])
    record = {
        "recipe": recipe,
        "steps": steps,
        "tokens_seen": 512 * steps,
        "words_seen": 4_000 * steps,
        "seconds": 1.0,
        key: points[-1][key],
        "parameters": {"total": int(size * 1e6), "non_embedding": 1},
        "data": {"digest": "d", "words": recipe.get("words", 1000), "tokens": 50_000},
        "weights": dict(weights or {"end": place.name}),
    }
    write_json(place / "leaner.json", record)
    (place / "log.jsonl").write_text("".join(json.dumps(point) + "\n" for point in points))


def texts() -> dict[str, Any]:
    """Figures of two texts."""
    some = {"wiki": ["the cat sat on the mat . " * 20] * 30}
    other = {"wiki": ["a feline was seated upon that rug ; " * 20] * 30}
    sizes = {"documents": 30, "words": 4200, "bytes": 15000}
    return {
        "sides": ["leaner", "original"],
        "genres": ["wiki"],
        "texts": {
            "leaner": {**sizes, "tokens": {"leaner": 6000, "original": 8000}},
            "original": {**sizes, "tokens": {"leaner": 9000, "original": 7000}},
        },
        "entropy": entropies(some, other, compression=False),
    }
