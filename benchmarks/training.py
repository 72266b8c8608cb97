"""Training against the Hugging Face Trainer: tokens a second and peak memory, same model and batch.

    python benchmarks/training.py [--size paper] [--context 256] [--batch 8] [--rounds 10] [--json]

Contestants, all with AdamW on the same blocks: the published recipe, which is Trainer with its
defaults (float32); Trainer with its best flags (bf16 and torch_compile; on a processor without
bfloat16 units torch_compile alone); our loop with the same, and with documents kept apart. Each has
a process, and they take turns, a few steps each in every round, so that a busy machine slows all of
them; ratios are of rounds, with a 95 % interval of their mean.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from leaner_trainers import loop, progress
from leaner_trainers.architectures import llama
from leaner_trainers.recipe import Recipe

from leaner_harness import has_bfloat16_units
from leaner_harness.devices import usual_device

STEPS = 3  # of each contestant in a round
ENDLESS = 10**6
CONTESTANTS = ("published", "trainer", "ours", "ours-apart")


class Turns:
    """A contestant's side of the race, called after each step: it goes on when it is its turn."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._wait()

    def _wait(self) -> None:
        try:
            self._left = self._line.recv()
        except EOFError:  # the race is over
            sys.exit()
        self._began = time.perf_counter()

    def stepped(self) -> None:
        """Say, at the end of a turn, how long it took and how much memory was held at most."""
        self._left -= 1
        if self._left == 0:
            _synchronize()
            self._line.send((time.perf_counter() - self._began, peak()))
            self._wait()


class Contestant:
    """The race's side of a contestant, which is a process of its own."""

    def __init__(self, name: str, options: argparse.Namespace, folder: Path) -> None:
        start = multiprocessing.get_context("spawn")
        self._line, theirs = start.Pipe()
        given = (name, options, folder, theirs)
        self._process = start.Process(target=compete, args=given, daemon=True)
        self._process.start()
        theirs.close()  # else nobody would notice that it has died
        self.peak = 0

    def take(self, steps: int) -> float:
        """Seconds of the next steps. Raises EOFError where it has died, which says why."""
        self._line.send(steps)
        seconds, self.peak = self._line.recv()
        return float(seconds)

    def end(self) -> None:
        """Else it would train without end."""
        self._line.close()
        self._process.join()


def compete(name: str, options: argparse.Namespace, folder: Path, line: Connection) -> None:
    """Train without end."""
    transformers.logging.set_verbosity_error()
    if name.startswith("ours"):
        ours(options, folder / name, Turns(line), apart=name == "ours-apart")
    else:
        trainer(options, folder / name, Turns(line), best=name == "trainer")


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def has_bf16() -> bool:
    """Whether bfloat16 is faster here than float32."""
    return has_bfloat16_units(usual_device())


def ours(options: argparse.Namespace, folder: Path, turns: Turns, *, apart: bool) -> None:
    class Display(progress.Display):
        def step(self, step: int, loss: float) -> None:
            turns.stepped()

    recipe = Recipe(
        architecture="llama", size=options.size, data="mini", words=options.words,
        block_size=options.context, batch_size=options.batch, steps=ENDLESS, warmup=0,
        optimizer="adamw", learning_rate=1e-4, eval_every=ENDLESS, sample_every=0,
        bf16=has_bf16(), compile=True, separate_documents=apart, validation_words=200,
    )  # fmt: skip
    loop.Display = Display  # type: ignore[misc]
    loop.train(recipe, folder)


def trainer(options: argparse.Namespace, folder: Path, turns: Turns, *, best: bool) -> None:
    class Stepped(transformers.TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            turns.stepped()

    torch.manual_seed(0)
    model = llama.build(options.size, 2000)
    ids = np.random.default_rng(0).integers(1, 2000, (4096, options.context))
    rows = [{"input_ids": row, "labels": row} for row in torch.from_numpy(ids)]
    flags = {"torch_compile": True, "bf16": has_bf16()} if best else {}
    arguments = transformers.TrainingArguments(
        output_dir=str(folder), max_steps=ENDLESS, save_strategy="no",
        per_device_train_batch_size=options.batch, logging_strategy="no", report_to=[],
        disable_tqdm=True, learning_rate=1e-4, use_cpu=not torch.cuda.is_available(), **flags,
    )  # fmt: skip
    transformers.Trainer(
        model=model, args=arguments, train_dataset=rows, callbacks=[Stepped()]
    ).train()


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """Mean and 95 % interval of some ratios, by their logarithms and Student's t."""
    from scipy.stats import t

    logs = [math.log(ratio) for ratio in ratios]
    mean = statistics.mean(logs)
    half = t.ppf(0.975, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


def race(options: argparse.Namespace) -> dict[str, Any]:
    """Tokens a second and peak memory of each contestant, and the ratios to the peers."""
    with tempfile.TemporaryDirectory() as name:
        found = {each: Contestant(each, options, Path(name)) for each in CONTESTANTS}
        for contestant in found.values():
            contestant.take(2)  # compiles, allocates
        seconds: dict[str, list[float]] = {each: [] for each in CONTESTANTS}
        for _ in range(options.rounds):
            for each, contestant in found.items():
                seconds[each].append(contestant.take(STEPS) / STEPS)
        for contestant in found.values():
            contestant.end()
    tokens = options.batch * options.context
    figures: dict[str, Any] = {
        "tokens_per_second": {n: tokens / statistics.median(s) for n, s in seconds.items()},
        "peak_bytes": {each: contestant.peak for each, contestant in found.items()},
    }
    for peer in ("published", "trainer"):
        for each in ("ours", "ours-apart"):
            pairs = zip(seconds[peer], seconds[each], strict=True)
            figures[f"{each} / {peer}"] = interval([theirs / mine for theirs, mine in pairs])
    return figures


def peak() -> int:
    """Bytes that this process held at most; on a GPU, or resident."""
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
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = race(options)
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
