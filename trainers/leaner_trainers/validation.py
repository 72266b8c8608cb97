"""The loss on a fixed text: bits per byte of a causal model, nats per target of any other."""

from __future__ import annotations

import math
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from transformers import PreTrainedTokenizerFast

from leaner_harness import DataError, Document, ObjectiveSpec
from leaner_trainers.order import RowRandom, read_blocks
from leaner_trainers.tokens import encode

_BATCH = 16  # windows or blocks scored in one forward pass
_SEED = 0  # of the masks, which are the same in every run


def read_validation(
    documents: Iterable[Document],
    tokenizer: PreTrainedTokenizerFast,
    block_size: int,
    objective: ObjectiveSpec,
) -> ValidationText | ValidationBlocks:
    """Tokenise the text that `loss` is to be measured on.

    Raises DataError when there is too little of it.
    """
    if objective.causal:
        return ValidationText.of(documents, tokenizer, block_size)
    return ValidationBlocks.of(documents, tokenizer, block_size, objective)


@dataclass(frozen=True)
class ValidationText:
    """Documents cut into windows, as lm-eval's rolling log-likelihood cuts them.

    Each token is predicted once. A document begins after the end-of-text token, and each later
    window after the last token of the one before.
    """

    key: ClassVar[str] = "validation_bits_per_byte"
    unit: ClassVar[str] = "bits/byte"

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
    def loss(self, model: torch.nn.Module, device: torch.device) -> float:
        """Negative log2-likelihood of the text, over its length in bytes: no tokenizer matters."""
        was_training = model.training
        model.eval()
        nats = 0.0
        for start in range(0, len(self.windows), _BATCH):
            batch = self.windows[start : start + _BATCH]
            width = max(map(len, batch))
            padded = [w + [0] * (width - len(w)) for w in batch]
            ids = torch.tensor(padded, device=device)  # (B, T + 1)
            ends = torch.tensor([len(w) - 1 for w in batch], device=device)[:, None]
            is_target = torch.arange(width - 1, device=device) < ends  # (B, T)
            # Padding lies to the right, where a causal model does not look.
            logits = model(input_ids=ids[:, :-1], use_cache=False).logits  # (B, T, V)
            losses = F.cross_entropy(
                logits.float().transpose(1, 2), ids[:, 1:], reduction="none"
            )  # (B, T)
            nats += float(losses[is_target].double().sum())
        model.train(was_training)
        return nats / math.log(2) / self.n_bytes


@dataclass(frozen=True)
class ValidationBlocks:
    """Documents cut into blocks as in training, with targets that are always the same.

    Their loss depends on the tokenizer: it compares runs that share one.
    """

    key: ClassVar[str] = "validation_loss"
    unit: ClassVar[str] = "nats/target"

    blocks: torch.Tensor
    """Ids, each block with the token after it; (blocks, block_size + 1)."""
    tokenizer: PreTrainedTokenizerFast
    objective: ObjectiveSpec

    @classmethod
    def of(
        cls,
        documents: Iterable[Document],
        tokenizer: PreTrainedTokenizerFast,
        block_size: int,
        objective: ObjectiveSpec,
    ) -> ValidationBlocks:
        """Cut up some documents. Raises DataError when they do not fill a block."""
        texts = [document.text for document in documents]
        ids = [i for text in encode(tokenizer, texts) for i in (*text, tokenizer.eos_token_id)]
        n_blocks = (len(ids) - 1) // block_size
        if n_blocks < 1:
            raise DataError(
                f"The validation text has {len(ids)} tokens, less than one block.",
                f"Raise validation_words, or give a block_size below {block_size}.",
            )
        blocks = read_blocks(np.array(ids, dtype=np.uint16), np.arange(n_blocks), block_size)
        return cls(blocks, tokenizer, objective)

    @torch.no_grad()
    def loss(self, model: torch.nn.Module, device: torch.device) -> float:
        """The mean loss of the targets, in nats."""
        collate, loss_of = map(pkgutil.resolve_name, (self.objective.collate, self.objective.loss))
        was_training = model.training
        model.eval()
        nats, n_targets = 0.0, 0
        for start in range(0, len(self.blocks), _BATCH):
            ids = self.blocks[start : start + _BATCH]
            rng = RowRandom(np.arange(start, start + len(ids)), _SEED)
            batch = collate(ids, self.tokenizer, rng)
            total, count = loss_of(model, {key: value.to(device) for key, value in batch.items()})
            nats += float(total)
            n_targets += int(count)
        model.train(was_training)
        return nats / max(n_targets, 1)
