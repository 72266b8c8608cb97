"""A result is made from lm_eval's files, recomputed, and shown on a board."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_boards
import small_glue
import small_outputs
from hypothesis import given
from hypothesis import strategies as st
from small_outputs import made

from leaner_harness import results
from leaner_harness.data.glue import AVERAGED, TASKS
from leaner_harness.errors import CheckpointError, ResultError
from leaner_harness.from_lm_eval.glue import make_result
from leaner_harness.from_lm_eval.glue_run import _shortest, read_evaluation
from leaner_harness.from_lm_eval.run import find
from leaner_harness.leaderboard import board
from leaner_harness.results import rules
from leaner_harness.results.recompute import score_samples, verify
from leaner_harness.scoring import scored_row


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


def test_another_tokenizer_or_precision_is_another_model_and_an_adapter_is_refused(
    altered: Any, output: Path, tmp_path: Path
) -> None:
    """Their scores would lie at the path of the checkpoint's own, and be shown as verified."""

    def asked(**more: Any) -> Any:
        return altered(lambda r: r["config"].update(model_args=more))

    own = made(output)
    (tmp_path / "tokenizer.json").write_text("{}")
    for more in ({"mixed_precision_dtype": "float16"}, {"tokenizer": str(tmp_path)}):
        assert made(asked(**more)).replaceable != own.replaceable
    digest = made(asked(tokenizer=str(tmp_path))).record["model"]["model_args"]["tokenizer"]
    assert len(digest) == 64
    with pytest.raises(ResultError, match="peft changes them"):
        made(asked(peft=str(tmp_path)))


def test_what_is_too_large_to_be_read_is_not_written(output: Path, tmp_path: Path) -> None:
    result, samples = make_result(read_evaluation(find(output)), model="tiny")
    result.record["training"] = {"recipe": {"note": "x" * results.RESULT_BYTES}}
    with pytest.raises(ResultError, match="larger than"):
        results.write(result, samples, tmp_path, replace=False)
    assert not list(tmp_path.rglob("*.json"))


def test_the_board_shows_what_training_cost(output: Path, tmp_path: Path) -> None:
    evaluation = read_evaluation(find(output))
    recipe = {"data": "/home/somebody/text", "seed": 3}
    record = {"recipe": recipe, "parameters": {"total": 1_561_728}, "tokens_seen": 2_000_000}
    (tmp_path / "leaner.json").write_text(json.dumps(record))
    made = make_result(evaluation, model="tiny", checkpoint=tmp_path)
    path = results.write(*made, tmp_path / "results", replace=False)
    assert path.name == "zero-shot-validation-seed3.json"
    assert "somebody" not in path.read_text()
    assert "| 1.56M | 2M |" in small_boards.markdown(tmp_path / "results")
    # Random weights of the same shape have read nothing.
    record = json.loads(path.read_text())
    record["model"]["scorer"] = {"from_scratch": True}
    path.write_text(json.dumps(record))
    assert "| 1.56M | 0 |" in small_boards.markdown(tmp_path / "results")


def test_a_result_keeps_the_learning_curve_of_its_training(output: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    record = {"recipe": {"seed": 3}, "tokens_seen": 2000, "curve": "what another trainer calls so"}
    (checkpoint / "leaner.json").write_text(json.dumps(record))
    assert "curve" not in made(output, checkpoint=checkpoint).record["training"]
    entries = [{"step": n, "tokens_seen": n * 100, "loss": 7.0 / n} for n in range(1, 21)]
    (checkpoint / "log.jsonl").write_text("".join(f"{json.dumps(e)}\n" for e in entries))
    evaluation = read_evaluation(find(output))
    found = make_result(evaluation, model="tiny", checkpoint=checkpoint)
    path = results.write(*found, tmp_path / "results", replace=False)
    curve = results.read(path).record["training"]["curve"]
    assert len(curve) == 20 and curve[-1] == {"tokens_seen": 2000, "loss": 0.35}
    board.write(tmp_path / "results")
    assert '"unit":""' in (tmp_path / "results" / "index.html").read_text()


def test_other_prompts_do_not_overwrite_or_share_a_table(altered: Any, output: Path) -> None:
    other = made(altered(lambda r: r.update(system_instruction_sha="abc")))
    assert other.ranking != made(output).ranking
    assert other.replaceable != made(output).replaceable


def test_wnli_beside_the_eight_tasks_makes_no_other_comparison(tmp_path: Path) -> None:
    glue = small_glue.write_glue(tmp_path / "glue", n=40)
    metadata = {"leaner_data": str(glue), "leaner_split": "validation"}
    eight, nine = (
        small_outputs.made(
            small_outputs.save(
                small_glue.evaluate(small_glue.ScoredLM(small_glue.noise), tasks, metadata),
                tmp_path / str(len(tasks)),
            )
        )
        for tasks in (["leaner_glue"], ["leaner_glue", "leaner_glue_wnli"])
    )
    assert "wnli" in nine.record["tasks"] and "wnli" not in eight.record["tasks"]
    assert nine.ranking == eight.ranking


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
    tasks = {name: task | {"fingerprint": "0" * 64} for name, task in record["tasks"].items()}
    data = record["data"] | {"fingerprint": rules.rows_fingerprint(tasks)}
    protocol = record["protocol"] | {"fingerprint": "0" * 64}
    for change in ({"data": data, "tasks": tasks}, {"protocol": protocol}):
        other = record | change
        path.write_text(json.dumps(other))
        with pytest.raises(ResultError, match="stale"):
            board.check(tmp_path)
        lines = small_boards.markdown(tmp_path).splitlines()
        headings = {line for line in lines if line.startswith("## leaner_glue")}
        assert len(headings) == 2, "two tables that nobody could tell apart"


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
    assert "No results yet" in small_boards.markdown(tmp_path)


def test_turns_are_part_of_how_a_model_was_asked_only_with_a_chat_template(
    output: Path, tmp_path: Path
) -> None:
    """Without one lm_eval's command says nothing of turns, and its API says no: both are alike."""

    def asked(**more: object) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        changed = small_outputs.altered(output, folder, lambda record: record.update(more))
        return str(made(changed).record["protocol"]["fingerprint"])

    assert asked(fewshot_as_multiturn=None) == asked(fewshot_as_multiturn=False)
    chat = {"chat_template_sha": "1"}
    turns = [asked(fewshot_as_multiturn=value, **chat) for value in (True, False)]
    assert len({asked(), *turns}) == 3
