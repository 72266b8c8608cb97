"""A run in which every process writes down its blocks, and the first its first gradient.

`python -m torch.distributed.run --nproc-per-node N tests/observed_run.py OUT ARCHITECTURE [KEYS]`,
where KEYS are more of the recipe, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import torch
from leaner_trainers import loop
from leaner_trainers.training_text import TrainingText
from safetensors.torch import save_file
from small_training import RECIPE, surroundings

STEPS = 20


def main(out: Path, architecture: str, keys: str = "{}") -> None:
    """Train, with the two functions watched that see blocks and gradients go by."""
    rank = int(os.environ["RANK"])
    read, clip = TrainingText.read, torch.nn.utils.clip_grad_norm_
    seen: list[list[int]] = []

    def watched_blocks(self, places):
        found = read(self, places)
        seen.append([hash(tuple(row)) for row in found.ids.tolist()])
        return found

    def watched_clip(parameters, *args, **options):
        parameters = list(parameters)
        if rank == 0 and not (out / "gradient.safetensors").exists():
            trained = [parameter.grad for parameter in parameters if parameter.requires_grad]
            gradients = {str(number): grad.clone() for number, grad in enumerate(trained)}
            save_file(gradients, out / "gradient.safetensors")
        return clip(parameters, *args, **options)

    out.mkdir(parents=True, exist_ok=True)
    TrainingText.read, torch.nn.utils.clip_grad_norm_ = watched_blocks, watched_clip
    recipe = replace(RECIPE, architecture=architecture, size="exact", steps=STEPS)
    with surroundings():
        record = loop.train(replace(recipe, **json.loads(keys)), out).record
    (out / f"chance{rank}.json").write_text(json.dumps(torch.initial_seed()))
    (out / f"record{rank}.json").write_text(json.dumps(record))
    (out / f"blocks{rank}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
