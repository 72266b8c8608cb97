"""Causal architectures of 1M against a Kneser-Ney 3-gram, in bits per byte of the same text.

    python benchmarks/against_ngram.py --data FOLDER --out runs/ngram [--seeds 3] [--bf16] [--json]

`FOLDER` is in the published layout; its wiki and textbook text is read. The 3-gram counts it once;
a model reads it about 1.6 times: 1,400 steps of 4 x 256 tokens, else as its recipe `*-1m` has it,
Muon and its rates. All are scored on the same 10,000 words of validation text, half of each
genre, the models over every seed. A run that is done is not made again while its folder is there.
What came of each is kept in results/studies/against_ngram.json, which is committed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

import study_runs

from leaner_harness.files import write_json
from leaner_harness.markdown import table

MODELS = ("llama", "qwen3", "mamba2")
TEXT = {"genres": '["wiki","textbook"]', "words": "10_000_000", "validation_words": "10_000"}
TRAINING = {
    "steps": 1400, "warmup": 70, "batch_size": 4, "block_size": 256, "eval_every": 200,
    "sample_every": 0,
}  # fmt: skip
KEPT = ("validation_bits_per_byte", "tokens_seen", "seconds", "hardware")


def trained(folder: Path, recipe: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What is to be known of a run, made if it is not there yet."""
    if not study_runs.is_done(folder):
        done = study_runs.train(folder, recipe, settings)
        if done.returncode:
            sys.exit(f"{folder}: {done.stderr}")
    found = study_runs.read(folder)
    return {key: found.get(key) for key in KEPT}


def runs(options: argparse.Namespace) -> dict[str, Any]:
    """By name: the 3-gram, and each model with each seed."""
    text = {"data": options.data, **TEXT}
    found = {"ngram": trained(options.out / "ngram", "ngram", text)}
    training = {**text, **TRAINING, "bf16": json.dumps(options.bf16)}
    for model in MODELS:
        for seed in range(options.seeds):
            name = f"{model}-seed{seed}"
            found[name] = trained(options.out / name, f"{model}-1m", {**training, "seed": seed})
            print(f"{found[name][KEPT[0]]:.4f}  {name}", file=sys.stderr, flush=True)
            write_json(options.results, found)
    return found


def report(found: dict[str, Any]) -> str:
    """A row for each model: mean and range over seeds, and whether every seed is below."""
    bound = found["ngram"][KEPT[0]]
    rows = [["`ngram` (Kneser-Ney, order 3)", "1", f"{bound:.3f}", ""]]
    for model in MODELS:
        losses = [run[KEPT[0]] for name, run in found.items() if name.startswith(f"{model}-")]
        ends = f"{statistics.fmean(losses):.3f} ({min(losses):.3f}-{max(losses):.3f})"
        said = "every seed" if max(losses) < bound else "not every seed"
        rows.append([f"`{model}-1m`", str(len(losses)), ends, said])
    return table(["model", "seeds", "bits per byte, mean (range)", "below the 3-gram"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="a folder in the published layout")
    parser.add_argument("--out", type=Path, required=True, help="where the runs go")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--results", type=Path, default=Path("results/studies/against_ngram.json"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = runs(options)
    print(json.dumps(found, indent=1) if options.json else report(found))


if __name__ == "__main__":
    main()
