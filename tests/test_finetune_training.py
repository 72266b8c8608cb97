"""Fine-tuning: the classifier, one training run, and the runs of a grid on disk."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from small_finetune import SHORT, separable, setting

from leaner_harness import scoring
from leaner_harness.architecture_check import byte_tokenizer
from leaner_harness.contracts import ArchitectureSpec
from leaner_harness.data.glue import TASKS
from leaner_harness.errors import PluginError, UsageError
from leaner_harness.models.finetune import classifier, encoding, runs, training, workers
from leaner_harness.models.finetune.classifier import build_classifier

# The classifier


def test_padding_changes_no_prediction(checkpoint: Path) -> None:
    model = build_classifier(str(checkpoint), 2, from_scratch=False).eval()
    ids = [[1, 2, 3], [4, 5, 6, 7, 8, 9]]
    encoded = encoding.Encoded(ids, [[0] * len(i) for i in ids], [0.0, 1.0], 0, 128)
    device = torch.device("cpu")
    together = model(encoding.collate(encoded, np.array([0, 1]), 0, device))
    alone = model(encoding.collate(encoded, np.array([0]), 0, device))
    torch.testing.assert_close(together[:1], alone, atol=1e-6, rtol=0)


def _alone(model: torch.nn.Module, ids: list[int], sentence: int) -> torch.Tensor:
    encoded = encoding.Encoded([ids], [[sentence] * len(ids)], [0.0], 0, 128)
    found: torch.Tensor = model(encoding.collate(encoded, np.array([0]), 0, torch.device("cpu")))
    return found


@pytest.mark.parametrize(("name", "told"), [("GPT2", False), ("Roberta", False), ("Bert", True)])
def test_a_body_is_told_of_sentences_where_it_has_an_embedding_for_them(
    name: str, told: bool, tmp_path: Path
) -> None:
    """GPT-2 would add the embedding of token 0 to the first sentence's tokens, of token 1 to the
    second's; a RoBERTa has one kind of segment, and no place for a second."""
    kinds = {"type_vocab_size": 1} if name == "Roberta" else {}  # as on the hub
    config = getattr(transformers, f"{name}Config")(**SMALL, **kinds)
    head = {"GPT2": "GPT2LMHeadModel"}.get(name, f"{name}ForMaskedLM")
    getattr(transformers, head)(config).save_pretrained(tmp_path)
    model = build_classifier(str(tmp_path), 2, from_scratch=False).eval()
    ids = [1, 2, 3]
    bare = model.body(input_ids=torch.tensor([ids]))[0]
    pooled = bare[:, -1] if name == "GPT2" else bare.mean(1)
    torch.testing.assert_close(_alone(model, ids, 0), model.head(pooled), atol=1e-5, rtol=0)
    if not told:
        assert torch.equal(_alone(model, ids, 0), _alone(model, ids, 1))


SMALL = {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
SMALL |= {"intermediate_size": 32, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}


def test_no_row_of_an_xlnet_is_read_backwards(tmp_path: Path) -> None:
    shape = {"vocab_size": 300, "d_model": 32, "n_layer": 1, "n_head": 2, "d_inner": 32}
    config = transformers.XLNetConfig(**shape, bi_data=True, initializer_range=0.5)
    transformers.XLNetLMHeadModel(config).save_pretrained(tmp_path)
    model = build_classifier(str(tmp_path), 2, from_scratch=False).eval()
    encoded = encoding.Encoded([[1, 2, 3, 4]] * 2, [[0] * 4] * 2, [0.0, 0.0], 0, 128)
    both = model(encoding.collate(encoded, np.array([0, 1]), 0, torch.device("cpu")))
    torch.testing.assert_close(both[:1], both[1:], atol=1e-6, rtol=0)
    torch.testing.assert_close(both[:1], _alone(model, [1, 2, 3, 4], 0), atol=1e-6, rtol=0)


def test_rows_are_cut_to_the_positions_that_a_roberta_can_use(tmp_path: Path) -> None:
    """It counts them on from its padding id, so two of those that it states are none."""
    config = transformers.RobertaConfig(**SMALL | {"pad_token_id": 1}, max_position_embeddings=18)
    transformers.RobertaForMaskedLM(config).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    found = training.checked(setting(tmp_path, max_length=18), TASKS["sst2"])
    assert found.max_length == 16
    _alone(training.build(found, TASKS["sst2"]), [5] * found.max_length, 0)


@pytest.mark.usefixtures("without_float64")
def test_a_device_needs_no_float64(checkpoint: Path) -> None:
    model = build_classifier(str(checkpoint), 2, from_scratch=False)
    encoded = encoding.Encoded([[1, 2, 3]], [[0] * 3], [0.0], 0, 128)
    assert training.predict(model, encoded, 0, torch.device("cpu")).shape == (1, 2)


def test_from_scratch_has_other_weights_of_the_same_shapes(checkpoint: Path) -> None:
    trained = build_classifier(str(checkpoint), 2, from_scratch=False).state_dict()
    random = build_classifier(str(checkpoint), 2, from_scratch=True).state_dict()
    assert {k: v.shape for k, v in trained.items()} == {k: v.shape for k, v in random.items()}
    name = next(name for name in trained if name.endswith("q_proj.weight"))
    assert not torch.equal(trained[name], random[name])


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


class Crooked(torch.nn.Module):
    """A stranger's sequence classifier with a class too many."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.head = torch.nn.Linear(1, outputs + 1)

    @classmethod
    def from_pretrained(cls, folder: str, dtype: Any, num_labels: int) -> Crooked:
        return cls(num_labels)

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        return SimpleNamespace(logits=self.head(input_ids[:, :1].float()))


def test_a_strangers_classifier_that_does_not_fit_is_named(checkpoint: Path) -> None:
    spec = ArchitectureSpec("crooked", "", sequence_classifier=f"{__name__}:Crooked")
    model = build_classifier(str(checkpoint), 2, from_scratch=False, spec=spec)
    ids = torch.ones(3, 4, dtype=torch.long)
    with pytest.raises(PluginError, match=r"Crooked' gives logits of the shape \(3, 3\), not"):
        model(encoding.Batch(ids, ids, ids, torch.zeros(3)))
    with pytest.raises(PluginError, match="(?s)Crooked' cannot be loaded.*TypeError.*num_labels"):
        build_classifier(str(checkpoint), 2, from_scratch=True, spec=spec)


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


def test_a_folder_changes_with_what_changes_the_outcome(checkpoint: Path, tmp_path: Path) -> None:
    data = separable()
    base = runs.grid_folder(tmp_path, setting(checkpoint), "w1", data)
    others = [
        runs.grid_folder(tmp_path, setting(checkpoint), "w2", data),
        runs.grid_folder(tmp_path, setting(checkpoint, from_scratch=True), "w1", data),
        runs.grid_folder(tmp_path, setting(checkpoint, max_length=32), "w1", data),
        runs.grid_folder(tmp_path, setting(checkpoint), "w1", separable(32)),
    ]
    assert len({base, *others}) == 5
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
