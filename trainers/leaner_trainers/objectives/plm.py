"""Permutation language modelling (Yang et al. 2019, sections 2.2 and 2.3), XLNet's objective.

A few spans of a block are targets. They are predicted in a random order: each sees all that is no
target, and the targets before it in that order. As in the paper, and unlike transformers' collator,
what is seen of an earlier target is its token and not a mask.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module
from transformers import PreTrainedTokenizerFast

from leaner_harness import Blocks, UsageError
from leaner_trainers.objectives import IGNORED, is_special, same_document, summed_loss
from leaner_trainers.order import RowRandom

_SPAN = 5  # longest span of targets
_ROOM = 6  # tokens for each target: one in six is predicted


def collate(
    blocks: Blocks, tokenizer: PreTrainedTokenizerFast, rng: RowRandom
) -> dict[str, Tensor]:
    """`input_ids` and `order` (B, T), `positions` and `targets` (B, P), and `documents` (B, T).

    `order` is a target's place in the order of prediction, and -1 for what everyone sees. A row
    with fewer than P targets is filled up with `IGNORED` ones. There are no `documents` where they
    may see each other. Raises UsageError for an odd T.
    """
    text = blocks.ids[:, :-1]
    n_tokens = text.shape[1]
    if n_tokens % 2:
        raise UsageError(
            f"block_size is {n_tokens}; the objective 'plm' orders the two halves of a block.",
            f"Use an even one, such as {n_tokens + 1}.",
        )
    is_target = _spans(n_tokens, rng) & ~is_special(text, tokenizer)
    # A target that sees nothing of its document would see, a little, all of the row. A document has
    # its class token to see, but where the row begins there may be the rest of one.
    is_target[:, 0] = False
    counts = is_target.sum(1, keepdim=True)  # (B, 1)
    # Targets first, in the order of the text: a stable sort.
    positions = is_target.int().argsort(dim=1, descending=True, stable=True)
    positions = positions[:, : max(1, int(counts.max()))]  # (B, P)
    is_filling = torch.arange(positions.shape[1]) >= counts
    # The first half comes before the second, and both in one order: XLNet's, whose memory of the
    # first half must not have seen the second.
    rank = rng.random(n_tokens // 2).argsort(dim=1)  # (B, T / 2)
    order = torch.cat([rank, rank + n_tokens // 2], dim=1)
    batch = {
        "input_ids": text,
        "order": order.masked_fill(~is_target, -1),
        "positions": positions,
        "targets": text.gather(1, positions).masked_fill(is_filling, IGNORED),
    }
    if blocks.documents is not None:
        batch["documents"] = blocks.documents[:, :-1]
    return batch


def loss(model: Module, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The sum of the targets' losses in nats, and their number."""
    targets = batch["targets"]
    is_target = targets != IGNORED
    logits = model(
        input_ids=batch["input_ids"],
        perm_mask=perm_mask(batch["order"], batch.get("documents")),
        target_mapping=target_mapping(batch["positions"], is_target, batch["order"].shape[1]),
    ).logits  # (B, P, V)
    return summed_loss(logits, targets)


def perm_mask(order: Tensor, documents: Tensor | None = None) -> Tensor:
    """(B, T, T): 1 where token i must not see token j, a target that does not come before it.

    Tokens that are no targets see no target: through them, a target would see itself. Tokens of
    other documents are not seen either.
    """
    is_target = order >= 0
    hidden = is_target[:, None, :] & (order[:, None, :] >= order[:, :, None])
    if documents is not None:
        hidden |= ~same_document(documents)
    return hidden.float()


def target_mapping(positions: Tensor, is_target: Tensor, n_tokens: int) -> Tensor:
    """(B, P, T): row p is one-hot at the position of target p, and zero where it is filling."""
    return F.one_hot(positions, n_tokens).float() * is_target[:, :, None]


def _spans(n_tokens: int, rng: RowRandom) -> Tensor:
    """(B, T), boolean: spans of 1 to 5 tokens, each at a random place in six times its length."""
    n_spans = -(-n_tokens // _ROOM)  # enough even if all have length 1
    length, place = rng.random(2, n_spans).unbind(1)  # (B, spans)
    length = 1 + (length * _SPAN).long()
    room = length * _ROOM
    first = room.cumsum(1) - room + (place * (room - length + 1)).long()
    offsets = torch.arange(_SPAN)
    covered = first[:, :, None] + offsets  # (B, spans, 5)
    # What lies beyond the span or the block is marked in a column that is cut off.
    covered = covered.masked_fill(offsets >= length[:, :, None], n_tokens).clamp(max=n_tokens)
    marks = torch.zeros(len(length), n_tokens + 1, dtype=torch.bool)
    return marks.scatter(1, covered.flatten(1), True)[:, :-1]
