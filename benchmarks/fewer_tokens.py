"""Fewer tokens to the same loss: Muon against AdamW tuned more carefully, 1M LLaMA.

    python benchmarks/fewer_tokens.py tune --out runs/fewer --data mini [--workers 2] [--bf16]
    python benchmarks/fewer_tokens.py measure --out runs/fewer --data mini
    python benchmarks/fewer_tokens.py report --out runs/fewer --data mini [--json]

`tune` trains AdamW on the whole budget: at five rates; at the best of these with other beta2 and
decay; then with the embedding's rate doubled or halved for as long as that betters the loss; so
with more decay, where the most of it was best; and then with the other rate moved so. Muon is
tuned less: its rate, its embedding's and its decay, on six tenths of the budget, which is where it
is to be good. A grid whose best rate lies at an edge gets up to two rates more on that side. On
other text than `mini` AdamW is tuned anew, and of Muon the decay alone, which depends on how often
a text is read: it has the rates that `mini` gave it, as a default recipe has.

`measure` trains AdamW's best with three seeds on the whole budget, none of them the one on which
both were tuned: the best of many runs owes something to its seed. It trains Muon's best with the
same seeds on parts of it, each with its own warmup and full decay: six tenths, and then less or
more, until AdamW's loss lies between two. `report` interpolates, between the parts, the tokens at
which Muon's final loss is that of AdamW with the same seed. Both share schedule, clipping, batch
and text; the loss is bits per byte of the same validation text.

Every run that is done, losses and cost, is in results/studies/fewer_tokens/SOURCE.json, and is not
made again where that file is: it is committed, so the study goes on from another machine. A run
that was stopped goes on in `--out`. The report is SOURCE.md beside it.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import study_runs
from fewer_tokens_moves import MOVES, Move, decay_moved, decay_raised
from fewer_tokens_report import Keys, Tried, best_of, headline, page, summary

from leaner_harness.files import write_atomic, write_json

SIZE, TOKENS, BATCH, BLOCK = "1M", 5_000_000, 16, 128
TUNING_SEED = 0  # of whatever is tried: the best of many is lucky, so it is measured on others
SEEDS = (1, 2, 3)
PARTS = (0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0)
FIRST = 0.6  # of the parts; from it to less or more, as far as a seed needs
TUNED_ON = "mini"  # the text whose rates Muon has on every other
TUNED_AT = {"adamw": 1.0, "muon": 0.6}
RATES = {
    "adamw": (1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2),
    "muon": (2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2),
}
WIDEN = 4  # how far beyond a grid: two rates on each side
VARIANTS: dict[str, tuple[Keys, ...]] = {
    "adamw": ({"beta2": 0.99}, {"beta2": 0.999}, {"weight_decay": 0.0}, {"weight_decay": 0.3}),
    "muon": (),
}
SOURCES = {
    "mini": {"genres": '["wiki","textbook","conversation","web"]', "words": "4_000_000"},
    "leaner": {"genres": '["wiki","textbook","conversation"]'},
}


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

    def data_tokens(self) -> int | None:
        """Tokens of the text, of any run that knows them."""
        known = (run.get("data_tokens") for run in self._found["runs"].values())
        return next((tokens for tokens in known if tokens), None)


def name_of_study(source: str, size: str) -> str:
    return source if size == SIZE else f"{source}-{size}"


def name_of(optimizer: str, part: float, seed: int, keys: Keys) -> str:
    said = "-".join(f"{key}={value:g}" for key, value in sorted(keys.items()))
    return f"{optimizer}-{part:g}-seed{seed}-{said}"


def train(options: argparse.Namespace, optimizer: str, part: float, seed: int, keys: Keys) -> float:
    """The final validation loss of a run, made if it is not there yet."""
    name = name_of(optimizer, part, seed, keys)
    if options.records[name] is None:
        options.records[name] = made(options, name, optimizer, part, seed, keys)
    run = options.records[name]
    print(f"{loss_of(run):.4f}  {name}", file=sys.stderr, flush=True)
    return loss_of(run)


def loss_of(run: dict[str, Any]) -> float:
    """The final loss; infinite if the run diverged."""
    return math.inf if run["loss"] is None else float(run["loss"])


def made(
    options: argparse.Namespace, name: str, optimizer: str, part: float, seed: int, keys: Keys
) -> dict[str, Any]:
    """Train; returns what is to be known of the run. One that diverged has no loss."""
    folder = options.out / options.name / name
    if not study_runs.is_done(folder):
        steps = round(part * TOKENS / (BATCH * BLOCK))
        settings: dict[str, Any] = {
            "data": options.data, **SOURCES[options.source], "optimizer": optimizer, "seed": seed,
            "steps": steps, "warmup": round(0.05 * steps), "schedule": "linear", "clip": 1.0,
            "batch_size": BATCH, "block_size": BLOCK, "learning_rate": keys["rate"],
            "embedding_rate": keys["rate"] * keys.get("embedding_times", 1.0),
            "eval_every": max(steps // 8, 1), "sample_every": 0, "validation_words": 20_000,
            "bf16": json.dumps(options.bf16), "compile": json.dumps(options.bf16),
            "size": options.size,
            **{key: keys[key] for key in ("beta2", "weight_decay") if key in keys},
        }  # fmt: skip
        done = study_runs.train(folder, "llama-1m", settings)
        if "Training stopped at step" in done.stderr:
            return {"keys": keys, "loss": None}
        if done.returncode:
            sys.exit(f"{name}: {done.stderr}")
        (folder / "model.safetensors").unlink()  # what counts is in the record
    found = study_runs.read(folder)
    kept = {key: found.get(key) for key in ("tokens_seen", "seconds", "hardware")}
    tokens = found["data"]["tokens"]  # of the text: how many passes over it a budget is
    loss = found["validation_bits_per_byte"]
    return {"keys": keys, "loss": loss, "data_tokens": tokens, **kept}


def try_all(options: argparse.Namespace, optimizer: str, candidates: list[Keys]) -> Tried:
    def loss(keys: Keys) -> float:
        return train(options, optimizer, TUNED_AT[optimizer], TUNING_SEED, keys)

    with ThreadPoolExecutor(options.workers) as pool:
        return list(zip(candidates, pool.map(loss, candidates), strict=True))


def rate_beyond(tried: Tried, grid: tuple[float, ...]) -> float | None:
    """The next rate out where the best is an edge; None if it is none, or far enough out."""
    rates, best = [keys["rate"] for keys, _ in tried], best_of(tried)["rate"]
    beyond = best / 2 if best == min(rates) else best * 2 if best == max(rates) else None
    is_near = beyond is not None and grid[0] / WIDEN <= beyond <= grid[-1] * WIDEN
    return beyond if is_near else None


def tune_one(options: argparse.Namespace, optimizer: str) -> Tried:
    """All that was tried of an optimiser: rates, and what else there is around the best."""
    grid = RATES[optimizer]
    tried = try_all(options, optimizer, [{"rate": rate} for rate in grid])
    while rate := rate_beyond(tried, grid):
        tried += try_all(options, optimizer, [{"rate": rate}])
    best = best_of(tried)
    tried += try_all(options, optimizer, [best | keys for keys in VARIANTS[optimizer]])
    return follow(options, optimizer, tried, MOVES[optimizer])


def follow(
    options: argparse.Namespace, optimizer: str, tried: Tried, moves: Sequence[Move]
) -> Tried:
    """What was tried, and more: each move from the best for as long as that betters the loss."""
    for moved in moves:
        for factor in (2.0, 0.5):
            while keys := moved(best_of(tried), factor, tried):
                tried += try_all(options, optimizer, [keys])
    return tried


def tune(options: argparse.Namespace) -> dict[str, Tried]:
    """All that was tried of both optimisers.

    Raises SystemExit where Muon is to have another text's rates and that has none.
    """
    if options.source == TUNED_ON:
        return {optimizer: tune_one(options, optimizer) for optimizer in RATES}
    best = best_of(tuned_before(options))
    adamw = tune_one(options, "adamw")
    muon = try_all(options, "muon", [{key: best[key] for key in best if key != "weight_decay"}])
    return {"adamw": adamw, "muon": follow(options, "muon", muon, (decay_raised, decay_moved))}


def tuned_before(options: argparse.Namespace) -> Tried:
    """What was tried of Muon on the text on which it was tuned."""
    path = options.results / f"{name_of_study(TUNED_ON, options.size)}.json"
    runs = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else {}
    tried = [
        (run["keys"], loss_of(run))
        for name, run in runs.items()
        if name.startswith(f"muon-{TUNED_AT['muon']:g}-seed{TUNING_SEED}-")
    ]
    return tried or sys.exit(f"Muon is tuned on {TUNED_ON}: first `measure --data {TUNED_ON}`.")


def by_part(
    options: argparse.Namespace, seed: int, target: float, keys: Keys
) -> dict[float, float]:
    """Muon's final losses at the parts that a seed needs, of which two lie around the target."""
    at = PARTS.index(FIRST)
    losses = {FIRST: train(options, "muon", FIRST, seed, keys)}
    to, last = (-1, 0) if losses[FIRST] <= target else (1, len(PARTS) - 1)
    while at != last and (losses[PARTS[at]] <= target) == (to < 0):
        at += to
        losses[PARTS[at]] = train(options, "muon", PARTS[at], seed, keys)
    return dict(sorted(losses.items()))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Final losses: AdamW's by seed, Muon's by seed and part of the budget."""
    tried = tune(options)
    best = {optimizer: best_of(each) for optimizer, each in tried.items()}

    def losses(seed: int) -> tuple[float, dict[float, float]]:
        target = train(options, "adamw", TUNED_AT["adamw"], seed, best["adamw"])
        return target, by_part(options, seed, target, best["muon"])

    with ThreadPoolExecutor(options.workers) as pool:
        return {"tried": tried, "losses": dict(zip(SEEDS, pool.map(losses, SEEDS), strict=True))}


def report(options: argparse.Namespace) -> dict[str, Any]:
    """What was found; also as Markdown beside the records."""
    found = measure(options)
    said = summary(found["tried"], found["losses"])
    data_tokens = options.records.data_tokens()
    passes = TOKENS / data_tokens if data_tokens else None
    said = {"source": options.name, "tokens": TOKENS, "passes": passes, **said}
    how = {
        optimizer: f"with one seed on {part:g} of the budget"
        for optimizer, part in TUNED_AT.items()
    }
    if options.source != TUNED_ON:
        how["muon"] += f", its rates on `{TUNED_ON}`"
    write_atomic(options.results / f"{options.name}.md", page(said, found, how))
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phase", choices=("tune", "measure", "report"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", default="mini", help="mini, or a folder in the published layout")
    parser.add_argument("--size", default=SIZE, help="of the LLaMA, such as 3M")
    parser.add_argument("--workers", type=int, default=1, help="runs at a time")
    parser.add_argument(
        "--bf16", action="store_true", help="in bfloat16, compiled: where units are"
    )
    parser.add_argument("--results", type=Path, default=Path("results/studies/fewer_tokens"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.source = "mini" if options.data == "mini" else "leaner"
    options.name = name_of_study(options.source, options.size)
    other = {} if options.size == SIZE else {"size": options.size}
    setting = {
        "tokens": TOKENS, "batch": BATCH, "block": BLOCK, "bf16": options.bf16, **other,
        **SOURCES[options.source],
    }  # fmt: skip
    options.records = Records(options.results / f"{options.name}.json", setting)
    found = {"tune": tune, "measure": measure, "report": report}[options.phase](options)
    if options.phase == "report":
        print(json.dumps(found, indent=1) if options.json else headline(found))


if __name__ == "__main__":
    main()
