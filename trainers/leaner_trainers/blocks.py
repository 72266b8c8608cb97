"""Blocks of tokenised text, with what an objective has to know of each token."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from leaner_harness import TEXT, Blocks


def read_blocks(
    ids: NDArray[np.uint16],
    numbers: NDArray[np.int64],
    block_size: int,
    start: int | None,
    kinds: NDArray[np.uint8] | None = None,
) -> Blocks:
    """Some blocks, each with the token that follows it.

    `numbers` (B,) are the blocks', `start` is the token that begins a document, or None where
    documents may see each other; `kinds` are the tokens', which by default are all text.
    """
    places = numbers[:, None] * block_size + np.arange(block_size + 1)  # (B, T + 1)
    found = torch.from_numpy(ids[places].astype(np.int64))
    documents = None if start is None else (found == start).cumsum(dim=1)
    if kinds is None:
        return Blocks(found, documents, torch.full_like(found, TEXT, dtype=torch.uint8))
    return Blocks(found, documents, torch.from_numpy(kinds[places]))
