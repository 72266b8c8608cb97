"""How long a recipe trains on this machine: a few steps of its model on made-up text, timed."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from leaner_harness.conformance.architecture import collated
from leaner_harness.contracts import resolve
from leaner_harness.devices import use_bfloat16, usual_device
from leaner_harness.registry import get_architecture, get_objective

_TOKENS = 2048
"""Of a timed step, or one row: enough to keep a processor busy, and no more than seconds."""
_STEPS = 3
_LONG = 2.0
"""Seconds of a step whose first is taken for all: warming up is a small part of them."""


class Model(NamedTuple):
    """What decides how long a token takes."""

    architecture: str
    size: str
    vocab_size: int
    objective: str
    options: tuple[tuple[str, Any], ...]
    rows: int
    length: int
    bfloat16: bool


class Pace(NamedTuple):
    """How large a model is, and how long a token of its training takes."""

    parameters: int
    seconds: float


def pace(recipe: Mapping[str, Any]) -> Pace:
    """The pace of a recipe of the trainer `accelerate`; measured once for each model.

    Raises UnknownName or UsageError for an architecture, size or objective that cannot be had.
    """
    spec = get_architecture(str(recipe["architecture"]))
    objective = get_objective(str(recipe.get("objective") or spec.objective))
    length = int(recipe["block_size"])
    asked = recipe.get("bf16", False)
    return _measured(
        Model(
            spec.name,
            str(recipe["size"]),
            int(recipe["vocab_size"]),
            objective.name,
            tuple((name, recipe[name]) for name in objective.options),
            max(1, min(int(recipe["batch_size"]), _TOKENS // length)),
            length,
            use_bfloat16(asked, usual_device().type),
        )
    )


@functools.cache
def _measured(model: Model) -> Pace:
    import torch

    spec, objective = get_architecture(model.architecture), get_objective(model.objective)
    device = usual_device()
    built = resolve(spec.build)(model.size, model.vocab_size).to(device).train()
    options = dict(model.options)
    batch = collated(objective, packs=spec.packs, rows=model.rows, length=model.length, **options)
    batch = {name: tensor.to(device) for name, tensor in batch.items()}
    optimizer, loss_of = torch.optim.AdamW(built.parameters()), resolve(objective.loss)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=model.bfloat16):
            total, targets = loss_of(built, batch)
        (total / targets).backward()
        torch.nn.utils.clip_grad_norm_(built.parameters(), 1.0).item()  # waits for a GPU
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    parameters = sum(parameter.numel() for parameter in built.parameters())
    return Pace(parameters, _seconds(step) / (model.rows * model.length))


def _seconds(step: Callable[[], None]) -> float:
    """The median of a few steps, the first of which warms up."""
    took = []
    for _ in range(1 + _STEPS):
        begun = time.perf_counter()
        step()
        took.append(time.perf_counter() - begun)
        if took[0] > _LONG:
            return took[0]
    return statistics.median(took[1:])
