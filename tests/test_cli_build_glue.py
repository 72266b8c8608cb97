"""`leaner build glue`, from a source to scores; killed at any moment, it comes out the same."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from model_server import is_judging, serving
from processes import ended
from small_glue import ScoredLM, evaluate
from small_items import item, models, rows, write_source

from leaner_harness.cli import main

NUMBERS = range(100, 140)


@pytest.fixture
def source(tmp_path):
    return write_source(
        tmp_path / "source", rte_validation=[item("rte", n, n % 2) for n in NUMBERS]
    )


def command(source, out, url, *more, task="rte"):
    within = f"base_url={url},retries=0,concurrency=4"
    return [
        "build", "glue", task, str(source), "--out", str(out), "--rewriter", "openai:writer",
        "--judge", "openai:judge", "--rewriter-args", within, "--judge-args", within, *more,
    ]  # fmt: skip


@pytest.mark.slow
def test_what_is_built_is_scored_at_once(source, tmp_path, capsys):
    out = tmp_path / "out"
    with serving(
        models(lambda number, _: 1 - number % 2 if number < 110 else number % 2)
    ) as server:
        assert main(command(source, out, server.url, "--json")) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["items"]["kept"] == 30 and found["took"]["judge"]["calls"] == 80
        assert main(command(source, out, server.url)) == 0
        said = capsys.readouterr()
        assert "rte_test.jsonl: 15 rows" in said.out and "rejected: disagreement 10" in said.out
        assert "judges its own work" not in said.err
        assert len(server.bodies) == 120, "the second time, all is known"
        other = command(source, out, server.url, "--seed", "1")
        assert main(other) == 2 and "other settings: seed" in capsys.readouterr().err
    text = " ".join((out / "README.md").read_text().split())
    assert "| **rte** | 40 | 30 | 10 | 0 | 0 |" in text
    assert (
        "| 0 | 20 | 15 | 5 | 0 | 0 | 75.0% [53.1%, 88.8%] | 75.0% of 20 | 50.0% | 50.0% |" in text
    )
    assert "(about/rte.svg)" in text and "favour" not in text, "both labels lost a quarter"
    lm = ScoredLM(lambda context, choice: 1.0 if "yes" in choice else 0.0)
    metadata = {"leaner_data": str(out), "leaner_split": "test"}
    result = evaluate(lm, ["leaner_glue_rte"], metadata)
    assert result["n-samples"]["leaner_glue_rte"]["original"] == 15
    shown = {row["sentence1"] for row in rows(out, "rte_test")}
    assert all(any(text in context for text in shown) for context in lm.contexts)


def test_a_dry_run_asks_nobody_and_writes_nothing(source, tmp_path, capsys):
    out = tmp_path / "out"
    with serving(models(lambda number, _: number % 2)) as server:
        dry = command(source, out, server.url, "--dry-run", "--json")
        assert main(dry) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["items"], found["calls"], found["cost_at_most"]) == (40, 120, None)
        assert not server.bodies and not out.exists()
        assert main(command(source, out, server.url, "--limit", "15")) == 0
        capsys.readouterr()
        assert len(server.bodies) == 45
        assert main(dry) == 0
        assert json.loads(capsys.readouterr().out)["calls"] == 75
        # Elsewhere, too, 15 rewrites and 15 answers to the source are in the cache; no answer to
        # a rewrite counts as one, for that text is not known before.
        assert main(command(source, tmp_path / "new", server.url, "--dry-run", "--json")) == 0
        assert json.loads(capsys.readouterr().out)["calls"] == 90
        assert main([*command(source, out, server.url, "--dry-run"), "--limit", "3"]) == 0
        assert "3 items, 9 calls" in capsys.readouterr().out
        dear = f"base_url={server.url},prices=1/2"
        paid = command(source, tmp_path / "paid", server.url, "--dry-run", "--json")
        for option in ("--rewriter-args", "--judge-args"):
            paid[paid.index(option) + 1] = dear
        assert main(paid) == 0
        found = json.loads(capsys.readouterr().out)
        tokens = [
            (part["prompt_tokens"], part["completion_tokens_at_most"])
            for name, part in found.items() if isinstance(part, dict)
        ]  # fmt: skip
        assert len(tokens) == 4
        assert found["cost_at_most"] == pytest.approx(sum(a + 2 * b for a, b in tokens) / 1e6)


def test_what_failed_ends_with_code_3_and_is_asked_for_again(source, tmp_path, capsys):
    broken = {"on": True}

    def answer(number, is_new):
        return "no idea" if broken["on"] and is_new and number == 120 else number % 2

    out = tmp_path / "out"
    with serving(models(answer)) as server:
        assert main(command(source, out, server.url)) == 3
        assert "--retry-failed" in capsys.readouterr().err
        assert len(rows(out, "rte_validation")) + len(rows(out, "rte_test")) == 39
        broken["on"] = False
        assert main(command(source, out, server.url)) == 3
        assert main(command(source, out, server.url, "--retry-failed")) == 0
        assert len(rows(out, "rte_validation")) + len(rows(out, "rte_test")) == 40


def test_mistakes_are_explained(source, tmp_path, capsys):
    out = tmp_path / "out"
    url = "http://localhost:1/v1"
    assert main(command(source, out, url, task="rtee")) == 2
    assert "rte" in capsys.readouterr().err
    assert main(command(source, out, url, "--tolerance", "9")) == 2
    assert main(command(tmp_path, out, url)) == 3
    assert "no rows of rte" in capsys.readouterr().err
    wrong = command(source, tmp_path / "other", url)
    wrong[wrong.index("openai:judge")] = "rules"
    wrong[wrong.index("--judge-args") + 1] = ""
    assert main(wrong) == 2 and "answers no items" in capsys.readouterr().err
    same = command(source, tmp_path / "same", url, "--limit", "0")
    same[same.index("openai:judge")] = "openai:writer"
    assert main(same) == 0 and "judges its own work" in capsys.readouterr().err


def test_the_mini_set_is_a_source(tmp_path, capsys):
    def say(body):
        return '{"answer": 2.0}' if is_judging(body) else body["messages"][1]["content"]

    with serving(say) as server:
        given = command("mini", tmp_path / "out", server.url, "--limit", "60", task="stsb")
        assert main(given) == 0
    labels = [row["label"] for row in rows(tmp_path / "out", "stsb_test")]
    assert labels and all(1.5 <= label <= 2.5 for label in labels)
    assert "within 0.5 of the score" in (tmp_path / "out" / "README.md").read_text()


def digests(folder):
    files = [path for path in folder.rglob("*") if path.is_file() and ".build" not in path.parts]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.mark.slow
def test_killed_at_any_moment_it_comes_out_the_same(tmp_path):
    def say(body):
        """Wrong of some items, and no object for others: a function of what is shown."""
        time.sleep(0.01)
        digest = int(hashlib.sha256(json.dumps(body["messages"]).encode()).hexdigest(), 16)
        if is_judging(body):
            return json.dumps({"answer": digest % 2})
        shown = json.loads(body["messages"][1]["content"])
        return (
            "Well."
            if not digest % 20
            else json.dumps({k: f"{v} It is so." for k, v in shown.items()})
        )

    source = write_source(
        tmp_path / "source",
        rte_train=[item("rte", n, n % 2) for n in range(1000, 1300)],
        rte_validation=[item("rte", n, n % 2) for n in range(2000, 2100)],
    )
    with serving(say) as server:

        def begin(name):
            words = command(source, tmp_path / name, server.url, "--json")
            environment = {**os.environ, "LEANER_HOME": str(tmp_path / f"home {name}")}
            process = subprocess.Popen(
                [sys.executable, "-m", "leaner_harness.cli", *words],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
            )  # fmt: skip
            return ended(process)

        with begin("alone") as alone:
            printed, error = alone.communicate(timeout=300)
        assert alone.returncode == 3, error
        calls, chance, kills = len(server.bodies), random.Random(0), 0
        while kills < 10:
            enough = len(server.bodies) + chance.randrange(5, 150)
            with begin("killed") as process:
                while process.poll() is None and len(server.bodies) < enough:
                    time.sleep(0.005)
                if process.poll() is not None:
                    break
                process.send_signal(signal.SIGKILL)
                process.communicate()
            kills += 1
        assert kills > 5
        with begin("killed") as last:
            again, error = last.communicate(timeout=300)
        assert last.returncode == 3, error
        asked = len(server.bodies) - calls
    assert asked < 1.3 * calls, "what was known was not asked for again"
    one, other = json.loads(printed), json.loads(again)
    del one["took"], other["took"]
    assert one == other
    assert one["items"]["in"] == 400 and one["items"]["failed"] and not one["items"]["pending"]
    assert one["items"]["kept"] > 100
    found = digests(tmp_path / "alone")
    assert found == digests(tmp_path / "killed") and len(found) == 6
