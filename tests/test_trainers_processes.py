"""Several processes train what one would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_training import log_of

LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]


def launch(processes, *command):
    """Run a command in so many processes of torchrun."""
    # Python's own hashes, which tell blocks apart, are the same in all of them.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    subprocess.run(
        [*LAUNCH, str(processes), *map(str, command)],
        check=True, capture_output=True, timeout=300, env=environment,
    )  # fmt: skip


SELF_LOSS = {
    "curriculum": "iterative",
    "difficulty": "self_loss",
    "curriculum_options": {"stages": 5, "full_at": 0.8},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "keys"), [("tiny", {}), ("mlm", {}), ("plm", {}), ("tiny", SELF_LOSS)]
)
def test_two_processes_see_what_one_would(architecture, keys, tmp_path):
    script = Path(__file__).parent / "observed_run.py"
    blocks, gradients, logs, stages = [], [], [], []
    for processes in (1, 2):
        out = tmp_path / str(processes)
        launch(processes, script, out, architecture, json.dumps(keys))
        ranks = [json.loads((out / f"blocks{rank}.json").read_text()) for rank in range(processes)]
        # What the processes read together in each pass forward, in whatever order.
        blocks.append([sorted(sum(parts, [])) for parts in zip(*ranks, strict=True)])
        gradients.append(load_file(out / "gradient.safetensors"))
        logs.append(log_of(out))
        for rank in range(processes):
            record = json.loads((out / f"record{rank}.json").read_text())
            stages.append(record.get("curriculum", {}).get("stages", []))
    chances = [json.loads((out / f"chance{rank}.json").read_text()) for rank in range(2)]
    assert chances[0] == 0 != chances[1]  # dropout has other masks in each process
    assert blocks[0] == blocks[1] and len(blocks[0]) == 20 * 2
    # Digests of the pools among them: one process, and each of two, chose the same documents.
    assert stages[0] == stages[1] == stages[2] and len(stages[0]) == (5 if keys else 0)
    assert all(len(part) == 4 for part in blocks[0])
    one, two = (torch.cat([g.flatten() for g in each.values()]) for each in gradients)
    assert float((one - two).norm() / one.norm()) < 1e-5
    assert abs(logs[0][-1]["loss"] - logs[1][-1]["loss"]) < 1e-3
    for key in ("loss", "gradient_norm"):
        assert logs[0][0][key] == pytest.approx(logs[1][0][key], rel=1e-5)


@pytest.mark.slow
def test_two_processes_of_the_command_line(tmp_path):
    keys = (
        "words=3000 validation_words=300 vocab_size=400 block_size=32 batch_size=4 steps=3 "
        "warmup=1 eval_every=2 device=cpu processes=2"
    )
    options = [word for key in keys.split() for word in ("--set", key)]
    launch(2, "-m", "leaner_harness.cli", "train", "bert-1m", "--out", tmp_path, *options)
    record = json.loads((tmp_path / "leaner.json").read_text())
    assert record["hardware"].startswith("2 x cpu") and record["steps"] == 3
