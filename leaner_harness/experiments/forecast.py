"""The dry run of an experiment: cells, tokens, hours and disk that are left, by step."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leaner_harness.experiments.drive import Place
from leaner_harness.experiments.grid import Cell
from leaner_harness.train import read_recipe

_PER_TOKEN = 6  # FLOPs of a parameter and token, forwards and backwards
_REACHED = 0.25
"""Of what this machine multiplies in a second, that training reaches: a rough figure."""
_BYTES = 16
"""On disk for a parameter: weights, and a state to resume from."""
_MILESTONE_BYTES = 4
"""On disk for a parameter at a milestone: weights alone."""


def forecast(cells: Sequence[Cell], folder: Path) -> dict[str, Any]:
    """What is left, by step. Hours are of one process: measured where a cell of the step is done.

    Else they are estimated for training, from the machine's own speed, and unknown for scoring.
    """
    place = Place(folder)
    speed = _speed()
    steps: dict[str, dict[str, Any]] = {}
    took: dict[str, list[float]] = {}
    for cell in cells:
        found = steps.setdefault(
            cell.step, {"cells": 0, "done": 0, "tokens": 0, "disk": 0, "hours": 0.0, "known": True}
        )
        found["cells"] += 1
        if place.is_done(cell):
            found["done"] += 1
            took.setdefault(cell.step, []).append(place.seconds(cell) or 0.0)
        elif cell.command[0] == "train":
            tokens, parameters, milestones = _training(cell)
            found["tokens"] += tokens
            found["disk"] += parameters * (_BYTES + milestones * _MILESTONE_BYTES)
            found["hours"] += _PER_TOKEN * parameters * tokens / speed / 3600
        else:
            found["known"] = False
    for name, found in steps.items():
        if took.get(name):
            mean = sum(took[name]) / len(took[name])
            found |= {"hours": (found["cells"] - found["done"]) * mean / 3600, "known": True}
    total = Counter[str]()
    for found in steps.values():
        total.update({key: found[key] for key in ("cells", "done", "tokens", "disk", "hours")})
    known = all(found["known"] for found in steps.values())
    return {"steps": steps, "total": {**total, "known": known}}


def _training(cell: Cell) -> tuple[int, int, int]:
    """Tokens that a training run sees, about how many parameters it has, how many milestones."""
    overrides = [
        word
        for before, word in zip(cell.command, cell.command[1:], strict=False)
        if before == "--set"
    ]
    recipe = dataclasses.asdict(read_recipe(cell.command[1], overrides).recipe)
    tokens = recipe["steps"] * recipe["batch_size"] * recipe["block_size"]
    size = str(recipe["size"])
    millions = (
        float(size[:-1]) if size.endswith("M") and size[:-1].replace(".", "").isdigit() else 14
    )
    milestones = len(recipe.get("checkpoint_at", ()))
    return tokens * recipe.get("gradient_accumulation", 1), int(millions * 1e6), milestones


def _speed() -> float:
    """FLOPs a second that training may reach on this machine's processor, or its GPU."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    size = 4096 if device == "cuda" else 512
    one = torch.randn(size, size, device=device)
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        total = (one @ one).sum().item()  # waits for a GPU
        best = min(best, time.perf_counter() - begun)
    assert total == total, "the product of finite numbers is one"
    return _REACHED * 2 * size**3 / best
