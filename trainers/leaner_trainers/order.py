"""Which blocks make a batch, and its chance: pure functions of the seed, so that a run resumes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

_DRAWS = 1  # keeps the draws apart from the permutations, whose seeds have two parts


def block_numbers(places: NDArray[np.int64], n_blocks: int, seed: int) -> NDArray[np.int64]:
    """The blocks at some places of an endless row of shuffled epochs; shape of `places`, (B,).

    Every epoch holds each of the `n_blocks` blocks once.
    """
    numbers = np.empty_like(places)
    epochs = places // n_blocks
    for epoch in np.unique(epochs):
        here = epochs == epoch
        numbers[here] = _permutation(n_blocks, seed, int(epoch))[places[here] % n_blocks]
    return numbers


@lru_cache(maxsize=2)
def _permutation(n_blocks: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.Generator(np.random.PCG64([seed, epoch])).permutation(n_blocks)


def read_blocks(
    ids: NDArray[np.uint16], numbers: NDArray[np.int64], block_size: int
) -> torch.Tensor:
    """The ids of some blocks, each with the one that follows it; int64, (B, block_size + 1)."""
    starts = numbers[:, None] * block_size  # (B, 1)
    blocks: NDArray[np.uint16] = ids[starts + np.arange(block_size + 1)]  # (B, T + 1)
    return torch.from_numpy(blocks.astype(np.int64))


class RowRandom:
    """Chance for the rows of a batch: what a row gets depends on the seed and its place alone."""

    def __init__(self, places: NDArray[np.int64], seed: int) -> None:
        seeds = [[seed, int(place), _DRAWS] for place in places]
        self._rows = [np.random.Generator(np.random.PCG64(each)) for each in seeds]

    def random(self, *shape: int) -> torch.Tensor:
        """Uniform draws from [0, 1); float64, (B, *shape)."""
        return torch.from_numpy(np.stack([row.random(shape) for row in self._rows]))
