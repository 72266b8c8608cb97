"""What the causal, masked and permutation scorers share: lm-eval's `hf`, loaded with care."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lm_eval.models.huggingface import HFLM

from leaner_harness.devices import refuse_absent, usual_device
from leaner_harness.errors import UsageError
from leaner_harness.models.loading import (
    check_files,
    check_vocabulary,
    configuration_fault,
    tokenizer_fault,
)
from leaner_harness.provenance import weights_digest

# A child of lm-eval's logger, so that its verbosity and format apply.
log = logging.getLogger("lm_eval.leaner_harness")

_CONTEXT = 512
"""Context length of a model that names none."""


def empty_choice(context: str, continuation: str) -> UsageError:
    """What to raise for a choice without a token."""
    return UsageError(
        f"A choice has no tokens: {continuation!r} after a context that ends in {context[-40:]!r}.",
        "An empty choice has no likelihood; give every choice a text.",
    )


class ScorerLM(HFLM):  # type: ignore[misc]
    """A model on lm-eval's `hf`: the same arguments, another way to score.

    A subclass sets `AUTO_MODEL_CLASS` (wrapped in `Checked`) and `scorer`, and scores tokens in
    `_loglikelihood_tokens`.
    """

    scorer = ""
    """How its scores are made, as results name it."""

    def __init__(self, pretrained: Any, **arguments: Any) -> None:
        # Arguments in `leaner_` are the tasks' (their split and folder), not the model's.
        arguments = {k: v for k, v in arguments.items() if not k.startswith("leaner_")}
        if isinstance(pretrained, str) and Path(pretrained).is_dir():
            check_files(Path(pretrained), arguments.get("tokenizer"))
        refuse_absent(arguments.get("device"))
        # hf's own default is a GPU, whether there is one or not.
        arguments.setdefault("device", usual_device().type)
        super().__init__(pretrained, **arguments)
        embeddings = self.model.get_input_embeddings().weight.shape[0]
        check_vocabulary(self.tokenizer, embeddings, str(self.model.name_or_path))
        self.model.eval()
        folder = Path(pretrained) if isinstance(pretrained, str) else None
        self._weights = weights_digest(folder) if folder and folder.is_dir() else ""
        self.counts: Counter[str] = Counter()
        """What befell requests, such as `truncated`: reported in the results."""

    @property
    def max_length(self) -> int:
        """The longest input in tokens: the argument, else what model or tokenizer say."""
        if self._max_length:
            return int(self._max_length)
        stated = getattr(self.model.config, "max_position_embeddings", None)
        if isinstance(stated, int) and stated > 0:
            return stated
        limit = int(self.tokenizer.model_max_length)
        return limit if 0 < limit < 1_000_000 else _CONTEXT

    def _tell_of_nan(self, scores: Iterable[float]) -> None:
        """Log an error for scores that are no number: to lm-eval's own tasks they are choice 0."""
        found = list(map(math.isnan, scores))
        if any(found):
            log.error(
                "%d of %d log-likelihoods are not a number: the checkpoint is broken. To lm-eval's "
                "own tasks such an answer is the first choice; do not quote their scores.",
                sum(found),
                len(found),
            )

    def _get_config(self, pretrained: str, **options: Any) -> None:
        try:
            super()._get_config(pretrained, **options)
        except (OSError, ValueError) as error:
            raise configuration_fault(pretrained, error) from error

    def _create_tokenizer(self, pretrained: Any, tokenizer: Any, **options: Any) -> None:
        try:
            super()._create_tokenizer(pretrained, tokenizer, **options)
        except Exception as error:  # the tokenizers package raises nothing more special
            raise tokenizer_fault(tokenizer or pretrained, error) from error

    def get_model_info(self) -> dict[str, Any]:
        """lm-eval's account of the model, with the scorer and what befell requests."""
        info: dict[str, Any] = super().get_model_info()
        found = {"scorer": self.scorer, "weights_sha256": self._weights, **self.counts}
        return info | {"leaner": found}
