"""Judged by a real OpenAI-compatible server: `transformers serve`, with the stock lm_eval command.

The served model always says the same: what is checked is the way there and back, not its grades.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import parrot_llama
import pytest
import tiny_llama
from processes import ended

from leaner_harness.judge.verdicts import DIMENSIONS

pytestmark = pytest.mark.slow

LIMIT = 12
GRADES = '{"grammar": 2, "coherence": 1, "specificity": 0}'


@contextmanager
def served(model, log):
    """A server's address; it is started anew where another took the port that was free."""
    for _ in range(3):
        process, url = start(model, log)
        with ended(process):
            if answers(process, f"{url}/health"):
                yield f"{url}/v1"
                return
        assert "address already in use" in log.read_text(), log.read_text()[-2000:]
    raise AssertionError("no port stayed free")


def start(model, log):
    """A server that begins to load, and where it is going to be."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        Path(sys.executable).with_name("transformers"), "serve", model, "--port", str(port),
        "--device", "cpu",
    ]  # fmt: skip
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, text=True)
    return process, f"http://127.0.0.1:{port}"


def answers(process, url):
    """Whether it does so within three minutes; it may also end before."""
    end = time.monotonic() + 180
    while process.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return True
        except OSError:
            time.sleep(0.5)
    return False


def lm_eval(checkpoint, folder, **environment):
    command = [
        sys.executable, "-m", "lm_eval", "run", "--tasks", "leaner_eval_mini", "--model", "hf",
        "--model_args", f"pretrained={checkpoint},max_length=320", "--batch_size", "16",
        "--limit", str(LIMIT), "--output_path", str(folder), "--log_samples",
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=500, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = folder.rglob("results_*.json")
    return json.loads(path.read_text()), done.stderr


def test_a_server_judges_what_the_stock_command_answered(checkpoint, tmp_path):
    model = parrot_llama.save(tmp_path / "judge", GRADES)
    with served(model, tmp_path / "log") as url:
        environment = {"LEANER_JUDGE": f"openai:{model}", "OPENAI_BASE_URL": url}
        found, said = lm_eval(checkpoint, tmp_path / "out", **environment)
        scores = found["results"]["leaner_eval_mini"]
        empty = scores["empty,none"]
        grades = [scores[f"{name},judge"] for name in DIMENSIONS]
        assert grades == pytest.approx([2 - 2 * empty, 1 - empty, 0])
        assert scores["coverage,judge"] == 1 and "sum_stderr,judge" in scores
        account = found["configs"]["leaner_eval_mini"]["metadata"]["leaner"]["judge"]
        assert account["complete"] and account["calls"] >= account["states"]["ok"]
        # Again, elsewhere: nothing is asked.
        command = [
            sys.executable, "-m", "leaner_harness.cli", "judge", str(tmp_path / "out"), "--json",
        ]  # fmt: skip
        again = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **environment}
        )
        assert again.returncode == 0, again.stderr
        (report,) = json.loads(again.stdout).values()
        assert report["calls"] == 0 and report["means"]["sum"] == scores["sum,judge"]


def test_a_server_whose_model_cannot_judge_is_no_grade(checkpoint, tmp_path):
    model = parrot_llama.save(tmp_path / "judge", "It is quite good.")
    with served(model, tmp_path / "log") as url:
        environment = {"LEANER_JUDGE": f"openai:{model}", "OPENAI_BASE_URL": url}
        found, said = lm_eval(checkpoint, tmp_path / "out", **environment)
    scores = found["results"]["leaner_eval_mini"]
    assert scores["coverage,judge"] == scores["empty,none"] and "INCOMPLETE" in said
    account = found["configs"]["leaner_eval_mini"]["metadata"]["leaner"]["judge"]
    assert set(account["states"]) <= {"unparsable", "rule"} and not account["complete"]


def test_a_model_on_this_machine_judges_what_the_stock_command_answered(checkpoint, tmp_path):
    judge = tiny_llama.save(tmp_path / "judge", context=8192)
    found, _ = lm_eval(checkpoint, tmp_path / "out", LEANER_JUDGE=f"hf:{judge}")
    scores = found["results"]["leaner_eval_mini"]
    assert scores["coverage,judge"] == 1 and 0 < scores["sum,judge"] < 15
    account = found["configs"]["leaner_eval_mini"]["metadata"]["leaner"]["judge"]
    assert account["judge"]["kind"] == "hf" and str(tmp_path) not in json.dumps(account)
