"""Sizes: a shape for any number of parameters, counted alike for every architecture.

A size such as `3M` counts the parameters outside embeddings and language-model head, in units of
2^20, as TinyHelen does (arXiv:2501.00522, config/model_size.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from transformers import PreTrainedModel

from leaner_harness import UnknownName, UsageError

UNIT = 2**20
WITHIN = 0.01
"""How far a shape's parameters may lie from its size."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a size decides."""

    n_layer: int
    n_embd: int
    """Width of the residual stream."""
    n_inner: int
    """What is fitted: hidden units of the feed-forward part; of Mamba2, the size of the state."""
    n_head: int


def narrow_or_wide(shape: Shape) -> tuple[float, float]:
    """Dropout and spread of the first weights: the paper's, but for narrow BERTs and XLNets.

    These see their text about once and drop nothing; and they hardly move from weights of 0.02.
    """
    return (0.0, 0.06) if shape.n_embd < 256 else (0.1, 0.02)


Builder = Callable[[Shape], PreTrainedModel]


def find_shape(
    name: str, size: str, known: Mapping[str, Shape], build: Builder, width_unit: int = 8
) -> Shape:
    """The known shape of a size, or one fitted to it within 1 %.

    Depth and width lie on the line, in logarithms, through the known "1M" and "paper", which is
    taken for 14M; a width is a multiple of `width_unit` per head. Raises UnknownName for what is no
    size, UsageError for one that cannot be fitted.
    """
    if size in known:
        return known[size]
    match = re.fullmatch(r"(\d+(?:\.\d+)?)M", size)
    if match is None or not (times := float(match[1])):
        raise UnknownName(f"size of architecture {name!r}", size, [*known, "<number>M"])
    wanted = times * UNIT
    place = math.log(times) / math.log(14)
    shape = _between(known["1M"], known["paper"], place, width_unit)
    # Parameters grow linearly with the inner width: two counts tell where the line is.
    counts = [count(build, replace(shape, n_inner=width)) for width in (8, 16)]
    each = (counts[1] - counts[0]) / 8
    exact = 8 + (wanted - counts[0]) / each
    for step in (8, 4, 2, 1):
        fitted = replace(shape, n_inner=step * round(exact / step))
        if fitted.n_inner > 0 and abs(count(build, fitted) / wanted - 1) <= WITHIN:
            return fitted
    raise UsageError(
        f"No {name} of {size} was found: {shape.n_layer} layers of width {shape.n_embd} "
        f"leave no inner width that comes within {WITHIN:.0%}.",
        "Take another size.",
    )


def _between(small: Shape, large: Shape, place: float, width_unit: int) -> Shape:
    """Depth, heads and width at a place of the line: 0 is the small shape, 1 the large one."""

    def at(one: int, other: int) -> float:
        return one * (other / one) ** place

    heads = max(1, round(at(small.n_head, large.n_head)))
    unit = width_unit * heads
    width = max(unit, unit * round(at(small.n_embd, large.n_embd) / unit))
    return Shape(max(1, round(at(small.n_layer, large.n_layer))), width, 0, heads)


def count(build: Builder, shape: Shape) -> int:
    """Parameters outside embeddings and head of a shape; no memory is taken for its weights."""
    with torch.device("meta"):
        return non_embedding(build(shape))


def non_embedding(model: PreTrainedModel) -> int:
    """Parameters of the body, without the language-model head and tables that are looked up."""
    head = model.get_output_embeddings()
    tables = [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    left_out = {id(table.weight) for table in tables} | ({id(head.weight)} if head else set())
    return sum(p.numel() for p in model.base_model.parameters() if id(p) not in left_out)


def describe(model: PreTrainedModel) -> dict[str, int]:
    """Parameters with and without embeddings and head, layers, and width of the residual stream.

    Architectures of one size differ in these, Mamba2 most: its layer has no feed-forward part, so
    it has more layers ("paper": 11, the others 8, the published Mamba 2). What tells it from the
    others may be the depth.
    """
    return {
        "total": sum(parameter.numel() for parameter in model.parameters()),
        "non_embedding": non_embedding(model),
        "depth": model.config.num_hidden_layers,
        "width": model.config.hidden_size,
    }
