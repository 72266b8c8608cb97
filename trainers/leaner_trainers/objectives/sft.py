"""Supervised fine-tuning: next-token prediction of answers, given their prompts.

With `prompt_loss_weight` 0 only answers are learned; with 1 prompts as well, as TinyHelen does
(arXiv:2501.00522, instruction tuning). A target counts as much as its weight, in the sum and in
the number that divides it.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from leaner_harness import PADDING, PROMPT, Blocks
from leaner_trainers.objectives import IGNORED, clm


def collate(
    blocks: Blocks, tokenizer: Any, rng: Any, prompt_loss_weight: float = 0.0
) -> dict[str, Tensor]:
    """The batch of next-token prediction, and `weights`, those of the targets; (B, T) each."""
    batch = clm.collate(blocks, tokenizer, rng)
    kinds = blocks.kinds[:, 1:]
    weights = (kinds != PADDING).float().masked_fill(kinds == PROMPT, prompt_loss_weight)
    batch["targets"] = batch["targets"].masked_fill(weights == 0, IGNORED)
    return batch | {"weights": weights}


def loss(model: Module, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The weighted sum of the targets' losses in nats, and the sum of their weights."""
    weights = batch["weights"].flatten()
    targets = batch["targets"].flatten()
    losses = F.cross_entropy(clm.flat_logits(model, batch), targets, reduction="none")
    return (losses * weights).sum(), weights.sum()
