"""Fine-tuning: one training run, and the runs of a grid on disk."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_finetune
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_finetune import SHORT, separable, setting

from leaner_harness import scoring
from leaner_harness.data.glue import TASKS
from leaner_harness.errors import LeanerError, UsageError
from leaner_harness.models.finetune import classifier, encoding, runs, training, workers

# Training


@given(st.floats(0, 1))
def test_a_similarity_is_its_own_expected_value(share: float) -> None:
    scores = training.log_probabilities(np.array([share]), TASKS["stsb"])
    scored = scoring.scored_row(TASKS["stsb"], {"label": 0}, scores)
    assert all(map(math.isfinite, scores))
    assert scored[1] == pytest.approx(share * 5, abs=1e-4)


def test_outputs_that_are_not_finite_give_no_score() -> None:
    scores = training.log_probabilities(np.array([0.1, math.nan]), TASKS["cola"])
    assert all(map(math.isnan, scores))


def _answers(said: dict[str, Any], data: Any) -> Any:
    return zip(said["log_probabilities"], data.reported, strict=True)


def test_training_learns_and_repeats_exactly(checkpoint: Path, tmp_path: Path) -> None:
    data = separable()
    found = []
    for folder in ("one", "two"):
        run = training.Run(setting(checkpoint), "sst2", 3e-3, 1, tmp_path / folder)
        outcome = training.train_run(run, data)
        found.append(training.predict_run(run, data))
    right = [np.argmax(p) == r["label"] for p, r in _answers(found[0], data)]
    assert np.mean(right) > 0.9 and outcome["score"] > 0.9
    assert found[0] == found[1]
    other = training.Run(setting(checkpoint), "sst2", 3e-3, 2, tmp_path / "three")
    training.train_run(other, data)
    assert training.predict_run(other, data) != found[0]


def test_in_bfloat16_it_learns_the_same_with_plain_attention(
    checkpoint: Path, tmp_path: Path
) -> None:
    data = separable()
    half = dataclasses.replace(setting(checkpoint), bf16=True)
    attention = training.build(half, data.task).body.config._attn_implementation  # type: ignore[union-attr]
    assert (half.device, attention) == ("cpu", "eager")
    run = training.Run(half, "sst2", 3e-3, 1, tmp_path)
    assert training.train_run(run, data)["score"] > 0.9
    found = training.predict_run(run, data)
    right = [np.argmax(p) == r["label"] for p, r in _answers(found, data)]
    assert np.mean(right) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("bf16", [False, True])
def test_compiled_it_takes_the_same_steps(checkpoint: Path, bf16: bool) -> None:
    """Batches of several shapes, a batch of one row, another head: nothing is compiled again."""
    ids = [list(range(10, 10 + n)) for n in (20, 3, 9, 17, 30)]
    encoded = encoding.Encoded(ids, [[0] * len(i) for i in ids], [0.0, 1.0, 0.0, 1.0, 1.0], 0, 32)
    batches = [
        encoding.collate(encoded, np.array(rows), 0, torch.device("cpu"))
        for rows in ([0, 1], [1, 2, 3], [4])
    ]
    compilations = []
    classifier._compiled_pool.cache_clear()
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()  # type: ignore[attr-defined]
    for task in ("sst2", "stsb"):
        weights = []
        for is_compiled in (False, True):
            chosen = setting(checkpoint, bf16=bf16, compile=is_compiled)
            torch.manual_seed(3)
            model = training.build(chosen, TASKS[task]).train()
            model.dropout.p = 0.0
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            for batch in batches:
                training.train_step(model, batch, TASKS[task], optimizer, chosen)
            weights.append(torch.cat([each.flatten() for each in model.parameters()]))
        untrained = torch.cat([each.flatten() for each in _untrained(checkpoint, task)])
        moved = (weights[0] - untrained).norm()
        assert moved > 0
        assert (weights[1] - weights[0]).norm() < (0.05 if bf16 else 1e-3) * moved
        compilations.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])  # type: ignore[attr-defined]
    assert compilations[0] == compilations[1] > 0


def _untrained(checkpoint: Path, task: str) -> list[torch.Tensor]:
    torch.manual_seed(3)
    model = training.build(setting(checkpoint), TASKS[task])
    return [each.detach() for each in model.parameters()]


def test_without_a_compiler_compile_is_refused_before_anything_is_trained(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier._compiled_pool.cache_clear()
    monkeypatch.setenv("CXX", "no-such-compiler")
    training.checked(setting(checkpoint), TASKS["cola"])
    with pytest.raises(UsageError, match="no-such-compiler is not on the PATH"):
        training.checked(setting(checkpoint, compile=True), TASKS["cola"])


def test_the_best_pass_is_kept_not_the_last(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.4, 0.9, 0.1])
    monkeypatch.setattr(training, "native_score", lambda *_: next(scores))
    longer = dataclasses.replace(SHORT, epochs=dict.fromkeys(TASKS, 3))
    run = training.Run(setting(checkpoint, protocol=longer), "sst2", 1e-3, 1, tmp_path)
    outcome = training.train_run(run, separable())
    assert outcome["best_epoch"] == 2 and outcome["epochs"] == 3 and outcome["score"] == 0.9


def test_patience_stops_early(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "native_score", lambda *_: 0.5)
    losses = iter([0.9, 0.8, 0.8, 0.9, 0.7])
    monkeypatch.setattr(training, "selection_loss", lambda *_: next(losses))
    patient = dataclasses.replace(SHORT, epochs=dict.fromkeys(TASKS, 9), patience=2)
    run = training.Run(setting(checkpoint, protocol=patient), "sst2", 1e-3, 1, tmp_path)
    assert training.train_run(run, separable())["epochs"] == 4  # two after the loss's best


def test_a_run_that_diverges_says_so(checkpoint: Path, tmp_path: Path) -> None:
    run = training.Run(setting(checkpoint), "sst2", 1e30, 1, tmp_path)
    outcome = training.train_run(run, separable())
    assert outcome["state"] == "diverged" and outcome["score"] is None
    assert not (tmp_path / training.WEIGHTS).exists()


# Runs on disk


def grid(checkpoint: Path, tmp_path: Path) -> runs.Grid:
    return runs.Grid(setting(checkpoint), separable(), tmp_path / "grid")


def outcome(found: runs.Grid, scores: dict[float, float | None]) -> None:
    """Pretend that runs are done."""
    for run in found.runs:
        if run.rate in scores:
            run.folder.mkdir(parents=True, exist_ok=True)
            (run.folder / training.WEIGHTS).write_bytes(b"weights")
            state = "ok" if scores[run.rate] is not None else "diverged"
            said = {"state": state, "score": scores[run.rate], "best_epoch": 1, "seconds": 1.0}
            (run.folder / training.RUN).write_text(json.dumps(said | {"truncated": 0}))


def test_the_rate_with_the_best_mean_selection_score_wins(checkpoint: Path, tmp_path: Path) -> None:
    found = grid(checkpoint, tmp_path)
    outcome(found, {1e-3: 0.5, 3e-3: 0.7})
    assert found.best_rate() == 3e-3 and not found.left()
    found.spare_disk()
    kept = {run.rate for run in found.runs if (run.folder / training.WEIGHTS).exists()}
    assert kept == {3e-3}


def test_a_rate_that_diverged_never_wins(checkpoint: Path, tmp_path: Path) -> None:
    found = grid(checkpoint, tmp_path)
    outcome(found, {1e-3: 0.1, 3e-3: None})
    assert found.best_rate() == 1e-3
    outcome(found, {1e-3: None})
    assert found.best_rate() is None


def test_a_task_whose_runs_diverged_at_every_rate_has_a_counted_state(
    checkpoint: Path, tmp_path: Path
) -> None:
    found = grid(checkpoint, tmp_path)
    outcome(found, {1e-3: None, 3e-3: None})
    said = found.record()
    assert said["state"] == "diverged" and said["diverged"] == said["runs"] == 4
    assert "4 of 4 runs diverged" in said["reason"] and "rate" not in said


def test_a_rate_that_wins_and_then_gives_no_number_has_a_counted_state(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = grid(checkpoint, tmp_path)
    for run in found.runs:
        training.train_run(run, found.data)
    real = training.predict

    def broken(*args: Any) -> Any:
        outputs = real(*args)
        outputs[3] = math.nan
        return outputs

    monkeypatch.setattr(training, "predict", broken)
    said = found.record()
    assert said["state"] == "diverged" and "gives 2 reported rows no number" in said["reason"]


def test_finished_runs_are_not_made_again(checkpoint: Path, tmp_path: Path) -> None:
    found = grid(checkpoint, tmp_path)
    made: list[float] = []

    def train(left: Any) -> Any:
        for run, _ in left:
            made.append(run.rate)
            outcome(found, {run.rate: 0.5})
            yield run

    runs.train_all([found], train)
    assert len(made) == 4
    runs.train_all([found], train)
    assert len(made) == 4


def test_cut_rows_are_counted_among_the_reported_ones_too(checkpoint: Path, tmp_path: Path) -> None:
    data = separable()
    data.reported[:3] = [row | {"sentence": row["sentence"] * 40} for row in data.reported[:3]]
    data = dataclasses.replace(data, train=data.train[8:], selection=data.train[8:24])
    found = runs.Grid(setting(checkpoint), data, tmp_path / "grid")
    for run in found.runs:
        training.train_run(run, data)
    said = found.record()
    assert (said["truncated"], said["reported_truncated"]) == (0, 3)
    assert len(found.predictions()[0]) == len(data.reported)


def test_a_control_has_other_random_weights_for_another_scratch_seed(
    checkpoint: Path, tmp_path: Path
) -> None:
    """At a rate of zero the weights that are kept are those that it began with."""
    data = separable()
    found = []
    for scratch_seed in (0, 1, 1):
        chosen = setting(checkpoint, from_scratch=True, scratch_seed=scratch_seed)
        folder = tmp_path / f"{len(found)}"
        training.train_run(training.Run(chosen, "cola", 0.0, 1, folder), data)
        found.append((folder / training.WEIGHTS).read_bytes())
    assert found[0] != found[1] == found[2]


def test_a_folder_changes_with_what_changes_the_outcome(checkpoint: Path, tmp_path: Path) -> None:
    data = separable()
    base = runs.grid_folder(tmp_path, setting(checkpoint), "w1", data)
    other = dataclasses.replace(setting(checkpoint).protocol, patience=1)
    others = [
        runs.grid_folder(tmp_path, setting(checkpoint), "w2", data),
        runs.grid_folder(tmp_path, setting(checkpoint, from_scratch=True), "w1", data),
        runs.grid_folder(tmp_path, setting(checkpoint, max_length=32), "w1", data),
        runs.grid_folder(tmp_path, setting(checkpoint), "w1", separable(32)),
        runs.grid_folder(tmp_path, setting(checkpoint, protocol=other), "w1", data),
        runs.grid_folder(
            tmp_path, setting(checkpoint, from_scratch=True, scratch_seed=1), "w1", data
        ),
    ]
    assert len({base, *others}) == 7
    noisy = dataclasses.replace(data, source="local", defects={"train": {"duplicate": {}}})
    assert runs.grid_folder(tmp_path, setting(checkpoint), "w1", noisy) == base
    elsewhere = setting(checkpoint, device="cuda:1")
    assert runs.grid_folder(tmp_path, elsewhere, "w1", data) == base


def test_a_folder_changes_with_the_configuration_but_not_with_who_wrote_it(
    checkpoint: Path, tmp_path: Path
) -> None:
    """Weights of one shape make another model with another number of attention heads."""
    copy = shutil.copytree(checkpoint, tmp_path / "copy")
    data = separable()
    base = runs.grid_folder(tmp_path, setting(checkpoint), "w1", data)
    said = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(said | {"transformers_version": "9.9"}))
    assert runs.grid_folder(tmp_path, setting(copy), "w1", data) == base
    (copy / "config.json").write_text(json.dumps(said | {"num_attention_heads": 7}))
    assert runs.grid_folder(tmp_path, setting(copy), "w1", data) != base


def test_a_folder_changes_with_special_tokens_and_with_the_code(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bos, sep and eos stand in tokenizer_config.json, not in tokenizer.json."""
    copy = shutil.copytree(checkpoint, tmp_path / "copy")
    data = separable()
    base = runs.grid_folder(tmp_path, setting(checkpoint), "w1", data)
    assert runs.grid_folder(tmp_path, setting(copy), "w1", data) == base
    said = json.loads((copy / "tokenizer_config.json").read_text())
    (copy / "tokenizer_config.json").write_text(json.dumps(said | {"sep_token": "a"}))
    assert runs.grid_folder(tmp_path, setting(copy), "w1", data) != base
    monkeypatch.setattr(runs, "_FORMAT", runs._FORMAT + 1)
    assert runs.grid_folder(tmp_path, setting(checkpoint), "w1", data) != base


@pytest.mark.slow
def test_a_worker_that_is_killed_is_named_with_what_to_do(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "train_run", small_finetune.killed)
    found = runs.Grid(setting(checkpoint), separable(16), tmp_path)
    with pytest.raises(LeanerError, match="memory") as caught:
        list(workers.train_runs([(run, found.data) for run in found.runs], 2, ["cpu"]))
    assert "workers=1" in caught.value.cure


@pytest.mark.slow
def test_two_workers_give_what_one_gives(checkpoint: Path, tmp_path: Path) -> None:
    data = separable(16)
    found = {}
    for count in (1, 2):
        one = runs.Grid(setting(checkpoint), data, tmp_path / str(count))
        done = workers.train_runs([(run, data) for run in one.runs], count, ["cpu"])
        assert len(list(done)) == 4
        found[count] = one.predictions()
    assert found[1] == found[2]


def test_devices_are_all_gpus_the_one_asked_for_or_the_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [workers.devices(asked) for asked in ("cuda", "cuda:0", "cpu")] == [["cpu"]] * 3
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert workers.devices("cuda") == ["cuda:0", "cuda:1"]
    assert [workers.devices(asked) for asked in ("cuda:1", "cpu")] == [["cuda:1"], ["cpu"]]
