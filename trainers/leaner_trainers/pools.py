"""The order in which a pool of documents is read: a pure function of (seed, stage, k).

Every pass over a pool shuffles its documents, lays them one after another, and cuts that into
blocks of T tokens; what is left at the end, less than a block, is not read in that pass.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

_PASSES = 2  # keeps these permutations apart from any other chance of the same seed


class _Pass(NamedTuple):
    """One pass over a pool: its documents as they are read, and where each of them ends."""

    documents: Ids
    ends: Ids
    """In tokens from the beginning of the pass, (documents,)."""


class Pool:
    """The documents of one stage. Shapes: n documents in all, B blocks, T tokens of a block."""

    def __init__(
        self, documents: Ids, offsets: Ids, block_size: int, seed: int, stage: int
    ) -> None:
        """`offsets` (n + 1,) say where in the file each document begins, and the last one ends."""
        self.documents, self.stage = documents, stage
        self._offsets, self._block_size, self._seed = offsets, block_size, seed
        self.tokens = int((offsets[documents + 1] - offsets[documents]).sum())
        self.blocks = max(1, (self.tokens - 1) // block_size)
        """In one pass."""
        self._pass = lru_cache(maxsize=2)(self._shuffle)

    def places(self, numbers: Ids) -> Ids:
        """Where the tokens of the k-th blocks of this stage lie in the file, and the next one.

        `numbers` (B,) count from 0 at the beginning of the stage; the result is (B, T + 1).
        """
        found = np.empty((len(numbers), self._block_size + 1), dtype=np.int64)
        passes = numbers // self.blocks
        for number in np.unique(passes):
            rows = np.flatnonzero(passes == number)
            starts = (numbers[rows] % self.blocks) * self._block_size
            # A pool shorter than a block is read round and round.
            at = (starts[:, None] + np.arange(self._block_size + 1)) % self.tokens
            documents, ends = self._pass(int(number))
            which = np.searchsorted(ends, at, side="right")
            read = documents[which]
            found[rows] = self._offsets[read + 1] - (ends[which] - at)
        return found

    def read_by(self, n_blocks: int) -> Ids:
        """The documents that the first so many blocks of the stage have a token of."""
        if n_blocks >= self.blocks:
            return self.documents  # but for what the cut of a pass leaves, which is another's turn
        if not n_blocks:
            return self.documents[:0]
        documents, ends = self._pass(0)
        last = int(np.searchsorted(ends, n_blocks * self._block_size - 1, side="right"))
        return documents[: last + 1]

    def _shuffle(self, number: int) -> _Pass:
        chance = np.random.PCG64([self._seed, self.stage, number, _PASSES])
        documents = np.random.Generator(chance).permutation(self.documents)
        lengths = self._offsets[documents + 1] - self._offsets[documents]
        return _Pass(documents, np.cumsum(lengths))
