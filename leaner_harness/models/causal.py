"""The lm-eval model type `leaner-causal`: lm-eval's `hf`, with each context computed once.

Scores are those of `hf`: the sum of log P(token | all before it) over a choice's tokens, in
float32; what is too long loses its beginning. The models read from left to right, so a context's
share of the computation is the same for all of its choices.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, islice
from typing import Any

import torch
from lm_eval.models.huggingface import HFLM
from lm_eval.models.utils import Collator
from tqdm import tqdm
from transformers import AutoModelForCausalLM

from leaner_harness.errors import CheckpointError, UsageError
from leaner_harness.models.auto import scorer_of
from leaner_harness.models.base import ScorerLM, empty_choice, log
from leaner_harness.models.loading import Checked
from leaner_harness.models.passes import Pass, reads_ahead, sharing_pass, straight
from leaner_harness.models.sharing import Row, Tokens, apart, one_row, shared_rows

Request = tuple[tuple[str, str] | None, list[int], list[int]]
"""What lm-eval asks: the two texts (none for a window of rolling), context, choice."""
Answer = tuple[float, bool]
"""Log-likelihood in nats, and whether the choice is what greedy decoding would write."""


class CausalLM(ScorerLM):
    """A causal language model; `logits_cache=False` computes every request in a row of its own."""

    AUTO_MODEL_CLASS = Checked(AutoModelForCausalLM)
    scorer = "causal"
    max_length = HFLM.max_length  # so that the same requests are cut at the same place

    def __init__(self, pretrained: Any, **arguments: Any) -> None:
        self._begins = arguments.get("prefix_token_id") is not None
        super().__init__(pretrained, **arguments)
        self._tried = 0  # tokens of a row
        self._share: Pass | None = None
        self._most_new_tokens = 0  # 0: as many as were asked for
        self._encoded: dict[str, list[int]] = {}
        self._refuse_ended_texts()
        if reads_ahead(self.model, self.max_length):
            raise UsageError(
                f"{self.model.name_or_path} reads on before it predicts: what it scores, it has "
                "seen.",
                "A decoder says so in its configuration (BERT's: is_decoder=true); a masked model "
                "is scored with --model leaner-masked.",
            )

    def _create_tokenizer(self, pretrained: Any, tokenizer: Any, **options: Any) -> None:
        """Raises CheckpointError for a tokenizer without a token to begin a text with."""
        super()._create_tokenizer(pretrained, tokenizer, **options)
        known = (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id)
        if not self._begins and known == (None, None):
            raise CheckpointError(
                f"The tokenizer of {tokenizer or pretrained} has neither a token that begins a "
                "text nor one that ends it; without one a first token has no likelihood.",
                "Set its eos_token and save it again, or name one: "
                "--model_args pretrained=DIR,prefix_token_id=N",
            )

    def _refuse_ended_texts(self) -> None:
        """Raise UsageError for a tokenizer that ends texts, and contexts, with a special token."""
        bare, whole = self.tok_encode("a", add_special_tokens=False), self.tok_encode("a")
        if bare and whole[-1] != bare[-1]:
            token = self.tokenizer.convert_ids_to_tokens(whole[-1])
            raise UsageError(
                f"The tokenizer of {self.model.name_or_path} ends every text with {token!r}, a "
                "context, too: a choice would not follow on it, and lose its first token.",
                "Without special tokens: --model_args pretrained=DIR,add_bos_token=False",
            )

    def _get_backend(self, config: Any, **options: Any) -> None:
        """Raises UsageError for a model that does not read from left to right."""
        fitting = scorer_of(config, config.name_or_path)
        if fitting not in ("", "leaner-causal"):
            raise UsageError(
                f"{config.name_or_path} is no causal model: what it scores, it has seen.",
                f"--model {fitting}, or --model leaner, which looks for itself.",
            )
        super()._get_backend(config=config, **options)

    def loglikelihood(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[Answer]:
        """(log p of the continuation in nats, is it what greedy decoding writes?) of each request.

        Raises UsageError for a choice without a token, or too long for the model.
        """
        pairs = [request.args for request in requests]
        for pair in pairs:
            if not pair[1]:
                raise empty_choice(*pair)
        self._encoded = self._encode_all(pairs)
        answers: list[Answer] = super().loglikelihood(requests, disable_tqdm=disable_tqdm)
        self._encoded = {}
        self._tell_of_nan(score for score, _ in answers)
        return answers

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """The text after each context; shorter than asked for where the model has no room for it.

        `hf` stops with an error there. Half of the window is the least that is left for an answer:
        a context that leaves less loses its beginning.
        """
        longest = max((len(self.tok_encode(request.args[0])) for request in requests), default=0)
        room = max(self.max_length - longest, self.max_length // 2)
        fitting = [_shortened(request, room, self.max_gen_toks) for request in requests]
        if any(one is not other for one, other in zip(fitting, requests, strict=True)):
            self._most_new_tokens = room
            log.warning("answers end after %d tokens: the model has room for no more", room)
        found: list[str] = super().generate_until(fitting, disable_tqdm=disable_tqdm)
        return found

    def get_model_info(self) -> dict[str, Any]:
        """lm-eval's account of the model, with the most tokens of an answer where that was cut."""
        info = super().get_model_info()
        if self._most_new_tokens:
            info["leaner"]["most_new_tokens"] = self._most_new_tokens
        return info

    def tok_encode(self, string: str, *arguments: Any, **options: Any) -> list[int]:
        """Ids of a text, as `hf` has them."""
        if string in self._encoded and not arguments and not options:
            return self._encoded[string]
        ids: list[int] = super().tok_encode(string, *arguments, **options)
        return ids

    def _encode_all(self, pairs: Sequence[tuple[str, str]]) -> dict[str, list[int]]:
        """Ids of what scoring will encode, in one call: for short texts the calls are the cost."""
        texts = [text for pair in pairs if pair[0] for text in (pair[0].rstrip(), "".join(pair))]
        # A text that brings its first token along is left to `hf`, which adds no second one.
        first = self.tokenizer.decode(self.prefix_token_id)
        texts = [text for text in dict.fromkeys(texts) if not text.startswith(first)]
        special = {} if self.add_bos_token is None else {"add_special_tokens": self.add_bos_token}
        ids = self.tokenizer(texts, **special)["input_ids"] if texts else []
        return dict(zip(texts, ids, strict=True))

    def _loglikelihood_tokens(
        self,
        requests: Sequence[Request],
        disable_tqdm: bool = False,
        override_bs: int | None = None,
    ) -> list[Answer]:
        """Answers in the order of the requests."""
        answers: list[Answer] = [(math.nan, False)] * len(requests)
        bar = tqdm(
            total=len(requests),
            disable=disable_tqdm or self.rank != 0,
            desc="Running loglikelihood requests",
        )
        for run, rows in self._plan(self._cut(requests)):
            for batch in self._batches(rows, override_bs):
                for number, answer in self._score(run, batch):
                    answers[number] = answer
                    texts = requests[number][0]
                    if texts is not None:  # rolling keeps its own account
                        self.cache_hook.add_partial("loglikelihood", texts, answer)
                    bar.update()
        bar.close()
        return answers

    def _cut(self, requests: Sequence[Request]) -> list[tuple[Tokens, Tokens]]:
        """(context, choice) that fit: at most `max_length` tokens with the last left out."""
        limit, fitting, cut = self.max_length, [], 0
        for texts, context, choice in requests:
            if not context or not choice or len(choice) > limit:
                raise UsageError(
                    f"The model reads {limit} tokens; a request has {len(context)} in its context "
                    f"and {len(choice)} in its choice: {texts!r:.200}",
                    "Both need at least one, and the choice must fit: shorten it, or name a larger "
                    "max_length if the model allows it.",
                )
            kept = (*context, *choice)[-(limit + 1) :]
            fitting.append((kept[: -len(choice)], kept[-len(choice) :]))
            cut += len(kept) < len(context) + len(choice)
        if cut:
            self.counts["truncated"] += cut
            log.warning("%d requests lost their beginning: the model reads %d tokens", cut, limit)
        return fitting

    def _plan(self, requests: list[tuple[Tokens, Tokens]]) -> list[tuple[Pass, list[Row]]]:
        """Which rows to compute, and how."""
        if not self.logits_cache:
            single = [one_row(before, [(n, choice)]) for n, (before, choice) in enumerate(requests)]
            return [(straight, single)]
        rows = list(shared_rows(requests, self.max_length))
        forked = [row for row in rows if len(row.branches) > 1]
        simple = [row for row in rows if len(row.branches) == 1]
        if not forked:
            return [(straight, simple)]
        share = self._sharing_pass(max(row.length for row in forked))
        if share is None:
            return [(straight, simple + [single for row in forked for single in apart(row)])]
        return [(share, forked), (straight, simple)]

    def _sharing_pass(self, longest: int) -> Pass | None:
        """How to share rows of up to `longest` tokens: tried out when there are longer ones."""
        if longest > self._tried:
            self._tried, self._share = longest, sharing_pass(self.model, longest)
        return self._share

    def _batches(self, rows: list[Row], override_bs: int | None) -> Any:
        """Batches of rows, the longest first: what does not fit into memory fails at once."""
        rows = sorted(rows, key=lambda row: (-row.length, row.context, row.branches))
        if self.batch_size != "auto" or not rows:
            return Collator.get_chunks(rows, n=self.batch_size)
        if override_bs:
            return Collator.get_chunks(rows, n=override_bs)
        self.batch_sizes: dict[int, int] = {}  # what fitted other requests need not fit these
        lengths = [(None, [0] * row.length, [0]) for row in rows]
        # lm-eval looks again in each of `batch_schedule` parts of the rows: none may be empty.
        lengths += lengths[-1:] * int(self.batch_schedule)
        return Collator.get_chunks(
            rows, fn=lambda number, _: self._batch_scheduler(number, lengths)
        )

    def _score(self, run: Pass, rows: list[Row]) -> Iterator[tuple[int, Answer]]:
        """(request, answer) for each request of the rows."""
        kind = self.mixed_precision_dtype
        with (
            torch.inference_mode(),
            torch.autocast(self.device.type, kind, enabled=kind is not None),
        ):
            logits = run(self.model, rows)
        asked = [one for row in rows for one in row.asked]
        tokens = [token for one in asked for token in one.choice]
        starts = list(accumulate((row.places for row in rows), initial=0))
        places = [
            starts[n] + place
            for n, row in enumerate(rows)
            for one in row.asked
            for place in one.places
        ]
        found = torch.log_softmax(logits, -1, dtype=self.softmax_dtype)
        found[~logits.sum(-1).isfinite()] = math.nan  # a sum is finite if all of its terms are
        at, wanted = torch.tensor([places, tokens], device=logits.device)
        best = found.argmax(-1)[at] == wanted
        pairs = zip(found[at, wanted].tolist(), best.tolist(), strict=True)
        for one in asked:
            yield one.request, self._answer(list(islice(pairs, len(one.choice))))

    def _answer(self, tokens: list[tuple[float, bool]]) -> Answer:
        """From (log p, is it the likeliest?) of each token; NaN where a logit is not finite."""
        total = sum(likely for likely, _ in tokens)
        if math.isfinite(total):
            return total, all(best for _, best in tokens)
        self.counts["not_finite"] += 1
        return math.nan, False


_ASKED = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""lm-eval's names for the number of new tokens; the first one that is given counts."""


def _shortened(request: Any, room: int, unasked: int) -> Any:
    """The request, or a copy that asks for no more new tokens than there is room for."""
    context, options = request.args
    if int(next((options[k] for k in _ASKED if options.get(k) is not None), unasked)) <= room:
        return request
    others = {key: value for key, value in options.items() if key not in _ASKED}
    return replace(request, arguments=(context, {**others, _ASKED[0]: room}))
