"""Next-token prediction, the objective of causal language models."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from leaner_harness import PADDING, Blocks
from leaner_trainers.objectives import IGNORED, positions


def collate(blocks: Blocks, tokenizer: Any, rng: Any) -> dict[str, Tensor]:
    """`input_ids`, `targets`, which are the tokens after each, and `position_ids`; (B, T) each."""
    targets = blocks.ids[:, 1:].masked_fill(blocks.kinds[:, 1:] == PADDING, IGNORED)
    batch = {"input_ids": blocks.ids[:, :-1], "targets": targets}
    if blocks.documents is not None:
        batch["position_ids"] = positions(blocks.documents[:, :-1])
    return batch


def loss(model: Module, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The sum of the targets' losses in nats, and their number."""
    targets = batch["targets"].flatten()
    total = F.cross_entropy(flat_logits(model, batch), targets, reduction="sum")
    return total, (targets != IGNORED).sum()


def flat_logits(model: Module, batch: dict[str, Tensor]) -> Tensor:
    """The model's scores of what comes after each token; float32, (B x T, V)."""
    found = {name: batch[name] for name in ("input_ids", "position_ids") if name in batch}
    # Without a cache: with one, transformers takes no notice of where documents begin.
    logits: Tensor = model(**found, use_cache=False).logits  # (B, T, V)
    return logits.flatten(0, 1).float()
