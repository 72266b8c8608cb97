"""Fine-tuning inside lm-eval: every seed is answered, wrong requests are refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_glue
from lm_eval.api.instance import Instance
from small_finetune import SHORT

from leaner_harness import devices, scoring
from leaner_harness.data import mini
from leaner_harness.data.glue import TASKS
from leaner_harness.errors import CheckpointError, UnknownName, UsageError
from leaner_harness.evaluate import evaluate
from leaner_harness.evaluate.plan import make_plan
from leaner_harness.models.finetune import model as finetune_model
from leaner_harness.models.finetune import rows, training
from leaner_harness.models.finetune.protocol import Protocol
from leaner_harness.statistics import Item

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


def test_a_split_that_only_the_task_has_is_refused(
    checkpoint: Path, tmp_path: Path, glue: Path, short: Protocol
) -> None:
    """The task was told of the split by --metadata, the model reads test, which is not there."""
    lm = finetune_model.FinetuneLM(
        str(checkpoint), protocol="short", leaner_data=str(glue), device="cpu"
    )
    metadata = {"leaner_split": "validation", "leaner_data": str(glue)}
    with pytest.raises(UsageError, match="0 test rows of cola") as caught:
        small_glue.evaluate(lm, ["leaner_glue_cola"], metadata)
    assert "--model_args pretrained=DIR,leaner_split=" in caught.value.cure


def test_rows_that_neither_has_are_a_state_that_is_logged(
    checkpoint: Path, glue: Path, short: Protocol, caplog: pytest.LogCaptureFixture
) -> None:
    lm = finetune_model.FinetuneLM(
        str(checkpoint), protocol="short", leaner_data=str(glue), device="cpu"
    )
    output = small_glue.evaluate(lm, ["leaner_glue_cola"], {"leaner_data": str(glue)})
    said = output["config"]["leaner"]["tasks"]["leaner_glue_cola"]
    assert said["state"] == "missing_file" and "LEANER_SPLIT=validation" in said["reason"]
    assert "leaner_glue_cola gets no score (missing_file)" in caplog.text


def test_one_task_that_diverges_does_not_stop_the_others(
    checkpoint: Path, tmp_path: Path, glue: Path, short: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = training.native_score

    def score(outputs: Any, rows: Any, task: Any) -> float:
        return math.nan if task.name == "cola" else real(outputs, rows, task)

    monkeypatch.setattr(training, "native_score", score)
    lm = finetuned(checkpoint, tmp_path, glue)
    metadata = {"leaner_split": "validation", "leaner_data": str(glue)}
    output = small_glue.evaluate(
        lm, ["leaner_glue_cola", "leaner_glue_sst2"], metadata, bootstrap_iters=0
    )
    said = output["config"]["leaner"]["tasks"]
    assert said["leaner_glue_cola"]["state"] == "diverged" and said["leaner_glue_cola"]["diverged"]
    assert math.isnan(output["results"]["leaner_glue_cola"]["leaner_score,none"])
    assert math.isfinite(output["results"]["leaner_glue_sst2"]["leaner_score,none"])


def test_mini_rows_are_found(checkpoint: Path, tmp_path: Path) -> None:
    data = rows.load_task("leaner_glue_mini_mnli", "test", None)
    assert data.selection_from == "validation" and len(data.train) == len(mini.rows("mnli_train"))


def test_bf16_may_be_left_to_the_machine(
    checkpoint: Path, tmp_path: Path, glue: Path, monkeypatch: pytest.MonkeyPatch, short: Protocol
) -> None:
    for has_units in (True, False):
        monkeypatch.setattr(devices, "has_bfloat16_units", lambda _, found=has_units: found)
        assert finetuned(checkpoint, tmp_path, glue, bf16="auto").setting.bf16 is has_units
        assert finetuned(checkpoint, tmp_path, glue, bf16=True).setting.bf16 is True
    with pytest.raises(UsageError, match="bf16=yes"):
        finetuned(checkpoint, tmp_path, glue, bf16="yes")


def test_a_shorter_cut_that_was_asked_for_is_another_protocol(
    checkpoint: Path, tmp_path: Path, glue: Path, short: Protocol
) -> None:
    def ranking(**more: Any) -> tuple[str, ...]:
        wanted = {"arguments": {"workers": 1, **more}, "split": "validation", "data": str(glue)}
        plan = make_plan(checkpoint, "short", ["cola"], tmp_path / str(more), **wanted)
        return evaluate(plan)[0].ranking

    usual = ranking()
    assert ranking(bf16=False) == usual
    assert ranking(max_length=8) != usual


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
