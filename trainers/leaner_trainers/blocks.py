"""Blocks of tokenised text, with what an objective has to know of each token."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from leaner_harness import TEXT, Blocks


def places_in_order(numbers: NDArray[np.int64], block_size: int) -> NDArray[np.int64]:
    """Where the tokens of blocks (B,) lie that follow one another, and the next; (B, T + 1)."""
    return numbers[:, None] * block_size + np.arange(block_size + 1)


def read_blocks(
    ids: NDArray[np.uint16],
    places: NDArray[np.int64],
    start: int | None,
    kinds: NDArray[np.uint8] | None = None,
) -> Blocks:
    """Some blocks, each with the token that follows it.

    `places` (B, T + 1) are the tokens', `start` is the token that begins a document, or None where
    documents may see each other; `kinds` are the tokens', which by default are all text.
    """
    found = torch.from_numpy(ids[places].astype(np.int64))
    documents = None if start is None else (found == start).cumsum(dim=1)
    if kinds is None:
        return Blocks(found, documents, torch.full_like(found, TEXT, dtype=torch.uint8))
    return Blocks(found, documents, torch.from_numpy(kinds[places]))
