"""How long fine-tuning would take: a few timed steps, times the steps of the protocol."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from leaner_harness.models.finetune.encoding import collate, encode_rows, shuffled_batches
from leaner_harness.models.finetune.rows import TaskData
from leaner_harness.models.finetune.training import (
    PREDICTION_BATCH,
    Setting,
    build,
    load_tokenizer,
    make_optimizer,
    padding_id,
    predict,
    train_step,
)

_TIMED = 4


class Cost(NamedTuple):
    """What one run of a task costs where early stopping does not end it sooner."""

    steps: int
    seconds: float


def run_cost(setting: Setting, data: TaskData, workers: int = 1) -> Cost:
    """Time a few training steps and predictions of one task on this machine.

    Of several workers each has one thread, so with these it is timed in one.
    """
    with _threads(1 if workers > 1 else torch.get_num_threads()):
        return _timed(setting, data)


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _timed(setting: Setting, data: TaskData) -> Cost:
    device = torch.device(setting.device)
    tokenizer, protocol = load_tokenizer(setting), setting.protocol
    pad = padding_id(tokenizer)
    train = encode_rows(data.train, data.task, tokenizer, setting.max_length)
    selection = encode_rows(
        data.selection[:PREDICTION_BATCH], data.task, tokenizer, setting.max_length
    )
    model = build(setting, data.task).to(device).train()
    optimizer = make_optimizer(model, protocol.rates[0], protocol)
    batches = shuffled_batches(train, protocol.batch_size, np.random.default_rng(0))
    spent = []
    for _, rows in zip(range(1 + _TIMED), batches, strict=False):
        began = time.perf_counter()
        train_step(model, collate(train, rows, pad, device), data.task, optimizer, setting)
        _wait_for(device)
        spent.append(time.perf_counter() - began)
    began = time.perf_counter()
    predict(model, selection, pad, device)
    per_row = (time.perf_counter() - began) / max(len(selection.ids), 1)

    epochs = protocol.epochs[data.task.name]
    steps = epochs * math.ceil(len(train.ids) / protocol.batch_size)
    # The first step sets things up: it is not counted where there are others.
    step = float(np.mean(spent[1:] or spent))
    return Cost(steps, steps * step + epochs * len(data.selection) * per_row)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
