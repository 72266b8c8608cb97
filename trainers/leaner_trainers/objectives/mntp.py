"""Masked next-token prediction (GPT-BERT, arXiv:2410.24159): masks are read one place before.

The batch is that of masked language modelling; a masked token is predicted where a causal model
would predict it, from the position of the token before. Score with `scoring=mntp`.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import Module

from leaner_trainers.objectives import summed_loss
from leaner_trainers.objectives.mlm import collate

__all__ = ["collate", "loss"]


def loss(model: Module, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The sum of the targets' losses in nats, and their number."""
    logits = model(input_ids=batch["input_ids"]).logits  # (B, T, V)
    # The first token, the class token, is never a target: none is lost.
    return summed_loss(logits[:, :-1], batch["targets"][:, 1:])
