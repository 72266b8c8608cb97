"""What `leaner evaluate` spares before the first score: CPU seconds against stock `lm_eval`.

    python benchmarks/evaluate_start.py [--rounds 3] [--json]

Both score one embedded task with the same scorer and the same tiny random checkpoint and report no
bootstrapped error, so the difference is what comes before: lm-eval's index of 14,000 tasks. Whole
processes, user and system time, interleaved rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TASK = "leaner_glue_mini_sst2"


def checkpoint(folder: Path) -> Path:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from leaner_harness.conformance.architecture import VOCABULARY, byte_tokenizer

    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    config = LlamaConfig(vocab_size=VOCABULARY, num_attention_heads=2, **shape)
    LlamaForCausalLM(config).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def cpu_seconds(command: list[str], folder: Path) -> float:
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    before = os.times()
    subprocess.run(command, check=True, cwd=folder, env=environment, capture_output=True)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    programs = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = str(checkpoint(folder / "model"))
        stock = [
            str(programs / "lm_eval"), "--model", "leaner", "--model_args", f"pretrained={path}",
            "--tasks", TASK, "--batch_size", "64", "--output_path", "out", "--log_samples",
        ]  # fmt: skip
        short = [str(programs / "leaner"), "evaluate", path, "--tasks", TASK, "--model", "tiny"]
        times: dict[str, list[float]] = {"lm_eval": [], "leaner evaluate": []}
        for _ in range(args.rounds):
            times["lm_eval"].append(cpu_seconds(stock, folder))
            times["leaner evaluate"].append(cpu_seconds(short, folder))
    spared = [a - b for a, b in zip(times["lm_eval"], times["leaner evaluate"], strict=True)]
    found = {name: round(statistics.median(values), 2) for name, values in times.items()}
    found |= {"spared": round(statistics.median(spared), 2), "least": round(min(spared), 2)}
    if args.json:
        print(json.dumps(found, indent=1))
        return
    for name, value in found.items():
        print(f"{name}: {value} s CPU")
    print(f"goal, 4 s CPU spared: {'holds' if found['spared'] >= 4 else 'missed'}")


if __name__ == "__main__":
    main()
