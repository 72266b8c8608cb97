"""The model a run begins with fits its tokenizer, and learns every token of it."""

from __future__ import annotations

import json

import pytest
import torch
from leaner_trainers.model import make_model
from leaner_trainers.plugin import register_architectures
from leaner_trainers.recipe import Recipe
from leaner_trainers.tokenizers import load_tokenizer, start_token, train_tokenizer

ARCHITECTURES = {spec.name: spec for spec in register_architectures()}
TEXTS = ["a cat sees the big red dog"] * 9


def make(name, tokenizer=None):
    spec = ARCHITECTURES[name]
    tokenizer = tokenizer or train_tokenizer(TEXTS, 320, spec.tokenizer)
    torch.manual_seed(0)
    return make_model(Recipe(architecture=name, block_size=32), spec, tokenizer), tokenizer


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_token_that_begins_documents_is_learnt(name):
    """transformers leaves a padding token's embedding at zero, and ours pads, begins and ends."""
    model, tokenizer = make(name)
    start = start_token(tokenizer)
    others = model.get_input_embeddings().weight.detach()
    row = others[start]
    assert 0.5 < float(row.std() / others.std()) < 2
    ids = torch.tensor([[start, *tokenizer("a cat sees", add_special_tokens=False).input_ids]])
    logits = model.eval()(input_ids=ids).logits
    assert float(logits[0, 0].detach().std()) > 0  # what follows is not a matter of indifference
    (found,) = torch.autograd.grad(
        logits[0, 1:].square().sum(), model.get_input_embeddings().weight
    )
    assert float(found[start].abs().sum()) > 0


@pytest.mark.parametrize("name", ["llama", "qwen3", "mamba2"])
def test_a_loaded_tokenizers_ids_are_in_the_configuration(name, tmp_path):
    """Its end may be any id; generation has to stop there, and classifiers to pad with it."""
    train_tokenizer(TEXTS, 300).save_pretrained(tmp_path)
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = content["model"]["vocab"]
    first, last = min(vocabulary, key=vocabulary.get), max(vocabulary, key=vocabulary.get)
    vocabulary[first], vocabulary[last] = vocabulary[last], vocabulary[first]
    for added in content["added_tokens"]:
        added["id"] = vocabulary.get(added["content"], added["id"])
    path.write_text(json.dumps(content), encoding="utf-8")
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.eos_token_id == len(tokenizer) - 1
    model, _ = make(name, tokenizer)
    for config in (model.config, model.generation_config):
        assert config.eos_token_id == config.pad_token_id == tokenizer.eos_token_id
    assert float(model.get_input_embeddings().weight[0].abs().sum()) > 0
