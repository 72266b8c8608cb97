"""The lm-eval model type `leaner-permutation`: XLNet from left to right.

XLNet (arXiv:1906.08237) predicts a token in its query stream, which knows the token's position and
sees what the permutation puts before it; the order used here is that of the text. So a score is the
sum of log p(token | all tokens before it) in nats, a probability as a causal model gives it.
The context, too, is read from left to right, so that p(ab) = p(a) p(b | a) holds. Pre-training
shows the tokens that are not targets to each other in both directions; an early token read without
what comes after it is a little stranger to the model than that.

A query that sees nothing would, in transformers' implementation, see everything (a softmax over
equal scores). So a token always has one before it: a text without context begins with the prefix
token. To a model that was never trained with it, this is one strange token; it stands before every
choice alike, but shifts the likelihood of a whole text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from leaner_harness.errors import CheckpointError, UsageError
from leaner_harness.models.bidirectional import BidirectionalLM, Scored, Text
from leaner_harness.models.loading import Checked

Row = tuple[tuple[int, ...], int]
"""The tokens that are seen, and where the first target stands; the last one follows them all."""


class PermutationLM(BidirectionalLM):
    """An XLNet language model.

    Raises UsageError for another architecture, CheckpointError for one without a query stream and,
    when a text has no context, for a tokenizer without a token to begin it with.
    """

    AUTO_MODEL_CLASS = Checked(AutoModelForCausalLM)
    scorer = "permutation"
    least = 1

    def __init__(self, pretrained: Any, **arguments: Any) -> None:
        super().__init__(pretrained, **arguments)
        config = self.model.config
        if config.model_type != "xlnet":
            raise UsageError(
                f"{self.model.name_or_path} is no XLNet but {config.model_type!r}.",
                "Score it with --model leaner, which finds the scorer that fits.",
            )
        if config.attn_type != "bi":
            raise CheckpointError(
                f"{self.model.name_or_path} has attn_type {config.attn_type!r}: "
                "without permutations a query stream learns nothing.",
                "Train it with attn_type='bi'.",
            )
        # Pre-training's second half of a batch, which is read backwards, is not wanted here.
        self.model.base_model.bi_data = False
        # For half precision transformers leaves XLNet's attention weights, and the positions that
        # it computes, in float32; what the positions pass through is the model's own dropout.
        self.model.to(self.model.lm_loss.weight.dtype)
        self.model.base_model.dropout.register_forward_hook(
            lambda module, inputs, output: output.to(self.model.dtype)
        )

    @property
    def prefix_token_id(self) -> int:
        """What stands before a text without context: the argument, else bos, cls or eos."""
        names = ("bos_token_id", "cls_token_id", "eos_token_id")
        known = (self.custom_prefix_token_id, *(getattr(self.tokenizer, name) for name in names))
        found = next((token for token in known if token is not None), None)
        if found is None:
            raise CheckpointError(
                f"The tokenizer of {self.model.name_or_path} has no token to begin a text with.",
                "Name one: --model_args pretrained=DIR,prefix_token_id=N",
            )
        return int(found)

    def _text(self, context: str, continuation: str) -> Text:
        text = super()._text(context, continuation)
        if text.first:
            return text
        return Text([self.prefix_token_id, *text.ids], 1, [-1, *text.words])

    def _scores(self, texts: Sequence[Text]) -> Iterator[Scored]:
        # No query sees the last token, so texts that differ in it alone are one row.
        rows = defaultdict(list)
        for number, text in enumerate(texts):
            rows[tuple(text.ids[:-1]), text.first].append(number)
        order = sorted(rows, key=lambda row: (-len(row[0]), row))
        size = self.max_batch_size if self.batch_size == "auto" else self.batch_size
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            for row, found in zip(batch, self._forward(batch), strict=True):
                best = found.argmax(-1).tolist()
                for number in rows[row]:
                    tokens = texts[number].ids[row[1] :]
                    yield number, found[range(len(tokens)), tokens].tolist(), best == tokens

    def _forward(self, batch: Sequence[Row]) -> tuple[torch.Tensor, ...]:
        """For each row, (targets, V) log p of the tokens from `first` to the one after its last.

        Padding stands on the right, where no earlier token looks, and needs no mask.
        """
        size = 1 + max(len(seen) for seen, _ in batch)
        targets = [range(first, len(seen) + 1) for seen, first in batch]
        mapping = torch.zeros(len(batch), max(map(len, targets)), size)
        places = [(n, m, at) for n, row in enumerate(targets) for m, at in enumerate(row)]
        rows, columns, positions = zip(*places, strict=True)
        mapping[rows, columns, positions] = 1
        # (i, j) is 1 where i does not see j; transformers lets the content stream see itself.
        hidden = torch.ones(size, size).triu().expand(len(batch), size, size)
        ids = [[*seen, *[0] * (size - len(seen))] for seen, _ in batch]
        found = self._log_probabilities(
            rows,
            columns,
            input_ids=torch.tensor(ids, device=self.device),
            perm_mask=hidden.to(self.device, self.model.dtype),
            target_mapping=mapping.to(self.device, self.model.dtype),
            use_mems=False,
        )
        return found.split_with_sizes([len(row) for row in targets])
