"""A build that is killed thirty times comes out byte for byte as one that was left alone."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time

import pytest

from leaner_harness.data.text import read_documents
from leaner_harness.dataset.chunk import chunks
from leaner_harness.dataset.records import Assignment
from leaner_harness.dataset.rewriters.recorded import key

pytestmark = pytest.mark.slow

CHUNKS, KILLS = 5_000, 30


def digests(folder):
    files = [path for path in folder.rglob("*.json*") if path.suffix in (".json", ".jsonl")]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def recorded(source, path):
    """A reply for every chunk; every tenth is not accepted, and what then is asked is not there."""
    with path.open("w") as file:
        for number, line in enumerate(source.read_text().splitlines()):
            document = json.loads(line)
            (chunk,) = chunks(read_one(source.name, number, document))
            first = Assignment(chunk)
            text = f"{chunk.text} That is all." if number % 10 else "I cannot help with that."
            file.write(json.dumps({"key": key(first), "text": text}) + "\n")


def read_one(name, number, row):
    from leaner_harness import Document

    return Document(f"{name}:{number + 1}", "web", row["text"])


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    source, replies = folder / "source.jsonl", folder / "replies.jsonl"
    documents = read_documents("mini", genres=["wiki", "textbook"], words=10**9)
    with source.open("w") as file:
        for _ in range(CHUNKS):
            file.write(json.dumps({"text": next(documents).text}) + "\n")
    recorded(source, replies)
    return source, replies


def command(job, out):
    source, replies = job
    return [
        sys.executable, "-m", "leaner_harness.cli", "build", "pretrain", str(source),
        "--out", str(out), "--rewriter", f"replay:{replies}", "--json",
    ]  # fmt: skip


def test_thirty_kills_change_nothing(job, tmp_path):
    began = time.monotonic()
    alone = subprocess.run(command(job, tmp_path / "alone"), capture_output=True, text=True)
    whole = time.monotonic() - began
    assert alone.returncode in (0, 3), alone.stderr
    chance, killed = random.Random(0), 0
    while killed < KILLS:
        process = subprocess.Popen(
            command(job, tmp_path / "killed"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            process.wait(chance.uniform(0.25, 0.6) * whole)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        # One that was done before is killed, too: what it would write again is the same.
        killed += 1
    last = subprocess.run(command(job, tmp_path / "killed"), capture_output=True, text=True)
    assert last.returncode == alone.returncode, last.stderr
    one, other = json.loads(alone.stdout), json.loads(last.stdout)
    assert one["documents"] == other["documents"] and one["chunks"]["in"] > 0.9 * CHUNKS
    assert one["documents"]["kept"] > 0.8 * CHUNKS
    assert digests(tmp_path / "alone") == digests(tmp_path / "killed")
    assert len(digests(tmp_path / "alone")) >= 4


def test_two_processes_on_one_build_do_no_harm(job, tmp_path):
    both = [
        subprocess.Popen(
            command(job, tmp_path / "both"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300) for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes in ([0, 2], [2, 3]), said
    assert any("Another process works on" in error for _, error in said)
    alone = subprocess.run(command(job, tmp_path / "alone"), capture_output=True, text=True)
    assert alone.returncode in (0, 3)
    assert digests(tmp_path / "alone") == digests(tmp_path / "both")
