"""Masked next-token prediction (GPT-BERT, arXiv:2410.24159): masks are read one place before.

The batch is that of masked language modelling; a masked token is predicted where a causal model
would predict it, from the position of the token before. Score with `scoring=mntp`.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import Module

from leaner_trainers.objectives import summed_loss
from leaner_trainers.objectives.mlm import collate, logits

__all__ = ["collate", "loss"]


def loss(model: Module, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The sum of the targets' losses in nats, and their number."""
    # A document begins with the class token, which is never a target. The first token of a row that
    # begins inside a document may be one, and is lost: nothing stands before it.
    return summed_loss(logits(model, batch)[:, :-1], batch["targets"][:, 1:])
