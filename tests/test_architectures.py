"""Every architecture has its size, learns, and comes back from disk in stock transformers."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
import torch
from leaner_trainers.architectures.sizes import describe, non_embedding
from leaner_trainers.objectives import plm
from leaner_trainers.order import RowRandom
from leaner_trainers.plugin import register_architectures, register_objectives
from leaner_trainers.record import cost_record
from leaner_trainers.tokenizers import train_tokenizer
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
)

from leaner_harness import TEXT, Blocks, UnknownName, UsageError
from leaner_harness.contracts import resolve

ARCHITECTURES = {spec.name: spec for spec in register_architectures()}
OBJECTIVES = {spec.name: spec for spec in register_objectives()}
VOCABULARY = 320
# Parameters outside embeddings and head, and what the paper has, in units of 2^20 ("1M": no paper).
COUNTS = {
    ("llama", "1M"): (1_049_728, 1.0),
    ("llama", "paper"): (14_456_400, 13.79),
    ("qwen3", "1M"): (1_049_984, 1.0),
    ("qwen3", "paper"): (14_465_344, 13.79),  # LLaMA's: the paper has no Qwen3
    ("bert", "1M"): (1_056_512, 1.0),
    ("bert", "paper"): (14_196_480, 13.54),  # the paper counts 0.14 of an untrained pooler, too
    ("xlnet", "1M"): (1_056_640, 1.0),
    ("xlnet", "paper"): (14_745_592, 14.06),
    ("mamba2", "1M"): (1_050_888, 1.0),
    ("mamba2", "paper"): (14_656_078, 13.93),
}


def build(name: str, size: str = "1M", vocabulary: int = VOCABULARY):
    torch.manual_seed(0)
    return resolve(ARCHITECTURES[name].build)(size, vocabulary)


@pytest.fixture(scope="module")
def batches():
    """For every objective, a batch of 4 blocks of 32 random tokens."""
    tokenizer = train_tokenizer(["a cat sees the big red dog"] * 9, VOCABULARY, "byte-bpe-mask")
    noise = torch.randint(4, len(tokenizer), (4, 33), generator=torch.manual_seed(0))
    blocks = Blocks(noise, None, torch.full_like(noise, TEXT, dtype=torch.uint8))
    return {
        name: resolve(spec.collate)(blocks, tokenizer, RowRandom(np.arange(4), 0))
        for name, spec in OBJECTIVES.items()
    }


def loss_of(name: str, model, batches):
    objective = OBJECTIVES[ARCHITECTURES[name].objective]
    total, targets = resolve(objective.loss)(model, batches[objective.name])
    return total / targets


@pytest.mark.parametrize(("name", "size"), COUNTS)
def test_sizes(name, size):
    outside, paper = COUNTS[name, size]
    torch.set_default_dtype(torch.bfloat16)  # must not reach the weights
    try:
        model = build(name, size, 2000)
    finally:
        torch.set_default_dtype(torch.float32)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert non_embedding(model) == outside == pytest.approx(paper * 2**20, rel=0.01)
    assert cost_record(model, 1)["parameters"]["non_embedding"] == outside


@pytest.mark.parametrize(
    ("name", "looked_up"), [("llama", 2000 * 128), ("bert", (1024 + 2) * 128), ("xlnet", 0)]
)
def test_only_what_is_multiplied_is_computation(name, looked_up):
    """LLaMA's words, BERT's positions and segments; a table that is the head too is multiplied."""
    with torch.device("meta"):
        model = build(name, "1M", 2000)
    found = cost_record(model, 10)
    assert found["flops"] == 6 * 10 * (found["parameters"]["total"] - looked_up)


@pytest.mark.parametrize("size", ["0.5M", "3M", "14M", "35M"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_shape_is_fitted_to_any_size(name, size):
    with torch.device("meta"):
        model = build(name, size)
    wanted = float(size.removesuffix("M")) * 2**20
    assert non_embedding(model) == pytest.approx(wanted, rel=0.01)
    assert model.config.hidden_size % 8 == 0
    if name == "qwen3":
        assert model.config.head_dim % 16 == 0
        assert model.config.head_dim * model.config.num_attention_heads == model.config.hidden_size


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_what_is_no_size_is_named(name):
    assert ARCHITECTURES[name].sizes == ("1M", "14M", "paper") and ARCHITECTURES[name].any_size
    with pytest.raises(UnknownName, match=f"architecture '{name}' 'papr'. Did you mean .*paper"):
        build(name, "papr")
    with pytest.raises(UnknownName, match="0M"):
        build(name, "0M")
    with pytest.raises(UsageError, match="Take another size"):
        build(name, "0.0001M")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_first_loss_is_chance_and_falls(name, batches):
    model = build(name).train()
    losses = []
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    for _ in range(4):
        loss = loss_of(name, model, batches)
        loss.backward()
        # Several processes wait for every gradient.
        without = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
        assert not without
        losses.append(loss.item())
        optimizer.step()
        optimizer.zero_grad()
    # Larger first weights than usual stand a little above chance; a leak would lie far below it.
    assert -0.1 < losses[0] - math.log(VOCABULARY) < 0.5
    assert losses[-1] < losses[0] - 0.3
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_stock_transformers_loads_what_was_saved(name, tmp_path):
    model = build(name).eval()
    model.save_pretrained(tmp_path)
    masked = ARCHITECTURES[name].objective == "mlm"
    stock = AutoModelForMaskedLM if masked else AutoModelForCausalLM
    again, found = stock.from_pretrained(tmp_path, output_loading_info=True)
    assert type(again).__module__.startswith("transformers.")
    assert type(again).__name__ == type(model).__name__ and not found["missing_keys"]
    ids = torch.arange(40)[None]
    assert torch.equal(again(input_ids=ids).logits, model(input_ids=ids).logits)
    assert all(p.dtype == torch.float32 for p in again.parameters())


@pytest.mark.parametrize("name", ["llama", "qwen3"])
def test_stock_transformers_classifies_with_what_was_saved(name, tmp_path):
    build(name).save_pretrained(tmp_path)
    model, found = AutoModelForSequenceClassification.from_pretrained(
        tmp_path, num_labels=3, output_loading_info=True
    )
    assert found["missing_keys"] == {"score.weight"}
    padded = torch.tensor([[9, 8, 7, 0, 0], [9, 8, 7, 6, 5]])
    logits = model.eval()(input_ids=padded, attention_mask=(padded > 0).long()).logits
    assert logits.shape == (2, 3)
    alone = model(input_ids=padded[:1, :3]).logits
    torch.testing.assert_close(logits[:1], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_model_is_described_in_the_same_words(name):
    with torch.device("meta"):
        model = build(name, "paper", 2000)
    found = describe(model)
    assert found["non_embedding"] == COUNTS[name, "paper"][0]
    assert found["total"] == sum(p.numel() for p in model.parameters()) > found["non_embedding"]
    expected = {
        "llama": (8, 336),
        "qwen3": (8, 320),
        "bert": (8, 384),
        "xlnet": (8, 376),
        "mamba2": (11, 448),
    }
    assert (found["depth"], found["width"]) == expected[name]


@pytest.mark.parametrize("name", ["llama", "qwen3", "mamba2"])
@pytest.mark.parametrize("use_cache", [None, False])
def test_a_causal_model_does_not_look_ahead(name, use_cache):
    model = build(name).eval()
    ids = torch.randint(VOCABULARY, (1, 70), generator=torch.manual_seed(0))
    changed = ids.clone()
    changed[:, 50:] = 5
    before, after = (model(input_ids=x, use_cache=use_cache).logits for x in (ids, changed))
    assert torch.equal(before[:, :50], after[:, :50])
    assert not torch.equal(before[:, 50], after[:, 50])


def test_xlnet_predicts_a_target_without_it_and_those_after_it(batches):
    """The masks as the model takes them: a changed target changes later predictions alone."""
    model, batch = build("xlnet").eval(), {k: v[:1] for k, v in batches["plm"].items()}
    is_target = batch["targets"] != -100
    positions = batch["positions"][is_target]
    order = batch["order"][0, positions]

    def logits(ids):
        mapping = plm.target_mapping(batch["positions"], is_target, ids.shape[1])
        mask = plm.perm_mask(batch["order"])
        return model(input_ids=ids, perm_mask=mask, target_mapping=mapping).logits[is_target]

    before = logits(batch["input_ids"])
    assert len(order) >= 4
    for position, place in zip(positions, order, strict=True):
        changed = batch["input_ids"].clone()
        changed[0, position] = (changed[0, position] + 1) % VOCABULARY
        is_later = order > place
        same = (before == logits(changed)).all(dim=1)
        assert torch.equal(same, ~is_later)


def test_there_is_a_module_for_every_name():
    for spec in ARCHITECTURES.values():
        module = importlib.import_module(spec.build.partition(":")[0])
        assert set(module.SIZES) < set(spec.sizes)
        assert spec.objective in OBJECTIVES
