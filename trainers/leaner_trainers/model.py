"""The model a run begins with: new weights, or those of a checkpoint; always float32."""

from __future__ import annotations

import pkgutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_model
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from leaner_harness import ArchitectureSpec, CheckpointError, LeanerError, UsageError
from leaner_trainers.recipe import Recipe
from leaner_trainers.tokenizers import load_tokenizer, start_token


def check_model(recipe: Recipe, spec: ArchitectureSpec) -> None:
    """Raise what `make_model` would, for a size or a block that cannot be: before text is read."""
    if recipe.init_from:
        _weights(recipe)
    try:
        with torch.device("meta"):
            model = _build(recipe, spec, 1)
    except LeanerError:
        raise
    except Exception:  # not every builder can do without memory, or with so few tokens
        return
    _check_block(recipe, model)


def make_model(
    recipe: Recipe, spec: ArchitectureSpec, tokenizer: PreTrainedTokenizerFast
) -> PreTrainedModel:
    """Build the model, on the CPU; new weights depend on torch's random state.

    Whatever a configuration says, master weights are float32. Raises UsageError for a block longer
    than the model sees or `init_from` with another tokenizer, CheckpointError where it has other
    weights.
    """
    model = _build(recipe, spec, len(tokenizer)).to(torch.float32)
    _check_block(recipe, model)
    tokenizer.model_max_length = recipe.block_size
    _name_tokens(model, tokenizer)
    _train_every_token(model)
    if recipe.init_from:
        weights = _weights(recipe)
        _check_same_tokens(weights.parent, tokenizer, spec.tokenizer)
        _load(model, weights, recipe)
    return model


def _name_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    """Have the configurations name the tokenizer's ids, where the builder names any.

    Generation stops at the end of a document whether or not it did.
    """
    end = tokenizer.eos_token_id
    pad = end if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    ids = {"bos_token_id": start_token(tokenizer), "eos_token_id": end, "pad_token_id": pad}
    for config in (model.config, getattr(model, "generation_config", None)):
        for name, number in ids.items():
            if getattr(config, name, None) is not None:
                setattr(config, name, number)
    if getattr(model, "generation_config", None) is not None:
        model.generation_config.eos_token_id = end


def _train_every_token(model: PreTrainedModel) -> None:
    """Undo what transformers does to the embedding of a padding token: zeros, and no gradient.

    Causal models pad with the token that begins and ends documents. It has to be learnt, or the
    first token of every document is predicted from nothing.
    """
    embedding = model.get_input_embeddings()
    padding = getattr(embedding, "padding_idx", None)
    if padding is not None:
        with torch.no_grad():
            embedding.weight[padding].normal_(0, float(embedding.weight.std()))
        embedding.padding_idx = None


def _build(recipe: Recipe, spec: ArchitectureSpec, vocab_size: int) -> PreTrainedModel:
    model: PreTrainedModel = pkgutil.resolve_name(spec.build)(recipe.size, vocab_size)
    return model


def _check_block(recipe: Recipe, model: PreTrainedModel) -> None:
    context = getattr(model.config, "max_position_embeddings", -1)  # -1: as long as one likes
    if 0 < context < recipe.block_size:
        raise UsageError(f"block_size is {recipe.block_size}; the model sees at most {context}.")


def _weights(recipe: Recipe) -> Path:
    """The weights to begin with. Raises CheckpointError where there are none."""
    path = Path(recipe.init_from).expanduser() / "model.safetensors"
    if not path.is_file():
        raise CheckpointError(
            f"init_from is {recipe.init_from!r}, which has no model.safetensors.",
            "Give the folder of a checkpoint: what `leaner train` wrote.",
        )
    return path


def _check_same_tokens(first: Path, tokenizer: PreTrainedTokenizerFast, kind: str) -> None:
    """Raise UsageError where the loaded embeddings stand for other tokens than the text's.

    A folder without a tokenizer is taken at its user's word.
    """
    if (first / "tokenizer.json").is_file():
        if load_tokenizer(first, kind).get_vocab() != tokenizer.get_vocab():
            raise UsageError(
                f"init_from is {first}, which learnt another tokenizer's tokens.",
                "Leave `tokenizer` out: the one of init_from is used.",
            )


def _load(model: PreTrainedModel, path: Path, recipe: Recipe) -> None:
    try:
        load_model(model, str(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} cannot be loaded into {recipe.architecture} {recipe.size}: {error}",
            "Give the architecture and the size that init_from was trained with.",
        ) from error
