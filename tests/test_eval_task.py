"""LEANER-Eval by the stock command: prompts, checks, and a task that cannot run."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from small_llm import running
from small_tasks import manager

import leaner_harness.lm_eval_plugin  # noqa: F401  tasks and model types
from leaner_harness.data.questions import mini_questions
from leaner_harness.errors import UnknownName
from leaner_harness.from_lm_eval.make import make
from leaner_harness.judge.surface import CHECKS


def load(name, **metadata):
    return manager(**metadata).load([name])["tasks"][name]


def test_a_question_stands_in_the_words_of_instructions():
    task = load("leaner_eval_mini")
    doc = task.eval_docs[0]
    assert task.doc_to_text(doc) == f"### TASK INPUT:\n{doc['question']}\n\n### RESPONSE:\n"
    chat = load("leaner_eval_mini", leaner_prompt="chat")
    assert chat.doc_to_text(doc) == doc["question"]
    assert chat.config.metadata["leaner"]["prompt"] == "chat"
    with pytest.raises(UnknownName, match="leaner_prompt 'chatty'"):
        load("leaner_eval_mini", leaner_prompt="chatty")


def test_answers_are_checked_without_a_judge():
    task = load("leaner_eval_mini")
    doc = {"id": "1", "question": "What is a lake?", "kind": "what"}
    good = task.process_results(doc, ["A lake is a lot of water."])
    assert set(good) == {*CHECKS, "empty"} and good["empty"] == 0 and good["on_topic"] == 1
    assert task.process_results(doc, [" "])["empty"] == 1
    assert set(task.aggregation()) == set(good) == set(task.higher_is_better())


def test_without_questions_the_task_has_a_state(tmp_path):
    task = load("leaner_eval", leaner_data=str(tmp_path))
    record = task.config.metadata["leaner"]
    assert record["state"] == "missing_file" and record["rows"] == 0
    assert task.process_results(task.eval_docs[0], ["x"]) == {}


@pytest.mark.slow
def test_the_stock_command_answers_and_checks(checkpoint, tmp_path):
    arguments = f"pretrained={checkpoint},max_length=320"
    command = [
        sys.executable, "-m", "lm_eval", "run", "--tasks", "leaner_eval_mini", "--model", "hf",
        "--model_args", arguments, "--batch_size", "16", "--limit", "8",
        "--output_path", str(tmp_path), "--log_samples",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, env=os.environ)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "no judge is set" in done.stderr
    (path,) = tmp_path.rglob("results_*.json")
    found = json.loads(path.read_text())
    scores = found["results"]["leaner_eval_mini"]
    assert {f"{name},none" for name in CHECKS} <= set(scores)
    assert all(0 <= scores[f"{name},none"] <= 1 for name in CHECKS)
    assert "well_formed_stderr,none" in scores
    account = found["configs"]["leaner_eval_mini"]["metadata"]["leaner"]
    assert account["source"] == "mini" and account["fingerprint"]
    (samples,) = tmp_path.rglob("samples_*.jsonl")
    assert len(samples.read_text().splitlines()) == 8


@pytest.mark.slow
def test_a_chat_model_on_a_server_answers(tmp_path):
    pytest.importorskip("tenacity", reason="lm_eval[api] is not installed")
    with running(tmp_path) as server:
        command = [
            sys.executable, "-m", "lm_eval", "run", "--tasks", "leaner_eval_mini",
            "--model", "local-chat-completions", "--model_args",
            f"model=m,base_url={server.root}/v1/chat/completions,num_concurrent=8",
            "--apply_chat_template", "--metadata", '{"leaner_prompt": "chat"}',
            "--output_path", str(tmp_path / "out"), "--log_samples",
        ]  # fmt: skip
        environment = {**os.environ, "OPENAI_API_KEY": "none"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=500, env=environment)
        assert done.returncode == 0, done.stderr[-2000:]
        asked = server.report()["asked"]
    assert len(asked) == 96 and set(asked.values()) == {1}  # each question, bare, once
    assert set(asked) == {row["question"] for row in mini_questions()}
    result, samples = make(tmp_path / "out")
    assert result.record["model"]["name"] == "m" and len(samples) == 96
    assert result.record["protocol"]["definition"]["prompt"] == "chat"
