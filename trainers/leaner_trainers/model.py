"""The model a run begins with: new weights, or those of a checkpoint; always float32."""

from __future__ import annotations

import pkgutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_model
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from leaner_harness import ArchitectureSpec, CheckpointError, UsageError
from leaner_trainers.recipe import Recipe


def make_model(
    recipe: Recipe, spec: ArchitectureSpec, tokenizer: PreTrainedTokenizerFast
) -> PreTrainedModel:
    """Build the model, on the CPU; new weights depend on torch's random state.

    Whatever a configuration says, master weights are float32. Raises UsageError for a block longer
    than the model sees, CheckpointError where `init_from` has other weights.
    """
    model: PreTrainedModel = pkgutil.resolve_name(spec.build)(recipe.size, len(tokenizer))
    model = model.to(torch.float32)
    context = getattr(model.config, "max_position_embeddings", -1)  # -1: as long as one likes
    if 0 < context < recipe.block_size:
        raise UsageError(f"block_size is {recipe.block_size}; the model sees at most {context}.")
    tokenizer.model_max_length = recipe.block_size
    if recipe.init_from:
        _load(model, Path(recipe.init_from).expanduser() / "model.safetensors", recipe)
    return model


def _load(model: PreTrainedModel, path: Path, recipe: Recipe) -> None:
    try:
        load_model(model, str(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} cannot be loaded into {recipe.architecture} {recipe.size}: {error}",
            "Give the architecture and the size that init_from was trained with.",
        ) from error
