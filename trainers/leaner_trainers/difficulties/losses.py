"""`self_loss` and `lm_loss`: nats per token, under the model in training or under a reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leaner_harness import Examples


def mean_loss(examples: Examples) -> NDArray[np.float32]:
    """The mean loss of each document's tokens, (n,)."""
    return np.asarray(examples.nats / examples.tokens, dtype=np.float32)
