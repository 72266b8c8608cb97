"""The demo: the whole story in minutes, from text to a board; offline, and resumable.

Its steps are the commands a user would type, so that the transcript is a tutorial. They are cells
of one experiment: each is done once, two at a time, and what was stopped goes on.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from leaner_harness.errors import UsageError
from leaner_harness.experiments.drive import Place
from leaner_harness.experiments.grid import Cell

GROUP = "leaner_glue_mini"
QUESTIONS = "leaner_eval_mini"
TASKS = ("cola", "sst2", "rte")
"""The embedded tasks that are learnt in few steps."""
_MARKER = "DEMO.txt"
FAMILIES = ("llama", "bert")


class Step(NamedTuple):
    """One command of the demo."""

    title: str
    cell: Cell
    shows: bool = False
    """Whether what it prints is part of the story; else it is in its log."""


def steps(out: Path) -> list[Step]:
    """The demo's commands; everything they write lies below `out`."""
    return [*_training(out), *_stock(out), *_fine_tuning(out), *_curriculum(out), *_end(out)]


def _training(out: Path) -> Iterator[Step]:
    llama = _leaner("train", "llama-demo", "--out", out / "demo-llama")
    yield _step("train-llama", "Train a LLaMA of 1M parameters on the embedded text", llama)
    size = _set(words=400_000, block_size=256, batch_size=4, steps=200, warmup=30)
    how = _set(eval_every=100, bf16="auto")
    bert = _leaner("train", "bert-1m", *size, *how)
    bert += ["--out", str(out / "demo-bert")]
    yield _step("train-bert", "Train a BERT of the same size on the same text", bert)
    ngram = _leaner("train", "ngram", "--out", out / "demo-ngram")
    yield _step("train-ngram", "Count an n-gram model, the floor", ngram)


def _stock(out: Path) -> Iterator[Step]:
    """Zero-shot, by EleutherAI's own command."""
    board = ("--results", out / "results", "--replace")
    output = out / "lm_eval"
    words = ["lm_eval", "--model", "hf", "--model_args", f"pretrained={out / 'demo-llama'}"]
    words += ["--tasks", GROUP, "--batch_size", "64", "--log_samples", "--output_path", str(output)]
    yield _step("score-llama", "Score the LLaMA as it is, with stock lm_eval", words, "train-llama")
    add = _leaner("results", "add", output, *board)
    yield _step("add-llama", "Check that, and make a result", add, "score-llama", shows=True)
    words = _leaner("evaluate", out / "demo-ngram", "--tasks", GROUP, "--resume", *board)
    words += ["--output", str(out / "ngram")]
    title = "Score the n-gram model, the short way: both steps in one"
    yield _step("score-ngram", title, words, "train-ngram")


def _fine_tuning(out: Path) -> Iterator[Step]:
    board = ("--results", out / "results", "--replace")
    tasks = ",".join(f"{GROUP}_{task}" for task in TASKS)
    for name in FAMILIES:
        words = _leaner("evaluate", out / f"demo-{name}", "--tasks", tasks)
        # One process each, since two commands run at once.
        words += ["--protocol", "glance", "--model-args", "workers=1", "--resume"]
        words += ["--output", str(out / "tuned" / name)]
        title = f"Fine-tune the {name} model on three tasks, one seed each"
        yield _step(f"tune-{name}", title, [*words, *map(str, board)], f"train-{name}")
    runs = [f"{GROUP}/demo-{name}/glance-test-seed0" for name in FAMILIES]
    words = _leaner("compare", *runs, "--results", out / "results")
    needs = (f"tune-{name}" for name in FAMILIES)
    yield _step("compare", "Is one better than the other?", words, *needs, shows=True)


def _curriculum(out: Path) -> Iterator[Step]:
    short = _set(steps=60, warmup=12, eval_every=12, sample_every=0)
    orders = {
        "random": ("Read the text in random order", {"curriculum": "random"}),
        "easy-first": (
            "Read short sentences first, and more at each plateau",
            {"curriculum": "iterative", "difficulty": "sentence_length"},
        ),
    }
    for name, (title, order) in orders.items():
        words = _leaner("train", "llama-demo", *short, *_set(**order), "--out", out / name)
        yield _step(f"train-{name}", title, words)
    words = _leaner("curriculum", "compare", out / "easy-first", out / "random")
    words += ["--out", str(out / "curricula"), "--results", str(out / "results")]
    needs = (f"train-{name}" for name in orders)
    yield _step("compare-curricula", "Did that save anything?", words, *needs, shows=True)


def _end(out: Path) -> Iterator[Step]:
    llama, board = out / "demo-llama", out / "results"
    words = _leaner("generate", llama, "Long ago,", "--max-new-tokens", "60")
    yield _step("generate", "Let it write", words, "train-llama", shows=True)
    words = _leaner("evaluate", llama, "--tasks", QUESTIONS, "--resume", "--replace")
    words += ["--output", str(out / "answers"), "--results", str(board)]
    title = "Ask it questions for a child, and check the answers without a judge"
    yield _step("answers", title, words, "train-llama")
    words = _leaner("leaderboard", "build", "--results", board)
    needs = ("add-llama", "score-ngram", "tune-llama", "tune-bert", "answers")
    yield _step("board", "Build the board", words, *needs, shows=True)


def _step(name: str, title: str, words: Sequence[str], *needs: str, shows: bool = False) -> Step:
    return Step(title, Cell(name, name, {}, tuple(words), tuple(needs)), shows)


def _leaner(*words: str | Path) -> list[str]:
    return ["leaner", *map(str, words)]


def _set(**values: object) -> list[str]:
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


def prepare(out: Path, committed: Path, cells: Sequence[Cell]) -> None:
    """Go on with a demo that was stopped; else start from an empty folder and, where there is one,
    a copy of the committed results.

    Raises UsageError for a folder with something in it that is not an earlier demo's.
    """
    if out.exists():
        if not (out / _MARKER).is_file():
            raise UsageError(f"{out} exists and is no earlier demo.", "Choose a new --out folder.")
        if not _was_stopped(out, cells):
            shutil.rmtree(out)
    if not out.exists():
        out.mkdir(parents=True)
        (out / _MARKER).write_text("Made by `leaner demo`, which starts anew when it was done.\n")
        if committed.is_dir():
            shutil.copytree(committed, out / "results")


def _was_stopped(out: Path, cells: Sequence[Cell]) -> bool:
    """Whether some of just these commands are left to do."""
    place = Place(out)
    try:
        left = [cell for cell in cells if not place.is_done(cell)]
    except UsageError:  # an earlier version's
        return False
    for cell in left:
        place.log(cell).unlink(missing_ok=True)
    return bool(left)
