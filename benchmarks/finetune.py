"""Fine-tuning against the Hugging Face Trainer: a pass over the same rows, same model and batch.

    python benchmarks/finetune.py [--data FOLDER] [--task cola] [--size 14M] [--rounds 3] [--json]

Peers: Trainer padding every row to 256 tokens (the published recipe), Trainer with dynamic padding,
Trainer with dynamic padding and its own length grouping. float32, one thread, process CPU time, no
evaluation and no checkpoints; a random BERT of the paper's shape and a 2,000-entry BPE trained on
the embedded text. Rounds are interleaved. Without `--data` the rows are the embedded ones, which
are all of about one length: grouping has little to gain there.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from leaner_trainers.architectures import bert
from leaner_trainers.tokenizers import train_tokenizer

from leaner_harness.data import mini
from leaner_harness.models.finetune import encoding, training
from leaner_harness.models.finetune.protocol import PROTOCOLS
from leaner_harness.models.finetune.rows import TaskData, load_task

ROWS, BATCH, RATE = 1600, 32, 1e-4


def checkpoint(folder: Path, size: str) -> Path:
    """A random BERT with a tokenizer that separates sentences."""
    texts = (document.text for document, _ in zip(mini.documents(), range(2000), strict=False))
    tokenizer = train_tokenizer(texts, 2000, "byte-bpe-mask")
    bert.build(size, len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def ours(folder: Path, data: TaskData) -> float:
    setting = training.Setting(str(folder), str(folder), False, PROTOCOLS["quick"], 256, "cpu")
    tokenizer, device = training.load_tokenizer(setting), torch.device("cpu")
    model = training.build(setting, data.task).train()
    optimizer = training.make_optimizer(model, RATE, setting.protocol)
    began = time.process_time()
    encoded = encoding.encode_rows(data.train, data.task, tokenizer, 256)
    for rows in encoding.shuffled_batches(encoded, BATCH, np.random.default_rng(0)):
        batch = encoding.collate(encoded, rows, tokenizer.pad_token_id, device)
        training.train_step(model, batch, data.task, optimizer, setting)
    return time.process_time() - began


def trainer(folder: Path, data: TaskData, *, padding: str, grouped: bool) -> float:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=data.task.classes
    )
    asked = {"train_sampling_strategy": "group_by_length"} if grouped else {}
    arguments = transformers.TrainingArguments(
        output_dir=str(folder / "trainer"), per_device_train_batch_size=BATCH, num_train_epochs=1,
        learning_rate=RATE, save_strategy="no", logging_strategy="no", report_to=[], seed=0,
        use_cpu=True, disable_tqdm=True, dataloader_num_workers=0, **asked,
    )  # fmt: skip
    began = time.process_time()
    columns = [[row[name] for row in data.train] for name in data.task.fields]
    encoded = tokenizer(*columns, truncation=True, max_length=256, padding=padding == "longest")
    if padding == "max_length":
        encoded = tokenizer(*columns, truncation=True, max_length=256, padding="max_length")
    rows = [
        {key: encoded[key][i] for key in encoded} | {"labels": row["label"]}
        for i, row in enumerate(data.train)
    ]
    peer = transformers.Trainer(
        model, arguments, train_dataset=rows,
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
    )  # fmt: skip
    peer.train()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data")
    parser.add_argument("--task", default="cola")
    parser.add_argument("--size", default="14M")
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
        folder = checkpoint(Path(temporary), args.size)
        peers: dict[str, Callable[[], float]] = {
            "leaner": lambda: ours(folder, data),
            "Trainer, dynamic padding": lambda: trainer(
                folder, data, padding="do_not_pad", grouped=False
            ),
            "Trainer, length grouping": lambda: trainer(
                folder, data, padding="do_not_pad", grouped=True
            ),
        }
        seconds: dict[str, list[float]] = {peer: [] for peer in peers}
        for _ in range(args.rounds):
            for peer, run in peers.items():
                seconds[peer].append(run())
    report(seconds, len(data.train), args)


def report(seconds: dict[str, list[float]], rows: int, args: Any) -> None:
    ratios = {
        peer: [theirs / ours for theirs, ours in zip(found, seconds["leaner"], strict=True)]
        for peer, found in seconds.items()
    }
    goals = {"Trainer, dynamic padding": 1.7, "Trainer, length grouping": 1.0}
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
    print(f"{args.task}, {rows} rows, BERT {args.size}, batch {BATCH}, {args.rounds} rounds")
    for peer, one in found.items():
        goal = goals.get(peer)
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
