"""The paper's fine-tuning grid, whole, against runs of the Hugging Face Trainer one after another.

    python benchmarks/finetune_grid.py CHECKPOINT [--data FOLDER] [--tasks mrpc,rte,cola]
        [--device cuda] [--workers N] [--peers 1] [--epochs N] [--json]

Wall time on an otherwise idle machine. Ours makes all 35 runs of a task (7 rates, 5 seeds), each
with its selection pass per epoch. The peers make `--peers` runs a task from the same weights, with
the same rows, batch and passes, in the same float32; their time is multiplied to 35 runs, which
the report says. Peers: Trainer with dynamic padding and length grouping, a selection pass per epoch
and nothing saved; and the published recipe, which pads to 256 tokens and evaluates and saves every
few steps. Rounds are interleaved task by task. `--epochs` shortens every run alike, for a trial.
The time of all eight published tasks is projected from the measured ones, by training tokens.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import transformers

from leaner_harness.models.finetune import encoding, training, workers
from leaner_harness.models.finetune.protocol import PROTOCOLS, Protocol
from leaner_harness.models.finetune.rows import TaskData, load_task
from leaner_harness.models.finetune.runs import Grid

PUBLISHED_EVERY = {
    "cola": 30, "sst2": 250, "mrpc": 10, "qqp": 1250, "stsb": 20, "mnli": 1250, "qnli": 350,
    "rte": 10,
}  # fmt: skip
"""Steps between evaluations (and checkpoints) of the published scripts, scripts/glue-eval."""
GLUE_TRAIN_ROWS = {"sst2": 67_349, "qqp": 363_846, "mnli": 392_702, "qnli": 104_743}
"""Rows of GLUE's train files, at least as many as the published simplified ones have."""
GOALS = {"Trainer": 4.0, "published recipe": 10.0}


@dataclass(frozen=True, slots=True)
class Bench:
    """What all timings share."""

    checkpoint: str
    device: str
    protocol: Protocol
    workers: int
    peers: int
    folder: Path

    @property
    def setting(self) -> training.Setting:
        return training.Setting(
            self.checkpoint, self.checkpoint, False, self.protocol, 256, self.device
        )

    @property
    def runs(self) -> int:
        return len(self.protocol.rates) * len(self.protocol.seeds)


def ours(bench: Bench, data: TaskData) -> float:
    """Seconds of a task's whole grid, its processes' start included."""
    grid = Grid(bench.setting, data, bench.folder / "ours" / data.task.name)
    began = time.perf_counter()
    left = [(run, data) for run in grid.left()]
    for _ in workers.train_runs(left, bench.workers, workers.devices(bench.device)):
        grid.spare_disk()
    return time.perf_counter() - began


def trainer(bench: Bench, data: TaskData, *, published: bool) -> float:
    """Seconds of the grid by Trainer: `peers` runs measured, the rest by multiplication."""
    seconds = 0.0
    for number in range(bench.peers):
        began = time.perf_counter()
        _train_once(bench, data, bench.protocol.seeds[number], published)
        seconds += time.perf_counter() - began
    return seconds / bench.peers * bench.runs


def _train_once(bench: Bench, data: TaskData, seed: int, published: bool) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(bench.checkpoint)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        bench.checkpoint, num_labels=1 if data.task.regression else data.task.classes
    )
    model.config.pad_token_id = tokenizer.pad_token_id
    folder = bench.folder / f"peer-{data.task.name}-{seed}-{published}"
    every: dict[str, Any] = {"eval_strategy": "epoch", "save_strategy": "no"}
    if published:
        steps = PUBLISHED_EVERY[data.task.name]
        every = {"eval_strategy": "steps", "eval_steps": steps, "save_strategy": "steps",
                 "save_steps": steps, "save_total_limit": 1}  # fmt: skip
    else:
        every["train_sampling_strategy"] = "group_by_length"
    arguments = transformers.TrainingArguments(
        output_dir=str(folder), per_device_train_batch_size=bench.protocol.batch_size,
        per_device_eval_batch_size=bench.protocol.batch_size, learning_rate=1e-4,
        num_train_epochs=bench.protocol.epochs[data.task.name], lr_scheduler_type="linear",
        weight_decay=0.0, logging_strategy="no", report_to=[], seed=seed, disable_tqdm=True,
        use_cpu=bench.device == "cpu", **every,
    )  # fmt: skip
    transformers.Trainer(
        model, arguments,
        train_dataset=_encode(data, data.train, tokenizer, published),
        eval_dataset=_encode(data, data.selection, tokenizer, published),
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
    ).train()  # fmt: skip


def _encode(data: TaskData, rows: list[Any], tokenizer: Any, pad: bool) -> list[dict[str, Any]]:
    columns = [[row[name] for row in rows] for name in data.task.fields]
    padding = "max_length" if pad else False
    found = tokenizer(*columns, truncation=True, max_length=256, padding=padding)
    labels = [float(row["label"]) if data.task.regression else row["label"] for row in rows]
    return [
        {key: found[key][i] for key in found} | {"labels": label} for i, label in enumerate(labels)
    ]


def training_tokens(bench: Bench, data: TaskData) -> int:
    """Tokens a task's grid trains on, padding not counted."""
    tokenizer = training.load_tokenizer(bench.setting)
    encoded = encoding.encode_rows(data.train, data.task, tokenizer, 256)
    return int(encoded.lengths().sum()) * bench.protocol.epochs[data.task.name] * bench.runs


def projected_hours(bench: Bench, seconds: float, tokens: int, folder: str | None) -> float:
    """Hours of the paper's eight tasks; of absent train files, GLUE's rows, validation's length."""
    whole = 0
    tokenizer = training.load_tokenizer(bench.setting)
    for name in PUBLISHED_EVERY:
        data = load_task(f"leaner_glue_{name}", "validation", folder)
        if data.state == "ok":
            whole += training_tokens(bench, data)
            continue
        sample = data.reported[:1000]
        if not sample:
            return float("nan")
        lengths = encoding.encode_rows(sample, data.task, tokenizer, 256).lengths()
        rows = GLUE_TRAIN_ROWS[name]
        whole += int(lengths.mean() * rows) * bench.protocol.epochs[name] * bench.runs
    return seconds * whole / tokens / 3600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--data")
    parser.add_argument("--tasks", default="mrpc,rte,cola")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--peers", type=int, default=1)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()
    protocol = PROTOCOLS["paper"]
    if args.epochs:
        protocol = replace(protocol, epochs=dict.fromkeys(protocol.epochs, args.epochs))
    number = args.workers or workers.default_workers(workers.devices(args.device))
    prefix = "leaner_glue_" if args.data else "leaner_glue_mini_"
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(args.checkpoint, args.device, protocol, number, args.peers, Path(temporary))
        found = measure(bench, [prefix + name for name in args.tasks.split(",")], args.data)
    print(json.dumps(found, indent=1) if args.json else report(found))


def measure(bench: Bench, names: list[str], folder: str | None) -> dict[str, Any]:
    """Seconds of each peer on each task, their sums and ratios, and the projection."""
    seconds: dict[str, dict[str, float]] = {"leaner": {}, "Trainer": {}, "published recipe": {}}
    tokens = 0
    for name in names:
        data = load_task(name, "validation", folder)
        if data.state != "ok":
            raise SystemExit(f"{name} cannot be fine-tuned: {data.reason or data.state}")
        seconds["leaner"][name] = ours(bench, data)
        seconds["Trainer"][name] = trainer(bench, data, published=False)
        seconds["published recipe"][name] = trainer(bench, data, published=True)
        tokens += training_tokens(bench, data)
    sums = {peer: sum(by_task.values()) for peer, by_task in seconds.items()}
    hours = projected_hours(bench, sums["leaner"], tokens, folder) if folder else None
    return {
        "device": bench.device, "workers": bench.workers, "runs_a_task": bench.runs,
        "peer_runs_measured_a_task": bench.peers, "epochs": dict(bench.protocol.epochs),
        "seconds": seconds, "sums": sums, "projected_hours_of_280_runs": hours,
        "ratios": {peer: sums[peer] / sums["leaner"] for peer in GOALS},
    }  # fmt: skip


def report(found: dict[str, Any]) -> str:
    lines = [
        f"{found['runs_a_task']} runs a task on {found['device']}, {found['workers']} processes; "
        f"of each peer {found['peer_runs_measured_a_task']} a task measured and multiplied"
    ]
    for peer, by_task in found["seconds"].items():
        each = ", ".join(f"{name} {value:.0f} s" for name, value in by_task.items())
        lines.append(f"{peer}: {each}; together {found['sums'][peer]:.0f} s")
    for peer, goal in GOALS.items():
        ratio = found["ratios"][peer]
        verdict = "holds" if ratio >= goal else "missed"
        lines.append(f"leaner is {ratio:.1f}x as fast as {peer}; goal with a GPU {goal}: {verdict}")
    if found["projected_hours_of_280_runs"] is not None:
        lines.append(f"all 280 runs: {found['projected_hours_of_280_runs']:.1f} h, projected")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
