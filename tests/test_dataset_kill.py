"""A build that is killed thirty times comes out byte for byte as one that was left alone."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest
from killed import Progress, build, digests, finish, kill, record, start, write_source
from processes import ended
from small_llm import running

from leaner_harness import Document
from leaner_harness.dataset.chunk import chunks
from leaner_harness.dataset.records import Assignment
from leaner_harness.dataset.rewriters.recorded import key
from leaner_harness.llm.cache import Cache

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KILLS = {"read": 4, "rewritten": 20, "assembling": 6}
"""In each stage."""
CONCURRENCY = 16


@pytest.fixture(scope="module")
def replay(tmp_path_factory):
    """5,000 texts and a reply to each: every tenth is not accepted, and no other is there."""
    folder = tmp_path_factory.mktemp("replay")
    source, replies = folder / "source.jsonl", folder / "replies.jsonl"
    with replies.open("w") as file:
        for number, text in enumerate(write_source(source, 5_000)):
            (chunk,) = chunks(Document("", "web", text))
            said = f"{text} That is all." if number % 10 else "I cannot help with that."
            file.write(json.dumps({"key": key(Assignment(chunk)), "text": said}) + "\n")
    return record(source, f"replay:{replies}")


def alone(folder, settings):
    """The files of a build that nobody disturbs, and how many seconds its assembling takes."""
    progress = Progress()
    process = start(build, folder / "alone", folder / "home-alone", settings, progress)
    progress.wait(process, "assembling", 1)
    began = time.monotonic()
    finish(process)
    return digests(folder / "alone"), time.monotonic() - began


def killed(folder, settings, count, seconds, after=lambda: None):
    """The files of a build that is killed in every stage, and then left alone.

    It has so many chunks, and undisturbed its assembling takes so many seconds.
    """
    chance, midway = random.Random(0), 0
    arguments = folder / "killed", folder / "home-killed", settings
    for stage, kills in KILLS.items():
        # The reading begins anew each time; the rewriting goes on, and is to last for all kills.
        most = {"read": count, "rewritten": 2 * count // kills, "assembling": 1}[stage]
        for _ in range(kills):
            progress = Progress()
            process = start(build, *arguments, progress)
            progress.wait(process, stage, chance.randint(1, most))
            time.sleep(chance.uniform(0, 0.9 * seconds if stage == "assembling" else 0.1))
            midway += kill(process) and progress.in_stage(stage)
            after()
    assert midway >= 0.8 * sum(KILLS.values()), "most kills were to hit a stage that they aimed at"
    finish(start(build, *arguments, Progress()))
    return digests(folder / "killed")


def test_thirty_kills_change_nothing(replay, tmp_path):
    expected, seconds = alone(tmp_path, replay)
    assert killed(tmp_path, replay, 5_000, seconds) == expected
    manifest = json.loads((tmp_path / "alone" / "manifest.json").read_text())
    assert manifest["chunks"]["in"] > 4_500 and manifest["documents"]["kept"] > 4_000
    assert len(expected) == 5  # manifest, card, and a file for each split


def test_thirty_kills_pay_no_reply_twice_that_had_come(tmp_path):
    write_source(tmp_path / "source.jsonl", 2_000)
    home = tmp_path / "home-killed"
    with running(tmp_path, "rewrite_server.py", "0.02") as server:
        settings = record(
            tmp_path / "source.jsonl", "openai:m",
            base_url=f"{server.root}/v1", concurrency=CONCURRENCY,
        )  # fmt: skip
        expected, seconds = alone(tmp_path, settings)
        once = server.report()["asked"]
        assert set(once.values()) == {1} and len(once) > 1_800
        before = known = 0

        def lost_little():
            nonlocal before, known
            time.sleep(0.1)  # what was in flight reaches the server's count
            paid = sum(server.report()["asked"].values()) - len(once)
            replies = Cache(home / "llm" / "replies.sqlite")
            there = len(replies)
            replies.close()
            assert 0 <= paid - before - (there - known) <= CONCURRENCY
            before, known = paid, there

        assert killed(tmp_path, settings, len(once), seconds, lost_little) == expected
        lost_little()
        assert len(once) == known <= before <= known + KILLS["rewritten"] * CONCURRENCY


def command(settings, out):
    (source,) = settings["source"]["sources"]
    arguments = ",".join(f"{key}={value}" for key, value in settings["rewriter_args"].items())
    return [
        sys.executable, "-m", "leaner_harness.cli", "build", "pretrain", source, "--out", str(out),
        "--rewriter", settings["rewriter"], "--rewriter-args", arguments, "--json",
    ]  # fmt: skip


def test_two_processes_on_one_build_do_no_harm(replay, tmp_path):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    words = command(replay, tmp_path / "both")
    with ExitStack() as stack:
        both = [stack.enter_context(ended(subprocess.Popen(words, **pipes))) for _ in range(2)]
        said = [process.communicate(timeout=300) for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes in ([0, 2], [2, 3]), said
    assert any("Another process works on" in error for _, error in said)
    assert digests(tmp_path / "both") == alone(tmp_path, replay)[0]


def test_a_second_process_asks_for_nothing(tmp_path):
    write_source(tmp_path / "source.jsonl", 300)
    with running(tmp_path, "rewrite_server.py", "0.2") as server:
        settings = record(
            tmp_path / "source.jsonl", "openai:m", base_url=f"{server.root}/v1", concurrency=4
        )
        progress = Progress()
        first = start(build, tmp_path / "both", tmp_path / "home", settings, progress)
        progress.wait(first, "rewritten", 10)
        second = subprocess.run(
            command(settings, tmp_path / "both"), capture_output=True, text=True, timeout=60
        )
        assert second.returncode == 2 and "Another process works on" in second.stderr
        assert progress.in_stage("rewritten"), "the first was to be at work still"
        finish(first)
        asked = server.report()["asked"]
        assert set(asked.values()) == {1} and len(asked) > 250
        assert digests(tmp_path / "both") == alone(tmp_path, settings)[0]
