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


def process_seed(seed: int, process: int, step: int) -> int:
    """What a process other than the first draws with in a step: dropout there has other masks."""
    return int(np.random.SeedSequence([seed, process, step]).generate_state(1)[0])


class RowRandom:
    """Chance for the rows of a batch: what a row gets depends on the seed and its place alone."""

    def __init__(self, places: NDArray[np.int64], seed: int) -> None:
        self._places, self._seed = places, seed
        self._rows: list[np.random.Generator] = []

    def random(self, *shape: int) -> torch.Tensor:
        """Uniform draws from [0, 1); float64, (B, *shape)."""
        if not self._rows:  # at first use: an objective without chance need not wait for them
            seeds = ([self._seed, int(place), _DRAWS] for place in self._places)
            self._rows = [np.random.Generator(np.random.PCG64(seed)) for seed in seeds]
        return torch.from_numpy(np.stack([row.random(shape) for row in self._rows]))
