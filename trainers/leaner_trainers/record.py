"""What a run reports of itself: text and tokens seen, parameters, estimated computation."""

from __future__ import annotations

import platform
from typing import Any

import torch
from accelerate import Accelerator
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from leaner_trainers.architectures.sizes import non_embedding
from leaner_trainers.tokens import Tokens, tokenizer_digest


def text_record(
    tokens: Tokens, tokenizer: PreTrainedTokenizerFast, tokens_seen: int, targets_seen: int
) -> dict[str, Any]:
    """What was read: tokens, targets, words, and digests of the text and the tokenizer."""
    return {
        "tokens_seen": tokens_seen,
        # How many of them the model had to predict: all, or an objective's share.
        "targets_seen": targets_seen,
        # As many as stand, on average, in that many tokens of the training text.
        "words_seen": round(tokens_seen * tokens.words / len(tokens.ids)),
        "data": {
            "digest": tokens.digest,
            "documents": len(tokens.offsets) - 1,
            "words": tokens.words,
            "tokens": len(tokens.ids),
        },
        "tokenizer_digest": tokenizer_digest(tokenizer),
        "vocab_size": len(tokenizer),
    }


def cost_record(model: PreTrainedModel, tokens_seen: int) -> dict[str, Any]:
    """Parameters, and an estimate of the floating-point operations of training."""
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    total = sum(p.numel() for p in model.parameters())
    tied = head is None or head.weight is embedding.weight
    looked_up = 0 if tied else embedding.weight.numel()
    return {
        "parameters": {"total": total, "non_embedding": non_embedding(model)},
        "flops": 6 * (total - looked_up) * tokens_seen,
        "flops_rule": "estimate: 6 x parameters used in products (all but the looked-up "
        "embedding) x tokens seen; attention over positions not counted",
    }


def hardware(accelerator: Accelerator) -> str:
    """The machine, in a line."""
    if accelerator.device.type == "cuda":
        name = torch.cuda.get_device_name(accelerator.device)
    else:
        name = (
            f"{accelerator.device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"
        )
    return f"{accelerator.num_processes} x {name}, torch {torch.__version__}"
