"""Attention takes the quicker form, which changes speed and, but for rounding, nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from leaner_trainers.architectures import bert, llama, mamba2, xlnet
from leaner_trainers.attention import fused_attention, quicken_attention
from leaner_trainers.document_loss import document_nats
from leaner_trainers.recipe import Recipe


@pytest.mark.parametrize(
    ("recipe", "units", "attention"),
    [
        (Recipe(bf16=True, block_size=512), True, "eager"),
        (Recipe(bf16=True, block_size=513), True, "sdpa"),
        (Recipe(bf16=True), False, "sdpa"),
        (Recipe(), True, "sdpa"),
    ],
)
def test_attention_is_plain_where_that_is_quicker(monkeypatch, recipe, units, attention):
    monkeypatch.setattr("leaner_trainers.attention.has_bfloat16_units", lambda device: units)
    model = llama.build("0.25M", 300)
    quicken_attention(model, recipe, torch.device("cpu"))
    assert model.config._attn_implementation == attention
    assert "eager" not in model.config.to_json_string(), "how it was trained is no part of it"


@pytest.mark.parametrize("module", [llama, bert, xlnet, mamba2])
def test_scoring_is_fused_where_that_can_be_and_training_is_as_before(module):
    model = module.build("0.25M", 300)
    can = getattr(model.config, "_attn_implementation", "") == "sdpa"
    for before in ("eager", "sdpa") if can else ("eager",):
        model.set_attn_implementation(before)
        with pytest.raises(ValueError, match="stop"), fused_attention(model):
            assert model.config._attn_implementation == ("sdpa" if can else "eager")
            raise ValueError("stop")
        assert model.config._attn_implementation == before


def test_a_model_that_trains_plainly_is_scored_the_same():
    torch.manual_seed(0)
    model = llama.build("0.25M", 300)
    ids = np.random.default_rng(0).integers(1, 300, 400).astype(np.uint16)
    offsets = np.array([0, 30, 31, 200, 399])
    fused = document_nats(model, ids, offsets, 64)
    model.set_attn_implementation("eager")
    np.testing.assert_array_equal(document_nats(model, ids, offsets, 64), fused)
