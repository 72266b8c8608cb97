"""Training against the Hugging Face Trainer: tokens a second and peak memory, same model and batch.

    python benchmarks/training.py [--size paper] [--context 256] [--batch 8] [--rounds 10] [--json]

Contestants, all with AdamW on the same blocks: the published recipe, which is Trainer with its
defaults (float32); Trainer with its best flags (bf16 and torch_compile; on a processor without
bfloat16 units torch_compile alone); our loop with the same, and with documents kept apart. All live
in one process and take turns, a few steps each in every round, so that a busy machine slows all of
them; ratios are of rounds, with a 95 % interval of their mean. Peak memory is that of a process
each, after its first steps.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from leaner_trainers import loop, progress
from leaner_trainers.architectures import llama
from leaner_trainers.devices import has_bfloat16_units
from leaner_trainers.recipe import Recipe

from leaner_harness import get_architecture

STEPS = 3  # of each contestant in a round
ENDLESS = 10**6
CONTESTANTS = ("published", "trainer", "ours", "ours-apart")


class Turn:
    """Lets a run in a thread take so many steps, and waits until it has."""

    def __init__(self, run: Callable[[Turn], None]) -> None:
        self._go, self._done, self._left = threading.Semaphore(0), threading.Semaphore(0), 0
        self.failure: BaseException | None = None
        threading.Thread(target=self._body, args=(run,), daemon=True).start()

    def _body(self, run: Callable[[Turn], None]) -> None:
        self._go.acquire()
        try:
            run(self)
        except BaseException as error:  # told by `take`, in the main thread
            self.failure = error
            self._done.release()

    def take(self, steps: int) -> float:
        """Seconds of the next steps. Raises what the run raised."""
        self._left = steps
        _synchronize()
        began = time.perf_counter()
        self._go.release()
        self._done.acquire()
        _synchronize()
        if self.failure is not None:
            raise self.failure
        return time.perf_counter() - began

    def stepped(self) -> None:
        """Called by the run after each step."""
        self._left -= 1
        if self._left == 0:
            self._done.release()
            self._go.acquire()


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def has_bf16() -> bool:
    """Whether bfloat16 is faster here than float32."""
    return has_bfloat16_units(torch.device("cuda" if torch.cuda.is_available() else "cpu"))


def ours(options: argparse.Namespace, folder: Path, *, apart: bool) -> Callable[[Turn], None]:
    recipe = Recipe(
        architecture="llama", size=options.size, data="mini", words=options.words,
        block_size=options.context, batch_size=options.batch, steps=ENDLESS, warmup=0,
        optimizer="adamw", learning_rate=1e-4, eval_every=ENDLESS, sample_every=0,
        bf16=has_bf16(), compile=True, separate_documents=apart, validation_words=200,
    )  # fmt: skip

    def run(turn: Turn) -> None:
        class Display(progress.Display):
            def step(self, step: int, loss: float) -> None:
                turn.stepped()

        loop.Display = Display  # type: ignore[misc]
        loop.train(recipe, folder / f"ours-{apart}")

    return run


def trainer(options: argparse.Namespace, folder: Path, *, best: bool) -> Callable[[Turn], None]:
    def run(turn: Turn) -> None:
        class Stepped(transformers.TrainerCallback):
            def on_step_end(self, *_: Any, **__: Any) -> None:
                turn.stepped()

        torch.manual_seed(0)
        model = llama.build(options.size, 2000)
        ids = np.random.default_rng(0).integers(1, 2000, (4096, options.context))
        rows = [{"input_ids": row, "labels": row} for row in torch.from_numpy(ids)]
        flags = {"torch_compile": True, "bf16": has_bf16()} if best else {}
        arguments = transformers.TrainingArguments(
            output_dir=str(folder / f"trainer-{best}"), max_steps=ENDLESS, save_strategy="no",
            per_device_train_batch_size=options.batch, logging_strategy="no", report_to=[],
            disable_tqdm=True, learning_rate=1e-4, use_cpu=not torch.cuda.is_available(), **flags,
        )  # fmt: skip
        transformers.Trainer(
            model=model, args=arguments, train_dataset=rows, callbacks=[Stepped()]
        ).train()

    return run


def make(name: str, options: argparse.Namespace, folder: Path) -> Turn:
    """A contestant, ready to take its first step."""
    get_architecture("llama")  # plugins are loaded before any clock runs
    if name.startswith("ours"):
        return Turn(ours(options, folder, apart=name == "ours-apart"))
    return Turn(trainer(options, folder, best=name == "trainer"))


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """Mean and 95 % interval of some ratios, by their logarithms and Student's t."""
    from scipy.stats import t

    logs = [math.log(ratio) for ratio in ratios]
    mean = statistics.mean(logs)
    half = t.ppf(0.975, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


def race(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds a step of each contestant, and the ratios to the peers."""
    with tempfile.TemporaryDirectory() as name:
        turns = {each: make(each, options, Path(name)) for each in CONTESTANTS}
        for turn in turns.values():
            turn.take(2)  # compiles, allocates
        seconds: dict[str, list[float]] = {each: [] for each in CONTESTANTS}
        for _ in range(options.rounds):
            for each, turn in turns.items():
                seconds[each].append(turn.take(STEPS) / STEPS)
    tokens = options.batch * options.context
    found: dict[str, Any] = {
        "tokens_per_second": {n: tokens / statistics.median(s) for n, s in seconds.items()}
    }
    for peer in ("published", "trainer"):
        for each in ("ours", "ours-apart"):
            pairs = zip(seconds[peer], seconds[each], strict=True)
            found[f"{each} / {peer}"] = interval([theirs / mine for theirs, mine in pairs])
    return found


def peak(name: str, options: argparse.Namespace) -> int:
    """Peak memory in bytes of a contestant alone; of the GPU, or resident."""
    with tempfile.TemporaryDirectory() as folder:
        make(name, options, Path(folder)).take(3)
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status").read_text()  # ru_maxrss would be at least the parent's
    return 1024 * int(next(line for line in status.splitlines() if "VmHWM" in line).split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="paper")
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--words", type=int, default=200_000)
    parser.add_argument("--peak-of", choices=CONTESTANTS, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    if options.peak_of:
        print(peak(options.peak_of, options))
        return
    found = race(options)
    for name in CONTESTANTS:
        command = [sys.executable, __file__, *sys.argv[1:], "--peak-of", name]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found.setdefault("peak_bytes", {})[name] = int(printed.split()[-1])
    found |= {"bf16": has_bf16(), "context": options.context, "batch": options.batch}
    if options.json:
        print(json.dumps(found))
        return
    for name in CONTESTANTS:
        speed, memory = found["tokens_per_second"][name], found["peak_bytes"][name]
        print(f"{name:12} {speed:10,.0f} tokens/s   peak {memory / 2**20:7,.0f} MiB")
    for key in (key for key in found if " / " in key):
        mean, low, high = found[key]
        print(f"{key:24} {mean:.2f} [{low:.2f}, {high:.2f}]")


if __name__ == "__main__":
    main()
