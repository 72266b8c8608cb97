"""A reference scores texts as its model type does: a causal model, the n-gram model."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from leaner_trainers import curriculum, loop
from small_training import RECIPE, surroundings
from transformers import AutoModelForCausalLM, AutoTokenizer, BertConfig, BertForMaskedLM

from leaner_harness import CheckpointError, Reference, UsageError, get_objective
from leaner_harness.conformance.architecture import VOCABULARY, byte_tokenizer
from leaner_harness.train import read_recipe, train

TEXTS = ["The cat sat.", "A dog ran to the old house."]


@pytest.fixture(scope="module")
def ngram(tmp_path_factory):
    out = tmp_path_factory.mktemp("ngram") / "out"
    train(read_recipe("ngram", ["words=3000"]), out)
    return out


def test_a_causal_reference_gives_the_sum_over_its_tokens(checkpoint):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForCausalLM.from_pretrained(checkpoint).eval()
    expected = []
    for text in TEXTS:
        ids = tokenizer(text, add_special_tokens=False).input_ids
        rows = torch.tensor([[tokenizer.eos_token_id, *ids]])
        with torch.no_grad():
            logits = model(input_ids=rows[:, :-1]).logits[0]
        expected.append(float(F.cross_entropy(logits, rows[0, 1:], reduction="sum")))
    reference = Reference(checkpoint)
    assert reference.nats(TEXTS) == pytest.approx(expected, rel=1e-4)
    assert reference.nats(TEXTS[::-1]) == pytest.approx(expected[::-1], rel=1e-4)
    assert reference.record == {} and len(reference.digest) == 64


def test_the_ngram_model_is_a_reference(ngram):
    from leaner_harness.plugins.ngram import NgramModel

    reference, model = Reference(ngram), NgramModel.load(ngram)
    expected = [-model.log_likelihood("", text)[0] for text in TEXTS]
    assert reference.nats(TEXTS) == pytest.approx(expected)
    assert reference.record["tokens_seen"] > 3000
    assert reference.record["recipe_name"] == "ngram"


def test_a_curriculum_goes_by_it_and_its_training_is_on_the_bill(ngram, tmp_path):
    recipe = replace(
        RECIPE, curriculum="sorted", difficulty="lm_loss", reference=str(ngram),
        curriculum_options={"increments": 3}, sample_every=0,
    )  # fmt: skip
    with surroundings():
        record = loop.train(recipe, tmp_path / "easy").record
        control = loop.train(replace(recipe, control="random"), tmp_path / "random").record
    bill = record["curriculum"]["bill"]
    trained = Reference(ngram).record["tokens_seen"]
    assert bill["reference_training_tokens"] == trained
    assert bill["scored_tokens"] == {"reference": record["data"]["tokens"] - 1}
    whole = record["tokens_seen"] + trained + bill["scored_tokens"]["reference"] / 3
    assert bill["token_equivalents"] == pytest.approx(whole, abs=1)
    assert control["curriculum"]["bill"]["token_equivalents"] == control["tokens_seen"]
    assert record["curriculum"]["seconds"]["scoring_before"] > 0
    assert control["curriculum"]["seconds"]["scoring_before"] == 0


def test_a_reference_of_unknown_cost_makes_no_whole_bill(checkpoint, tmp_path):
    recipe = replace(
        RECIPE, curriculum="subset", difficulty="lm_loss", reference=str(checkpoint),
        curriculum_options={"share": 0.5}, sample_every=0, steps=3,
    )  # fmt: skip
    with surroundings():
        bill = loop.train(recipe, tmp_path / "out").record["curriculum"]["bill"]
    assert bill["reference_training_tokens"] is None and bill["token_equivalents"] is None


def test_what_is_no_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="no weights"):
        Reference(tmp_path)


def test_a_masked_reference_is_refused(tmp_path):
    """It reads a text once for each token: the bill would not hold it."""
    config = BertConfig(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=1,
                        num_attention_heads=2, intermediate_size=32)  # fmt: skip
    BertForMaskedLM(config).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="is a masked model") as caught:
        Reference(tmp_path).nats(TEXTS)
    assert "causal" in caught.value.cure


@pytest.mark.parametrize(
    ("said", "tokens"),
    [
        ({"tokens_seen": 5}, 5),
        ({"tokens_seen": 5, "began_with": {"tokens_seen": 100}}, 105),
        ({"tokens_seen": 5, "recipe": {"init_from": "x"}}, None),
        ({"tokens_seen": 5, "recipe": {"init_from": "x"}, "began_with": {"tokens_seen": 7}}, 12),
    ],
)
def test_what_a_reference_began_with_is_on_the_bill(checkpoint, tmp_path, said, tokens):
    folder = Path(shutil.copytree(checkpoint, tmp_path / "reference"))
    (folder / "leaner.json").write_text(json.dumps(said))
    recipe = replace(RECIPE, curriculum="sorted", difficulty="lm_loss", reference=str(folder))
    chosen = curriculum.choose(recipe, get_objective("clm"))
    assert chosen is not None and chosen.reference_tokens == tokens
