"""The lm-eval model type `leaner-ngram`: scores and generates with a model that `train` counted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from leaner_harness import CheckpointError, UsageError
from leaner_harness.plugins.ngram import NgramModel


class NgramLM(LM):  # type: ignore[misc]
    """`lm_eval --model leaner-ngram --model_args path=DIR`. Natural logarithms throughout.

    Each request is scored by itself, so neither batch size nor order can change a score.
    """

    def __init__(
        self,
        path: str = "",
        pretrained: str = "",
        batch_size: int | str = 1,
        max_batch_size: int | None = None,
        device: str | None = None,
        **unknown: Any,
    ) -> None:
        """`pretrained` is another name for `path`; lm-eval always passes the last three: unused."""
        super().__init__()
        if unknown:
            raise UsageError(
                f"leaner-ngram has no model argument {sorted(unknown)[0]!r}; it has path."
            )
        if not (path or pretrained):
            raise CheckpointError("leaner-ngram needs a checkpoint.", "--model_args path=DIR")
        self._path = Path(path or pretrained)
        self._model = NgramModel.load(self._path)

    def loglikelihood(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        """(log-probability of the continuation, whether it is the likeliest) of each request."""
        scores = []
        for request in requests:
            score = self._model.log_likelihood(*request.args)
            self.cache_hook.add_partial("loglikelihood", request.args, score)
            scores.append(score)
        return scores

    def loglikelihood_rolling(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[float]:
        """Log-probability of each text as the beginning of a document."""
        scores = []
        for request in requests:
            score, _ = self._model.log_likelihood("", *request.args)
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, score)
            scores.append(score)
        return scores

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """The text after each context, up to a stop string, the end of the document or 256 tokens.

        Greedy unless `do_sample` is set; then the context itself is the seed.
        """
        found = []
        for request in requests:
            context, wanted = request.args
            text = self._generate(context, dict(wanted))
            self.cache_hook.add_partial("generate_until", request.args, text)
            found.append(text)
        return found

    def get_model_info(self) -> dict[str, Any]:
        """What lm-eval writes into the results about the model."""
        counts = self._model.words.keys + self._model.spelling.keys
        digest = hashlib.sha256((self._path / "ngram.npz").read_bytes()).hexdigest()
        return {"model_num_parameters": sum(map(len, counts)), "model_sha": digest}

    def _generate(self, context: str, wanted: dict[str, Any]) -> str:
        until = wanted.get("until") or []
        stops = [until] if isinstance(until, str) else [stop for stop in until if stop]
        temperature = float(wanted.get("temperature", 1.0)) if wanted.get("do_sample") else 0.0
        seed = int.from_bytes(hashlib.sha256(context.encode()).digest()[:8], "big")
        text = ""
        limit = int(wanted.get("max_gen_toks", 256))
        for piece in self._model.generate(context, limit, temperature, seed):
            text += piece
            if any(stop in text for stop in stops):
                break
        return _cut(text, stops)


def _cut(text: str, stops: Iterable[str]) -> str:
    """A text up to the first stop string in it."""
    return min((text.split(stop, 1)[0] for stop in stops), key=len, default=text)
