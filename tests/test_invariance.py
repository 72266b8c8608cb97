"""The invariance suite passes a sound scorer, and names each thing a broken one does."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny_llama
from lm_eval.api import registry
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.models.huggingface import HFLM

from leaner_harness.conformance import invariance


class Characters:
    """A likelihood over characters: each costs what its code and predecessor say."""

    def __init__(self, batch_size: int, fault: str, dtype: str = "") -> None:
        self.batch_size, self.fault, self.dtype = batch_size, fault, dtype
        self.max_length = 64
        self.tokenizer = SimpleNamespace(padding_side="right")

    def loglikelihood(self, requests: list[Instance], **_: Any) -> list[tuple[float, bool]]:
        return [(self.score(i, *request.args), False) for i, request in enumerate(requests)]

    def score(self, place: int, context: str, choice: str) -> float:
        text = context[-self.max_length :] + choice
        if self.fault == "truncation":
            text = context + choice
        codes = [ord(letter) for letter in text]
        pairs = zip(codes[-len(choice) - 1 :], codes[-len(choice) :], strict=False)
        total = -sum(1 + (7 * a + b) % 13 / 13 for a, b in pairs)
        return total + self.wrong(place, text, choice)

    def wrong(self, place: int, text: str, choice: str) -> float:
        left = self.tokenizer.padding_side == "left"
        return {
            "not finite": math.nan,
            "positive": 1000.0,
            "batch size": -0.01 * self.batch_size,
            "request order": -0.01 * place,
            "padding side": -0.5 * left,
            "truncation": -0.001 * len(text),
            "chain rule": -0.1 * (len(choice) > 5),
            "half precision": -100.0 * (self.dtype == "bfloat16"),
            "ties": -1e-6 * place,
            "none later on": math.nan if place > 3 and self.batch_size > 1 else 0.0,
        }.get(self.fault, 0.0)


def failures(monkeypatch: pytest.MonkeyPatch, fault: str) -> list[str]:
    def make(model_type: str, folder: Path, batch_size: int = 1, **arguments: Any) -> Any:
        return Characters(batch_size, fault, **arguments)

    monkeypatch.setattr(invariance, "make", make)
    monkeypatch.setattr(invariance, "takes_dtype", lambda _: True)
    found = []
    for name, step in invariance.steps("leaner-x", Path(), chain_rule=True):
        try:
            step()
        except AssertionError:
            found.append(name)
    return found


def test_a_sound_scorer_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failures(monkeypatch, "") == []


@pytest.mark.parametrize(
    "fault",
    ["batch size", "request order", "padding side", "truncation", "chain rule", "half precision"],
)
def test_a_broken_scorer_is_named(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    assert fault in failures(monkeypatch, fault)


def test_half_precision_is_checked_where_a_model_type_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Plain(LM):  # type: ignore[misc]
        def __init__(self, pretrained: str = "") -> None: ...

    class Precise(HFLM): ...  # type: ignore[misc]

    monkeypatch.setattr(registry, "get_model", {"plain": Plain, "precise": Precise}.__getitem__)
    assert invariance.takes_dtype("precise") and not invariance.takes_dtype("plain")
    found = dict(invariance.steps("plain", Path(), chain_rule=True))
    assert "takes no dtype" in found["half precision"]()


@pytest.mark.parametrize("fault", ["not finite", "positive"])
def test_scores_that_are_none_are_named(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    assert "batch size" in failures(monkeypatch, fault)


def test_a_score_that_is_none_in_a_later_row_of_a_batch_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = failures(monkeypatch, "none later on")
    assert {"batch size", "request order", "padding side", "half precision"} <= set(found)


def test_a_broken_tie_is_named_however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failures(monkeypatch, "ties") == ["ties"]


def test_leaner_equals_hf_on_a_real_checkpoint(tmp_path: Path) -> None:
    detail = invariance.equals_hf(tiny_llama.save(tmp_path))
    assert "leaner and hf" in detail


def test_a_difference_from_hf_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = invariance.score

    def other(model: Any, pairs: list[invariance.Pair]) -> list[float]:
        shift = 0.01 if type(model).__name__ == "HFLM" else 0.0
        return [value + shift for value in real(model, pairs)]

    monkeypatch.setattr(invariance, "score", other)
    with pytest.raises(AssertionError, match="leaner and hf"):
        invariance.equals_hf(tiny_llama.save(tmp_path))
