"""Fewer tokens to the same loss: Muon against AdamW tuned as carefully, 1M LLaMA.

    python benchmarks/fewer_tokens.py tune --out runs/fewer --data mini [--workers 2] [--bf16]
    python benchmarks/fewer_tokens.py measure --out runs/fewer --data mini
    python benchmarks/fewer_tokens.py report --out runs/fewer --data mini [--json]

`tune` trains AdamW on the whole budget, at five rates and then, at the best, with other beta2,
decay and embedding rates; Muon the same on six tenths of the budget, which is where it is to be
good. `measure` trains AdamW's best with three seeds on the whole budget, and Muon's best with the
same seeds on parts of it, each with its own warmup and full decay. `report` interpolates, between
the parts, the tokens at which Muon's final loss is that of AdamW with the same seed. Both share
schedule, clipping, batch and text; the loss is bits per byte of the same validation text.

Every run that is done, losses and cost, is in results/studies/fewer_tokens/SOURCE.json, and is not
made again where that file is: it is committed, so the study goes on from another machine. A run
that was stopped goes on in `--out`.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from leaner_harness.files import write_json

TOKENS, BATCH, BLOCK = 5_000_000, 16, 128
SEEDS = (0, 1, 2)
PARTS = (0.3, 0.4, 0.5, 0.6, 0.7)
TUNED_AT = {"adamw": 1.0, "muon": 0.6}
RATES = {
    "adamw": (1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2),
    "muon": (2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2),
}
VARIANTS: dict[str, tuple[dict[str, float], ...]] = {
    "adamw": (
        {"beta2": 0.99},
        {"beta2": 0.999},
        {"weight_decay": 0.0},
        {"weight_decay": 0.3},
        {"embedding_times": 0.5},
        {"embedding_times": 2.0},
    ),
    "muon": (
        {"beta2": 0.99},
        {"weight_decay": 0.0},
        {"weight_decay": 0.3},
        {"embedding_times": 0.5},
        {"embedding_times": 2.0},
    ),
}
SOURCES = {
    "mini": {"genres": '["wiki","textbook","conversation","web"]', "words": "4_000_000"},
    "leaner": {"genres": '["wiki","textbook","conversation"]'},
}

Keys = dict[str, float]


class Records:
    """What came of the runs, by name; in a file that is committed."""

    def __init__(self, path: Path, setting: dict[str, Any]) -> None:
        """Raises SystemExit where the file holds runs of another setting."""
        self._path, self._lock = path, threading.Lock()
        self._found: dict[str, Any] = {"setting": setting, "runs": {}}
        if path.exists():
            self._found = json.loads(path.read_text(encoding="utf-8"))
        if self._found["setting"] != setting:
            sys.exit(f"{path} holds runs of {self._found['setting']}, not of {setting}.")

    def __getitem__(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._found["runs"].get(name)
        return found

    def __setitem__(self, name: str, run: dict[str, Any]) -> None:
        with self._lock:
            self._found["runs"][name] = run
            self._found["runs"] = dict(sorted(self._found["runs"].items()))
            write_json(self._path, self._found)


def name_of(optimizer: str, part: float, seed: int, keys: Keys) -> str:
    said = "-".join(f"{key}={value:g}" for key, value in sorted(keys.items()))
    return f"{optimizer}-{part:g}-seed{seed}-{said}"


def train(options: argparse.Namespace, optimizer: str, part: float, seed: int, keys: Keys) -> float:
    """The final validation loss of a run, made if it is not there yet."""
    name = name_of(optimizer, part, seed, keys)
    if options.records[name] is None:
        options.records[name] = made(options, name, optimizer, part, seed, keys)
    run = options.records[name]
    print(f"{run['loss']:.4f}  {name}", file=sys.stderr, flush=True)
    loss: float = run["loss"]
    return loss


def made(
    options: argparse.Namespace, name: str, optimizer: str, part: float, seed: int, keys: Keys
) -> dict[str, Any]:
    """Train; returns what is to be known of the run."""
    folder = options.out / options.source / name
    if not (folder / "leaner.json").exists():
        steps = round(part * TOKENS / (BATCH * BLOCK))
        settings: dict[str, Any] = {
            "data": options.data, **SOURCES[options.source], "optimizer": optimizer, "seed": seed,
            "steps": steps, "warmup": round(0.05 * steps), "schedule": "linear", "clip": 1.0,
            "batch_size": BATCH, "block_size": BLOCK, "learning_rate": keys["rate"],
            "embedding_rate": keys["rate"] * keys.get("embedding_times", 1.0),
            "eval_every": max(steps // 8, 1), "sample_every": 0, "validation_words": 20_000,
            "bf16": json.dumps(options.bf16), "compile": json.dumps(options.bf16),
            **{key: keys[key] for key in ("beta2", "weight_decay") if key in keys},
        }  # fmt: skip
        words = [word for item in settings.items() for word in ("--set", "=".join(map(str, item)))]
        command = [sys.executable, "-m", "leaner_harness.cli", "train", "llama-1m"]
        subprocess.run([*command, "--out", folder, *words], check=True, capture_output=True)
        (folder / "model.safetensors").unlink()  # what counts is in the record
    found = json.loads((folder / "leaner.json").read_text(encoding="utf-8"))
    kept = {key: found.get(key) for key in ("tokens_seen", "seconds", "hardware")}
    return {"loss": found["validation_bits_per_byte"], **kept}


def best_of(options: argparse.Namespace, optimizer: str, candidates: list[Keys]) -> Keys:
    part = TUNED_AT[optimizer]
    with ThreadPoolExecutor(options.workers) as pool:
        losses = list(
            pool.map(lambda keys: train(options, optimizer, part, SEEDS[0], keys), candidates)
        )
    return min(zip(losses, candidates, strict=True), key=lambda pair: pair[0])[1]


def tune(options: argparse.Namespace) -> dict[str, Keys]:
    """The best keys of both optimisers."""
    found = {}
    for optimizer, rates in RATES.items():
        candidates: list[Keys] = [{"rate": rate} for rate in rates]
        best = best_of(options, optimizer, candidates)
        if best["rate"] in (rates[0], rates[-1]):
            print(f"{optimizer}: the best rate is at the edge of the grid", file=sys.stderr)
        around = [{**best, **variant} for variant in VARIANTS[optimizer]]
        found[optimizer] = best_of(options, optimizer, [best, *around])
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Final losses: AdamW's by seed, Muon's by seed and part of the budget."""
    best = tune(options)
    jobs = [("adamw", 1.0, seed) for seed in SEEDS]
    jobs += [("muon", part, seed) for part in PARTS for seed in SEEDS]
    with ThreadPoolExecutor(options.workers) as pool:
        losses = list(
            pool.map(lambda job: train(options, job[0], job[1], job[2], best[job[0]]), jobs)
        )
    return {"best": best, "losses": dict(zip(jobs, losses, strict=True))}


def part_needed(target: float, losses: dict[float, float]) -> float:
    """Where the loss, a line between parts in their logarithms, comes down to the target.

    Infinite if no part reaches it; the smallest part if all do.
    """
    parts = sorted(losses)
    if losses[parts[0]] <= target:
        return parts[0]
    for before, after in zip(parts, parts[1:], strict=False):
        if losses[after] <= target:
            share = (losses[before] - target) / (losses[before] - losses[after])
            return math.exp(math.log(before) + share * math.log(after / before))
    return math.inf


def report(options: argparse.Namespace) -> dict[str, Any]:
    from scipy.stats import t

    found = measure(options)
    losses = found["losses"]
    shares = []
    for seed in SEEDS:
        by_part = {part: losses["muon", part, seed] for part in PARTS}
        shares.append(part_needed(losses["adamw", 1.0, seed], by_part))
    mean = statistics.mean(shares)
    half = t.ppf(0.975, len(SEEDS) - 1) * statistics.stdev(shares) / math.sqrt(len(SEEDS))
    return {
        "source": options.source,
        "tokens": TOKENS,
        "best": found["best"],
        "losses": {f"{o} {part:g} seed {seed}": v for (o, part, seed), v in losses.items()},
        "shares": shares,
        "share": [mean, mean - half, mean + half],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phase", choices=("tune", "measure", "report"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", default="mini", help="mini, or a folder in the published layout")
    parser.add_argument("--workers", type=int, default=1, help="runs at a time")
    parser.add_argument(
        "--bf16", action="store_true", help="in bfloat16, compiled: where units are"
    )
    parser.add_argument("--results", type=Path, default=Path("results/studies/fewer_tokens"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.source = "mini" if options.data == "mini" else "leaner"
    setting = {
        "tokens": TOKENS, "batch": BATCH, "block": BLOCK, "bf16": options.bf16,
        **SOURCES[options.source],
    }  # fmt: skip
    options.records = Records(options.results / f"{options.source}.json", setting)
    found = {"tune": tune, "measure": measure, "report": report}[options.phase](options)
    if options.phase == "report":
        print(json.dumps(found, indent=1) if options.json else found["share"])


if __name__ == "__main__":
    main()
