"""What a run tells while it goes: a log file for programs, a bar and samples for people."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import rich.progress
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from leaner_harness import UsageError
from leaner_trainers.tokenizers import start_token

_Item = TypeVar("_Item")


class Log:
    """`log.jsonl`: one object a line, appended; a resumed run first drops what it will do again.

    The numbers go to TensorBoard, too, where that is asked for. Raises UsageError where it is not
    installed.
    """

    def __init__(self, path: Path, resumed_at: int, tensorboard: bool = False) -> None:
        self.path = path
        self._board = _board(path.parent / "tensorboard", resumed_at) if tensorboard else None
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        # A killed process may have left half a line; it is of a step that comes again.
        kept = [line for line in lines if line.endswith("}\n") and _step(line) <= resumed_at]
        path.write_text("".join(kept) if resumed_at else "")

    def write(self, **entry: Any) -> None:
        """Append one entry."""
        with self.path.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        if self._board is not None:
            for key, value in _numbers(entry):
                self._board.add_scalar(key, value, entry["step"])

    def close(self) -> None:
        """Write what TensorBoard still holds back."""
        if self._board is not None:
            self._board.close()


def _numbers(entry: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every number of an entry, by its path."""
    for key, value in entry.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}{key}/")
        elif isinstance(value, int | float) and key != "step":
            yield prefix + key, value


def _board(folder: Path, resumed_at: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError(
            "tensorboard is true, but TensorBoard is not installed.",
            "Install it: pip install tensorboard",
        ) from error
    return SummaryWriter(str(folder), purge_step=resumed_at + 1)


def _step(line: str) -> int:
    return int(json.loads(line)["step"])


def track(items: Iterable[_Item], what: str, total: int) -> Iterator[_Item]:
    """The items, with a bar on standard error while they last; silent where that is no terminal."""
    console = Console(stderr=True)
    shown = rich.progress.track(
        items, what, total, console=console, transient=True, disable=not console.is_terminal
    )
    yield from shown


class Display:
    """A progress bar and samples on standard error; silent where that is no terminal."""

    def __init__(self, steps: int, done: int, enabled: bool = True) -> None:
        self._console = Console(stderr=True, highlight=False, quiet=not enabled)
        self._progress = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[shown]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not (enabled and self._console.is_terminal),
        )
        self._task = self._progress.add_task("", total=steps, completed=done, shown="")
        self._validation = self._reading = ""
        if done:
            self.say(f"Going on after step {done:,} of {steps:,}.")

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, *lines: str) -> None:
        """Print lines, but empty ones, above the bar."""
        for line in filter(None, lines):
            self._console.print(line, markup=False, soft_wrap=True)

    def step(self, step: int, loss: float) -> None:
        """Move the bar."""
        shown = f"loss {loss:.3f}{self._validation}{self._reading}"
        self._progress.update(self._task, completed=step, shown=shown)

    def evaluated(self, loss: float, unit: str) -> None:
        """Show the newest loss on the validation text beside the bar."""
        self._validation = f"  validation {loss:.3f} {unit}"

    def reading(self, line: str, stage: int, share: float) -> None:
        """Say what is read from now on, and show it beside the bar."""
        self.say(line)
        self._reading = f"  stage {stage + 1}, {share:.0%} of the text"

    def sample(self, step: int, text: str) -> None:
        """Print a sample of generated text above the bar."""
        if self._console.is_terminal:
            self._console.print(f"step {step}: {text}", style="dim", markup=False)


def sample_text(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, prompt: str, seed: int
) -> str:
    """The prompt and up to 40 sampled tokens; leaves torch's random state as it was."""
    ids = [start_token(tokenizer), *tokenizer.encode(prompt, add_special_tokens=False)]
    was_training = model.training
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        model.eval()
        row = torch.tensor([ids], device=model.device)  # (1, T)
        found = model.generate(
            row, attention_mask=torch.ones_like(row), do_sample=True, max_new_tokens=40
        )
    model.train(was_training)
    return str(tokenizer.decode(found[0], skip_special_tokens=True))


@contextmanager
def stop_at_signal() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets: the step under way can end. A second one ends at once.

    Outside the main thread, where Python allows no signal handlers, it is never set.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number: int, _: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    former = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
