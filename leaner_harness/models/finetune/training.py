"""Train one classifier: one task, one learning rate, one seed. Read `train_run` top to bottom."""

from __future__ import annotations

import copy
import math
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file, save

from leaner_harness import scoring
from leaner_harness.data.glue import GlueTask
from leaner_harness.data.rows import Row
from leaner_harness.dropout import quick_dropout
from leaner_harness.files import write_atomic, write_json
from leaner_harness.models import loading
from leaner_harness.models.finetune.classifier import build_classifier
from leaner_harness.models.finetune.encoding import (
    Batch,
    Encoded,
    check_separator,
    collate,
    encode_rows,
    shuffled_batches,
    sorted_batches,
)
from leaner_harness.models.finetune.protocol import Protocol
from leaner_harness.models.finetune.rows import TaskData

RUN, WEIGHTS = "run.json", "weights.safetensors"
PREDICTION_BATCH = 128
_APART = 1_000_003
"""Larger than any seed of a protocol, so that no two runs from scratch begin with one weight."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all runs of a checkpoint share."""

    checkpoint: str
    tokenizer: str
    from_scratch: bool
    protocol: Protocol
    max_length: int
    device: str
    bf16: bool = False
    compile: bool = False
    scratch_seed: int = 0
    """Which random weights, from scratch: others for every number."""


@dataclass(frozen=True, slots=True)
class Run:
    """One training run, and the folder its outcome goes to."""

    setting: Setting
    task: str
    rate: float
    seed: int
    folder: Path

    @property
    def done(self) -> bool:
        """Whether its outcome is on disk."""
        return (self.folder / RUN).is_file()


def train_run(run: Run, data: TaskData) -> dict[str, Any]:
    """Train and keep the weights of the best pass by the selection score.

    Writes the weights, then `run.json`, which is returned: `score`, `epochs`, `best_epoch`,
    `steps`, `seconds`, `state` (`ok`, or `diverged` when no pass gave a finite score).
    """
    began = time.monotonic()
    setting, protocol = run.setting, run.setting.protocol
    device = torch.device(setting.device)
    tokenizer = load_tokenizer(setting)
    train = encode_rows(data.train, data.task, tokenizer, setting.max_length)
    selection = encode_rows(data.selection, data.task, tokenizer, setting.max_length)

    torch.manual_seed(run.seed + _APART * setting.scratch_seed)
    generator = np.random.default_rng(run.seed)
    model = build(setting, data.task).to(device)
    pad = padding_id(tokenizer)
    epochs = protocol.epochs[run.task]
    steps_per_epoch = math.ceil(len(train.ids) / protocol.batch_size)
    optimizer = make_optimizer(model, run.rate, protocol)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, _linear(protocol.warmup, epochs * steps_per_epoch)
    )

    best_score, best_epoch, best_weights = -math.inf, 0, None
    least_loss, bettered = math.inf, 0
    curve: list[float | None] = []
    for epoch in range(1, epochs + 1):
        model.train()
        for rows in shuffled_batches(train, protocol.batch_size, generator):
            train_step(model, collate(train, rows, pad, device), data.task, optimizer, setting)
            schedule.step()
        outputs = predict(model, selection, pad, device)
        score = native_score(outputs, data.selection, data.task)
        curve.append(None if math.isnan(score) else round(score, 6))
        if score > best_score:  # never true of NaN
            best_score, best_epoch, bettered = score, epoch, epoch
            best_weights = copy.deepcopy(model.state_dict())
        loss = selection_loss(outputs, data.selection, data.task)
        if loss < least_loss:
            least_loss, bettered = loss, epoch
        if protocol.patience is not None and epoch - bettered >= protocol.patience:
            break

    outcome = {
        "state": "ok" if best_weights is not None else "diverged",
        "score": best_score if best_weights is not None else None,
        "best_epoch": best_epoch,
        "epochs": len(curve),
        "steps": len(curve) * steps_per_epoch,
        "curve": curve,
        "truncated": train.truncated + selection.truncated,
        "seconds": round(time.monotonic() - began, 2),
    }
    if best_weights is not None:
        write_atomic(run.folder / WEIGHTS, save(best_weights))
    write_json(run.folder / RUN, outcome)
    return outcome


def predict_run(run: Run, data: TaskData) -> dict[str, Any]:
    """What a run's kept weights say of the reported rows.

    `log_probabilities` (n rows, C classes; None for a row whose outputs are not finite), and how
    many rows were `truncated`.
    """
    device = torch.device(run.setting.device)
    tokenizer = load_tokenizer(run.setting)
    encoded = encode_rows(data.reported, data.task, tokenizer, run.setting.max_length)
    model = build(run.setting, data.task)
    model.load_state_dict(load_file(run.folder / WEIGHTS))
    outputs = predict(model.to(device), encoded, padding_id(tokenizer), device)
    rows = [log_probabilities(row, data.task) for row in outputs]
    found = [row if all(map(math.isfinite, row)) else None for row in rows]
    return {"log_probabilities": found, "truncated": encoded.truncated}


def load_tokenizer(setting: Setting) -> Any:
    """The checkpoint's tokenizer."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # workers are processes already
    return loading.load_tokenizer(setting.tokenizer)


def padding_id(tokenizer: Any) -> int:
    """The id that fills batches; masked everywhere, so any will do."""
    return int(tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0)


def build(setting: Setting, task: GlueTask) -> torch.nn.Module:
    """An untrained classifier for a task on the checkpoint's body."""
    outputs = 1 if task.regression else task.classes
    # The gradient of the fused kernel makes no use of a processor's bfloat16 units (torch 2.13).
    plain = setting.bf16 and setting.device == "cpu"
    return build_classifier(
        setting.checkpoint,
        outputs,
        from_scratch=setting.from_scratch,
        plain_attention=plain,
        compile_on=torch.device(setting.device) if setting.compile else None,
    )


def checked(setting: Setting, task: GlueTask) -> Setting:
    """The setting, with no more tokens a row than the model has positions.

    Raises CheckpointError for what would stop the first run, before any is begun: a tokenizer with
    ids that the model has no embedding for, or without a token that ends a sentence; weights that
    are no whole model.
    """
    tokenizer = load_tokenizer(setting)
    config = loading.load_configuration(setting.checkpoint)
    loading.check_vocabulary(tokenizer, config.vocab_size, setting.checkpoint)
    check_separator(tokenizer, setting.tokenizer)
    positions = loading.positions_of(build(setting, task)) or setting.max_length
    return replace(setting, max_length=min(setting.max_length, positions))


def _linear(warmup: float, steps: int) -> Any:
    """The share of the rate at a step: up over the first steps, then down to zero."""
    first = round(warmup * steps)

    def share(step: int) -> float:
        if step < first:
            return (step + 1) / first
        return max(0.0, (steps - step) / max(steps - first, 1))

    return share


def make_optimizer(
    model: torch.nn.Module, rate: float, protocol: Protocol
) -> torch.optim.Optimizer:
    """AdamW as the protocol says."""
    return torch.optim.AdamW(
        model.parameters(), lr=rate, weight_decay=protocol.weight_decay, fused=True
    )


def train_step(
    model: torch.nn.Module,
    batch: Batch,
    task: GlueTask,
    optimizer: torch.optim.Optimizer,
    setting: Setting,
) -> None:
    """One step of the optimiser on one batch."""
    device = batch.ids.device
    with (
        torch.autocast(device.type, torch.bfloat16, enabled=setting.bf16),
        quick_dropout(model, device),
    ):
        loss = _loss(model(batch), batch, task)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), setting.protocol.clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _loss(logits: torch.Tensor, batch: Batch, task: GlueTask) -> torch.Tensor:
    if task.regression:  # labels 0..5 on a scale of 0..1
        return F.mse_loss(logits[:, 0], batch.labels / (task.classes - 1))
    return F.cross_entropy(logits, batch.labels.long())


@torch.inference_mode()
def predict(
    model: torch.nn.Module, encoded: Encoded, pad: int, device: torch.device
) -> NDArray[np.float64]:
    """(n, outputs) of the model for each row, in the rows' order."""
    model.eval()
    found: NDArray[np.float64] | None = None
    for rows in sorted_batches(encoded, PREDICTION_BATCH):
        outputs = model(collate(encoded, rows, pad, device)).cpu().double().numpy()
        if found is None:
            found = np.empty((len(encoded.ids), outputs.shape[1]))
        found[rows] = outputs
    return found if found is not None else np.empty((0, 1))


def log_probabilities(outputs: NDArray[np.float64], task: GlueTask) -> list[float]:
    """Class log-probabilities of one row's outputs.

    A predicted similarity is shared between its two neighbours on the 0..5 scale, so that the
    expected value, which the task scores, is the prediction itself.
    """
    if not np.isfinite(outputs).all():
        return [math.nan] * task.classes
    if task.regression:
        place = float(np.clip(outputs[0], 0.0, 1.0)) * (task.classes - 1)
        below = min(int(place), task.classes - 2)
        shares = np.full(task.classes, _NOTHING)
        shares[below] += 1 - (place - below)
        shares[below + 1] += place - below
        return [float(value) for value in np.log(shares / shares.sum())]
    shifted = outputs - outputs.max()
    return [float(value) for value in shifted - np.log(np.exp(shifted).sum())]


_NOTHING = 1e-12
"""A probability that is zero for every purpose, and has a logarithm."""


def selection_loss(outputs: NDArray[np.float64], rows: list[Row], task: GlueTask) -> float:
    """Mean loss of the outputs, as in training; NaN where one is not finite."""
    labels = np.array([row["label"] for row in rows])
    if task.regression:
        return float(np.mean((outputs[:, 0] - labels / (task.classes - 1)) ** 2))
    likely = [log_probabilities(output, task) for output in outputs]
    return float(-np.mean(np.array(likely)[np.arange(len(rows)), labels.astype(int)]))


def native_score(outputs: NDArray[np.float64], rows: list[Row], task: GlueTask) -> float:
    """`leaner_score` of the outputs; NaN where one is not finite."""
    scored = [
        scoring.scored_row(task, row, log_probabilities(output, task))
        for row, output in zip(rows, outputs, strict=True)
    ]
    return scoring.values(task, scored)[scoring.SCORE]
