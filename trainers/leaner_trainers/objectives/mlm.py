"""Masked language modelling (Devlin et al. 2019, section 3.1), the objective of BERT."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import Module
from transformers import PreTrainedTokenizerFast

from leaner_harness import Blocks
from leaner_trainers.objectives import (
    IGNORED,
    is_special,
    positions,
    same_document,
    summed_loss,
)
from leaner_trainers.order import RowRandom

_TARGETS = 0.15  # share of the ordinary tokens that are to be predicted
_MASKED, _REPLACED = 0.8, 0.1  # of those: shown as the mask token, as a random one; others as is


def collate(
    blocks: Blocks, tokenizer: PreTrainedTokenizerFast, rng: RowRandom
) -> dict[str, Tensor]:
    """`input_ids` with masks in them, and `targets`; both (B, T).

    A special token is neither a target nor put in a target's place. Where documents are kept apart
    there are also `position_ids` (B, T) and an `attention_mask` (B, 1, T, T), which is added to the
    scores of attention.
    """
    text = blocks.ids[:, :-1]
    chosen, kind, word = rng.random(3, text.shape[1]).unbind(1)  # (B, T) each
    is_target = (chosen < _TARGETS) & ~is_special(text, tokenizer)
    every = torch.arange(len(tokenizer))
    ordinary = every[~is_special(every, tokenizer)]
    shown = torch.where(kind < _MASKED + _REPLACED, ordinary[(word * len(ordinary)).long()], text)
    shown = shown.masked_fill(kind < _MASKED, tokenizer.mask_token_id)
    batch = {
        "input_ids": torch.where(is_target, shown, text),
        "targets": text.masked_fill(~is_target, IGNORED),
    }
    if blocks.documents is not None:
        documents = blocks.documents[:, :-1]
        batch["position_ids"] = positions(documents)
        # Numbers and not booleans, which transformers' eager attention would add as zeros and ones.
        hidden = ~same_document(documents)[:, None]
        batch["attention_mask"] = hidden.float() * torch.finfo(torch.float32).min
    return batch


def loss(model: Module, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The sum of the targets' losses in nats, and their number."""
    return summed_loss(logits(model, batch), batch["targets"])


def logits(model: Module, batch: dict[str, Tensor]) -> Tensor:
    """The model's scores at every place; (B, T, V)."""
    found: Tensor = model(**{name: batch[name] for name in batch if name != "targets"}).logits
    return found
