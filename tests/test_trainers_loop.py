"""The loop trains, repeats itself, and leaves a stock checkpoint."""

from __future__ import annotations

import json
import math
import shutil
import sys
from dataclasses import replace

import pytest
import small_training
import torch
from leaner_trainers import loop, training_text
from leaner_trainers.validation import ValidationText
from safetensors.torch import load_file, save
from small_training import (
    ARCHITECTURES,
    RECIPE,
    build_tiny,
    documents,
    log_of,
    surroundings,
    weights,
)
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from leaner_harness import (
    CheckpointError,
    Document,
    LeanerError,
    Reference,
    UnknownName,
    UsageError,
)


@pytest.fixture(autouse=True, scope="module")
def around():
    with surroundings():
        yield


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
    assert not names & {"state", "text", ".checkpoint.partial"}
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
    assert record["shape"] == {"depth": 2, "width": 32}
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
    entries = log_of(run.path)
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
        patch.setattr(small_training, "build_tiny", build)
        with pytest.raises(LeanerError, match="step 6: loss nan.*last good checkpoint is"):
            loop.train(RECIPE, tmp_path)
    kept = load_file(tmp_path / "resume" / "state" / "model.safetensors")
    assert all(tensor.isfinite().all() for tensor in kept.values())


@pytest.mark.parametrize(("every", "step"), [(4, 8), (7, 12)], ids=["on its way", "at its end"])
def test_a_validation_loss_that_is_no_number_replaces_no_state(every, step, tmp_path, monkeypatch):
    entry, calls = ValidationText.entry, iter(range(9))

    def broken(self, model, device):
        found = entry(self, model, device)
        return {**found, self.key: math.nan} if next(calls) == 1 else found

    monkeypatch.setattr(ValidationText, "entry", broken)
    with pytest.raises(LeanerError, match=f"step {step}: the validation loss is nan.*{tmp_path}"):
        loop.train(replace(RECIPE, eval_every=every), tmp_path)
    state = json.loads((tmp_path / "resume" / "state" / "state.json").read_text())
    assert state["step"] == every and not (tmp_path / "config.json").exists()


def test_minutes_end_a_run_early(tmp_path, capsys):
    recipe = replace(RECIPE, steps=10**6, minutes=0.01, sample_every=0)
    found = loop.train(replace(recipe, checkpoint_at=("1 steps", "999999 steps")), tmp_path)
    assert 0 < found.record["steps"] < 1000
    assert [each.path.name for each in found.milestones] == ["1-steps"]
    assert "The time was up before 999999-steps: not kept." in capsys.readouterr().err


@pytest.mark.parametrize("name", ["tiny", "mlm", "plm"])
def test_bf16_trains_and_saves_float32(name, tmp_path):
    loop.train(replace(RECIPE, architecture=name, bf16=True, steps=3, batch_size=2), tmp_path)
    kept = load_file(tmp_path / "model.safetensors")
    assert {tensor.dtype for tensor in kept.values()} == {torch.float32}


def test_what_does_not_fit_is_named_before_any_text_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "write_text", lambda *_: pytest.fail("read the text"))
    for keys, error, message in (
        ({"size": "1m"}, UnknownName, "'1m'. Available: 1M"),
        ({"block_size": 65}, UsageError, "block_size is 65; the model sees at most 64"),
        ({"init_from": str(tmp_path)}, CheckpointError, "has no model.safetensors"),
        ({"architecture": "llama", "size": "none.json"}, UnknownName, "none.json"),
    ):
        with pytest.raises(error, match=message):
            loop.train(replace(RECIPE, **keys), tmp_path)


def test_what_does_not_fit_is_named_before_training(tmp_path):
    short = [Document("1", "wiki", "a cat")]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(LeanerError, match="less than one b"):
        patch.setattr(training_text, "read_documents", lambda *_: iter(short))
        loop.train(RECIPE, tmp_path)
    odd = replace(ARCHITECTURES["tiny"], tokenizer="byte-bpe-masks")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(UnknownName, match="byte-bpe-mask'"):
        patch.setitem(ARCHITECTURES, "tiny", odd)
        loop.train(RECIPE, tmp_path)
    with pytest.raises(LeanerError, match="validation text has .* of no genre"):
        loop.train(replace(RECIPE, architecture="plm", block_size=500), tmp_path)


def test_milestones_are_checkpoints_of_shorter_training(run, tmp_path):
    recipe = replace(RECIPE, checkpoint_at=("1k tokens", "8 steps", "12 steps"))
    found = loop.train(recipe, tmp_path / "out")
    assert weights(found.path) == weights(run.path)  # keeping some changes nothing
    by_name = {each.path.name: each for each in found.milestones}
    assert list(by_name) == ["1k-tokens", "8-steps", "12-steps"]
    assert [each.record["steps"] for each in found.milestones] == [4, 8, 12]
    assert [each.record["tokens_seen"] for each in found.milestones] == [1024, 2048, 3072]
    losses = [each.record["validation_bits_per_byte"] for each in found.milestones]
    assert losses == sorted(losses, reverse=True)
    scored = [entry for entry in log_of(found.path) if entry["step"] in (4, 8, 12)]
    assert losses == [entry["validation_bits_per_byte"] for entry in scored]
    for each in found.milestones:
        assert (each.model_type, each.model_args) == (found.model_type, found.model_args)
        AutoModelForCausalLM.from_pretrained(each.path)
    assert weights(by_name["12-steps"].path) == weights(found.path)


def test_the_validation_loss_of_each_genre(run):
    entry = log_of(run.path)[-1]
    by_genre = entry["validation_bits_per_byte_by_genre"]
    assert set(by_genre) == {"wiki", "textbook"}
    assert min(by_genre.values()) < entry["validation_bits_per_byte"] < max(by_genre.values())


def test_a_picture_of_the_learning_curve(run):
    picture = (run.path / "learning_curve.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and len(picture) > 5_000


def test_weights_and_tokenizer_of_another_run_to_begin_with(run, tmp_path):
    recipe = replace(RECIPE, init_from=str(run.path), steps=1, warmup=0, learning_rate=1e-9, seed=5)
    again = loop.train(recipe, tmp_path / "again")
    before, after = (load_file(each.path / "model.safetensors") for each in (run, again))
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in before)
    assert again.record["tokenizer_digest"] == run.record["tokenizer_digest"]
    first = log_of(again.path)[0]
    assert first["loss"] == pytest.approx(log_of(run.path)[-1]["loss"], abs=0.3)
    broken = shutil.copytree(run.path, tmp_path / "broken")
    for content in (b"", save({"model.norm.weight": torch.ones(3)})):
        (broken / "model.safetensors").write_bytes(content)
        with pytest.raises(CheckpointError, match="cannot be loaded into tiny 1M"):
            loop.train(replace(recipe, init_from=str(broken)), tmp_path / "none")


def test_weights_do_not_begin_a_run_with_another_tokenizer(run, tmp_path):
    """Of the same size: every embedding would fit, and none would mean what it meant."""
    other = shutil.copytree(run.path, tmp_path / "other")
    said = json.loads((other / "tokenizer.json").read_text())
    vocabulary = said["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    (other / "tokenizer.json").write_text(json.dumps(said))
    recipe = replace(RECIPE, init_from=str(run.path), tokenizer=str(other), steps=1, warmup=0)
    with pytest.raises(UsageError, match="another tokenizer's tokens"):
        loop.train(recipe, tmp_path / "none")


def test_what_a_run_began_with_is_on_its_bill(run, tmp_path):
    def train_from(before, said):
        if said is not None:
            (before / "leaner.json").write_text(json.dumps(said))
        recipe = replace(RECIPE, init_from=str(before), steps=1, warmup=0)
        return loop.train(recipe, tmp_path / f"after-{before.name}").record["began_with"]

    assert "began_with" not in run.record
    first = shutil.copytree(run.path, tmp_path / "first")
    begun = train_from(first, {**run.record, "recipe": {"init_from": ""}, "recipe_name": "one"})
    spent = {key: run.record[key] for key in ("tokens_seen", "words_seen", "flops")}
    assert begun == {"recipe_name": "one", "weights_sha256": Reference(first).digest, **spent}
    # Of a chain, all of it.
    second = shutil.copytree(run.path, tmp_path / "second")
    said = {"recipe": {"init_from": "x"}, "began_with": begun, **spent, "flops": None}
    begun = train_from(second, said)
    assert (begun["tokens_seen"], begun["flops"]) == (2 * spent["tokens_seen"], None)
    third = shutil.copytree(run.path, tmp_path / "third")
    (third / "leaner.json").unlink(missing_ok=True)
    assert train_from(third, None)["tokens_seen"] is None


def test_documents_may_see_each_other_if_asked(run, tmp_path):
    assert run.record["data"]["documents_apart"] is True
    together = loop.train(replace(RECIPE, separate_documents=False, steps=4), tmp_path)
    assert together.record["data"]["documents_apart"] is False
    apart, seen = log_of(run.path)[0]["loss"], log_of(together.path)[0]["loss"]
    assert apart != seen and apart == pytest.approx(seen, abs=0.2)


def test_tensorboard_gets_the_log_or_says_what_to_install(tmp_path, monkeypatch):
    recipe = replace(RECIPE, tensorboard=True, steps=4, eval_every=2)
    wanted = "pip install tensorboard"
    with monkeypatch.context() as patch, pytest.raises(UsageError, match=wanted):
        patch.setitem(sys.modules, "torch.utils.tensorboard", None)
        loop.train(recipe, tmp_path / "none")
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    out = loop.train(recipe, tmp_path / "board").path
    events = EventAccumulator(str(out / "tensorboard"))
    events.Reload()
    assert [e.step for e in events.Scalars("loss")] == [1, 2, 3, 4]
    for scalar, entry in zip(events.Scalars("loss"), log_of(out), strict=True):
        assert scalar.value == pytest.approx(entry["loss"])
    assert len(events.Scalars("validation_bits_per_byte_by_genre/wiki")) == 2


def test_master_weights_are_float32_whatever_was_built(tmp_path, monkeypatch):
    sound = build_tiny
    monkeypatch.setattr(small_training, "build_tiny", lambda *a: sound(*a).to(torch.bfloat16))
    loop.train(replace(RECIPE, steps=3), tmp_path)
    kept = load_file(tmp_path / "model.safetensors")
    assert {tensor.dtype for tensor in kept.values()} == {torch.float32}


@pytest.mark.slow
def test_a_compiled_run_learns_the_same(tmp_path):
    """Needs a C++ compiler, as torch.compile on a processor does."""
    recipe = replace(RECIPE, size="exact", steps=4)
    plain = loop.train(recipe, tmp_path / "plain")
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    compiled = loop.train(replace(recipe, compile=True), tmp_path / "compiled")
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    for one, other in zip(log_of(plain.path), log_of(compiled.path), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)
    AutoModelForCausalLM.from_pretrained(compiled.path)
