"""The loop trains, repeats and resumes bit for bit, and leaves a stock checkpoint."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import math
import random
import signal
import tomllib
from dataclasses import replace
from importlib import resources

import pytest
import torch
from leaner_trainers import loop
from leaner_trainers.architectures import llama
from leaner_trainers.progress import Display
from leaner_trainers.recipe import Recipe
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from leaner_harness import ArchitectureSpec, Document, LeanerError, UnknownName, UsageError

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


def documents(source, split="train", genres=(), words=None):
    draw = random.Random(split)
    names = "the a cat dog hen sees likes finds big small red .".split()
    for i in range(80 if split == "train" else 6):
        yield Document(str(i), "g", " ".join(draw.choices(names, k=50)))


@pytest.fixture(autouse=True, scope="module")
def surroundings():
    with pytest.MonkeyPatch.context() as patch:
        spec = ArchitectureSpec("tiny", f"{__name__}:build_tiny")
        patch.setattr(loop, "get_architecture", lambda name: spec)
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
    assert record["tokens_seen"] == 12 * 2 * 4 * 32
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


def test_ctrl_c_and_resume_equals_the_undisturbed_run(run, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, 7, lambda: signal.raise_signal(signal.SIGINT))
        loop.train(RECIPE, tmp_path)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert json.loads((tmp_path / "state" / "state.json").read_text())["step"] == 8
    assert not (tmp_path / "config.json").exists()
    AutoModelForCausalLM.from_pretrained(tmp_path / "state")
    torch.manual_seed(12345)
    loop.train(RECIPE, tmp_path)
    assert weights(tmp_path) == weights(run.path)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 12


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
        return Broken(build_tiny(size, vocab_size).config)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.pkgutil, "resolve_name", lambda name: build)
        with pytest.raises(LeanerError, match="step 6: loss nan.*last good checkpoint is"):
            loop.train(RECIPE, tmp_path)
    kept = load_file(tmp_path / "state" / "model.safetensors")
    assert all(tensor.isfinite().all() for tensor in kept.values())


def test_minutes_end_a_run_early(tmp_path):
    record = loop.train(replace(RECIPE, steps=10**6, minutes=0.01, sample_every=0), tmp_path).record
    assert 0 < record["steps"] < 1000


def test_bf16_trains_and_saves_float32(tmp_path):
    loop.train(replace(RECIPE, bf16=True, steps=4), tmp_path)
    kept = load_file(tmp_path / "model.safetensors")
    assert {tensor.dtype for tensor in kept.values()} == {torch.float32}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"steps": 0}, "'steps' is 0; it must be at least 1"),
        ({"steps": "many"}, "'steps' is 'many'; it must be int"),
        ({"steps": True}, "'steps' is True; it must be int"),
        ({"learning_rate": -1.0}, "'learning_rate' is -1.0; it must be above 0"),
        ({"learning_rate": math.nan}, "'learning_rate' is nan; it must be above 0"),
        ({"learning_rate": math.inf}, "'learning_rate' is inf; it must be a finite number"),
        ({"schedule": "cosin"}, "one of 'cosine', 'linear'"),
        ({"genres": "wiki"}, "'genres' is 'wiki'; it must be a list of strings"),
        ({"genres": [1]}, "'genres' is .1,.; it must be a list of strings"),
        ({"vocab_size": 100}, "'vocab_size' is 100; it must be at least 257"),
        ({"vocab_size": 70000}, "at most 65536"),
        ({"warmup": 12, "steps": 12}, "'warmup' is 12; it must be less than steps"),
        ({"minutes": 0}, "'minutes' is 0; it must be above 0"),
        ({"device": "gpu"}, "one of 'auto', 'cpu', 'cuda'"),
    ],
)
def test_a_wrong_value_is_named(keys, message):
    with pytest.raises(UsageError, match=message):
        Recipe(**keys)


def test_toml_values_fit():
    assert Recipe(genres=["wiki"], learning_rate=1, minutes=None).genres == ("wiki",)


@pytest.mark.parametrize("name", ["llama-demo", "llama-1m", "llama-14m"])
def test_ready_recipes_are_valid_and_say_what_they_are(name):
    path = resources.files("leaner_trainers") / "recipes" / f"{name}.toml"
    keys = tomllib.loads(path.read_text())
    assert path.read_text().startswith("# ")
    assert keys.pop("trainer") == "accelerate"
    recipe = Recipe(**keys)
    assert recipe.size in llama.SIZES and recipe.block_size <= llama.CONTEXT


def test_every_key_says_what_it_is():
    tree = ast.parse(inspect.getsource(Recipe)).body[0]
    for field, described in zip(tree.body[1:], tree.body[2:], strict=False):
        if isinstance(field, ast.AnnAssign):
            assert isinstance(described, ast.Expr), f"{field.target.id} has no docstring"


def test_endless_text_gets_an_end():
    assert Recipe().words == 1_000_000
    assert Recipe(data="my.txt").words is None


def test_what_does_not_fit_is_named_before_training(tmp_path):
    with pytest.raises(UnknownName, match="'1m'. Available: 1M"):
        loop.train(replace(RECIPE, size="1m"), tmp_path)
    with pytest.raises(UsageError, match="block_size is 65; the model sees at most 64"):
        loop.train(replace(RECIPE, block_size=65), tmp_path)
    with pytest.raises(LeanerError, match="less than one block"):
        loop.train(replace(RECIPE, block_size=100_000), tmp_path)


@pytest.mark.parametrize(("size", "outside"), [("1M", 1_049_728), ("14M", 14_456_400)])
def test_llama_has_the_size_of_the_paper(size, outside):
    torch.set_default_dtype(torch.bfloat16)  # must not reach the weights
    try:
        model = llama.build(size, 2000)
    finally:
        torch.set_default_dtype(torch.float32)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    embedded = 2 * 2000 * model.config.hidden_size
    assert sum(p.numel() for p in model.parameters()) - embedded == outside
    assert model.config.rope_parameters["rope_theta"] == 5e5
    assert not model.config.tie_word_embeddings


def test_llama_names_its_sizes():
    with pytest.raises(UnknownName, match="Available: 14M, 1M"):
        llama.build("15M", 2000)
