"""A result is made from lm_eval's files, recomputed, and refused when it would mislead."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_glue import ScoredLM, evaluate, write_glue
from test_glue_task import noise

from leaner_harness import results
from leaner_harness.data.glue import AVERAGED, TASKS
from leaner_harness.errors import CheckpointError, ResultError
from leaner_harness.from_lm_eval.answers import judge_record
from leaner_harness.from_lm_eval.glue import make_result
from leaner_harness.from_lm_eval.glue_run import _shortest, read_evaluation
from leaner_harness.from_lm_eval.make import make
from leaner_harness.from_lm_eval.run import find
from leaner_harness.leaderboard import board
from leaner_harness.recompute import score_samples, verify
from leaner_harness.results import Result
from leaner_harness.scoring import scored_row

STAMP = "2026-01-02T03-04-05.678901"


def save(output: dict[str, Any], folder: Path) -> Path:
    """Write an evaluation the way lm_eval's command line does, through its own tracker."""
    from lm_eval.loggers import EvaluationTracker

    tracker = EvaluationTracker(output_path=str(folder))
    tracker.date_id = STAMP
    tracker.general_config_tracker.model_name = "tiny"
    tracker.general_config_tracker.model_name_sanitized = "tiny"
    samples = output.pop("samples")
    tracker.save_results_aggregated(results=output, samples=samples)
    for task, rows in samples.items():
        tracker.save_results_samples(task_name=task, samples=rows)
    return folder


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whole evaluation on small rows, as lm_eval leaves it on disk."""
    glue = write_glue(tmp_path_factory.mktemp("glue"), n=40)
    metadata = {"leaner_data": str(glue), "leaner_split": "validation"}
    found = evaluate(ScoredLM(noise), ["leaner_glue"], metadata)
    return save(found, tmp_path_factory.mktemp("out"))


def made(folder: Path, **options: Any) -> Result:
    evaluation = read_evaluation(find(folder))
    return make_result(evaluation, model="tiny", **options)[0]


@pytest.fixture
def altered(output: Path, tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], None]], Path]:
    """A copy of the evaluation whose results JSON a test may change."""

    def alter(change: Callable[[dict[str, Any]], None]) -> Path:
        for path in find(output).parent.iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
        path = find(tmp_path)
        record = json.loads(path.read_text())
        change(record)
        path.write_text(json.dumps(record))
        return tmp_path

    return alter


def test_a_result_holds_scores_intervals_and_baselines(output: Path) -> None:
    record = made(output).record
    assert record["board"] == "leaner_glue" and record["missing"] == []
    for task in AVERAGED:
        found = record["tasks"][task]
        low, high = found["intervals"]["leaner_score"]
        assert low <= found["metrics"]["leaner_score"] <= high
        assert 0 <= found["majority_baseline"] < 1
    mean = sum(record["tasks"][t]["metrics"]["leaner_score"] for t in AVERAGED) / 8
    assert record["mean"]["leaner_score"]["value"] == pytest.approx(mean)
    low, high = record["mean"]["leaner_score_centred"]["interval"]
    assert low <= record["mean"]["leaner_score_centred"]["value"] <= high


@given(st.lists(st.floats(-200, 0), min_size=6, max_size=6))
def test_a_committed_sample_gives_the_very_same_prediction(scores: list[float]) -> None:
    """Rounding must not break a tie between two predictions: Spearman's ranks would change."""
    short = [_shortest(score) for score in scores]
    doc = {"label": 3.0}
    assert scored_row(TASKS["stsb"], doc, scores) == scored_row(TASKS["stsb"], doc, short)
    assert all(len(str(score)) < 16 for score in short)


def test_no_row_text_and_no_path_is_written(output: Path, tmp_path: Path) -> None:
    evaluation = read_evaluation(find(output))
    result, samples = make_result(evaluation, model="tiny")
    path = results.write(result, samples, tmp_path, replace=False)
    assert path == tmp_path / "leaner_glue" / "tiny" / "zero-shot-validation.json"
    written = list(results.read_samples(path.with_name("zero-shot-validation.samples.jsonl.gz")))
    assert len(written) == sum(t["n"] for t in result.record["tasks"].values())
    for sample in written:
        assert set(sample) <= {"task", "idx", "label", "log_likelihoods", "prediction", "part"}
    text = path.read_text()
    assert "number 1" not in text and "/tmp" not in text


def test_writing_twice_gives_the_same_bytes(output: Path, tmp_path: Path) -> None:
    evaluation = read_evaluation(find(output))
    contents = []
    for name in ("a", "b"):
        path = results.write(*make_result(evaluation, model="tiny"), tmp_path / name, replace=False)
        contents.append([file.read_bytes() for file in sorted(path.parent.iterdir())])
    assert contents[0] == contents[1]


def test_other_weights_do_not_overwrite_in_silence(output: Path, tmp_path: Path) -> None:
    evaluation = read_evaluation(find(output))
    results.write(*make_result(evaluation, model="tiny"), tmp_path, replace=False)
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    (checkpoint / "model.safetensors").write_bytes(b"other")
    result, samples = make_result(evaluation, model="tiny", checkpoint=checkpoint)
    with pytest.raises(ResultError, match="other weights"):
        results.write(result, samples, tmp_path, replace=False)
    results.write(result, samples, tmp_path, replace=True)


def test_the_board_shows_what_training_cost(output: Path, tmp_path: Path) -> None:
    evaluation = read_evaluation(find(output))
    recipe = {"data": "/home/somebody/text", "seed": 3}
    record = {"recipe": recipe, "parameters": {"total": 1_561_728}, "tokens_seen": 2_000_000}
    (tmp_path / "leaner.json").write_text(json.dumps(record))
    made = make_result(evaluation, model="tiny", checkpoint=tmp_path)
    path = results.write(*made, tmp_path / "results", replace=False)
    assert path.name == "zero-shot-validation-seed3.json"
    assert "somebody" not in path.read_text()
    assert "| 1.56M | 2M |" in board.build(tmp_path / "results")
    # Random weights of the same shape have read nothing.
    record = json.loads(path.read_text())
    record["model"]["scorer"] = {"from_scratch": True}
    path.write_text(json.dumps(record))
    assert "| 1.56M | 0 |" in board.build(tmp_path / "results")


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
    with pytest.raises(ResultError, match="Missing: cola"):
        made(folder, partial=True)


def test_other_prompts_do_not_overwrite_or_share_a_table(altered: Any, output: Path) -> None:
    other = made(altered(lambda r: r.update(system_instruction_sha="abc")))
    assert other.ranking != made(output).ranking
    assert other.replaceable != made(output).replaceable


def test_keys_and_paths_stay_out(altered: Any) -> None:
    arguments = {"pretrained": "org/tiny", "dtype": "float32", "token": "hf_SECRET"}
    folder = altered(lambda r: r["config"].update(model_args=arguments | {"cache_dir": "/home/me"}))
    record = made(folder).record
    assert record["model"]["model_args"] == {"dtype": "float32"}
    assert "SECRET" not in json.dumps(record) and "/home" not in json.dumps(record)


def test_a_leaner_json_can_do_no_harm(output: Path, tmp_path: Path) -> None:
    record = {"recipe": {"seed": "../../../x"}}
    (tmp_path / "leaner.json").write_text(json.dumps(record))
    assert ".." not in str(made(output, checkpoint=tmp_path).path)
    (tmp_path / "leaner.json").write_text("[1")
    with pytest.raises(CheckpointError, match="cannot be read"):
        made(output, checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match="no folder"):
        made(output, checkpoint=tmp_path / "nowhere")


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


def test_the_check_computes_every_number_again(output: Path, tmp_path: Path) -> None:
    evaluation = read_evaluation(find(output))
    path = results.write(*make_result(evaluation, model="tiny"), tmp_path, replace=False)
    board.write(tmp_path)
    board.check(tmp_path)
    text = path.read_text()

    def refused(change: Callable[[dict[str, Any]], Any], message: str) -> None:
        record = json.loads(text)
        change(record)
        path.write_text(json.dumps(record))
        with pytest.raises(ResultError, match=message):
            board.check(tmp_path)
        path.write_text(text)

    refused(lambda r: r["tasks"]["rte"]["metrics"].update(acc=0.999), r"rte metrics acc is 0\.999")
    refused(lambda r: r["tasks"]["rte"].update(n=7), "rte n is 7")
    refused(lambda r: r["mean"]["leaner_score_centred"].update(value=0.99), "mean")
    refused(lambda r: r["tasks"].pop("rte"), "other tasks")
    samples = path.with_name(json.loads(text)["samples"]["file"])
    samples.write_bytes(results.pack_samples(list(results.read_samples(samples))[1:]))
    with pytest.raises(ResultError, match="was changed"):
        board.check(tmp_path)
    samples.unlink()
    with pytest.raises(ResultError, match="not there"):
        verify(results.read(path), tmp_path)


def test_the_order_of_samples_changes_nothing(output: Path) -> None:
    evaluation = read_evaluation(find(output))
    samples = [*evaluation.samples("stsb"), *evaluation.samples("cola")]
    assert score_samples(samples) == score_samples(samples[::-1])


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


def test_the_board_ranks_separates_and_goes_stale(output: Path, tmp_path: Path) -> None:
    evaluation = read_evaluation(find(output))
    for name in ("tiny", "tiny-2"):
        results.write(*make_result(evaluation, model=name), tmp_path, replace=False)
    with pytest.raises(ResultError, match="stale"):
        board.check(tmp_path)
    board.write(tmp_path)
    board.check(tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert page.count("## leaner_glue") == 1 and "best constant prediction" in page
    path = tmp_path / "leaner_glue" / "tiny-2" / "zero-shot-validation.json"
    record = json.loads(path.read_text())
    record["data"]["fingerprint"] = "0" * 64
    path.write_text(json.dumps(record))
    assert board.build(tmp_path).count("## leaner_glue") == 2
    with pytest.raises(ResultError, match="stale"):
        board.check(tmp_path)


def test_a_misplaced_or_foreign_file_is_named(output: Path, tmp_path: Path) -> None:
    evaluation = read_evaluation(find(output))
    path = results.write(*make_result(evaluation, model="tiny"), tmp_path, replace=False)
    path.rename(path.with_name("other.json"))
    with pytest.raises(ResultError, match="belongs at"):
        results.read_all(tmp_path)
    old = json.loads(path.with_name("other.json").read_text())
    del old["protocol"]["fingerprint"]
    path.with_name("other.json").write_text(json.dumps(old))
    with pytest.raises(ResultError, match="protocol lacks fingerprint"):
        results.read_all(tmp_path)
    path.with_name("other.json").write_text("[]")
    with pytest.raises(ResultError, match="no result file"):
        results.read_all(tmp_path)
    with pytest.raises(ResultError, match="cannot be part of a path"):
        make_result(evaluation, model="../up")


def test_an_empty_results_folder_still_has_a_page(tmp_path: Path) -> None:
    assert "No results yet" in board.build(tmp_path)


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
    same = [line for line in lines if json.loads(line)["target"] == json.loads(lines[0])["target"]]
    path.write_text("".join([*lines[:-1], same[0]]))
    with pytest.raises(ResultError, match="is there twice|One of the files was changed"):
        make(folder, model="tiny")


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
