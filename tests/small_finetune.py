"""A short protocol, a setting and a task that is learnt in seconds, for tests of fine-tuning."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path
from typing import Any

from leaner_harness.data.glue import TASKS
from leaner_harness.models.finetune import rows, training
from leaner_harness.models.finetune.protocol import Protocol

SHORT = Protocol(
    name="short",
    rates=(1e-3, 3e-3),
    seeds=(1, 2),
    epochs=dict.fromkeys(TASKS, 2),
    batch_size=8,
    warmup=0.1,
    weight_decay=0.0,
)


def setting(checkpoint: Path, **changes: Any) -> training.Setting:
    found = training.Setting(str(checkpoint), str(checkpoint), False, SHORT, 64, "cpu")
    return dataclasses.replace(found, **changes)


def row(label: int, idx: int, **more: Any) -> dict[str, Any]:
    word = "good" if label else "bad"
    return {"sentence": f"{word} {idx}", "label": label, "idx": idx, "part": "", **more}


def killed(run: training.Run, data: rows.TaskData) -> None:
    """What a process does that the kernel takes for the one to end."""
    os.kill(os.getpid(), signal.SIGKILL)


def separable(n: int = 64) -> rows.TaskData:
    """A task whose label is its first word."""
    found = [row(i % 2, i) for i in range(n)]
    return rows.TaskData(TASKS["sst2"], "test", found, found[:16], "train", found)
