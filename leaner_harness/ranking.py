"""Documents from easy to hard, as a curriculum gets them: scores, tokens, and shares of both."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from leaner_harness.errors import UsageError

Ids = NDArray[np.int64]

UNITS = ("tokens", "documents")
"""What a share of the text may be a share of."""
_HAIR = 1e-9  # shares are sums of floats: .05 twenty times is the whole


def _no_ids() -> Ids:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Ranking:
    """How difficult documents are, at one stage. Shapes: n documents. Ids are 0 to n - 1."""

    scores: NDArray[np.float32]
    """(n,); larger is harder."""
    weights: Ids
    """Tokens of each document, (n,)."""
    before: Ids = field(default_factory=_no_ids)
    """The documents of the stage before, ascending; none at the first."""

    @cached_property
    def order(self) -> Ids:
        """All ids, the easiest first; of two that are as hard, the smaller id first; (n,)."""
        return np.argsort(self.scores, kind="stable").astype(np.int64, copy=False)

    def everything(self) -> Ids:
        """All ids."""
        return np.arange(len(self.scores))

    def easiest(self, share: float, unit: str = "tokens", kept: Ids | None = None) -> Ids:
        """The easiest documents that make up a share of the text, ascending; at least one.

        In `tokens`, it is the fewest documents that reach the share; in `documents`, as many as fit
        into it. With `kept`, these ids are in, and the easiest of the others fill the share up.
        """
        if share >= 1 - _HAIR:
            return self.everything()
        chosen = np.zeros(len(self.scores), dtype=bool)
        order, weights = self.order, self.sizes(unit)
        wanted = share * int(weights.sum())
        if kept is not None and len(kept):
            chosen[kept] = True
            wanted -= int(weights[kept].sum())
            order = order[~chosen[order]]
        if unit == "documents":
            count = math.floor(wanted + _HAIR * len(weights))
        else:
            reached = np.cumsum(weights[order])
            count = int(np.searchsorted(reached, wanted * (1 - _HAIR))) + 1 if wanted > 0 else 0
        chosen[order[: max(count, 0)]] = True
        if not chosen.any():
            chosen[order[0]] = True
        return np.flatnonzero(chosen)

    def sizes(self, unit: str) -> Ids:
        """What each document counts, (n,): its tokens, or one.

        Raises UsageError for a unit that is neither.
        """
        if unit not in UNITS:
            raise UsageError(f"The unit of a share is {unit!r}; it must be one of {UNITS}.")
        return self.weights if unit == "tokens" else np.ones_like(self.weights)
