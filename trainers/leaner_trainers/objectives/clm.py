"""Next-token prediction, the objective of causal language models."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module


def collate(ids: Tensor, tokenizer: Any, rng: Any) -> dict[str, Tensor]:
    """From blocks (B, T + 1): `input_ids` and `targets`, the token after each; both (B, T)."""
    return {"input_ids": ids[:, :-1], "targets": ids[:, 1:]}


def loss(model: Module, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The sum of the targets' losses in nats, and their number."""
    logits = model(input_ids=batch["input_ids"], use_cache=False).logits  # (B, T, V)
    targets = batch["targets"].flatten()
    total = F.cross_entropy(logits.flatten(0, 1).float(), targets, reduction="sum")
    return total, total.new_tensor(targets.numel())
