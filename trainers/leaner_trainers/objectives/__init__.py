"""Objectives: one module each, with `collate(ids, tokenizer, rng)` and `loss(model, batch)`.

Shapes: B rows, T tokens of a block, P targets of a row, V entries of the vocabulary. A token that
is no target is `IGNORED` among the targets.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedTokenizerFast

IGNORED = -100


def begin_with_class(ids: Tensor, tokenizer: PreTrainedTokenizerFast) -> Tensor:
    """Blocks (B, T + 1) as a model reads a text it scores: the class token first; (B, T).

    The last token of each block makes room for it.
    """
    first = torch.full_like(ids[:, :1], tokenizer.cls_token_id)
    return torch.cat([first, ids[:, :-2]], dim=1)


def is_special(ids: Tensor, tokenizer: PreTrainedTokenizerFast) -> Tensor:
    """Which ids are special tokens, and so never targets; a boolean tensor of their shape."""
    return torch.isin(ids, torch.tensor(tokenizer.all_special_ids))


def summed_loss(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """From logits (B, P, V) and targets (B, P): the sum of the losses in nats, and their number."""
    is_target = targets != IGNORED
    total = F.cross_entropy(logits[is_target].float(), targets[is_target], reduction="sum")
    return total, is_target.sum()
