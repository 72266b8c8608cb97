"""The loop trains, repeats and resumes bit for bit, and leaves a stock checkpoint."""

from __future__ import annotations

import hashlib
import json
import math
import random
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from leaner_trainers import loop
from leaner_trainers.progress import Display
from leaner_trainers.recipe import Recipe
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    LlamaConfig,
    LlamaForCausalLM,
    XLNetConfig,
    XLNetLMHeadModel,
)

from leaner_harness import (
    ArchitectureSpec,
    Document,
    LeanerError,
    ModelType,
    UnknownName,
    UsageError,
)
from leaner_harness.models.masked import MaskedLM

RECIPE = Recipe(
    architecture="tiny",
    vocab_size=300,
    block_size=32,
    batch_size=4,
    gradient_accumulation=2,
    steps=12,
    warmup=2,
    learning_rate=1e-2,
    eval_every=4,
    sample_every=6,
    device="cpu",
)


def build_tiny(size: str, vocab_size: int) -> LlamaForCausalLM:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab_size,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=64,
            bos_token_id=0,
            eos_token_id=0,
            attention_dropout=0.1,  # makes the run depend on the random state, as resuming must
        )
    )


def build_bert(size: str, vocab_size: int) -> BertForMaskedLM:
    return BertForMaskedLM(
        BertConfig(
            vocab_size=vocab_size,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=64,
            hidden_dropout_prob=DROPOUT[size],
            attention_probs_dropout_prob=DROPOUT[size],
        )
    )


def build_xlnet(size: str, vocab_size: int) -> XLNetLMHeadModel:
    config = XLNetConfig(
        vocab_size=vocab_size, d_model=32, d_inner=64, n_layer=2, n_head=2, dropout=DROPOUT[size]
    )
    return XLNetLMHeadModel(config)


DROPOUT = {"1M": 0.1, "exact": 0.0}
ARCHITECTURES = {
    "tiny": ArchitectureSpec("tiny", f"{__name__}:build_tiny"),
    "mlm": ArchitectureSpec(
        "mlm",
        f"{__name__}:build_bert",
        objective="mlm",
        other_objectives=("mntp",),
        tokenizer="byte-bpe-mask",
        model_type=ModelType("leaner-masked"),
        sizes=tuple(DROPOUT),
    ),
    "plm": ArchitectureSpec(
        "plm",
        f"{__name__}:build_xlnet",
        objective="plm",
        tokenizer="byte-bpe-mask",
        model_type=ModelType("leaner-permutation"),
        sizes=tuple(DROPOUT),
    ),
}


def documents(source, split="train", genres=(), words=None):
    draw = random.Random(split)
    names = "the a cat dog hen sees likes finds big small red .".split()
    for i in range(80 if split == "train" else 6):
        yield Document(str(i), "g", " ".join(draw.choices(names, k=50)))


@pytest.fixture(autouse=True, scope="module")
def surroundings():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "get_architecture", ARCHITECTURES.__getitem__)
        patch.setattr(loop, "read_documents", documents)
        yield


def weights(out) -> str:
    return hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """An undisturbed run of RECIPE."""
    return loop.train(RECIPE, tmp_path_factory.mktemp("undisturbed") / "out")


def test_checkpoint_is_what_stock_transformers_loads(run):
    model = AutoModelForCausalLM.from_pretrained(run.path).eval()
    tokenizer = AutoTokenizer.from_pretrained(run.path)
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert model.config.use_cache is True
    assert tokenizer.model_max_length == 32
    names = {path.name for path in run.path.iterdir()}
    assert names >= {"config.json", "model.safetensors", "tokenizer.json", "log.jsonl"}
    assert not names & {"state", "data", ".checkpoint.partial"}
    direct = build_tiny("1M", len(tokenizer)).eval()
    direct.load_state_dict(load_file(run.path / "model.safetensors"))
    ids = torch.tensor([tokenizer.encode("the cat sees a dog")])
    assert torch.equal(direct(ids).logits, model(ids).logits)


def test_record(run):
    record = run.record
    assert (run.model_type, run.path_arg, run.model_args) == (
        "hf",
        "pretrained",
        {"max_length": "32"},
    )
    assert record["tokens_seen"] == record["targets_seen"] == 12 * 2 * 4 * 32
    assert record["steps"] == 12
    assert record["data"]["words"] == 80 * 50
    assert 0 < record["words_seen"] < record["tokens_seen"]
    total, outside = record["parameters"]["total"], record["parameters"]["non_embedding"]
    assert total - outside == 2 * 32 * record["vocab_size"]
    assert record["flops"] == 6 * (total - 32 * record["vocab_size"]) * record["tokens_seen"]
    json.dumps(dict(record))


def test_bits_per_byte_by_an_independent_formula(run):
    model = AutoModelForCausalLM.from_pretrained(run.path).eval()
    tokenizer = AutoTokenizer.from_pretrained(run.path)
    nats, n_bytes = 0.0, 0
    for document in documents("", "validation"):
        ids = [0, *tokenizer.encode(document.text)]
        n_bytes += len(document.text.encode())
        for start in range(0, len(ids) - 1, 32):
            window = torch.tensor([ids[start : start + 33]])
            chances = torch.softmax(model(window).logits[0].double(), dim=-1).tolist()
            nats -= sum(math.log(chances[t][window[0, t + 1]]) for t in range(window.shape[1] - 1))
    expected = nats / n_bytes / math.log(2)
    assert run.record["validation_bits_per_byte"] == pytest.approx(expected, rel=1e-5)


def test_log_and_learning(run):
    entries = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries] == list(range(1, 13))
    assert entries[-1]["loss"] < entries[0]["loss"] - 1
    assert [e["step"] for e in entries if "validation_bits_per_byte" in e] == [4, 8, 12]
    assert [e["step"] for e in entries if "sample" in e] == [6, 12]
    rates = [entry["learning_rate"] for entry in entries]
    assert max(rates) == rates[2] == pytest.approx(1e-2)
    assert rates[2:] == sorted(rates[2:], reverse=True)


def test_same_recipe_same_weights(run, tmp_path):
    again = loop.train(RECIPE, tmp_path)
    assert weights(again.path) == weights(run.path)
    timeless = [{**c.record, "seconds": 0} for c in (run, again)]
    assert timeless[0] == timeless[1]
    other = loop.train(replace(RECIPE, seed=1, steps=4), tmp_path / "b")
    assert weights(other.path) != weights(run.path)


def interrupt(monkeypatch, at, how):
    original = Display.step

    def step(self, number, loss):
        original(self, number, loss)
        if number == at:
            how()

    monkeypatch.setattr(Display, "step", step)


def stop_and_resume(recipe, out, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, 7, lambda: signal.raise_signal(signal.SIGINT))
        loop.train(recipe, out)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert json.loads((out / "state" / "state.json").read_text())["step"] == 8
    assert not (out / "config.json").exists()
    torch.manual_seed(12345)
    again = loop.train(recipe, out)
    assert len((out / "log.jsonl").read_text().splitlines()) == 12
    return again


def test_ctrl_c_and_resume_equals_the_undisturbed_run(run, tmp_path, monkeypatch):
    again = stop_and_resume(RECIPE, tmp_path, monkeypatch)
    assert weights(again.path) == weights(run.path)
    assert again.record["targets_seen"] == run.record["targets_seen"]


def test_muon_resumes_bit_for_bit_and_learns(tmp_path, monkeypatch):
    recipe = replace(RECIPE, optimizer="muon", embedding_rate=5e-3)
    whole = loop.train(recipe, tmp_path / "whole")
    again = stop_and_resume(recipe, tmp_path / "again", monkeypatch)
    assert weights(again.path) == weights(whole.path)
    entries = [json.loads(line) for line in (whole.path / "log.jsonl").read_text().splitlines()]
    assert entries[-1]["loss"] < entries[0]["loss"] - 1


@pytest.mark.parametrize("objective", ["mlm", "plm"])
def test_other_objectives_train_and_resume_bit_for_bit(objective, tmp_path, monkeypatch):
    recipe = replace(RECIPE, architecture=objective)
    whole = loop.train(recipe, tmp_path / "whole")
    again = stop_and_resume(recipe, tmp_path / "again", monkeypatch)
    assert weights(again.path) == weights(whole.path)
    assert {**again.record, "seconds": 0} == {**whole.record, "seconds": 0}
    assert whole.model_type == ARCHITECTURES[objective].model_type.name
    assert whole.model_args == {"max_length": "32"}
    # One word in six or seven is predicted, and learned: the text has 12 words.
    seen, targets = whole.record["tokens_seen"], whole.record["targets_seen"]
    assert seen == 12 * 2 * 4 * 32 and 0.12 < targets / seen < 0.2
    entries = [json.loads(line) for line in (whole.path / "log.jsonl").read_text().splitlines()]
    assert entries[-1]["loss"] < entries[0]["loss"] - 1
    assert [e["step"] for e in entries if "validation_loss" in e] == [4, 8, 12]
    assert entries[-1]["validation_loss"] == whole.record["validation_loss"]
    assert entries[-1]["validation_loss"] == pytest.approx(entries[-1]["loss"], abs=0.5)
    other_measures = {"sample", "validation_bits_per_byte"}
    assert not any(other_measures & entry.keys() for entry in [*entries, whole.record])
    tokenizer = AutoTokenizer.from_pretrained(whole.path)
    assert tokenizer.mask_token_id is not None and tokenizer.model_max_length == 32


def test_another_objective_that_suits_is_trained_and_scored_so(tmp_path):
    recipe = replace(RECIPE, architecture="mlm", objective="mntp")
    found = loop.train(recipe, tmp_path / "mntp")
    assert found.model_args == {"max_length": "32", "scoring": "mntp"}
    assert found.record["validation_loss"] < math.log(300) - 1
    MaskedLM(str(found.path), device="cpu", **found.model_args)  # takes these arguments
    with pytest.raises(UnknownName, match="objective of architecture 'mlm' 'clm'"):
        loop.train(replace(recipe, objective="clm"), tmp_path / "clm")


@pytest.mark.parametrize("objective", ["mlm", "plm"])
def test_a_step_is_the_mean_over_its_targets_however_it_is_cut_up(objective, tmp_path):
    """Batches of a step have different numbers of targets; each target counts the same."""
    recipe = replace(RECIPE, architecture=objective, size="exact", steps=3)
    found = []
    for rows, parts in ((12, 1), (1, 12)):
        cut = replace(recipe, batch_size=rows, gradient_accumulation=parts)
        out = loop.train(cut, tmp_path / str(parts)).path
        found.append([json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()])
    for one, other in zip(*found, strict=True):
        for key in ("loss", "gradient_norm"):
            assert one[key] == pytest.approx(other[key], rel=1e-4)


@pytest.mark.parametrize(
    ("schedule", "middle", "late"),
    [("cosine", 0.5, 0.0245), ("linear", 0.5, 0.1), ("wsd", 1.0, 0.4)],
)
def test_the_rate_rises_and_falls_to_zero(schedule, middle, late):
    recipe = replace(RECIPE, schedule=schedule, warmup=10, steps=110, decay=0.25)
    shares = [loop._schedule(recipe, step, 0.0) for step in range(110)]
    assert shares[:10] == sorted(shares[:10]) and shares[0] == pytest.approx(1 / 11)
    assert shares[10] == max(shares) == 1.0
    assert shares[60] == pytest.approx(middle) and shares[100] == pytest.approx(late, abs=1e-4)
    assert shares[10:] == sorted(shares[10:], reverse=True) and 0 < shares[-1] < 0.05


def test_crash_between_evaluations_resumes_from_the_last_one(run, tmp_path, monkeypatch):
    def crash():
        raise MemoryError

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        interrupt(patch, 6, crash)
        loop.train(RECIPE, tmp_path)
    # As if killed between the two renames of a save, and in the middle of a log line.
    (tmp_path / "state").rename(tmp_path / ".state.old")
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 7, "lo')
    loop.train(RECIPE, tmp_path)
    assert weights(tmp_path) == weights(run.path)
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 13))


def test_resume_refuses_another_recipe_and_can_start_over(tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, 3, lambda: signal.raise_signal(signal.SIGTERM))
        loop.train(RECIPE, tmp_path)
    other = replace(RECIPE, learning_rate=2e-2, steps=4)
    with pytest.raises(UsageError, match="learning_rate was 0.01, is 0.02") as caught:
        loop.train(other, tmp_path)
    assert "resume = false" in str(caught.value)
    assert loop.train(replace(other, resume=False), tmp_path).record["steps"] == 4


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(tmp_path):
    class Broken(LlamaForCausalLM):
        calls = 0

        def forward(self, *args, **kwargs):
            found = super().forward(*args, **kwargs)
            Broken.calls += self.training
            return found if Broken.calls <= 10 else type(found)(logits=found.logits * math.nan)

    def build(size, vocab_size):
        return Broken(sound(size, vocab_size).config)

    sound = build_tiny
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "build_tiny", build)
        with pytest.raises(LeanerError, match="step 6: loss nan.*last good checkpoint is"):
            loop.train(RECIPE, tmp_path)
    kept = load_file(tmp_path / "state" / "model.safetensors")
    assert all(tensor.isfinite().all() for tensor in kept.values())


def test_minutes_end_a_run_early(tmp_path):
    record = loop.train(replace(RECIPE, steps=10**6, minutes=0.01, sample_every=0), tmp_path).record
    assert 0 < record["steps"] < 1000


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_bf16_trains_and_saves_float32(name, tmp_path):
    loop.train(replace(RECIPE, architecture=name, bf16=True, steps=3, batch_size=2), tmp_path)
    kept = load_file(tmp_path / "model.safetensors")
    assert {tensor.dtype for tensor in kept.values()} == {torch.float32}


def test_what_does_not_fit_is_named_before_training(tmp_path):
    with pytest.raises(UnknownName, match="'1m'. Available: 1M"):
        loop.train(replace(RECIPE, size="1m"), tmp_path)
    with pytest.raises(UsageError, match="block_size is 65; the model sees at most 64"):
        loop.train(replace(RECIPE, block_size=65), tmp_path)
    with pytest.raises(LeanerError, match="less than one block"):
        loop.train(replace(RECIPE, block_size=100_000), tmp_path)
    odd = replace(ARCHITECTURES["tiny"], tokenizer="byte-bpe-masks")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(UnknownName, match="byte-bpe-mask'"):
        patch.setitem(ARCHITECTURES, "tiny", odd)
        loop.train(RECIPE, tmp_path)
    with pytest.raises(LeanerError, match="validation text has .* less than one block"):
        loop.train(replace(RECIPE, architecture="plm", block_size=500), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bert-1m", "xlnet-1m"])
def test_two_processes_see_what_one_would(name, tmp_path):
    keys = (
        "words=3000 validation_words=300 vocab_size=400 block_size=32 batch_size=4 steps=3 "
        "gradient_accumulation=2 warmup=1 eval_every=2 device=cpu"
    )
    options = [word for key in keys.split() for word in ("--set", key)]
    found = []
    for processes in (1, 2):
        launcher = f"torch.distributed.run --standalone --nproc-per-node {processes} -m".split()
        verb = ["leaner_harness.cli", "train", name, "--out", str(tmp_path / str(processes))]
        command = [sys.executable, "-m", *launcher, *verb, *options]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        record = json.loads((tmp_path / str(processes) / "leaner.json").read_text())
        assert record["hardware"].startswith(f"{processes} x cpu")
        found.append(record)
    for key in ("train_loss", "validation_loss"):
        assert found[0][key] == pytest.approx(found[1][key], rel=1e-5)
    assert found[0]["targets_seen"] == found[1]["targets_seen"]
