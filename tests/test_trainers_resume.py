"""A stopped run goes on bit for bit, wherever it was stopped."""

from __future__ import annotations

import json
import signal
from dataclasses import replace

import pytest
import torch
from leaner_trainers import loop
from leaner_trainers.progress import Display
from small_training import ARCHITECTURES, RECIPE, interrupt, log_of, surroundings, weights
from transformers import AutoTokenizer

from leaner_harness import UsageError


@pytest.fixture(autouse=True, scope="module")
def around():
    with surroundings():
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """An undisturbed run of RECIPE."""
    return loop.train(RECIPE, tmp_path_factory.mktemp("undisturbed") / "out")


def stop_and_resume(recipe, out, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, 7, lambda: signal.raise_signal(signal.SIGINT))
        loop.train(recipe, out)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert json.loads((out / "resume" / "state" / "state.json").read_text())["step"] == 8
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
    entries = log_of(whole.path)
    assert entries[-1]["loss"] < entries[0]["loss"] - 1


class Counting(torch.optim.SGD):
    """Keeps, as Prodigy and schedule-free optimisers do, numbers that its steps depend on."""

    def __init__(self, groups, power=1.0, kept=1.0):
        super().__init__(groups)
        for group in self.param_groups:
            group |= {"k": 0, "sum": 0.1, "range": (1, 2.0), "power": power, "kept": kept}

    def step(self):
        for group in self.param_groups:
            group["k"] += 1
            group["sum"] += 0.1 * group["lr"]
            group["lr"] *= group["sum"] / group["k"] ** group["power"]
            for parameter in group["params"]:
                state = self.state[parameter]
                state["times"] = state.get("times", 1.1) * 1.1
                parameter.data.sub_(parameter.grad.sign(), alpha=group["lr"] * state["times"])


def test_tensorboard_has_every_step_of_a_stopped_run(tmp_path, monkeypatch):
    """It writes when it likes; a resumed run begins after the stop."""
    written, held = [], []

    class Writer:
        def __init__(self, folder, purge_step):
            held.clear()

        def add_scalar(self, key, value, step):
            held.extend([step] * (key == "loss"))

        def close(self):
            written.extend(held)

    monkeypatch.setattr("leaner_trainers.progress._board", lambda *_: Writer("", 0))
    stop_and_resume(replace(RECIPE, tensorboard=True), tmp_path, monkeypatch)
    assert written == list(range(1, 13))


def test_what_an_optimiser_keeps_besides_tensors_is_resumed(tmp_path, monkeypatch):
    recipe = replace(
        RECIPE, optimizer=f"{__name__}:Counting", optimizer_options={"power": 0.5}, size="exact"
    )
    whole = loop.train(recipe, tmp_path / "whole")
    again = stop_and_resume(recipe, tmp_path / "again", monkeypatch)
    assert weights(again.path) == weights(whole.path)


def test_what_cannot_be_saved_is_refused_before_training(tmp_path):
    def make(groups):
        return Counting(groups, kept=torch.ones(2))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{__name__}.Counting.make", make, raising=False)
        with pytest.raises(UsageError, match=r"Counting keeps kept = tensor.*cannot be saved"):
            loop.train(replace(RECIPE, optimizer=f"{__name__}:Counting.make"), tmp_path)


def test_a_key_newer_than_the_stopped_run_is_at_its_default(run, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, 3, lambda: signal.raise_signal(signal.SIGTERM))
        loop.train(RECIPE, tmp_path)
    path = tmp_path / "resume" / "state" / "state.json"
    state = json.loads(path.read_text())
    del state["recipe"]["optimizer_options"], state["optimizers"]
    path.write_text(json.dumps(state))
    assert weights(loop.train(RECIPE, tmp_path).path) == weights(run.path)


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
    entries = log_of(whole.path)
    assert entries[-1]["loss"] < entries[0]["loss"] - 1
    assert [e["step"] for e in entries if "validation_loss" in e] == [4, 8, 12]
    assert entries[-1]["validation_loss"] == whole.record["validation_loss"]
    assert entries[-1]["validation_loss"] == pytest.approx(entries[-1]["loss"], abs=0.5)
    other_measures = {"sample", "validation_bits_per_byte"}
    assert not any(other_measures & entry.keys() for entry in [*entries, whole.record])
    tokenizer = AutoTokenizer.from_pretrained(whole.path)
    assert tokenizer.mask_token_id is not None and tokenizer.model_max_length == 32


def test_crash_between_evaluations_resumes_from_the_last_one(run, tmp_path, monkeypatch):
    def crash():
        raise MemoryError

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        interrupt(patch, 6, crash)
        loop.train(RECIPE, tmp_path)
    # As if killed between the two renames of a save, and in the middle of a log line.
    resume = tmp_path / "resume"
    (resume / "state").rename(resume / ".state.old")
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 7, "lo')
    loop.train(RECIPE, tmp_path)
    assert weights(tmp_path) == weights(run.path)
    assert [entry["step"] for entry in log_of(tmp_path)] == list(range(1, 13))


def test_resume_refuses_another_recipe_and_can_start_over(tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, 3, lambda: signal.raise_signal(signal.SIGTERM))
        loop.train(RECIPE, tmp_path)
    other = replace(RECIPE, learning_rate=2e-2, steps=4)
    with pytest.raises(UsageError, match="learning_rate was 0.01, is 0.02") as caught:
        loop.train(other, tmp_path)
    assert "resume = false" in str(caught.value)
    assert loop.train(replace(other, resume=False), tmp_path).record["steps"] == 4


def test_milestones_before_the_stop_are_kept(tmp_path, monkeypatch):
    recipe = replace(RECIPE, checkpoint_at=("4 steps", "10 steps"))
    again = stop_and_resume(recipe, tmp_path, monkeypatch)
    assert [each.record["steps"] for each in again.milestones] == [4, 10]
    assert all((each.path / "model.safetensors").is_file() for each in again.milestones)


def test_nothing_of_an_older_checkpoint_is_left_beside_a_new_one(tmp_path):
    for name in ("1M-words", "holiday"):
        (tmp_path / "milestones" / name).mkdir(parents=True)
    (tmp_path / "milestones" / "1M-words" / "leaner.json").write_text("{}")
    owned = {"notes.txt", "adapter.safetensors", "my_tokens.json"}
    for name in ("model-00001-of-00002.safetensors", "added_tokens.json", *owned):
        (tmp_path / name).write_text("of another run")
    loop.train(replace(RECIPE, steps=4, checkpoint_at=("3 steps",)), tmp_path)
    left = {path.name for path in (tmp_path / "milestones").iterdir()}
    assert left == {"3-steps", "holiday"}
    weights_left = {path.name for path in tmp_path.glob("*.safetensors")}
    assert weights_left == {"model.safetensors", "adapter.safetensors"}
    assert not (tmp_path / "added_tokens.json").exists()
    assert all((tmp_path / name).exists() for name in owned)  # its owner's files


def test_a_run_that_was_killed_after_its_last_step_is_not_trained_again(tmp_path, monkeypatch):
    done = loop.train(RECIPE, tmp_path)
    before = weights(done.path)
    monkeypatch.setattr(Display, "step", lambda *_: pytest.fail("trained again"))
    again = loop.train(RECIPE, tmp_path)
    assert weights(again.path) == before
    assert again.record == done.record
