"""Fine-tuned scoring: rows, encoding, training, runs on disk, and lm-eval end to end."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_glue
import tiny_llama
import torch
from hypothesis import given
from hypothesis import strategies as st
from lm_eval.api.instance import Instance

from leaner_harness import scoring
from leaner_harness.data import mini
from leaner_harness.data.glue import TASKS
from leaner_harness.errors import CheckpointError, UnknownName, UsageError
from leaner_harness.models.finetune import encoding, rows, runs, training, workers
from leaner_harness.models.finetune import model as finetune_model
from leaner_harness.models.finetune.classifier import build_classifier
from leaner_harness.models.finetune.protocol import PROTOCOLS, Protocol, get_protocol
from leaner_harness.statistics import Item

SHORT = Protocol(
    name="short",
    rates=(1e-3, 3e-3),
    seeds=(1, 2),
    epochs=dict.fromkeys(TASKS, 2),
    batch_size=8,
    warmup=0.1,
    weight_decay=0.0,
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama.save(tmp_path_factory.mktemp("llama"))


@pytest.fixture
def glue(tmp_path: Path) -> Path:
    return small_glue.write_glue(tmp_path / "glue")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Protocol:
    monkeypatch.setitem(PROTOCOLS, "short", SHORT)
    return SHORT


def setting(checkpoint: Path, **changes: Any) -> training.Setting:
    found = training.Setting(str(checkpoint), str(checkpoint), False, SHORT, 64, "cpu")
    return dataclasses.replace(found, **changes)


def row(label: int, idx: int, **more: Any) -> dict[str, Any]:
    word = "good" if label else "bad"
    return {"sentence": f"{word} {idx}", "label": label, "idx": idx, "part": "", **more}


def separable(n: int = 64) -> rows.TaskData:
    """A task whose label is its first word."""
    found = [row(i % 2, i) for i in range(n)]
    return rows.TaskData(TASKS["sst2"], "test", found, found[:16], "train", found)


# Protocols


def test_the_published_grid_is_seven_rates_by_five_seeds() -> None:
    paper = PROTOCOLS["paper"]
    assert len(paper.rates) * len(paper.seeds) == 35 and paper.batch_size == 256
    assert [paper.epochs[t] for t in ("cola", "sst2", "mrpc", "qqp", "stsb", "mnli", "rte")] == [
        30, 3, 30, 3, 30, 3, 50,
    ]  # fmt: skip
    assert paper.patience is None and paper.warmup == 0


def test_a_fingerprint_changes_with_the_definition() -> None:
    changed = dataclasses.replace(SHORT, batch_size=9)
    assert SHORT.fingerprint != changed.fingerprint
    assert SHORT.fingerprint == dataclasses.replace(SHORT).fingerprint


def test_an_unknown_protocol_names_the_near_miss() -> None:
    with pytest.raises(UnknownName, match="quick"):
        get_protocol("quik")


# Rows


def test_selection_rows_are_cut_from_train_in_proportion() -> None:
    train = [row(int(i < 900), i) for i in range(3000)]
    rest, cut = rows.cut_selection(train, TASKS["sst2"])
    assert len(cut) == 300 and len(rest) == 2700
    assert not {r["idx"] for r in cut} & {r["idx"] for r in rest}
    assert sum(r["label"] for r in cut) == 90
    assert rows.cut_selection(train, TASKS["sst2"]) == (rest, cut)


def test_rows_of_one_pair_stay_together() -> None:
    train = [row(i % 2, i, pair_id=f"p{i // 2}") for i in range(2000)]
    rest, cut = rows.cut_selection(train, TASKS["sst2"])
    assert cut and not {r["pair_id"] for r in cut} & {r["pair_id"] for r in rest}


def test_the_published_validation_file_selects_when_test_is_reported(tmp_path: Path) -> None:
    folder = small_glue.write_glue(tmp_path, splits=("train", "validation", "test"))
    data = rows.load_task("leaner_glue_cola", "test", str(folder))
    assert data.selection_from == "validation" and len(data.train) == 24
    assert "validation" in data.selection[0]["sentence"]
    on_validation = rows.load_task("leaner_glue_cola", "validation", str(folder))
    assert on_validation.selection_from == "train"
    assert all("train" in r["sentence"] for r in on_validation.selection)


def test_no_train_file_is_a_state(tmp_path: Path) -> None:
    folder = small_glue.write_glue(tmp_path, splits=("validation",))
    data = rows.load_task("leaner_glue_cola", "validation", str(folder))
    assert data.state == "no_train_file" and "cola_train" in data.reason and data.reported


def test_reported_rows_never_train(glue: Path) -> None:
    data = rows.load_task("leaner_glue_cola", "train", str(glue))
    assert data.state == "no_train_file"


def test_only_our_tasks_can_be_fine_tuned() -> None:
    with pytest.raises(UsageError, match="hellaswag"):
        rows.task_of("hellaswag")
    assert rows.task_of("leaner_glue_mini_cola") == (TASKS["cola"], "mini")


def test_rows_of_another_folder_are_refused(glue: Path) -> None:
    data = rows.load_task("leaner_glue_cola", "validation", str(glue))
    doc = data.reported[3]
    assert rows.positions(data, [doc]) == [3]
    with pytest.raises(UsageError, match="leaner_split"):
        rows.positions(data, [doc | {"sentence": "another"}])


# Encoding


def test_sentences_are_separated(checkpoint: Path) -> None:
    tokenizer = training.load_tokenizer(setting(checkpoint))
    pair = {"sentence1": "ab", "sentence2": "c", "label": 0}
    encoded = encoding.encode_rows([pair], TASKS["mrpc"], tokenizer, 64)
    a, b, c = (tokenizer.convert_tokens_to_ids(token) for token in "abc")
    end = tokenizer.eos_token_id
    assert encoded.ids == [[end, a, b, end, c, end]]
    assert encoded.segments == [[0, 0, 0, 0, 1, 1]]


def test_a_template_of_the_tokenizer_is_used(checkpoint: Path) -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer = training.load_tokenizer(setting(checkpoint))
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="x $A y", pair="x $A y $B:1 y:1", special_tokens=[("x", 7), ("y", 8)]
    )
    pair = {"sentence1": "a", "sentence2": "b", "label": 0}
    encoded = encoding.encode_rows([pair], TASKS["mrpc"], tokenizer, 64)
    a, b = (tokenizer.convert_tokens_to_ids(token) for token in "ab")
    assert encoded.ids == [[7, a, 8, b, 8]] and encoded.segments == [[0, 0, 0, 1, 1]]


def test_long_rows_are_cut_from_the_longer_sentence_and_counted(checkpoint: Path) -> None:
    tokenizer = training.load_tokenizer(setting(checkpoint))
    pair = {"sentence1": "a" * 50, "sentence2": "b" * 5, "label": 0}
    encoded = encoding.encode_rows([pair], TASKS["mrpc"], tokenizer, 20)
    assert len(encoded.ids[0]) == 20 and encoded.truncated == 1
    assert sum(encoded.segments[0]) == 6  # all of the short one and its separator


@given(st.lists(st.integers(1, 60), min_size=1, max_size=200), st.integers(1, 16))
def test_every_row_is_in_one_batch_and_padding_is_small(lengths: list[int], size: int) -> None:
    ids = [[1] * n for n in lengths]
    encoded = encoding.Encoded(ids, ids, [0.0] * len(ids), 0)
    batches = list(encoding.shuffled_batches(encoded, size, np.random.default_rng(0)))
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    padded = sum(len(b) * max(lengths[i] for i in b) for b in batches)
    if len(lengths) % size == 0:  # full batches in one window: sorting cannot be beaten
        unsorted = [lengths[i : i + size] for i in range(0, len(lengths), size)]
        assert padded <= sum(len(b) * max(b) for b in unsorted) or len(lengths) > 50 * size


# The classifier


def test_padding_changes_no_prediction(checkpoint: Path) -> None:
    model = build_classifier(str(checkpoint), 2, from_scratch=False).eval()
    ids = [[1, 2, 3], [4, 5, 6, 7, 8, 9]]
    encoded = encoding.Encoded(ids, [[0] * len(i) for i in ids], [0.0, 1.0], 0)
    device = torch.device("cpu")
    together = model(encoding.collate(encoded, np.array([0, 1]), 0, device))
    alone = model(encoding.collate(encoded, np.array([0]), 0, device))
    torch.testing.assert_close(together[:1], alone, atol=1e-6, rtol=0)


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


def test_training_learns_and_repeats_exactly(checkpoint: Path, tmp_path: Path) -> None:
    data = separable()
    found = []
    for folder in ("one", "two"):
        run = training.Run(setting(checkpoint), "sst2", 3e-3, 1, tmp_path / folder)
        outcome = training.train_run(run, data)
        found.append(training.predict_run(run, data))
    right = [np.argmax(p) == r["label"] for p, r in zip(found[0], data.reported, strict=True)]
    assert np.mean(right) > 0.9 and outcome["score"] > 0.9
    assert found[0] == found[1]
    other = training.Run(setting(checkpoint), "sst2", 3e-3, 2, tmp_path / "three")
    training.train_run(other, data)
    assert training.predict_run(other, data) != found[0]


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
            said = {"state": "ok", "score": scores[run.rate], "best_epoch": 1, "seconds": 1.0}
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
    with pytest.raises(CheckpointError, match="no finite score"):
        found.best_rate()


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
    elsewhere = setting(checkpoint, device="cuda:1")
    assert runs.grid_folder(tmp_path, elsewhere, "w1", data) == base


def test_two_workers_give_what_one_gives(checkpoint: Path, tmp_path: Path) -> None:
    data = separable(16)
    found = {}
    for count in (1, 2):
        one = runs.Grid(setting(checkpoint), data, tmp_path / str(count))
        done = workers.train_runs([(run, data) for run in one.runs], count, ["cpu"])
        assert len(list(done)) == 4
        found[count] = one.predictions()
    assert found[1] == found[2]


# Inside lm-eval


def finetuned(checkpoint: Path, tmp_path: Path, glue: Path, **more: Any) -> Any:
    return finetune_model.FinetuneLM(
        str(checkpoint), protocol="short", workers=1, work=str(tmp_path / "work"),
        leaner_split="validation", leaner_data=str(glue), device="cpu", **more,
    )  # fmt: skip


def test_lm_eval_gets_every_seed(
    checkpoint: Path, tmp_path: Path, glue: Path, short: Protocol
) -> None:
    lm = finetuned(checkpoint, tmp_path, glue)
    metadata = {"leaner_split": "validation", "leaner_data": str(glue)}
    output = small_glue.evaluate(
        lm,
        ["leaner_glue_cola", "leaner_glue_stsb", "leaner_glue_mnli"],
        metadata,
        bootstrap_iters=0,
    )
    sample = output["samples"]["leaner_glue_cola"][0]
    assert len(sample["filtered_resps"]) == 2 and len(sample["filtered_resps"][0][2]) == 2
    by_seed = []
    for seed in range(2):
        items = [
            Item(0, s["doc"]["label"], tuple(np.eye(2)[int(a[1] > a[0])]))
            for s in output["samples"]["leaner_glue_cola"]
            for a in [[response[2][seed] for response in s["filtered_resps"]]]
        ]
        by_seed.append(scoring.values(TASKS["cola"], items)["acc"])
    assert output["results"]["leaner_glue_cola"]["acc,none"] == pytest.approx(np.mean(by_seed))
    said = output["config"]["leaner"]["tasks"]["leaner_glue_cola"]
    assert said["runs"] == 4 and said["selection_from"] == "train" and said["rate"] in SHORT.rates


def test_a_task_without_train_file_has_a_state_and_no_score(
    checkpoint: Path, tmp_path: Path, short: Protocol
) -> None:
    glue = small_glue.write_glue(tmp_path / "glue")
    (glue / "cola_train.jsonl").unlink()
    lm = finetuned(checkpoint, tmp_path, glue)
    metadata = {"leaner_split": "validation", "leaner_data": str(glue)}
    output = small_glue.evaluate(
        lm, ["leaner_glue_cola", "leaner_glue_sst2"], metadata, bootstrap_iters=0
    )
    assert math.isnan(output["results"]["leaner_glue_cola"]["leaner_score,none"])
    assert math.isfinite(output["results"]["leaner_glue_sst2"]["leaner_score,none"])
    assert output["config"]["leaner"]["tasks"]["leaner_glue_cola"]["state"] == "no_train_file"


def test_the_task_and_the_model_must_read_the_same_rows(
    checkpoint: Path, tmp_path: Path, glue: Path, short: Protocol
) -> None:
    other = small_glue.write_glue(tmp_path / "other", n=12)
    lm = finetuned(checkpoint, tmp_path, other)
    metadata = {"leaner_split": "validation", "leaner_data": str(glue)}
    with pytest.raises(UsageError, match="asks about others"):
        small_glue.evaluate(lm, ["leaner_glue_cola"], metadata)


def test_mini_rows_are_found(checkpoint: Path, tmp_path: Path) -> None:
    data = rows.load_task("leaner_glue_mini_mnli", "test", None)
    assert data.selection_from == "validation" and len(data.train) == len(mini.rows("mnli_train"))


def test_wrong_arguments_are_named(checkpoint: Path, tmp_path: Path, glue: Path) -> None:
    with pytest.raises(UnknownName, match="protocol"):
        finetune_model.FinetuneLM(str(checkpoint), protocl="quick")
    with pytest.raises(CheckpointError, match="no folder"):
        finetune_model.FinetuneLM(str(tmp_path / "none"))


def test_a_classifier_has_no_texts(checkpoint: Path, tmp_path: Path, short: Protocol) -> None:
    lm = finetuned(checkpoint, tmp_path, tmp_path)
    request = Instance("generate_until", {}, ("a", {}), 0)
    with pytest.raises(UsageError, match="classification"):
        lm.generate_until([request])
    with pytest.raises(UsageError, match="classification"):
        lm.loglikelihood_rolling([request])


def test_several_lm_eval_processes_are_refused(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="workers=N"):
        finetune_model.FinetuneLM(str(checkpoint))
