"""Tokenising and packing against `datasets.map`: the same text, the same 2,000-entry tokenizer.

    python benchmarks/tokenise.py [--data FOLDER_OR_FILE] [--rounds 10] [--json]

Ours reads the text from its files, tokenises and writes it, and verifies what was written. The peer
is the published recipe: one map that tokenises, one that joins a thousand documents and cuts them
into blocks, both batched, without its cache; from a data set that is in memory already, with one
process and with two. Wall time, rounds interleaved; the median of the rounds' ratios and its 95 %
interval, by drawing rounds with replacement. Without `--data` the text is the embedded one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, disable_progress_bars
from leaner_trainers.tokenizers import train_tokenizer
from leaner_trainers.tokens import read_tokens, write_tokens

from leaner_harness import read_documents

BLOCK, VOCABULARY, WORDS, GOAL = 1024, 2000, 1_000_000, 3.0
SPLITS = ("train", "validation")


def documents(source: str) -> Any:
    words = WORDS if source == "mini" else None
    return chain.from_iterable(read_documents(source, split, words=words) for split in SPLITS)


def ours(source: str, tokenizer: Any, folder: Path) -> int:
    """The number of tokens written."""
    write_tokens(documents(source), tokenizer, folder)
    return len(read_tokens(folder).ids)


def peer(data: Dataset, tokenizer: Any, processes: int | None) -> int:
    """The number of tokens in whole blocks."""

    def tokenise(rows: dict[str, list[str]]) -> dict[str, Any]:
        texts = [text + tokenizer.eos_token for text in rows["text"]]
        return dict(tokenizer(texts))

    def group(rows: dict[str, list[list[int]]]) -> dict[str, Any]:
        joined = {key: list(chain(*value)) for key, value in rows.items()}
        length = len(joined["input_ids"]) // BLOCK * BLOCK
        cut = {
            key: [value[i : i + BLOCK] for i in range(0, length, BLOCK)]
            for key, value in joined.items()
        }
        return {**cut, "labels": cut["input_ids"].copy()}

    options = {"batched": True, "num_proc": processes, "load_from_cache_file": False}
    tokens = data.map(tokenise, remove_columns=["text"], **options)
    return len(tokens.map(group, **options)) * BLOCK


def seconds(function: Callable[[], int]) -> tuple[float, int]:
    began = time.perf_counter()
    value = function()
    return time.perf_counter() - began, value


def interval(values: list[float]) -> list[float]:
    drawn = np.random.default_rng(0).choice(values, (10_000, len(values)))
    return [round(float(x), 2) for x in np.quantile(np.median(drawn, axis=1), (0.025, 0.975))]


def measure(source: str, rounds: int) -> dict[str, Any]:
    texts = [document.text for document in documents(source)]
    tokenizer, data = train_tokenizer(texts, VOCABULARY), Dataset.from_dict({"text": texts})
    with tempfile.TemporaryDirectory() as folder:
        runs: dict[str, Callable[[], int]] = {
            "ours": lambda: ours(source, tokenizer, Path(folder)),
            "map": lambda: peer(data, tokenizer, None),
            "map, 2 processes": lambda: peer(data, tokenizer, 2),
        }
        tokens = {name: run() for name, run in runs.items()}  # which also warms up
        times: dict[str, list[float]] = {name: [] for name in runs}
        for number in range(rounds):
            for name in sorted(runs, reverse=bool(number % 2)):
                times[name].append(seconds(runs[name])[0])
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    found: dict[str, Any] = {"MB": round(megabytes, 2), "tokens": tokens, "rounds": rounds}
    for name, taken in times.items():
        found[f"{name}: MB/s"] = round(megabytes / float(np.median(taken)), 2)
        if name != "ours":
            ratios = [a / b for a, b in zip(taken, times["ours"], strict=True)]
            found[f"{name}: ratio"] = round(float(np.median(ratios)), 2)
            found[f"{name}: 95 % interval"] = interval(ratios)
    lowest = min(found["map: 95 % interval"][0], found["map, 2 processes: 95 % interval"][0])
    return {**found, "goal": GOAL, "holds": lowest >= GOAL}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="mini", help="what a recipe's `data` may be")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true", help="one JSON value")
    arguments = parser.parse_args()
    disable_progress_bars()
    found = measure(arguments.data, arguments.rounds)
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print("\n".join(f"{key}: {value}" for key, value in found.items()))


if __name__ == "__main__":
    main()
