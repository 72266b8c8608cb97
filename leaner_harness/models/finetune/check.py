"""The conformance check of a classifier: it is built on a saved checkpoint and ignores padding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from leaner_harness.contracts import ArchitectureSpec
from leaner_harness.models.finetune.classifier import build_classifier
from leaner_harness.models.finetune.encoding import Encoded, collate

_TOLERANCE = 1e-4


def classifies(folder: Path, spec: ArchitectureSpec) -> str:
    """Classify two rows of unlike length, together and alone; raises AssertionError."""
    model = build_classifier(str(folder), 2, from_scratch=False, spec=spec)
    ids = [list(range(10, 20)), list(range(30, 70))]
    rows = Encoded(ids, [[0] * len(row) for row in ids], [0.0, 1.0], 0, max(map(len, ids)))
    device = torch.device("cpu")
    with torch.inference_mode():
        model.eval()
        together = model(collate(rows, np.array([0, 1]), 0, device))
        alone = model(collate(rows, np.array([0]), 0, device))
    assert together.shape == (2, 2), f"logits have the shape {tuple(together.shape)}, not (2, 2)"
    gap = (together[:1] - alone).abs().max().item()
    assert gap <= _TOLERANCE, f"padding changes a class's logit by {gap:.2g}"
    return f"two classes, padding changes a logit by at most {gap:.0e}"
