"""What a run reports of itself: text and tokens seen, parameters, estimated computation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from leaner_harness import Reference
from leaner_trainers.architectures.sizes import describe
from leaner_trainers.recipe import Recipe
from leaner_trainers.tokenizers import tokenizer_digest
from leaner_trainers.training_text import TrainingText


def text_record(text: TrainingText, tokens_seen: int, targets_seen: int) -> dict[str, Any]:
    """What was read: tokens, targets, words, and digests of the text and the tokenizer."""
    tokens = text.tokens
    return {
        "tokens_seen": tokens_seen,
        # How many of them the model had to predict: all, or an objective's share.
        "targets_seen": targets_seen,
        # As many as stand, on average, in that many tokens of the training text.
        "words_seen": round(tokens_seen * text.words_per_token),
        "data": {
            "digest": tokens.digest,
            "documents": len(tokens.offsets) - 1,
            "words": tokens.words,
            "tokens": len(tokens.ids),
            "documents_apart": text.start is not None,
            **tokens.counts,
        },
        "tokenizer_digest": tokenizer_digest(text.tokenizer),
        "vocab_size": len(text.tokenizer),
    }


_COSTS = ("tokens_seen", "words_seen", "flops")


def began_with(recipe: Recipe) -> dict[str, Any]:
    """The checkpoint a run begins with, and all that had been spent on it; empty for new weights.

    A cost is None where the checkpoint does not say it.
    """
    if not recipe.init_from:
        return {}
    folder = Path(recipe.init_from).expanduser()
    try:
        said = json.loads((folder / "leaner.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        said = {}
    earlier = said.get("began_with", {})
    is_first = not said.get("recipe", {}).get("init_from")
    costs: dict[str, Any] = {}
    for key in _COSTS:
        spent, before = said.get(key), 0 if is_first else earlier.get(key)
        costs[key] = None if spent is None or before is None else spent + before
    digest = Reference(folder).digest
    return {"recipe_name": said.get("recipe_name", ""), "weights_sha256": digest, **costs}


def model_line(recipe: Recipe, model: PreTrainedModel) -> str:
    """What is trained, in a line."""
    about = describe(model)
    return (
        f"{recipe.architecture} {recipe.size}: {about['total']:,} parameters, "
        f"{about['non_embedding']:,} outside embeddings and head; "
        f"{about['depth']} layers of width {about['width']}"
    )


def cost_record(model: PreTrainedModel, tokens_seen: int) -> dict[str, Any]:
    """Parameters, and an estimate of the floating-point operations of training."""
    head = model.get_output_embeddings()
    about = describe(model)
    # Of words and, in BERT, of positions and segments too.
    tables = {m.weight for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    used = (model.get_input_embeddings() if head is None else head).weight
    looked_up = sum(table.numel() for table in tables if table is not used)
    return {
        "parameters": {key: about[key] for key in ("total", "non_embedding")},
        "shape": {key: about[key] for key in ("depth", "width")},
        "flops": 6 * (about["total"] - looked_up) * tokens_seen,
        "flops_rule": "estimate: 6 x parameters used in products (all but the looked-up "
        "embeddings) x tokens seen; attention over positions not counted",
    }
