"""Fine-tuning: protocols, training and selection rows, and how sentences become tokens."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import small_glue
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_finetune import SHORT, row, setting

from leaner_harness.data.glue import TASKS
from leaner_harness.errors import UnknownName, UsageError
from leaner_harness.models.finetune import encoding, rows, training
from leaner_harness.models.finetune.protocol import PROTOCOLS, get_protocol

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
    assert len({protocol.fingerprint for protocol in PROTOCOLS.values()}) == len(PROTOCOLS)


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


def test_defects_and_source_of_training_files_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small_glue.write_glue(tmp_path, splits=("train", "validation", "test"))
    altered = folder / "cola_train.jsonl"
    altered.write_text("{ broken\n" + altered.read_text())
    is_published = lambda path, _: path != altered  # noqa: E731
    monkeypatch.setattr("leaner_harness.data.published.is_published", is_published)
    said = rows.load_task("leaner_glue_cola", "test", str(folder)).record()
    assert said["source"] == "local" and list(said["defects"]) == ["train"]
    assert said["defects"]["train"]["malformed_line"]["places"] == ["cola_train.jsonl:1"]
    whole = rows.load_task("leaner_glue_rte", "test", str(folder)).record()
    assert whole["source"] == "official" and whole["defects"] == {}


def test_no_train_file_is_a_state(tmp_path: Path) -> None:
    folder = small_glue.write_glue(tmp_path, splits=("validation",))
    data = rows.load_task("leaner_glue_cola", "validation", str(folder))
    assert data.state == "no_train_file" and "cola_train" in data.reason and data.reported


@pytest.mark.parametrize("labels", [[0], [0, 1]])
def test_too_few_rows_to_train_and_to_select_are_a_state(labels: list[int], tmp_path: Path) -> None:
    """One row selects nothing, and of two classes with one row each nothing would be left."""
    folder = small_glue.write_glue(tmp_path, splits=("train", "validation"))
    rows_left = [{"sentence": f"row {n}", "label": label} for n, label in enumerate(labels)]
    (folder / "cola_train.jsonl").write_text("\n".join(map(json.dumps, rows_left)))
    data = rows.load_task("leaner_glue_cola", "validation", str(folder))
    assert data.state == "few_train_rows" and data.reported
    assert data.reason.startswith(f"cola_train.jsonl has {len(labels)} usable rows")


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
    encoded = encoding.Encoded(ids, ids, [0.0] * len(ids), 0, 128)
    batches = list(encoding.shuffled_batches(encoded, size, np.random.default_rng(0)))
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    padded = sum(len(b) * max(lengths[i] for i in b) for b in batches)
    if len(lengths) % size == 0:  # full batches in one window: sorting cannot be beaten
        unsorted = [lengths[i : i + size] for i in range(0, len(lengths), size)]
        assert padded <= sum(len(b) * max(b) for b in unsorted) or len(lengths) > 50 * size


@given(st.lists(st.integers(1, 30), min_size=1, max_size=9), st.integers(30, 40))
def test_batches_have_few_widths_and_none_beyond_the_room(lengths: list[int], room: int) -> None:
    ids = [[7] * n for n in lengths]
    encoded = encoding.Encoded(ids, ids, [0.0] * len(ids), 0, room)
    batch = encoding.collate(encoded, np.arange(len(ids)), 0, torch.device("cpu"))
    width = batch.ids.shape[1]
    assert max(lengths) <= width <= room and width < 9 / 8 * max(lengths)
    assert width in {*range(16), 16, 18, 20, 22, 24, 26, 28, 30, 32, room}
    assert batch.mask.sum(1).tolist() == lengths == (batch.ids == 7).sum(1).tolist()
