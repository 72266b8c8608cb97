"""Fine-tuning against the Hugging Face Trainer: a pass over the same rows, same model and batch.

    python benchmarks/finetune.py [--data FOLDER] [--task cola] [--size 14M] [--architecture bert]
                                  [--bf16] [--compile] [--rounds 3] [--json]

Peers: Trainer with dynamic padding, and with dynamic padding and its own length grouping. With
`--compile` ours is timed compiled, too, after a round that compiles it; Trainer's `torch_compile`
compiles anew for every run, and over so few steps is slower than without. One thread, process CPU
time, no evaluation and no checkpoints; a random model of the paper's shape and a 2,000-entry BPE
trained on the embedded text. Rounds are interleaved. Without `--data` the rows are the embedded
ones, which are all of about one length: grouping has little to gain there.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from leaner_trainers.tokenizers import train_tokenizer

from leaner_harness import get_architecture
from leaner_harness.contracts import resolve
from leaner_harness.data import mini
from leaner_harness.models.finetune import encoding, training
from leaner_harness.models.finetune.protocol import PROTOCOLS
from leaner_harness.models.finetune.rows import TaskData, load_task

ROWS, BATCH, RATE = 1600, 32, 1e-4
ARCHITECTURES = ("bert", "llama", "qwen3", "xlnet")
OURS = "leaner"
DYNAMIC, GROUPED = "Trainer, dynamic padding", "Trainer, length grouping"
GOALS = {DYNAMIC: 1.7, GROUPED: 1.0}


@dataclass(frozen=True)
class Rows:
    """What every contestant trains on: a checkpoint's folder, rows, and the precision."""

    folder: Path
    data: TaskData
    bf16: bool


def checkpoint(folder: Path, architecture: str, size: str) -> Path:
    """Random weights with a tokenizer that separates sentences."""
    texts = (document.text for document, _ in zip(mini.documents(), range(2000), strict=False))
    tokenizer = train_tokenizer(texts, 2000, "byte-bpe-mask")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = resolve(get_architecture(architecture).build)(size, len(tokenizer))
    model.config.pad_token_id = tokenizer.pad_token_id  # without it Trainer's head refuses batches
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def ours(rows: Rows, *, compiled: bool = False) -> float:
    folder, data = str(rows.folder), rows.data
    setting = training.Setting(
        folder, folder, False, PROTOCOLS["quick"], 256, "cpu", rows.bf16, compiled
    )
    tokenizer, device = training.load_tokenizer(setting), torch.device("cpu")
    model = training.build(setting, data.task).train()
    optimizer = training.make_optimizer(model, RATE, setting.protocol)
    began = time.process_time()
    encoded = encoding.encode_rows(data.train, data.task, tokenizer, 256)
    for places in encoding.shuffled_batches(encoded, BATCH, np.random.default_rng(0)):
        batch = encoding.collate(encoded, places, tokenizer.pad_token_id, device)
        training.train_step(model, batch, data.task, optimizer, setting)
    return time.process_time() - began


def trainer(rows: Rows, *, grouped: bool = False) -> float:
    data = rows.data
    tokenizer = transformers.AutoTokenizer.from_pretrained(rows.folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        rows.folder, num_labels=data.task.classes
    )
    asked = {"train_sampling_strategy": "group_by_length"} if grouped else {}
    arguments = transformers.TrainingArguments(
        output_dir=str(rows.folder / "trainer"), per_device_train_batch_size=BATCH,
        num_train_epochs=1, learning_rate=RATE, save_strategy="no", logging_strategy="no",
        report_to=[], seed=0, use_cpu=True, disable_tqdm=True, dataloader_num_workers=0,
        bf16=rows.bf16, **asked,
    )  # fmt: skip
    began = time.process_time()
    columns = [[row[name] for row in data.train] for name in data.task.fields]
    encoded = tokenizer(*columns, truncation=True, max_length=256)
    given = [
        {key: encoded[key][i] for key in encoded} | {"labels": row["label"]}
        for i, row in enumerate(data.train)
    ]
    peer = transformers.Trainer(
        model, arguments, train_dataset=given,
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
    )  # fmt: skip
    peer.train()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data")
    parser.add_argument("--task", default="cola")
    parser.add_argument("--size", default="14M")
    parser.add_argument("--architecture", default="bert", choices=ARCHITECTURES)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()
    name = f"leaner_glue_{args.task}" if args.data else f"leaner_glue_mini_{args.task}"
    data = load_task(name, "validation", args.data)
    data = TaskData(data.task, data.split, data.train[:ROWS], [], "", [])
    with tempfile.TemporaryDirectory() as temporary:
        folder = checkpoint(Path(temporary), args.architecture, args.size)
        rows = Rows(folder, data, args.bf16)
        contestants: dict[str, Callable[[], float]] = {
            OURS: lambda: ours(rows),
            DYNAMIC: lambda: trainer(rows),
            GROUPED: lambda: trainer(rows, grouped=True),
        }
        if args.compile:
            contestants[f"{OURS}, compiled"] = lambda: ours(rows, compiled=True)
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(args.rounds + args.compile):
            for name, run in contestants.items():
                seconds[name].append(run())
        seconds = {name: found[-args.rounds :] for name, found in seconds.items()}
    report(seconds, len(data.train), args)


def report(seconds: dict[str, list[float]], rows: int, args: Any) -> None:
    ratios = {
        peer: [theirs / ours for theirs, ours in zip(found, seconds[OURS], strict=True)]
        for peer, found in seconds.items()
    }
    found = {
        peer: {
            "rows_per_second": round(rows / statistics.median(seconds[peer]), 1),
            "ratio": round(statistics.median(ratios[peer]), 2),
            "least": round(min(ratios[peer]), 2),
            "most": round(max(ratios[peer]), 2),
        }
        for peer in seconds
    }
    if args.json:
        print(json.dumps(found, indent=1))
        return
    model = f"{args.architecture} {args.size}, {'bfloat16' if args.bf16 else 'float32'}"
    print(f"{args.task}, {rows} rows, {model}, batch {BATCH}, {args.rounds} rounds")
    for peer, one in found.items():
        goal = GOALS.get(peer)
        verdict = (
            ""
            if goal is None
            else f"; goal {goal}: {'holds' if one['ratio'] >= goal else 'missed'}"
        )
        print(
            f"{peer}: {one['rows_per_second']} rows/s, leaner is {one['ratio']}x as fast "
            f"({one['least']} to {one['most']}){verdict}"
        )


if __name__ == "__main__":
    main()
