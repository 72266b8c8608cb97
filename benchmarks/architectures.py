"""What a training step of each architecture costs: against LLaMA's, of the same size.

    python benchmarks/architectures.py [--size 1M paper] [--rows N] [--rounds N] [--json]
                                       [--device auto] [--bf16] [--documents]

A step is forward, backward and AdamW, of the architecture's own objective on the same rows of 256
random tokens; eager, dropout 0, float32 or bfloat16 autocast. Mamba2 comes twice: as we train it,
and as transformers has it (its kernels are used where installed). Each round times one step of each
in turn; the ratio to LLaMA is taken within a round, which makes it fair on a busy machine. Given
are medians over rounds, and of the ratio the 95 % interval of the median (bootstrap). On a CPU it
is one thread and the time of the process; elsewhere wall time. With `--documents`, documents of
about 100 tokens share the rows and do not see each other (stock Mamba2 lets them).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np
import torch
import transformers
from leaner_trainers.order import RowRandom
from leaner_trainers.tokenizers import train_tokenizer

from leaner_harness import TEXT, Blocks, get_architecture, get_objective, read_documents
from leaner_harness.contracts import resolve

CONTEXT, VOCABULARY, DOCUMENT = 256, 2000, 100
PEERS = ("llama", "qwen3", "mamba2", "mamba2 (stock)", "bert", "xlnet")
WARM_UP, DRAWS = 2, 10_000


def blocks(rows: int, documents: bool) -> Blocks:
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(10, VOCABULARY, (rows, CONTEXT + 1), generator=draw)
    starts = torch.rand(ids.shape, generator=draw) < 1 / DOCUMENT
    kinds = torch.full_like(ids, TEXT, dtype=torch.uint8)
    return Blocks(ids, starts.cumsum(1) if documents else None, kinds)


def untrained(peer: str, size: str, device: str) -> Any:
    torch.manual_seed(0)
    model = resolve(get_architecture(peer.partition(" ")[0]).build)(size, VOCABULARY)
    if peer.endswith("(stock)"):
        model = transformers.Mamba2ForCausalLM(model.config)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model.to(device).train()


def step(peer: str, size: str, given: Blocks, device: str, bf16: bool) -> Callable[[], None]:
    """One training step of a new model, to be called again and again."""
    model = untrained(peer, size, device)
    objective = get_objective(get_architecture(peer.partition(" ")[0]).objective)
    texts = (document.text for document in read_documents("mini", words=30_000))
    tokenizer = train_tokenizer(texts, VOCABULARY, "byte-bpe-mask")
    random = RowRandom(np.arange(len(given.ids)), 0)
    batch = resolve(objective.collate)(given, tokenizer, random)
    if peer.endswith("(stock)"):
        batch.pop("position_ids", None)
    batch = {name: tensor.to(device) for name, tensor in batch.items()}
    loss_of = resolve(objective.loss)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)

    def run() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            total, targets = loss_of(model, batch)
        (total / targets).backward()
        optimizer.step()
        optimizer.zero_grad()

    return run


def seconds(run: Callable[[], None], device: str) -> float:
    clock = time.process_time if device == "cpu" else time.perf_counter
    synchronize: Callable[[], None] = getattr(torch, device).synchronize
    synchronize()
    start = clock()
    run()
    synchronize()
    return clock() - start


def interval(values: np.ndarray) -> list[float]:
    """95 % of the medians of so many values drawn again."""
    drawn = np.random.default_rng(0).choice(values, (DRAWS, len(values)))
    return np.quantile(np.median(drawn, axis=1), [0.025, 0.975]).round(3).tolist()


def measure(size: str, options: argparse.Namespace, device: str) -> dict[str, dict[str, Any]]:
    given = blocks(options.rows, options.documents)
    steps = {peer: step(peer, size, given, device, options.bf16) for peer in PEERS}
    times: dict[str, list[float]] = {peer: [] for peer in PEERS}
    for number in range(-WARM_UP, options.rounds):
        for peer in PEERS if number % 2 else PEERS[::-1]:
            taken = seconds(steps[peer], device)
            if number >= 0:
                times[peer].append(taken)
    found = {}
    for peer in PEERS:
        ratios = np.array(times[peer]) / np.array(times["llama"])
        found[peer] = {
            "seconds": round(float(np.median(times[peer])), 5),
            "ratio": round(float(np.median(ratios)), 3),
            "interval": interval(ratios),
        }
    return found


def pick(device: str) -> str:
    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", nargs="+", default=["1M", "paper"])
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--documents", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()  # stock Mamba2 tells which kernels it lacks
    device = pick(options.device)
    figures: dict[str, Any] = {**vars(options), "device": device, "found": {}}
    for size in options.size:
        figures["found"][size] = found = measure(size, options, device)
        if options.json:
            continue
        for peer, one in found.items():
            low, high = one["interval"]
            print(
                f"{size} {peer}: {1000 * one['seconds']:.1f} ms, "
                f"{one['ratio']:.2f}x LLaMA ({low:.2f}-{high:.2f})",
                flush=True,
            )
    if options.json:
        print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
