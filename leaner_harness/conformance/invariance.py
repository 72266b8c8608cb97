"""The invariance suite: what must not change a score, checked on anyone's model.

A checkpoint is scored through its lm-eval model type under conditions that should not matter, or
matter only within a stated tolerance. Log-likelihoods are natural, of whole continuations.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

TOLERANCE = 1e-4
"""For what adds up the same float32 numbers in another order."""
HALF_TOLERANCE = 0.1
"""For bfloat16 weights, per character: eight bits of mantissa, through all layers."""

Step = tuple[str, Callable[[], str]]
"""A check's name, and what runs it: returns a detail, or raises."""
Pair = tuple[str, str]

_TEXT = "the cat sat on the mat and the dog ran to the cat, because it was cold and late."
PAIRS: list[Pair] = [
    (_TEXT[:cut], _TEXT[cut : cut + length]) for cut in (3, 7, 15, 30, 44) for length in (1, 4, 9)
]
"""Contexts of several lengths, each with choices of one and of several tokens."""


def steps(model_type: str, folder: Path, *, chain_rule: bool) -> Iterator[Step]:
    """Each check's name, and what runs it: it returns a detail, or raises AssertionError.

    `chain_rule`: whether log-likelihoods must add up from left to right, as those of causal and
    permutation models do and pseudo-log-likelihoods do not.
    """
    suite = _Suite(model_type, folder)
    yield "batch size", suite.batch_size
    yield "request order", suite.order
    yield "padding side", suite.padding
    yield "ties", suite.ties
    yield "truncation", suite.truncation
    if chain_rule:
        yield "chain rule", suite.chain_rule
    yield "half precision", suite.half_precision


class _Suite:
    """The checks of one checkpoint; the first one's scores are what the others compare with."""

    def __init__(self, model_type: str, folder: Path) -> None:
        self._model_type, self._folder = model_type, folder
        self._base: list[float] = []

    def _make(self, batch_size: int = 1, **arguments: Any) -> Any:
        return make(self._model_type, self._folder, batch_size, **arguments)

    def batch_size(self) -> str:
        self._base = base = score(self._make(), PAIRS)
        assert all(map(math.isfinite, base)), f"log-likelihoods are not finite: {base}"
        assert all(value <= 0 for value in base), f"log-likelihoods above 0: {base}"
        other = [score(self._make(size), PAIRS) for size in (4, 16)]
        return _within(_gap(base * 2, sum(other, [])), TOLERANCE, "batch size 1, 4 and 16")

    def order(self) -> str:
        backwards = score(self._make(4), PAIRS[::-1])[::-1]
        return _within(_gap(self._base, backwards), TOLERANCE, "requests in reverse order")

    def padding(self) -> str:
        model, found = self._make(4), []
        tokenizer = getattr(model, "tokenizer", None)
        if tokenizer is None:
            return "no tokenizer to pad with"
        for side in ("left", "right"):
            tokenizer.padding_side = side
            found += score(model, PAIRS)
        return _within(_gap(self._base * 2, found), TOLERANCE, "padding side")

    def ties(self) -> str:
        twice = score(self._make(4), [pair for pair in PAIRS for _ in range(2)])
        assert twice[::2] == twice[1::2], "the same choice has two scores: ties would be broken"
        return "equal choices have equal scores, to the last bit"

    def truncation(self) -> str:
        model = self._make()
        window = int(getattr(model, "max_length", 0) or 0)
        if not window:
            return "no context length stated"
        tail = " ".join([_TEXT] * (1 + 2 * window // len(_TEXT)))
        first, second = score(model, [(begin + tail, " mat") for begin in ("one ", "another ")])
        assert math.isfinite(first), f"a context of more than {window} tokens scores {first}"
        return _within(abs(first - second), TOLERANCE, f"text beyond {window} tokens")

    def chain_rule(self) -> str:
        model, rest = self._make(), _TEXT[:5]
        # lm-eval moves a space at a context's end to the choice: such a choice has another begin.
        pairs = [pair for pair in PAIRS if not _ends_in_space(pair)]
        first = score(model, pairs)
        second = score(model, [("".join(pair), rest) for pair in pairs])
        whole = score(model, [(context, choice + rest) for context, choice in pairs])
        parts = [a + b for a, b in zip(first, second, strict=True)]
        return _within(_gap(whole, parts), 10 * TOLERANCE, "a later token changes no earlier one")

    def half_precision(self) -> str:
        if not takes_dtype(self._model_type):
            return "the model type takes no dtype: it has one precision"
        lengths = [len(choice) for _, choice in PAIRS]
        halves = np.divide(score(self._make(4, dtype="bfloat16"), PAIRS), lengths)
        gap = _gap(np.divide(self._base, lengths), halves)
        return _within(gap, HALF_TOLERANCE, "bfloat16 weights, per character")


def equals_hf(folder: Path) -> str:
    """Scores of `leaner` and of lm-eval's `hf` for a causal checkpoint, side by side."""
    # hf's cache gives a wrong score where one request ends as another, longer choice does.
    hf = make("hf", folder, 4, logits_cache=False)
    gap = _gap(score(make("leaner", folder, 4), PAIRS), score(hf, PAIRS))
    return _within(gap, TOLERANCE, "leaner and hf")


def make(model_type: str, folder: Path, batch_size: int = 1, **arguments: Any) -> Any:
    """The lm-eval model of a checkpoint, on the processor."""
    from lm_eval.api.registry import get_model

    from leaner_harness.lm_eval_plugin import install

    install()  # makes plugins' model types known
    options = {"batch_size": batch_size, "device": "cpu"}
    asked = {"pretrained": str(folder), **arguments}
    return get_model(model_type).create_from_arg_obj(asked, options)


def takes_dtype(model_type: str) -> bool:
    """Whether an lm-eval model type has an argument `dtype`, of its own or of its base's."""
    from lm_eval.api.registry import get_model

    bases = get_model(model_type).__mro__
    return any("dtype" in inspect.signature(base.__init__).parameters for base in bases)


def score(model: Any, pairs: list[Pair]) -> list[float]:
    """Log-likelihood of each (context, continuation)."""
    from lm_eval.api.instance import Instance

    requests = [Instance("loglikelihood", {}, pair, i) for i, pair in enumerate(pairs)]
    return [float(answer[0]) for answer in model.loglikelihood(requests, disable_tqdm=True)]


def _ends_in_space(pair: Pair) -> bool:
    return pair[0].endswith(" ") or pair[1].endswith(" ")


def _gap(ours: ArrayLike, theirs: ArrayLike) -> float:
    """The largest difference; not a number where one of them is none, as `max` would not be."""
    return float(np.abs(np.subtract(ours, theirs)).max())


def _within(gap: float, tolerance: float, what: str) -> str:
    assert gap <= tolerance, f"{what}: a log-likelihood changes by {gap:.2g}, more than {tolerance}"
    return f"{what}: at most {gap:.0e}"
