"""Runs of lm_eval that would make a misleading result are refused, and it is said why."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from small_glue import ScoredLM, evaluate, noise, write_glue
from small_outputs import made, save

from leaner_harness import results
from leaner_harness.errors import ResultError
from leaner_harness.from_lm_eval.answers import judge_record
from leaner_harness.from_lm_eval.glue_run import read_evaluation
from leaner_harness.from_lm_eval.make import make
from leaner_harness.from_lm_eval.run import find


def test_a_limited_run_is_refused(altered: Any) -> None:
    folder = altered(lambda r: r["n-samples"]["leaner_glue_rte"].update(effective=5))
    with pytest.raises(ResultError, match="5 of 40 rows"):
        made(folder)


def test_a_changed_metric_is_refused(altered: Any) -> None:
    folder = altered(lambda r: r["results"]["leaner_glue_rte"].update({"acc,none": 0.99}))
    with pytest.raises(ResultError, match=r"acc=0\.99"):
        made(folder)


def test_a_run_without_fingerprint_is_refused(altered: Any) -> None:
    folder = altered(lambda r: r["configs"]["leaner_glue_rte"]["metadata"].pop("leaner"))
    with pytest.raises(ResultError, match="no data fingerprint"):
        made(folder)


def test_mixed_splits_are_refused(altered: Any) -> None:
    def change(record: dict[str, Any]) -> None:
        record["configs"]["leaner_glue_rte"]["metadata"]["leaner"]["split"] = "test"

    with pytest.raises(ResultError, match="differ in their split"):
        made(altered(change))


def test_mini_rows_never_mix_with_others(altered: Any) -> None:
    def change(record: dict[str, Any]) -> None:
        record["configs"]["leaner_glue_rte"]["metadata"]["leaner"]["source"] = "mini"

    with pytest.raises(ResultError, match="mix data sources"):
        made(altered(change))


def test_altered_training_rows_make_a_fine_tuned_run_local(altered: Any) -> None:
    def change(record: dict[str, Any]) -> None:
        for config in record["configs"].values():
            config["metadata"]["leaner"]["source"] = "official"
        tasks = {"leaner_glue_rte": {"state": "ok", "source": "local"}}
        record["config"]["leaner"] = {"tasks": tasks}

    assert read_evaluation(find(altered(change))).source() == "local"


def test_a_partial_group_has_no_mean(altered: Any) -> None:
    folder = altered(lambda r: r["configs"].pop("leaner_glue_rte"))
    with pytest.raises(ResultError, match=r"Missing: rte \(not run\)"):
        made(folder)
    record = made(folder, partial=True).record
    assert record["mean"] == {} and record["missing"] == ["rte"]


def test_a_task_without_file_is_filed_with_its_state(tmp_path: Path) -> None:
    glue = write_glue(tmp_path / "glue", n=40)
    (glue / "rte_validation.jsonl").unlink()
    metadata = {"leaner_data": str(glue), "leaner_split": "validation"}
    folder = save(evaluate(ScoredLM(noise), ["leaner_glue"], metadata), tmp_path / "out")
    with pytest.raises(ResultError, match=r"rte \(missing_file: rte_validation.jsonl"):
        made(folder)
    record = made(folder, partial=True).record
    assert record["tasks"]["rte"]["state"] == "missing_file" and record["mean"] == {}
    assert "metrics" not in record["tasks"]["rte"] and "metrics" in record["tasks"]["cola"]


def test_nothing_at_all_is_no_partial_result(tmp_path: Path) -> None:
    glue = write_glue(tmp_path / "glue", splits=("train",))
    metadata = {"leaner_data": str(glue), "leaner_split": "validation"}
    folder = save(evaluate(ScoredLM(noise), ["leaner_glue_cola"], metadata), tmp_path / "out")
    with pytest.raises(ResultError, match="No task has a score: cola"):
        made(folder, partial=True)


def test_weights_younger_than_the_scores_are_refused(
    altered: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    checkpoint = tmp_path_factory.mktemp("checkpoint")
    (checkpoint / "model.safetensors").write_bytes(b"new")

    def change(record: dict[str, Any]) -> None:
        record["config"]["model_args"] = {"pretrained": str(checkpoint)}
        record["date"] = 1.0

    folder = altered(change)
    with pytest.raises(ResultError, match="younger than the scores"):
        made(folder)
    assert made(folder, checkpoint=checkpoint).record["model"]["weights_sha256"]


@pytest.mark.parametrize("content", ["null", "[]", '{"configs": {"leaner_glue_cola": 5}}', "{"])
def test_odd_files_are_no_results_of_lm_eval(content: str, tmp_path: Path) -> None:
    path = tmp_path / "results_x.json"
    path.write_text(content)
    with pytest.raises(ResultError, match="no results file of lm_eval"):
        read_evaluation(path)


def test_missing_samples_are_refused(altered: Any) -> None:
    folder = altered(lambda r: None)
    next(folder.glob("samples_leaner_glue_rte_*")).unlink()
    with pytest.raises(ResultError, match="--log_samples"):
        made(folder)


def test_a_model_that_returns_nan_is_refused(tmp_path: Path) -> None:
    glue = write_glue(tmp_path / "glue")
    metadata = {"leaner_data": str(glue), "leaner_split": "validation"}
    found = evaluate(ScoredLM(lambda *_: math.nan), ["leaner_glue_cola"], metadata)
    with pytest.raises(ResultError, match="not finite"):
        made(save(found, tmp_path / "out"), partial=True)


def test_an_empty_folder_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="--log_samples"):
        find(tmp_path)


def test_a_task_that_ran_needs_its_fingerprint(altered: Any, tmp_path: Path) -> None:
    def change(record: dict[str, Any]) -> None:
        record["configs"]["leaner_glue_rte"]["metadata"]["leaner"]["fingerprint"] = ""

    found = make(altered(change), model="tiny")
    with pytest.raises(ResultError, match="tasks.rte.fingerprint must be like"):
        results.write(*found, tmp_path / "results", replace=False)
    assert not list((tmp_path / "results").rglob("*.json"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["tasks"]["rte"]["metrics"].update(acc=1.01), "acc must be at most 1"),
        (lambda r: r["tasks"]["rte"]["metrics"].update(acc=math.nan), "NaN is no number"),
        (lambda r: r["mean"]["leaner_score"].update(value=math.inf), "Infinity is no number"),
        (lambda r: r["tasks"]["rte"]["intervals"].update(acc=[0.0, 0.001]), "lies outside"),
        (lambda r: r["tasks"]["rte"].update(n=41), "n is 41; labels are 40"),
        (lambda r: r["model"].update(parameters=-5), "parameters must be at least 0"),
        (lambda r: r.update(training={"recipe": {"sample_prompt": "\x1b[31m"}}), "can be shown"),
        (lambda r: r.update(training={"text": "x" * 5000}), "longer than 4000"),
    ],
)
def test_nothing_is_written_that_would_not_be_read(
    output: Path, tmp_path: Path, change: Any, message: str
) -> None:
    result, samples = make(output, model="tiny")
    change(result.record)
    with pytest.raises(ResultError, match=message):
        results.write(result, samples, tmp_path, replace=False)
    assert not list(tmp_path.rglob("*.*"))


def test_samples_that_were_cut_or_doubled_are_refused(altered: Any) -> None:
    folder = altered(lambda r: None)
    path = next(folder.glob("samples_leaner_glue_rte_*"))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    with pytest.raises(ResultError, match="39 samples; lm_eval scored 40"):
        make(folder, model="tiny")
    path.write_text("".join(lines)[:-9])
    with pytest.raises(ResultError, match=r"jsonl:40 is no sample"):
        make(folder, model="tiny")
    same = [line for line in lines if json.loads(line)["target"] == json.loads(lines[0])["target"]]
    path.write_text("".join([*lines[:-1], same[0]]))
    with pytest.raises(ResultError, match="is there twice|One of the files was changed"):
        make(folder, model="tiny")


def test_answers_that_lm_eval_had_of_a_cache_are_refused(altered: Any) -> None:
    """It knows requests by their text alone, whichever model was asked."""
    folder = altered(lambda r: r["config"].update(use_cache="c.db"))
    with pytest.raises(ResultError, match="made with --use_cache"):
        made(folder)


def test_parameters_are_those_of_the_scored_model(altered: Any, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    (checkpoint / "leaner.json").write_text(json.dumps({"parameters": {"total": 1000}}))
    folder = altered(lambda r: r["config"].update(model_num_parameters=999))
    with pytest.raises(ResultError, match="says 1000 parameters; .* has 999"):
        made(folder, checkpoint=checkpoint)
    folder = altered(lambda r: r["config"].update(model_num_parameters=-1))
    assert made(folder, checkpoint=checkpoint).record["model"]["parameters"] == 1000
    assert made(folder).record["model"]["parameters"] is None


def test_grades_of_several_judges_are_refused() -> None:
    """A name such as `latest` may become another model while it judges."""
    account = {"judge": {"kind": "openai", "models_seen": ["m-2025-01", "m-2025-06"]}}
    with pytest.raises(ResultError, match="Several judges .* m-2025-01, m-2025-06"):
        judge_record(account)
    account["judge"]["models_seen"] = ["m-2025-01"]
    assert judge_record(account)["fingerprint"]["models_seen"] == ["m-2025-01"]


def rte(record: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = record["configs"]["leaner_glue_rte"]["metadata"]["leaner"]
    return found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: rte(r).pop("fingerprint"), "carries no data fingerprint"),
        (lambda r: rte(r).pop("state"), "no whole output of lm_eval: KeyError"),
        (lambda r: rte(r).pop("source"), "no whole output of lm_eval: KeyError"),
        (lambda r: r.pop("versions"), "no whole output of lm_eval: KeyError"),
        (lambda r: r.pop("date"), "no whole output of lm_eval: KeyError"),
        (lambda r: r["n-samples"].update(leaner_glue_rte=None), "no whole output of lm_eval"),
    ],
)
def test_an_output_that_lacks_something_is_refused_with_what(
    altered: Any, change: Any, said: str
) -> None:
    with pytest.raises(ResultError, match=said):
        make(altered(change), model="tiny")


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.pop("doc"),
        lambda s: s.update(filtered_resps=None),
        lambda s: s["doc"].update(label="yes"),
        lambda s: s["doc"].update(label=7),
    ],
)
def test_a_sample_that_is_none_is_refused(altered: Any, change: Any) -> None:
    folder = altered(lambda r: None)
    path = next(folder.glob("samples_leaner_glue_rte_*"))
    first, *rest = path.read_text().splitlines(keepends=True)
    sample = json.loads(first)
    change(sample)
    path.write_text("".join([json.dumps(sample) + "\n", *rest]))
    with pytest.raises(ResultError, match="no whole output of lm_eval|The samples beside"):
        make(folder, model="tiny")
