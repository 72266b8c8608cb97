"""`leaner evaluate`: what it asks, that it equals the stock way, resumes, and estimates."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import small_glue
from processes import ended

from leaner_harness import estimate, evaluate, results
from leaner_harness.cli import main
from leaner_harness.data.glue import AVERAGED
from leaner_harness.errors import CheckpointError, ResultError, UnknownName, UsageError
from leaner_harness.evaluate.plan import Plan, make_plan


@pytest.fixture(scope="module")
def glue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_glue.write_glue(tmp_path_factory.mktemp("glue"))


def plan(checkpoint: Path, glue: Path, out: Path, **more: Any) -> Plan:
    asked: dict[str, Any] = {
        "protocol": "zero-shot", "tasks": ["leaner_glue"], "split": "validation",
        "data": str(glue), "device": "cpu",
    } | more  # fmt: skip
    return make_plan(checkpoint, asked.pop("protocol"), asked.pop("tasks"), out, **asked)


def test_a_group_stands_for_its_tasks_and_a_bare_name_for_the_published_one(
    checkpoint: Path,
) -> None:
    group = make_plan(checkpoint, "zero-shot", ["leaner_glue_mini"], None)
    assert group.tasks == tuple(f"leaner_glue_mini_{task}" for task in AVERAGED)
    assert make_plan(checkpoint, "quick", ["rte", "rte"], None).tasks == ("leaner_glue_rte",)


def test_wrong_wishes_are_named(checkpoint: Path, tmp_path: Path) -> None:
    def asks(*tasks: str, protocol: str = "zero-shot", **more: Any) -> None:
        make_plan(checkpoint, protocol, tasks, None, **more)

    with pytest.raises(UnknownName, match="leaner_glue_cola"):
        asks("leaner_glue_kola")
    with pytest.raises(UnknownName, match="zero-shot"):
        asks("cola", protocol="zeroshot")
    with pytest.raises(UnknownName, match="validation"):
        asks("cola", split="validatoin")
    with pytest.raises(UsageError, match="names no task"):
        asks()
    with pytest.raises(UsageError, match="two boards"):
        asks("cola", "leaner_glue_mini_cola")
    with pytest.raises(UsageError, match="wnli"):
        asks("wnli")
    with pytest.raises(CheckpointError, match="no folder"):
        make_plan(tmp_path / "none", "zero-shot", ["cola"], None)


@pytest.mark.slow
def test_the_result_equals_the_stock_way(checkpoint: Path, glue: Path, tmp_path: Path) -> None:
    """Scores of a run by `leaner evaluate`, against lm-eval's `hf` on the same rows."""
    from lm_eval.models.huggingface import HFLM

    result, samples = evaluate.evaluate(plan(checkpoint, glue, tmp_path))
    stock = small_glue.evaluate(
        HFLM(str(checkpoint), device="cpu", batch_size=8),
        [f"leaner_glue_{task}" for task in AVERAGED],
        {"leaner_split": "validation", "leaner_data": str(glue)},
        bootstrap_iters=0,
    )
    for task in AVERAGED:
        theirs = stock["results"][f"leaner_glue_{task}"]["leaner_score,none"]
        ours = result.record["tasks"][task]["metrics"]["leaner_score"]
        assert ours == pytest.approx(theirs, abs=1e-3)  # stsb ranks what differs by 1e-7
    assert result.record["protocol"]["name"] == "zero-shot" and not result.record["missing"]
    assert result.record["model"]["scorer"]["scorer"] == "causal"
    assert len(samples) == 24 * 9
    path = results.write(result, samples, tmp_path / "results", replace=False)
    assert results.read(path).record["mean"]


def test_some_tasks_make_a_result_without_a_mean(
    checkpoint: Path, glue: Path, tmp_path: Path
) -> None:
    result, _ = evaluate.evaluate(plan(checkpoint, glue, tmp_path, tasks=["cola", "rte"]))
    assert result.record["mean"] == {} and len(result.record["missing"]) == 6


@pytest.mark.slow
def test_finished_tasks_are_not_scored_again(
    checkpoint: Path, glue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[str] = []
    real = evaluate.Session.score

    def stopped(self: evaluate.Session, tasks: Any) -> Any:
        if len(scored) == 3:
            raise KeyboardInterrupt
        scored.extend(tasks)
        return real(self, tasks)

    wanted = plan(checkpoint, glue, tmp_path)
    monkeypatch.setattr(evaluate.Session, "score", stopped)
    with pytest.raises(KeyboardInterrupt):
        evaluate.evaluate(wanted)
    monkeypatch.setattr(evaluate.Session, "score", real)
    announced: list[str] = []
    resumed, _ = evaluate.evaluate(
        wanted, resume=True, announce=lambda task, *_: announced.append(task)
    )
    assert len(announced) == 5 and not set(announced) & set(scored)
    undisturbed, _ = evaluate.evaluate(plan(checkpoint, glue, tmp_path / "other"))
    assert resumed.record["tasks"] == undisturbed.record["tasks"]

    # Another question is not answered from what is kept.
    changed = plan(checkpoint, glue, tmp_path, arguments={"max_length": 16})
    announced.clear()
    evaluate.evaluate(changed, resume=True, announce=lambda task, *_: announced.append(task))
    assert len(announced) == 8


def test_kept_tasks_are_those_of_the_same_settings(
    checkpoint: Path, glue: Path, tmp_path: Path
) -> None:
    """Not of another tokenizer or configuration."""
    copy = shutil.copytree(checkpoint, tmp_path / "copy")
    identity = lambda **more: evaluate._identity(plan(copy, glue, tmp_path, **more))  # noqa: E731
    before = identity()
    assert identity() == before and json.loads(json.dumps(before)) == before
    assert identity(arguments={"max_length": 16}) != before
    for name in ("tokenizer.json", "config.json"):
        file = copy / name
        file.write_text(file.read_text() + "\n")
        assert identity() != before
        before = identity()


def test_an_output_folder_loses_nothing_of_the_users(
    checkpoint: Path, glue: Path, tmp_path: Path
) -> None:
    """`--output .` is where `leaner train` keeps its checkpoints: runs/RECIPE."""
    theirs = [tmp_path / "runs" / "llama-1m" / "model.safetensors", tmp_path / "tasks" / "mine.txt"]
    for file in theirs:
        file.parent.mkdir(parents=True)
        file.write_text("hours of work")
    evaluate.evaluate(plan(checkpoint, glue, tmp_path, tasks=["cola"]))
    assert all(file.read_text() == "hours of work" for file in theirs)


def test_without_resume_tasks_are_scored_anew(checkpoint: Path, glue: Path, tmp_path: Path) -> None:
    announced: list[str] = []
    for _ in range(2):
        evaluate.evaluate(
            plan(checkpoint, glue, tmp_path, tasks=["cola"]),
            announce=lambda task, *_: announced.append(task),
        )
    assert announced == ["leaner_glue_cola"] * 2


def test_rows_that_changed_and_tasks_that_failed_are_scored_when_it_goes_on(
    checkpoint: Path, glue: Path, tmp_path: Path
) -> None:
    rows = Path(shutil.copytree(glue, tmp_path / "glue"))
    (rows / "rte_validation.jsonl").unlink()
    wanted = plan(checkpoint, rows, tmp_path / "out", tasks=["cola", "stsb", "rte"])
    first, _ = evaluate.evaluate(wanted)
    assert first.record["tasks"]["rte"]["state"] == "missing_file"
    shutil.copy(glue / "rte_validation.jsonl", rows)
    path = rows / "cola_validation.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:16]))
    announced: list[str] = []
    again, _ = evaluate.evaluate(
        wanted, resume=True, announce=lambda task, *_: announced.append(task)
    )
    assert announced == ["leaner_glue_cola", "leaner_glue_rte"]
    tasks = again.record["tasks"]
    assert (tasks["cola"]["n"], tasks["stsb"]["n"], tasks["rte"]["n"]) == (16, 24, 24)


def test_weights_that_were_only_copied_stop_no_resume(
    checkpoint: Path, glue: Path, tmp_path: Path
) -> None:
    wanted = plan(checkpoint, glue, tmp_path, tasks=["cola"])
    first, _ = evaluate.evaluate(wanted)
    (weights,) = checkpoint.glob("*.safetensors")
    before = weights.stat()
    try:
        os.utime(weights, (before.st_atime, time.time() + 100))
        assert evaluate.evaluate(wanted, resume=True)[0].record == first.record
    finally:
        os.utime(weights, (before.st_atime, before.st_mtime))


def tuned(checkpoint: Path, glue: Path, out: Path, *tasks: str) -> Plan:
    more = {"protocol": "short", "tasks": tasks, "arguments": {"workers": 1}}
    return plan(checkpoint, glue, out, **more)


def test_finished_fine_tuning_runs_outlive_a_new_start(
    checkpoint: Path, glue: Path, tmp_path: Path, short: Any
) -> None:
    def stamps() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/*/*/run.json")}

    evaluate.evaluate(tuned(checkpoint, glue, tmp_path, "cola"))
    before = stamps()
    evaluate.evaluate(tuned(checkpoint, glue, tmp_path, "cola"))
    assert len(before) == 4 and stamps() == before


def test_resume_does_not_answer_with_another_tasks_output(
    checkpoint: Path, glue: Path, tmp_path: Path, short: Any
) -> None:
    evaluate.evaluate(tuned(checkpoint, glue, tmp_path, "cola"))
    result, _ = evaluate.evaluate(tuned(checkpoint, glue, tmp_path, "rte"), resume=True)
    assert list(result.record["tasks"]) == ["rte"]


def test_what_befell_requests_is_counted_over_a_stop(
    checkpoint: Path, glue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prompts are cut in both tasks; the second is scored by another process than the first."""
    both = plan(checkpoint, glue, tmp_path, tasks=["cola", "rte"], arguments={"max_length": 16})
    real, scored = evaluate.Session.score, []

    def stopped(self: evaluate.Session, tasks: Any) -> Any:
        if scored:
            raise KeyboardInterrupt
        scored.extend(tasks)
        return real(self, tasks)

    monkeypatch.setattr(evaluate.Session, "score", stopped)
    with pytest.raises(KeyboardInterrupt):
        evaluate.evaluate(both)
    monkeypatch.setattr(evaluate.Session, "score", real)
    result, _ = evaluate.evaluate(both, resume=True)
    assert result.record["model"]["scorer"]["truncated"] == 2 * 24 * 2
    whole, _ = evaluate.evaluate(both)
    assert whole.record["model"]["scorer"]["truncated"] == 2 * 24 * 2


def test_nothing_scored_says_why_and_no_more(
    checkpoint: Path, glue: Path, tmp_path: Path, short: Any
) -> None:
    own = shutil.copytree(glue, tmp_path / "glue")
    (own / "sst2_train.jsonl").unlink()
    with pytest.raises(ResultError) as caught:
        evaluate.evaluate(tuned(checkpoint, own, tmp_path, "sst2"))
    assert "No task has a score: sst2 (no_train_file" in str(caught.value)
    assert "leaner data pull glue" in str(caught.value) and "all eight" not in str(caught.value)


def test_fine_tuning_makes_a_result_with_seeds(
    checkpoint: Path, glue: Path, tmp_path: Path
) -> None:
    wanted = plan(
        checkpoint, glue, tmp_path, protocol="quick", tasks=["cola"], arguments={"workers": 1}
    )
    result, samples = evaluate.evaluate(wanted)
    task = result.record["tasks"]["cola"]
    assert result.record["protocol"]["name"] == "quick"
    assert task["finetuning"]["seeds"] == [1, 53, 65] and len(task["seeds"]["scores"]) == 3
    assert len(samples[0]["log_likelihoods"]) == 3
    path = results.write(result, samples, tmp_path / "results", replace=False)
    from leaner_harness.results.recompute import verify

    verify(results.read(path), tmp_path / "results")
    scratch = plan(
        checkpoint, glue, tmp_path / "scratch", protocol="quick", tasks=["cola"],
        arguments={"workers": 1, "from_scratch": True},
    )  # fmt: skip
    control, _ = evaluate.evaluate(scratch)
    assert control.record["model"]["name"] == "tiny-from-scratch"
    assert control.ranking == result.ranking


def test_a_dry_run_says_what_and_how_long(checkpoint: Path, glue: Path, tmp_path: Path) -> None:
    zero = estimate.estimate(plan(checkpoint, glue, tmp_path, tasks=["stsb"]))
    assert (zero[0].rows, zero[0].requests, zero[0].runs) == (24, 144, 0)
    tuned = estimate.estimate(plan(checkpoint, glue, tmp_path, protocol="paper", tasks=["rte"]))
    assert (tuned[0].runs, tuned[0].steps) == (35, 50) and tuned[0].seconds > 0


def test_a_dry_run_counts_what_is_left(
    checkpoint: Path, glue: Path, tmp_path: Path, short: Any
) -> None:
    wanted = tuned(checkpoint, glue, tmp_path, "cola")
    (whole,) = estimate.estimate(wanted)
    evaluate.evaluate(wanted)
    (done,) = estimate.estimate(wanted)
    assert whole.runs == 4 and (done.state, done.runs, done.seconds) == ("ok", 0, 0.0)
    shutil.rmtree(next(tmp_path.glob("runs/cola-*/rate-*")))
    (part,) = estimate.estimate(wanted)
    assert part.runs == 1 and part.seconds > 0


def test_a_dry_run_times_a_worker_with_the_threads_it_has(
    checkpoint: Path, glue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: Any
) -> None:
    import torch

    from leaner_harness.models.finetune import estimate as timed

    threads: list[int] = []
    real = timed.train_step
    monkeypatch.setattr(
        timed, "train_step", lambda *a: threads.append(torch.get_num_threads()) or real(*a)
    )
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for workers in (1, 2):
            asked = {"protocol": "short", "tasks": ["cola"], "arguments": {"workers": workers}}
            estimate.estimate(plan(checkpoint, glue, tmp_path, **asked))
        assert {*threads[: len(threads) // 2]} == {2} and {*threads[len(threads) // 2 :]} == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_dry_run_is_json_for_machines(
    checkpoint: Path, glue: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--tasks", "cola", "--data", str(glue), "--split", "validation", "--device", "cpu"]
    assert main(["evaluate", str(checkpoint), *asked, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tasks"][0]["rows"] == 24


@pytest.mark.slow
def test_a_killed_fine_tuning_goes_on(checkpoint: Path, tmp_path: Path) -> None:
    """SIGINT in the middle of real runs in real processes; `--resume` makes the rest only."""
    glue = small_glue.write_glue(tmp_path / "glue", n=600)
    command = [
        sys.executable, "-m", "leaner_harness.cli", "evaluate", str(checkpoint), "--tasks",
        "rte", "--split", "validation", "--data", str(glue), "--protocol", "quick", "--output",
        str(tmp_path / "out"),
        "--results", str(tmp_path / "results"), "--device", "cpu", "--model-args", "workers=2",
    ]  # fmt: skip
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    runs = tmp_path / "out" / "runs"
    deadline = time.monotonic() + 240
    with ended(subprocess.Popen(command, text=True, **pipes)) as process:
        while not list(runs.glob("*/*/run.json")) and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130 and "--resume" in errors and "Traceback" not in errors
    before = {path: path.stat().st_mtime_ns for path in runs.glob("*/*/run.json")}
    assert 1 <= len(before) < 3
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())
    assert len(list(runs.glob("*/*/run.json"))) == 3
