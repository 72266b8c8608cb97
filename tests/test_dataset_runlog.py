"""The run log says when, how often and at what cost; a dry run says it beforehand."""

from __future__ import annotations

import json

import pytest
from small_llm import running

from leaner_harness.cli import main
from leaner_harness.dataset.runlog import NAME, total

pytestmark = pytest.mark.usefixtures("one_index")

SOURCE = ["mini", "--words", "900", "--genres", "wiki"]


def words(server, out, *more):
    args = f"base_url={server},prices=1/2"
    named = ["--rewriter", "openai:m", "--rewriter-args", args, "--out", str(out), "--json"]
    return ["build", "pretrain", *SOURCE, *named, *more]


def lines(out):
    return [json.loads(line) for line in (out / NAME).read_text().splitlines()]


def test_what_was_tried_is_logged_and_summed(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "a key that is no secret")
    out = tmp_path / "out"
    with running(tmp_path, "rewrite_server.py") as server:
        main(words(f"{server.root}/v1", out, "--limit", "3"))
        capsys.readouterr()
        main(words(f"{server.root}/v1", out))
    first, *_, last = lines(out)
    assert (first["event"], first["limit"], last["event"]) == ("begin", 3, "end")
    tried = [line for line in lines(out) if line["event"] == "try"]
    assert {line["attempt"] for line in tried} <= {1, 2}
    assert all(line["time"].endswith("+00:00") and line["chunk"] for line in tried)
    assert "a key" not in (out / NAME).read_text()
    capsys.readouterr()
    assert main(["build", "status", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    took, chunks = found["log"], found["chunks"]
    # Every chunk that was settled was tried; the last line of each run says what the run took.
    assert took["tries"] == len(tried) >= chunks["kept"] + chunks["rejected"] + chunks["failed"] > 0
    assert took["runs"] == took["ended"] == 2
    ends = [line for line in lines(out) if line["event"] == "end"]
    assert took["calls"] == sum(line["calls"] for line in ends) > 0
    assert took["cost"] == pytest.approx(sum(line["cost"] for line in ends)) and took["cost"] > 0
    # Rows do not know of it.
    for shard in out.rglob("*.jsonl"):
        for row in shard.read_text().splitlines():
            assert not {"time", "calls", "cost", "attempt"} & json.loads(row).keys()


def test_a_dry_run_asks_and_begins_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    out = tmp_path / "out"
    assert main(words("http://127.0.0.1:9/v1", out, "--dry-run")) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["calls"] == found["chunks"]["pending"] == found["chunks"]["in"] > 3
    assert found["cost_at_most"] > 0 and found["prompt_tokens"] > 0
    assert not out.exists()
    # Other settings may follow; of a build that was begun, what is left is counted.
    main(["build", "pretrain", *SOURCE, "--out", str(out), "--limit", "2", "--json"])
    capsys.readouterr()
    assert main(["build", "resume", str(out), "--dry-run", "--json"]) == 0
    left = json.loads(capsys.readouterr().out)
    assert left["chunks"]["pending"] == found["chunks"]["in"] - 2
    assert left["calls"] == 0 and left["log"]["runs"] == 1
    assert main(["build", "resume", str(out), "--dry-run"]) == 0
    assert "Would make 0 calls" in capsys.readouterr().out


def test_half_a_line_is_passed_over(tmp_path):
    assert total(tmp_path)["tries"] == 0
    line = {"time": "t", "event": "try", "calls": 2, "prompt_tokens": None, "cost": 0.5}
    (tmp_path / NAME).write_text(json.dumps(line) + '\n{"event": "tr')
    found = total(tmp_path)
    assert (found["tries"], found["calls"], found["cost"]) == (1, 2, 0.5)


def test_replies_are_kept_for_other_builds(tmp_path, capsys, monkeypatch):
    """What was paid for once is not paid again where checks, splits or thresholds change."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("LEANER_HOME", str(tmp_path / "home"))
    with running(tmp_path, "rewrite_server.py") as server:
        url = f"{server.root}/v1"
        assert main(words(url, tmp_path / "one")) == 0
        first = json.loads(capsys.readouterr().out)["took"]
        other = ["--coverage", "0.5", "--seed", "3", "--licence", "MIT"]
        assert main(words(url, tmp_path / "two", *other)) == 0
        second = json.loads(capsys.readouterr().out)["took"]
    assert first["calls"] > 0 and first["cached"] == 0
    assert second["calls"] == 0 and second["cached"] > 0


def test_what_the_budget_leaves_out_waits(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    out = tmp_path / "out"
    with running(tmp_path, "rewrite_server.py") as server:
        url = f"{server.root}/v1"
        assert main(words(url, out, "--max-requests", "2")) == 0
        found = json.loads(capsys.readouterr().out)["chunks"]
        assert found["failed"] == 0 and found["pending"] == found["in"] - 2 > 0
        assert main(["build", "resume", str(out), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["chunks"]["pending"] == 0
