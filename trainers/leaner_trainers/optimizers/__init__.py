"""Optimisers: what a recipe's `optimizer` names, and which parameters get which rate.

Parameters are of three kinds: matrices of the body; tables, which are the embeddings and the
language-model head; and vectors, such as norms and biases, which are few and never decayed.
"""

from __future__ import annotations

import pkgutil
from typing import Any

import torch
from transformers import PreTrainedModel

from leaner_harness import UnknownName, UsageError
from leaner_trainers.checkpoint import optimizer_parts
from leaner_trainers.optimizers.muon import Muon
from leaner_trainers.recipe import Recipe

Group = dict[str, Any]
_NARROW = 16
"""What has fewer rows or columns is a vector too: a convolution of four taps, a bias per head."""


def make_optimizers(model: PreTrainedModel, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """The optimisers of a run; together they hold each trained parameter once.

    Each group's `initial_lr` is its highest rate, which the schedule scales. Raises UsageError for
    a `module:attribute` that cannot be imported or takes no groups.
    """
    matrices, tables, vectors = _groups(model, recipe)
    if recipe.optimizer_options and ":" not in recipe.optimizer:
        raise UsageError(
            f"optimizer_options are {recipe.optimizer_options!r}, but optimizer is "
            f"{recipe.optimizer!r}.",
            "They are for an optimizer = 'module:attribute'; others have keys of their own.",
        )
    if recipe.optimizer == "muon":
        found = [_muon(matrices, recipe), _adamw([tables, vectors], recipe)]
    elif recipe.optimizer == "adamw":
        found = [_adamw([matrices, tables, vectors], recipe)]
    else:
        found = [_imported(recipe, [matrices, tables, vectors])]
    for optimizer in found:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return found


def _groups(model: PreTrainedModel, recipe: Recipe) -> tuple[Group, Group, Group]:
    """Matrices, tables and vectors, each with its rate and decay."""
    modules = [m for m in model.modules() if isinstance(m, torch.nn.Embedding)]
    head = model.get_output_embeddings()
    table_ids = {id(module.weight) for module in modules} | ({id(head.weight)} if head else set())
    trained = [p for p in model.parameters() if p.requires_grad]
    tables = [p for p in trained if id(p) in table_ids]
    body = [p for p in trained if id(p) not in table_ids]
    matrices = [p for p in body if _is_matrix(p)]
    vectors = [p for p in body if not _is_matrix(p)]
    rate, decay = recipe.learning_rate, recipe.weight_decay
    small = rate if recipe.embedding_rate is None else recipe.embedding_rate
    return (
        {"params": matrices, "lr": rate, "weight_decay": decay},
        {"params": tables, "lr": small, "weight_decay": decay},
        {"params": vectors, "lr": small, "weight_decay": 0.0},
    )


def _is_matrix(parameter: torch.Tensor) -> bool:
    rows = parameter.shape[0] if parameter.dim() >= 2 else 0
    return rows >= _NARROW and parameter.numel() // rows >= _NARROW


def _muon(matrices: Group, recipe: Recipe) -> torch.optim.Optimizer:
    return Muon([matrices], momentum=recipe.momentum)


def _adamw(groups: list[Group], recipe: Recipe) -> torch.optim.Optimizer:
    kept = [group for group in groups if group["params"]]
    return torch.optim.AdamW(kept, betas=(0.9, recipe.beta2), fused=True)


def _imported(recipe: Recipe, groups: list[Group]) -> torch.optim.Optimizer:
    """An optimiser class, or a function that makes one, by `module:attribute`."""
    name = recipe.optimizer
    if ":" not in name:
        raise UnknownName("optimizer", name, ("adamw", "muon"), "optimizer = 'module:attribute'")
    try:
        found = pkgutil.resolve_name(name)(groups, **recipe.optimizer_options)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise UsageError(
            f"optimizer is {name!r}, which cannot be made: {error}.",
            "Use 'muon', 'adamw', or the 'module:attribute' of something that takes groups and the "
            "optimizer_options.",
        ) from error
    if not isinstance(found, torch.optim.Optimizer):
        raise UsageError(f"optimizer is {name!r}, which makes no torch optimiser.")
    optimizer_parts([found])  # what cannot be saved is known before training
    return found
