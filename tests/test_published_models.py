"""A published configuration gives an architecture its shape, and nothing that would break it."""

from __future__ import annotations

import json

import pytest
import torch
from leaner_trainers.architectures import bert, llama, mamba2, qwen3, xlnet
from leaner_trainers.architectures.sizes import non_embedding

from leaner_harness import DataError, UnknownName, UsageError

MODULES = {"llama": llama, "qwen3": qwen3, "bert": bert, "xlnet": xlnet, "mamba2": mamba2}
TRAPS = {
    "torch_dtype": "bfloat16",
    "transformers_version": "4.40.0.dev0",
    "vocab_size": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 5,
    "initializer_range": 0.03,
}
ATTENTION = {"hidden_size": 32, "num_hidden_layers": 3, "intermediate_size": 48}
SHAPES = {
    "llama": {**ATTENTION, "num_attention_heads": 4, "rope_theta": 1e4},
    "qwen3": {**ATTENTION, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16},
    "bert": {**ATTENTION, "num_attention_heads": 4, "hidden_dropout_prob": 0.2},
    "xlnet": {"d_model": 32, "n_layer": 3, "n_head": 4, "d_inner": 48, "summary_type": "last"},
    "mamba2": {
        "hidden_size": 32, "num_hidden_layers": 3, "num_heads": 4, "head_dim": 16,
        "state_size": 8, "n_groups": 2,
    },
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def file(values, name="small.json"):
        path = tmp_path / name
        path.write_text(values if isinstance(values, str) else json.dumps(values))
        return str(path)

    return file


@pytest.mark.parametrize("name", MODULES)
def test_a_configuration_decides_the_shape_alone(name, write, tmp_path):
    path = write({"model_type": name, **SHAPES[name], **TRAPS})
    model = MODULES[name].build(path, 60)
    config = model.config
    for key, value in SHAPES[name].items():
        if key not in ("summary_type", "rope_theta"):
            assert getattr(config, key) == value, key
    assert (config.vocab_size, config.initializer_range) == (64, 0.03)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    ours = MODULES[name].build("1M", 60).config
    for key in ("bos_token_id", "eos_token_id", "pad_token_id", "summary_type", "dtype"):
        assert getattr(config, key, None) == getattr(ours, key, None), key
    if name == "llama":
        assert config.rope_parameters["rope_theta"] == 1e4
    if name == "qwen3":  # heads share keys
        assert model.model.layers[0].self_attn.k_proj.weight.shape == (32, 32)
    # It goes through as any other does.
    ids = torch.arange(20)[None]
    loss = model(input_ids=ids).logits.logsumexp(-1).sum()
    loss.backward()
    assert loss.isfinite()
    model.eval().save_pretrained(tmp_path / "saved")
    saved = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert saved["dtype"] == "float32" and saved["architectures"] == [type(model).__name__]


@pytest.mark.parametrize("name", MODULES)
def test_a_configuration_of_another_architecture_is_refused(name, write):
    other = "bert" if name == "llama" else "llama"
    path = write({"model_type": other, **SHAPES[other], **TRAPS})
    with pytest.raises(UsageError, match=f"configures '{other}', not '{name}'"):
        MODULES[name].build(path, 60)


def test_what_is_wrong_with_a_file_is_said(write):
    good = {"model_type": "llama", **SHAPES["llama"], **TRAPS}
    path = write(good)
    with pytest.raises(UsageError, match="vocabulary of 64; the tokenizer has 65"):
        llama.build(path, 65)
    with pytest.raises(UnknownName, match=r"smal\.json'. Did you mean .*small\.json"):
        llama.build(path.replace("small", "smal"), 60)
    with pytest.raises(DataError, match="is no JSON"):
        llama.build(write("{", "broken.json"), 60)
    with pytest.raises(DataError, match="it holds a list"):
        llama.build(write("[]", "list.json"), 60)
    with pytest.raises(DataError, match="names no model_type"):
        llama.build(write({"hidden_size": 3}, "typeless.json"), 60)
    with pytest.raises(DataError, match="is no valid configuration"):
        llama.build(write({**good, "hidden_size": "wide"}, "wide.json"), 60)


def test_mamba_ssm_is_told_apart(write):
    path = write({"d_model": 64, "n_layer": 2, "ssm_cfg": {"layer": "Mamba2"}, "vocab_size": 64})
    with pytest.raises(UsageError, match=r"mamba_ssm: 2 blocks with gated MLPs[\s\S]*\"paper\""):
        mamba2.build(path, 60)


@pytest.mark.parametrize(
    ("name", "file", "size"),
    [
        ("llama", "llama-2K-1M", "1M"),
        ("llama", "llama-2K-10M", "paper"),
        ("bert", "bert-2K-10M", "paper"),
        ("xlnet", "xlnet-2K-10M", "paper"),
    ],
)
def test_what_tinyhelen_published_is_the_size_of_that_name(tinyhelen, name, file, size):
    with torch.device("meta"):
        published = MODULES[name].build(str(tinyhelen / "config" / name / f"{file}.json"), 2000)
        ours = MODULES[name].build(size, 2000)
    assert non_embedding(published) == non_embedding(ours)
    mine, theirs = ours.config.to_dict(), published.config.to_dict()
    differing = {key for key, value in mine.items() if theirs[key] != value}
    assert differing == {"architectures"}  # which saving fills in


def test_the_published_mamba_is_refused(tinyhelen):
    with pytest.raises(UsageError, match="2 blocks with gated MLPs"):
        mamba2.build(str(tinyhelen / "config" / "mamba" / "mamba-2K-10M.json"), 2000)
