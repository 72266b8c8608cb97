"""The demo: train two tiny models, score both with stock lm_eval, build a board; offline.

It runs the same commands a user would type, and prints each before it runs, so that the transcript
is the tutorial.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from leaner_harness.commands import environment
from leaner_harness.errors import LeanerError, UsageError

GROUP = "leaner_glue_mini"
_MARKER = "DEMO.txt"


class Step(NamedTuple):
    """One command of the demo."""

    title: str
    command: list[str]
    log: str = ""
    """File that gets the command's output; empty to show it."""


def steps(out: Path) -> Iterator[Step]:
    """The demo's commands; everything they write lies below `out`."""
    llama, ngram, board = out / "llama-demo", out / "ngram", out / "results"
    yield Step("Train a 1M-parameter LLaMA", _leaner("train", "llama-demo", "--out", llama))
    yield Step("Train an n-gram model beside it", _leaner("train", "ngram", "--out", ngram))
    for model, arguments in (("hf", f"pretrained={llama}"), ("leaner-ngram", f"path={ngram}")):
        name = Path(arguments.partition("=")[2]).name
        output = out / "lm_eval" / name
        scoring = ["lm_eval", "--model", model, "--model_args", arguments, "--tasks", GROUP]
        scoring += ["--batch_size", "64", "--log_samples", "--output_path", str(output)]
        yield Step(f"Score {name} with stock lm_eval", scoring, f"{name}.log")
        add = _leaner("results", "add", output, "--results", board, "--replace")
        yield Step(f"Make a result of {name}", add)
    yield Step("Let it write", _leaner("generate", llama, "Long ago,"))
    yield Step("Build the board", _leaner("leaderboard", "build", "--results", board))


def _leaner(*words: str | Path) -> list[str]:
    return ["leaner", *map(str, words)]


def prepare(out: Path, committed: Path) -> None:
    """Start from an empty folder and, where there is one, a copy of the committed results.

    Raises UsageError for a folder with something in it that is not an earlier demo's.
    """
    if out.exists():
        if not (out / _MARKER).is_file():
            raise UsageError(f"{out} exists and is no earlier demo.", "Choose a new --out folder.")
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / _MARKER).write_text("Made by `leaner demo`, which empties this folder when it runs.\n")
    if committed.is_dir():
        shutil.copytree(committed, out / "results")


def run_step(step: Step, out: Path) -> None:
    """Run one command with this interpreter's scripts first on the path.

    Raises LeanerError with the end of the log when it fails.
    """
    log = out / (step.log or "last.log")
    if not step.log:
        done = subprocess.run(step.command, env=environment())
    else:
        with log.open("w") as file:
            done = subprocess.run(
                step.command, env=environment(), stdout=file, stderr=subprocess.STDOUT
            )
    if done.returncode:
        tail = "\n".join(log.read_text().splitlines()[-15:]) if step.log else ""
        raise LeanerError(f"{shlex.join(step.command)} ended with {done.returncode}.\n{tail}")
