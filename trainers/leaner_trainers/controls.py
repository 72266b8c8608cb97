"""Controls of a curriculum: its own scores, dealt out to other documents.

So the pools of a control have as many documents as the curriculum's; or, where shares are of
tokens, as many tokens, to within a document.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]

_SHUFFLE = 3  # keeps this chance apart from any other of the same seed


def reversed_scores(scores: Scores) -> Scores:
    """The scores dealt out the other way round, (n,): the hardest document gets the lowest."""
    order = np.argsort(scores, kind="stable")
    dealt = np.empty_like(scores)
    dealt[order[::-1]] = scores[order]
    return dealt


def shuffled_scores(scores: Scores, seed: int) -> Scores:
    """The scores dealt out at random, (n,)."""
    chance = np.random.PCG64([seed, 0, 0, 0, _SHUFFLE])
    return np.random.Generator(chance).permutation(scores)
