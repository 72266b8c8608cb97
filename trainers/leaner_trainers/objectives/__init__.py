"""Objectives: one module each, with `collate(blocks, tokenizer, rng)` and `loss(model, batch)`.

Shapes: B rows, T tokens of a block, P targets of a row, V entries of the vocabulary. A token that
is no target is `IGNORED` among the targets. Documents that share a row do not see each other.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedTokenizerFast

IGNORED = -100


def positions(documents: Tensor) -> Tensor:
    """Each token's place in its document, or in the part of it that lies in the row; (B, T)."""
    place = torch.arange(documents.shape[1]).expand_as(documents)
    begins = torch.ones_like(documents, dtype=torch.bool)
    begins[:, 1:] = documents.diff(dim=1) != 0
    return place - place.masked_fill(~begins, 0).cummax(dim=1).values


def same_document(documents: Tensor) -> Tensor:
    """Whether two tokens of a row are of one document; boolean, (B, T, T)."""
    return documents[:, :, None] == documents[:, None, :]


def is_special(ids: Tensor, tokenizer: PreTrainedTokenizerFast) -> Tensor:
    """Which ids are special tokens, and so never targets; a boolean tensor of their shape."""
    return torch.isin(ids, torch.tensor(tokenizer.all_special_ids))


def summed_loss(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """From logits (B, P, V) and targets (B, P): the sum of the losses in nats, and their number."""
    is_target = targets != IGNORED
    total = F.cross_entropy(logits[is_target].float(), targets[is_target], reduction="sum")
    return total, is_target.sum()
