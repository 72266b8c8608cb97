"""The lm-eval model type `leaner-masked`: pseudo-log-likelihood of models that fill in masks.

The score of a text is the sum over its tokens of log p(token | the text with that token masked),
in nats (Salazar et al. 2020, arXiv:1910.14659). It is no probability of the text, but orders texts
as one would. Special tokens of the tokenizer's template stand around every input, and are never
scored. A continuation is scored with its context in sight, and the rest of itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import AutoModelForMaskedLM

from leaner_harness.errors import CheckpointError, UnknownName, UsageError
from leaner_harness.models.bidirectional import BidirectionalLM, Scored, Text
from leaner_harness.models.loading import Checked, positions_of

SCORINGS = {
    "within_word_l2r": "the later tokens of its word are masked too (arXiv:2305.10588)",
    "original": "it alone is masked (arXiv:1910.14659)",
    "mntp": "it alone is masked, and read from the position before it (arXiv:2410.24159)",
}
"""How a token is masked when it is scored."""

Variant = tuple[tuple[int, ...], int]
"""An input with masks in it, and the position that is read."""

_BATCHES = 16
"""How many batches of masked inputs are made at a time; equal ones among them are computed once."""


class MaskedLM(BidirectionalLM):
    """A masked language model.

    `scoring` is one of `SCORINGS`; `pll_batch` is how many masked inputs make a forward pass, for
    one request makes as many of them as its continuation has tokens (`batch_size` counts requests,
    and is not used). Raises UnknownName for another scoring, UsageError for a batch of none or a
    tokenizer that cannot tell words, and CheckpointError when it lacks a token the scoring needs.

    A word is what the tokenizer splits a text into before it looks for tokens, as in minicons: for
    BERT's tokenizer what stands between white space and punctuation, and each punctuation mark; for
    GPT-2's also "'s" and the like, and a run of punctuation. Where a tokenizer splits nothing,
    white space ends words (to minicons, the whole text is one word then).
    """

    AUTO_MODEL_CLASS = Checked(AutoModelForMaskedLM)
    scorer = "masked"

    def __init__(
        self,
        pretrained: Any,
        scoring: str = "within_word_l2r",
        pll_batch: int = 64,
        **arguments: Any,
    ) -> None:
        if scoring not in SCORINGS:
            raise UnknownName("masked scoring", scoring, SCORINGS)
        if int(pll_batch) < 1:
            raise UsageError(f"pll_batch is {pll_batch}: a forward pass needs an input.")
        super().__init__(pretrained, **arguments)
        self.scoring, self.pll_batch = scoring, int(pll_batch)
        self._mask = self._mask_token()
        self._positions = positions_of(self.model)
        self._before, self._after = self._special_tokens()
        self._splits = self._check_words() if scoring == "within_word_l2r" else True

    def _mask_token(self) -> int:
        mask = self.tokenizer.mask_token_id
        if mask is not None:
            return int(mask)
        vocabulary = self.tokenizer.get_vocab()
        likely = next((name for name in ("[MASK]", "<mask>") if name in vocabulary), "<mask>")
        raise CheckpointError(
            f"The tokenizer of {self.model.name_or_path} has no mask token.",
            f"If the model was trained with one, name it: tokenizer.mask_token = {likely!r}; "
            "tokenizer.save_pretrained(DIR). A causal model is scored with --model leaner-causal.",
        )

    def _special_tokens(self) -> tuple[list[int], list[int]]:
        """The ids that the tokenizer puts before and after a text."""
        bare = self.tok_encode("a")
        whole: list[int] = self.tokenizer.encode("a", add_special_tokens=True)
        start = next(n for n in range(len(whole)) if whole[n : n + len(bare)] == bare)
        before, after = whole[:start], whole[start + len(bare) :]
        if self.scoring == "mntp" and not before:
            before = [self._token_before()]
        return before, after

    def _token_before(self) -> int:
        """What the first token of a text is predicted from when the tokenizer adds nothing."""
        for name in ("cls_token_id", "bos_token_id", "eos_token_id"):
            if (found := getattr(self.tokenizer, name)) is not None:
                return int(found)
        raise CheckpointError(
            f"The tokenizer of {self.model.name_or_path} has no token to put before a text.",
            "scoring=mntp predicts from the position before: give the tokenizer a cls_token.",
        )

    def _check_words(self) -> bool:
        """Does the tokenizer split a text into words? Raises UsageError for one that cannot say."""
        if not self.tokenizer.is_fast:
            raise UsageError(
                f"The tokenizer of {self.model.name_or_path} does not tell words.",
                "Mask each token alone: --model_args pretrained=DIR,scoring=original",
            )
        return len(set(self.tokenizer("a a", add_special_tokens=False).word_ids())) > 1

    @property
    def max_length(self) -> int:
        """The longest input in tokens, special tokens included."""
        stated: int = super().max_length
        return min(stated, self._positions or stated)

    @property
    def room(self) -> int:
        """The most tokens of a text that the model sees at once, special tokens not counted."""
        return self.max_length - len(self._before) - len(self._after)

    def _words(self, found: Any, text: str) -> list[int]:
        if self.scoring != "within_word_l2r":
            return super()._words(found, text)
        if self._splits:
            # A special token that stands in the text itself is in no word.
            return [-1 - n if w is None else w for n, w in enumerate(found.word_ids())]
        return _split_at_white_space(text, found.encodings[0].offsets)

    def _scores(self, texts: Sequence[Text]) -> Iterator[Scored]:
        for chunk in self._chunks(texts):
            asked = defaultdict(list)
            for number in chunk:
                for variant, token in self._variants(texts[number]):
                    asked[variant].append((number, token))
            likely: dict[int, list[float]] = {number: [] for number in chunk}
            best = dict.fromkeys(chunk, True)
            variants = list(asked)
            for start in range(0, len(variants), self.pll_batch):
                batch = variants[start : start + self.pll_batch]
                wanted = [(n, *ask) for n, variant in enumerate(batch) for ask in asked[variant]]
                rows, numbers, tokens = zip(*wanted, strict=True)
                found = self._forward(batch)
                best_tokens = found.argmax(-1).tolist()
                for row, number, token, p in zip(
                    rows, numbers, tokens, found[rows, tokens].tolist(), strict=True
                ):
                    likely[number].append(p)
                    best[number] &= best_tokens[row] == token
            yield from ((number, likely[number], best[number]) for number in chunk)

    def _chunks(self, texts: Sequence[Text]) -> Iterator[list[int]]:
        """Numbers of texts for about `_BATCHES` batches each, in order of length and ids.

        Rows of one length need no padding, equal inputs come from texts of equal length and mostly
        of equal beginning, and the longest come first: what does not fit into memory fails at once.
        """
        order = sorted(range(len(texts)), key=lambda n: (len(texts[n].ids), texts[n].ids))
        chunk, size = [], 0
        for number in reversed(order):
            chunk.append(number)
            size += len(texts[number].ids) - texts[number].first
            if size >= _BATCHES * self.pll_batch:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def _variants(self, text: Text) -> Iterator[tuple[Variant, int]]:
        """(input, position to read) and the id to find there, for each scored token."""
        start = len(self._before)
        whole = [*self._before, *text.ids, *self._after]
        for n in range(text.first, len(text.ids)):
            end = n + 1
            while end < len(text.ids) and text.words[end] == text.words[n]:
                end += 1
            masked = (*whole[: start + n], *[self._mask] * (end - n), *whole[start + end :])
            yield (masked, start + n - (self.scoring == "mntp")), text.ids[n]

    def _forward(self, batch: list[Variant]) -> torch.Tensor:
        """(variants, V) log p at the position of each variant."""
        size = max(len(ids) for ids, _ in batch)
        pad = self.tokenizer.pad_token_id
        ids = [[*ids, *[pad] * (size - len(ids))] for ids, _ in batch]
        seen = [[1] * len(ids) + [0] * (size - len(ids)) for ids, _ in batch]
        return self._log_probabilities(
            range(len(batch)),
            [at for _, at in batch],
            input_ids=torch.tensor(ids, device=self.device),
            attention_mask=torch.tensor(seen, device=self.device),
        )

    def get_model_info(self) -> dict[str, Any]:
        """lm-eval's account of the model, with the way it was masked."""
        info = super().get_model_info()
        info["leaner"]["scoring"] = self.scoring
        return info


def _split_at_white_space(text: str, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """The word of each token; a token that begins at or after white space begins a word."""
    words: list[int] = []
    covered = 0
    for start, end in offsets:
        begins = start >= covered and any(map(str.isspace, text[max(start - 1, 0) : start + 1]))
        words.append(words[-1] + begins if words else 0)
        covered = end  # the bytes of one character all begin where it does
    return words
