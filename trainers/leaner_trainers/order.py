"""Which blocks make a batch: a pure function of the seed, so that a run resumes bit for bit."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def block_numbers(first: int, count: int, n_blocks: int, seed: int) -> NDArray[np.int64]:
    """The blocks at places `first` to `first + count` of an endless row of shuffled epochs.

    Every epoch holds each of the `n_blocks` blocks once. Shape (count,).
    """
    places = np.arange(first, first + count)
    numbers = np.empty(count, dtype=np.int64)
    for epoch in range(first // n_blocks, (first + count - 1) // n_blocks + 1):
        here = places // n_blocks == epoch
        numbers[here] = _permutation(n_blocks, seed, epoch)[places[here] % n_blocks]
    return numbers


@lru_cache(maxsize=2)
def _permutation(n_blocks: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.Generator(np.random.PCG64([seed, epoch])).permutation(n_blocks)


def read_blocks(
    ids: NDArray[np.uint16], numbers: NDArray[np.int64], block_size: int
) -> NDArray[np.int64]:
    """The ids of some blocks, each with the one that follows it; shape (B, block_size + 1)."""
    starts = numbers[:, None] * block_size  # (B, 1)
    blocks: NDArray[np.uint16] = ids[starts + np.arange(block_size + 1)]  # (B, T + 1)
    return blocks.astype(np.int64)
