"""What the masked and the permutation scorer share: texts as ids that fit, windows, answers.

Shapes: N positions that are read, V entries of the vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

import torch
from tqdm import tqdm

from leaner_harness.errors import UsageError
from leaner_harness.models.base import ScorerLM, empty_choice, log
from leaner_harness.models.positions import logits_at


class Text(NamedTuple):
    """The tokens of a text without special tokens around it; from `first` on they are scored."""

    ids: list[int]
    first: int
    words: list[int]
    """The number of each token's word."""

    def part(self, start: int, end: int, first: int) -> Text:
        """Its tokens from `start` up to `end`, scored from the part's own `first` on."""
        return Text(self.ids[start:end], first, self.words[start:end])


Scored = tuple[int, list[float], bool]
"""A text's number, log p of each of its scored tokens in nats, and whether none is likelier."""


class BidirectionalLM(ScorerLM):
    """A model that reads in both directions, so that stock `hf` would show it the answer.

    A subclass scores texts in `_scores`. It sees at most `room` tokens of a text at once, and
    needs `least` of them before the first one it scores.
    """

    least = 0

    @property
    def room(self) -> int:
        """The most tokens of a text that the model sees at once, special tokens not counted."""
        return self.max_length

    def loglikelihood(
        self, requests: Sequence[Any], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        """(sum of log p over the continuation's tokens in nats, is each the likeliest one?).

        A context that does not fit loses its beginning and is counted as `truncated`. Raises
        UsageError for a continuation that does not fit, and for one without a token.
        """
        pairs = [request.args for request in requests]
        before = self.counts["truncated"]
        texts = [self._fitted(*pair) for pair in pairs]
        if cut := self.counts["truncated"] - before:
            log.warning(
                "%d requests lost their beginning: the model reads %d tokens", cut, self.room
            )
        answers = [(math.nan, False)] * len(pairs)
        for number, likely, best in self._bar(texts, disable_tqdm):
            answers[number] = self._answer(likely, best)
            self.cache_hook.add_partial("loglikelihood", pairs[number], answers[number])
        self._tell_of_nan(score for score, _ in answers)
        return answers

    def loglikelihood_rolling(
        self, requests: Sequence[Any], disable_tqdm: bool = False
    ) -> list[float]:
        """Sum of log p over all tokens of each text, in nats.

        A text that does not fit is scored in consecutive windows and counted as `windowed`.
        """
        owners, windows = [], []
        for number, request in enumerate(requests):
            parts = list(self._windows(self._text("", *request.args)))
            self._count("windowed", len(parts) > 1)
            windows += parts
            owners += [number] * len(parts)
        likely: list[list[float]] = [[] for _ in requests]
        for number, found, _ in self._bar(windows, disable_tqdm):
            likely[owners[number]] += found
        return [self._answer(found, False)[0] for found in likely]

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> NoReturn:
        """Raises UsageError: such a model does not write from left to right."""
        raise UsageError(
            f"A {self.scorer} model does not generate.",
            "Leave generating tasks out, or score a causal model: --model leaner-causal",
        )

    def tok_encode(self, string: str, *_: Any, **__: Any) -> list[int]:
        """Ids of a text, never with special tokens: they stand around whole inputs alone."""
        ids: list[int] = self.tokenizer.encode(string, add_special_tokens=False)
        return ids

    def _scores(self, texts: Sequence[Text]) -> Iterator[Scored]:
        """Each text once, in any order."""
        raise NotImplementedError

    def _bar(self, texts: Sequence[Text], disable: bool) -> Iterator[Scored]:
        yield from tqdm(
            self._scores(texts),
            total=len(texts),
            disable=disable or self.rank != 0,
            desc=f"Running {self.scorer} requests",
        )

    def _text(self, context: str, continuation: str) -> Text:
        """Both encoded as one text, split as lm-eval does: after the tokens of the context alone.

        White space at the end of the context belongs to the continuation.
        """
        found = self.tokenizer(context + continuation, add_special_tokens=False)
        first = len(self.tok_encode(context.rstrip())) if context else 0
        return Text(found["input_ids"], first, self._words(found, context + continuation))

    def _words(self, found: Any, text: str) -> list[int]:
        """The word of each token of an encoded text; one each where words play no part."""
        return list(range(len(found["input_ids"])))

    def _fitted(self, context: str, continuation: str) -> Text:
        """Their text, without the beginning that does not fit."""
        text = self._text(context, continuation)
        scored = len(text.ids) - text.first
        if scored <= 0:
            raise empty_choice(context, continuation)
        cut = len(text.ids) - self.room
        if cut > text.first - self.least:
            raise UsageError(
                f"A choice has {scored} tokens, the model sees {self.room - self.least} of a text: "
                f"{continuation!r:.200}",
                "Raise max_length if the model allows it: --model_args pretrained=DIR,max_length=N",
            )
        self._count("truncated", cut > 0)
        return text.part(cut, len(text.ids), text.first - cut) if cut > 0 else text

    def _windows(self, text: Text) -> Iterator[Text]:
        for start in range(0, len(text.ids) - self.least, self.room - self.least):
            yield text.part(start, start + self.room, self.least)

    def _count(self, name: str, happened: bool) -> None:
        if happened:
            self.counts[name] += 1

    def _answer(self, likely: list[float], best: bool) -> tuple[float, bool]:
        """Their sum, or NaN where a logit was not finite; and `best`."""
        if all(map(math.isfinite, likely)):
            return math.fsum(likely), best
        self._count("not_finite", True)
        return math.nan, False

    @torch.inference_mode()
    def _log_probabilities(
        self, rows: Sequence[int], columns: Sequence[int], **inputs: Any
    ) -> torch.Tensor:
        """(N, V) log p at the given positions of a batch; NaN where a logit is not finite."""
        kind = self.mixed_precision_dtype
        at = torch.tensor([rows, columns], device=self.device)
        with torch.autocast(self.device.type, kind, enabled=kind is not None):
            logits = logits_at(self.model, at[0], at[1], **inputs)
        found = torch.log_softmax(logits, -1, dtype=self.softmax_dtype)
        found[~logits.sum(-1).isfinite()] = math.nan  # a sum is finite if all of its terms are
        return found
