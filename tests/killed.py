"""Processes that are killed at a moment of their work, and builds that are worked on by such."""

from __future__ import annotations

import atexit
import hashlib
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leaner_harness.data.text import read_documents
from leaner_harness.dataset import pretrain
from leaner_harness.dataset.build import Source

_fork = multiprocessing.get_context("forkserver")
# What a process needs, of all tests: a test process has one such server. It finds nothing that lies
# beside this file, and leaves out without a word what it does not find.
_fork.set_forkserver_preload(
    [
        "leaner_harness.dataset.pretrain", "leaner_harness.dataset.rewriters.recorded",
        "leaner_harness.dataset.rewriters.remote", "leaner_trainers.loop", "openai", "pyarrow",
    ]
)  # fmt: skip


def start(target: Callable[..., None], *arguments: Any) -> Any:
    """A process that does nothing but call a function; what it imports is there already."""
    process = _fork.Process(target=target, args=arguments)
    process.start()
    atexit.register(process.kill)  # a failed test may leave it, and Python would wait for it
    return process


def counter() -> Any:
    """A number that a process and the one that started it both see."""
    return _fork.RawValue("i", 0)


def finish(process: Any) -> None:
    """Wait for its end, which is to be a good one."""
    process.join(300)
    assert process.exitcode == 0, "it failed, or hangs"


def wait_until(process: Any, is_so: Callable[..., bool], *arguments: Any) -> None:
    """Until something is so of what a process works on."""
    end = time.monotonic() + 300
    while not is_so(*arguments):
        assert process.is_alive(), "it ended too early"
        assert time.monotonic() < end, "it hangs"
        time.sleep(0.0005)


def kill(process: Any) -> bool:
    """Kill -9; returns whether it was still running."""
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), "it ended by itself, with an error"
    return process.exitcode != 0


class Progress:
    """How far a build in another process is: documents read, chunks rewritten since its start."""

    def __init__(self) -> None:
        self._counts = {stage: counter() for stage in ("read", "rewritten", "assembling")}

    def announce(self, stage: str, count: int) -> None:
        self._counts[stage].value += count

    def wait(self, process: Any, stage: str, count: int) -> None:
        """Until so many are done, or the next stage has begun, or the process ended."""
        later = self._counts["rewritten" if stage == "read" else "assembling"]
        end = time.monotonic() + 300
        while self._counts[stage].value < count and not later.value and process.is_alive():
            assert time.monotonic() < end, "it hangs"
            time.sleep(0.002)

    def in_stage(self, stage: str) -> bool:
        """Whether this is the last stage that was begun."""
        return stage == next(name for name in reversed(self._counts) if self._counts[name].value)


def build(folder: Path, home: Path, record: dict[str, Any], progress: Progress) -> None:
    """What a process does: all of a build that is left to do."""
    os.environ["LEANER_HOME"] = str(home)
    assemble = pretrain.assemble

    def assembling(*arguments: Any) -> dict[str, Any]:
        progress.announce("assembling", 1)
        return assemble(*arguments)

    pretrain.assemble = assembling
    with pretrain.Job(folder, pretrain.Settings.of(record)) as job:
        job.run(announce=progress.announce)


def record(source: Path, rewriter: str, **arguments: Any) -> dict[str, Any]:
    """Settings of a build."""
    settings = pretrain.Settings(Source((str(source),)), rewriter, arguments)
    found: dict[str, Any] = json.loads(json.dumps(settings.record()))
    return found


def write_source(path: Path, count: int, together: int = 1) -> list[str]:
    """So many documents of the mini text, or of several joined in one; returns their texts."""
    some = read_documents("mini", genres=["wiki", "textbook"], words=10**9)
    texts = ["\n\n".join(next(some).text for _ in range(together)) for _ in range(count)]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return texts


def digests(folder: Path) -> dict[str, str]:
    """Of all files of a data set: what else is in its folder is the build's own."""
    files = [path for kind in ("*.json", "*/*.jsonl", "*.md") for path in folder.glob(kind)]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
