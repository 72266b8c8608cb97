"""Bits per byte: the loss on a fixed text, in a unit that no tokenizer can change."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from transformers import PreTrainedTokenizerFast

from leaner_harness import DataError, Document
from leaner_trainers.tokens import encode

_WINDOWS = 16  # scored in one forward pass


@dataclass(frozen=True)
class ValidationText:
    """Documents cut into windows, as lm-eval's rolling log-likelihood cuts them.

    Each token is predicted once. A document begins after the end-of-text token, and each later
    window after the last token of the one before.
    """

    windows: list[list[int]]
    """At most block_size + 1 ids each: the first is context, the others are predicted."""
    n_bytes: int
    """UTF-8 length of the text."""

    @classmethod
    def of(
        cls, documents: Iterable[Document], tokenizer: PreTrainedTokenizerFast, block_size: int
    ) -> ValidationText:
        """Cut up some documents. Raises DataError when there is nothing in them."""
        texts = [document.text for document in documents]
        windows = []
        for ids in encode(tokenizer, texts):
            ids = [tokenizer.eos_token_id, *ids]
            starts = range(0, len(ids) - 1, block_size)
            windows += [ids[start : start + block_size + 1] for start in starts]
        if not windows:
            raise DataError(
                "The validation text is empty.",
                "Check `data` and `genres`; a file of one's own keeps every 50th document for it.",
            )
        # Like lengths together: less padding. A stable sort, so the order is always the same.
        windows.sort(key=len)
        return cls(windows, sum(len(text.encode()) for text in texts))


@torch.no_grad()
def bits_per_byte(model: torch.nn.Module, text: ValidationText, device: torch.device) -> float:
    """Negative log2-likelihood of the text, over its length in bytes."""
    was_training = model.training
    model.eval()
    nats = 0.0
    for start in range(0, len(text.windows), _WINDOWS):
        batch = text.windows[start : start + _WINDOWS]
        width = max(map(len, batch))
        ids = torch.tensor([w + [0] * (width - len(w)) for w in batch], device=device)  # (B, T+1)
        ends = torch.tensor([len(w) - 1 for w in batch], device=device)[:, None]
        is_target = torch.arange(width - 1, device=device) < ends  # (B, T)
        # Padding lies to the right, where a causal model does not look.
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits  # (B, T, V)
        losses = F.cross_entropy(
            logits.float().transpose(1, 2), ids[:, 1:], reduction="none"
        )  # (B, T)
        nats += float(losses[is_target].double().sum())
    model.train(was_training)
    return nats / math.log(2) / text.n_bytes
