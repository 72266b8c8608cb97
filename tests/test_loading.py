"""A checkpoint is loaded whole or refused with its cure; `leaner` finds the scorer that fits."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_glue
import tiny_llama
import torch
import transformers
from lm_eval.api.instance import Instance
from lm_eval.api.registry import model_registry
from lm_eval.models.huggingface import HFLM
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerFast

from leaner_harness import CheckpointError, LeanerError, UnknownName, UsageError
from leaner_harness.conformance.architecture import VOCABULARY, byte_tokenizer
from leaner_harness.models.auto import LeanerLM, choose
from leaner_harness.models.causal import CausalLM
from leaner_harness.models.finetune.model import FinetuneLM

BODY = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
STATE = {"hidden_size": 16, "num_hidden_layers": 1, "head_dim": 16, "num_heads": 2, "n_groups": 1}
KINDS = {
    "LlamaForCausalLM": BODY | {"intermediate_size": 32},
    "LlamaModel": BODY | {"intermediate_size": 32},
    "LlamaForSequenceClassification": BODY | {"intermediate_size": 32, "tie_word_embeddings": True},
    "GPT2LMHeadModel": {"n_embd": 16, "n_layer": 1, "n_head": 2},
    "Mamba2ForCausalLM": STATE,
    "BertForMaskedLM": BODY | {"intermediate_size": 32},
    "XLNetLMHeadModel": {"d_model": 16, "n_layer": 1, "n_head": 2, "d_inner": 32},
    "T5ForConditionalGeneration": {"d_model": 16, "d_kv": 8, "num_layers": 1, "num_heads": 2},
    "BartForConditionalGeneration": {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1},
}


def save(kind: str, folder: Path, **options: Any) -> Path:
    model_class = getattr(transformers, kind)
    torch.manual_seed(0)
    settings = {"vocab_size": VOCABULARY, **KINDS[kind], **options}
    model_class(model_class.config_class(**settings)).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def load(folder: Path, **arguments: Any) -> CausalLM:
    return CausalLM(str(folder), device="cpu", **arguments)


def tune(folder: Path, **arguments: Any) -> FinetuneLM:
    return FinetuneLM(str(folder), device="cpu", **arguments)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return tiny_llama.save(tmp_path / "model")


def record(path: Path, model: str, /, **arguments: str) -> None:
    """Write what `leaner train` says of a checkpoint's scorer."""
    said = {"lm_eval": {"model": model, "model_args": arguments}}
    (path / "leaner.json").write_text(json.dumps(said))


def without(*names: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return damage


def garbled(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_text("{ not json")

    return damage


def cut(length: int) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:length])

    return damage


def larger_tokenizer(folder: Path) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens([f"<new{n}>" for n in range(VOCABULARY)])
    tokenizer.save_pretrained(folder)


class Bomb:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("exploded"),)


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))


def headless(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def other_shape(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 48}))


def lost_shard(folder: Path) -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="20KB")
    max(folder.glob("*.safetensors")).unlink()


DAMAGE = {
    "no config": (without("config.json"), "holds no config.json", "that save_pretrained"),
    "garbled config": (garbled("config.json"), "no configuration we know", "that save_pretrained"),
    "no tokenizer": (
        without("tokenizer.json", "tokenizer_config.json"),
        "holds no tokenizer",
        "tokenizer.save_pretrained",
    ),
    "garbled tokenizer": (
        garbled("tokenizer.json"), "The tokenizer of .* cannot be loaded", "save_pretrained"
    ),
    "larger tokenizer": (larger_tokenizer, "embeddings for 300 only", "it was trained with"),
    "no weights": (without("model.safetensors"), "holds no weights", ""),
    "weights cut": (cut(-100), "model.safetensors is damaged", "Copy or train"),
    "weights cut in the header": (cut(40), "model.safetensors is damaged", "Copy or train"),
    "empty weights": (cut(0), "model.safetensors is damaged", "Copy or train"),
    "a shard lost": (lost_shard, "cannot be loaded", ""),
    "pickled weights": (pickled, "loading a pickle can run any code", "convert it once"),
    "no head": (headless, "the first is lm_head.weight; they would be random", "with its language"),
    "other shape": (other_shape, "cannot be loaded|no weights for", ""),
}  # fmt: skip


@pytest.mark.parametrize("opened", [load, tune])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_refused_with_its_cure(
    damage, opened, checkpoint, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    harm, reason, cure = DAMAGE[damage]
    harm(checkpoint)
    with pytest.raises(CheckpointError, match=reason) as caught:
        opened(checkpoint)
    assert cure in caught.value.cure
    assert not Path("exploded").exists()


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    for look in (load, choose):
        with pytest.raises(CheckpointError, match="no configuration we know"):
            look(str(tmp_path / "nowhere"))


OTHERS = {
    "T5ForConditionalGeneration": (UsageError, "encoder-decoder", "--model hf"),
    "BartForConditionalGeneration": (UsageError, "encoder-decoder", "--model hf"),
    "LlamaForSequenceClassification": (CheckpointError, "no language-model head", "made from"),
    "BertForMaskedLM": (UsageError, "no causal model", "--model leaner-masked"),
    "XLNetLMHeadModel": (UsageError, "no causal model", "--model leaner-permutation"),
    "LlamaModel": (CheckpointError, "the first is lm_head.weight", "language-model head"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_model_that_is_not_causal_is_refused_with_its_cure(kind, tmp_path):
    error, reason, cure = OTHERS[kind]
    with pytest.raises(error, match=reason) as caught:
        load(save(kind, tmp_path))
    assert cure in caught.value.cure


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("GPT2LMHeadModel", {}),
        ("LlamaForCausalLM", {"tie_word_embeddings": True}),
        ("Mamba2ForCausalLM", {"tie_word_embeddings": True}),
        ("Mamba2ForCausalLM", {}),
    ],
)
def test_a_whole_checkpoint_loads_and_scores(kind, options, tmp_path):
    folder, request = save(kind, tmp_path, **options), Instance("loglikelihood", {}, ("A", "b"), 0)
    ours, theirs = load(folder), HFLM(str(folder), device="cpu")
    ((score, _),) = ours.loglikelihood([request])
    assert score == pytest.approx(theirs.loglikelihood([request])[0][0], abs=1e-4)


def test_the_tokenizer_may_lie_elsewhere(checkpoint, tmp_path):
    elsewhere = tmp_path / "tokenizer"
    elsewhere.mkdir()
    with pytest.raises(CheckpointError, match="tokenizer holds no tokenizer"):
        load(checkpoint, tokenizer=str(elsewhere))
    for file in checkpoint.glob("tokenizer*"):
        shutil.move(file, elsewhere)
    assert load(checkpoint, tokenizer=str(elsewhere)).tokenizer.eos_token_id == 0
    assert load(checkpoint, tokenizer=byte_tokenizer()).tokenizer.eos_token_id == 0
    with pytest.raises(CheckpointError, match="tokenizer of nowhere cannot be loaded"):
        load(checkpoint, tokenizer="nowhere")


def test_fine_tuning_takes_a_tokenizer_that_lies_elsewhere(checkpoint, tmp_path):
    elsewhere = tmp_path / "tokenizer"
    elsewhere.mkdir()
    for file in checkpoint.glob("tokenizer*"):
        shutil.move(file, elsewhere)
    with pytest.raises(CheckpointError, match="holds no tokenizer"):
        tune(checkpoint)
    assert tune(checkpoint, tokenizer=str(elsewhere)).setting.tokenizer == str(elsewhere)


def test_fine_tuning_needs_a_token_that_ends_a_sentence(checkpoint):
    tokenizer = byte_tokenizer()
    tokenizer.eos_token = None
    tokenizer.save_pretrained(checkpoint)
    with pytest.raises(CheckpointError, match="neither sep nor eos") as caught:
        tune(checkpoint)
    assert "tokenizer.eos_token" in caught.value.cure


def test_a_causal_model_needs_a_token_to_begin_a_text_with(checkpoint):
    tokenizer = byte_tokenizer()
    for keep in ({"pad_token": tokenizer.pad_token}, {}):
        bare = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, **keep)
        bare.save_pretrained(checkpoint)
        with pytest.raises(CheckpointError, match="neither a token that begins") as caught:
            load(checkpoint)
        assert "eos_token" in caught.value.cure
    bare = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer, pad_token=tokenizer.pad_token
    )
    bare.save_pretrained(checkpoint)
    assert load(checkpoint, prefix_token_id=1).prefix_token_id == 1


def test_an_argument_that_nobody_takes_is_named(checkpoint):
    with pytest.raises(UsageError, match="has an argument 'scoring'"):
        load(checkpoint, scoring="original")


def test_a_gpu_that_is_not_there_is_named(checkpoint, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for kind in (CausalLM, FinetuneLM):
        with pytest.raises(UsageError, match="torch finds no GPU") as caught:
            kind(str(checkpoint), device="cuda")
        assert "--device" in caught.value.cure


def test_a_body_alone_is_no_checkpoint_to_fine_tune(tmp_path):
    with pytest.raises(CheckpointError, match="does not say which head") as caught:
        tune(save("LlamaModel", tmp_path))
    assert "Save it with its language-model head" in caught.value.cure


def test_fine_tuning_refuses_a_garbled_record_with_its_cure(checkpoint):
    garbled("leaner.json")(checkpoint)
    with pytest.raises(CheckpointError, match="leaner.json cannot be read") as caught:
        tune(checkpoint)
    assert caught.value.cure


def test_arguments_of_the_tasks_are_not_the_models(checkpoint):
    assert load(checkpoint, leaner_split="validation").max_length == 512


@pytest.mark.parametrize(
    ("kind", "scorer"),
    [
        ("LlamaForCausalLM", "leaner-causal"),
        ("GPT2LMHeadModel", "leaner-causal"),
        ("Mamba2ForCausalLM", "leaner-causal"),
        ("BertForMaskedLM", "leaner-masked"),
        ("XLNetLMHeadModel", "leaner-permutation"),
    ],
)
def test_leaner_finds_the_scorer(kind, scorer, tmp_path):
    folder = save(kind, tmp_path)
    assert choose(str(folder)) == (scorer, {"pretrained": str(folder)})
    record(folder, "hf", pretrained=".", max_length="64")
    assert choose(str(folder)) == (scorer, {"pretrained": str(folder), "max_length": 64})


@pytest.mark.parametrize(
    ("kind", "error", "reason"),
    [
        ("T5ForConditionalGeneration", UsageError, "encoder-decoder"),
        ("LlamaForSequenceClassification", CheckpointError, "no language-model head"),
        ("LlamaModel", CheckpointError, "does not say which head"),
    ],
)
def test_leaner_finds_no_scorer_for_what_has_no_head(kind, error, reason, tmp_path):
    with pytest.raises(error, match=reason) as caught:
        choose(str(save(kind, tmp_path)))
    assert caught.value.cure


def test_leaner_follows_the_record_unless_told_otherwise(checkpoint):
    record(checkpoint, "hf", pretrained=".", max_length="64", add_bos_token="false")
    given = f"pretrained={checkpoint},leaner_split=validation"
    lm = LeanerLM.create_from_arg_string(given, {"device": "cpu", "batch_size": 4})
    assert type(lm) is CausalLM and lm.batch_size == 4
    assert lm.max_length == 64 and lm.add_bos_token is False
    told = {"pretrained": str(checkpoint), "max_length": 32}
    assert LeanerLM.create_from_arg_obj(told, {"device": "cpu"}).max_length == 32


class Stranger(small_glue.ScoredLM):
    """A third-party model type that knows its folder by a name of its own."""

    def __init__(self, folder: str, depth: int, batch_size: int = 1) -> None:
        super().__init__(lambda context, continuation: 0.0)
        self.found = folder, depth, batch_size


def test_leaner_hands_over_to_a_third_partys_model_type(tmp_path):
    record(tmp_path, "test-stranger", folder=".", depth="3")
    told = {"pretrained": str(tmp_path)}
    with pytest.raises(UnknownName, match="test-stranger") as caught:
        LeanerLM.create_from_arg_obj(told)
    assert "leaner plugins" in caught.value.cure
    model_registry.register("test-stranger", target=Stranger)
    lm = LeanerLM.create_from_arg_obj(told, {"batch_size": 2, "device": None})
    assert isinstance(lm, Stranger) and lm.found == (str(tmp_path), 3, 2)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"lm_eval": {"model": "hf"}}'])
def test_a_record_that_says_nothing_is_refused(text, checkpoint):
    (checkpoint / "leaner.json").write_text(text)
    with pytest.raises(CheckpointError, match="does not say what scores it") as caught:
        choose(str(checkpoint))
    assert "--model leaner-causal" in caught.value.cure


def test_leaner_needs_a_checkpoint():
    with pytest.raises(LeanerError, match="needs a checkpoint"):
        LeanerLM.create_from_arg_obj({})


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_command_line_knows_leaner(checkpoint, tmp_path):
    command = [sys.executable, "-m", "leaner_harness.cli", "lm-eval", "--model", "leaner"]
    command += ["--model_args", f"pretrained={checkpoint}", "--tasks", "leaner_glue_mini_cola"]
    command += ["--limit", "8", "--batch_size", "4", "--device", "cpu"]
    subprocess.run([*command, "--output_path", str(tmp_path / "out")], check=True)
    (path,) = (tmp_path / "out").rglob("results_*.json")
    assert json.loads(path.read_text())["config"]["leaner"]["scorer"] == "causal"
