"""`leaner generate` streams, repeats itself, and says what is missing from a checkpoint."""

from __future__ import annotations

import json

import pytest
import torch
from leaner_trainers.tokenizers import train_tokenizer
from transformers import BertConfig, BertForMaskedLM, LlamaConfig, LlamaForCausalLM

from leaner_harness.cli import main
from leaner_harness.errors import CheckpointError, UsageError
from leaner_harness.generate import _decode, generate
from leaner_harness.plugins.ngram import NgramModel


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """An untrained causal model of 64 positions."""
    path = tmp_path_factory.mktemp("causal")
    tokenizer = train_tokenizer(["the cat sees a dog"] * 9, 270)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """An n-gram model."""
    path = tmp_path_factory.mktemp("counted")
    NgramModel.train(["The cat sees a dog.", "The dog sees a cat."] * 5, 3, 1).save(path)
    return path


def text(path, prompt="the", **options):
    return "".join(generate(path, prompt, **options))


@pytest.mark.parametrize("kind", ["checkpoint", "counted"])
def test_seed_decides_the_text(kind, request):
    path = request.getfixturevalue(kind)
    options = {"max_new_tokens": 20, "temperature": 1.0}
    assert text(path, seed=1, **options) == text(path, seed=1, **options)
    assert len({text(path, seed=seed, **options) for seed in range(6)}) > 1
    greedy = {"max_new_tokens": 20, "temperature": 0}
    assert text(path, seed=1, **greedy) == text(path, seed=2, **greedy)


def test_greedy_is_the_greedy_of_transformers(checkpoint):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    ids = torch.tensor([[0, *tokenizer.encode("the cat")]])
    found = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=25
    )
    expected = tokenizer.decode(found[0, ids.shape[1] :], skip_special_tokens=True)
    assert text(checkpoint, "the cat", max_new_tokens=25, temperature=0) == expected


def test_it_goes_on_past_the_context(checkpoint):
    assert len(list(generate(checkpoint, "the cat " * 30, max_new_tokens=20, temperature=1))) > 1


def test_text_comes_in_pieces(checkpoint, counted):
    for path in (checkpoint, counted):
        assert len(list(generate(path, "The", max_new_tokens=8, temperature=1))) > 1


def test_empty_prompt_begins_a_document(checkpoint, counted):
    assert text(checkpoint, "", max_new_tokens=5)
    assert text(counted, "", max_new_tokens=5, temperature=0).startswith("The")


def test_a_character_of_several_tokens_comes_whole():
    tokenizer = train_tokenizer(["ab"], 257)
    written = "a\U0001f414bé"
    pieces = list(_decode(tokenizer, iter(tokenizer.encode(written))))
    assert pieces == ["a", "\U0001f414", "b", "é"]
    cut = list(_decode(tokenizer, iter(tokenizer.encode("a\U0001f414")[:-1])))
    assert "".join(cut).startswith("a")


def test_leaner_json_decides(checkpoint, counted, tmp_path):
    (tmp_path / "leaner.json").write_text(json.dumps({"lm_eval": {"model": "leaner-ngram"}}))
    with pytest.raises(CheckpointError, match="holds no n-gram model"):
        generate(tmp_path, "a")
    (tmp_path / "leaner.json").write_text("{")
    with pytest.raises(CheckpointError, match="leaner.json cannot be read"):
        generate(tmp_path, "a")


def test_what_is_no_checkpoint_is_named(checkpoint, tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        generate(tmp_path / "nothing", "a")
    with pytest.raises(CheckpointError, match=r"holds no config\.json"):
        generate(tmp_path, "a")
    (tmp_path / "config.json").write_bytes((checkpoint / "config.json").read_bytes())
    with pytest.raises(CheckpointError, match="holds no tokenizer"):
        generate(tmp_path, "a")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((checkpoint / name).read_bytes())
    with pytest.raises(CheckpointError, match="holds no weights"):
        generate(tmp_path, "a")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(CheckpointError, match="as pytorch_model.bin.*run any code") as caught:
        generate(tmp_path, "a")
    assert "save_pretrained" in caught.value.cure
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="is damaged"):
        generate(tmp_path, "a")


def test_a_masked_model_writes_no_text(tmp_path):
    config = BertConfig(
        vocab_size=300,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
    )
    BertForMaskedLM(config).save_pretrained(tmp_path)
    train_tokenizer(["a"], 257).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="BertForMaskedLM; only causal models"):
        generate(tmp_path, "a")


@pytest.mark.parametrize(
    "options", [{"max_new_tokens": 0}, {"temperature": -1.0}, {"seed": -1}, {"temperature": 1e999}]
)
def test_numbers_out_of_range_are_named(counted, options):
    with pytest.raises(UsageError, match=next(iter(options))):
        generate(counted, "a", **options)


def test_command(counted, capsys):
    arguments = ["generate", str(counted), "The", "--temperature", "0", "--max-new-tokens", "3"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("The ") and printed.endswith("\n")
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["prompt"] + found["text"] + "\n" == printed
    assert main(["generate", "/nowhere"]) == 5


def test_it_ends_with_the_document_whatever_the_configuration_names(checkpoint, tmp_path):
    """Here all logits are alike, so that the first id is the likeliest: it ends documents."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    torch.nn.init.zeros_(model.lm_head.weight)
    model.config.eos_token_id = model.generation_config.eos_token_id = None
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(checkpoint).save_pretrained(tmp_path)
    assert text(tmp_path, temperature=0, max_new_tokens=5) == ""


def test_no_context_is_longer_than_what_it_was_trained_on(checkpoint, tmp_path, monkeypatch):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    AutoModelForCausalLM.from_pretrained(checkpoint).save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    tokenizer.model_max_length = 8
    tokenizer.save_pretrained(tmp_path)
    lengths = []
    real = LlamaForCausalLM.forward

    def forward(self, input_ids, past_key_values=None, **more):
        before = past_key_values.get_seq_length() if past_key_values is not None else 0
        lengths.append(before + input_ids.shape[1])
        return real(self, input_ids, past_key_values=past_key_values, **more)

    monkeypatch.setattr(LlamaForCausalLM, "forward", forward)
    text(tmp_path, max_new_tokens=20, seed=3)
    assert max(lengths) == 8 and len(lengths) > 8


def test_a_device_that_is_none_is_named(checkpoint):
    with pytest.raises(UsageError, match="device 'toaster' cannot be used"):
        text(checkpoint, device="toaster")
