"""Interpolated modified Kneser-Ney smoothing over ids, on sorted numpy arrays.

Source: Chen and Goodman 1998, "An Empirical Study of Smoothing Techniques".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

END = 0  # lies between sequences: it begins one and ends the one before


class KneserNey:
    """Interpolated modified Kneser-Ney over ids below V, of which 0 separates sequences.

    Level k (from 1) holds every k-gram seen, sorted by its key, `place of its first k-1 ids * V +
    last id`, where the place is the row in level k-1. So a k-gram is found in one search, and the
    k-grams that share a context lie side by side.
    """

    def __init__(self, size: int, keys: list[Ints], counts: list[Ints]) -> None:
        """`size` is V; `keys` and `counts` are those of levels 1, 2, ...; level 1 has all V ids."""
        self.size = size
        self.keys = keys
        self.counts = counts
        self._mass: list[Floats] = []  # of each k-gram: discounted count / total of its context
        self._left: list[Floats] = []  # of each context: what the level below may share out
        for level, (key, count) in enumerate(zip(keys, counts, strict=True)):
            context = key // size
            n_contexts = 1 if level == 0 else len(keys[level - 1])
            discount = np.concatenate([[0.0], _discounts(count)])[np.minimum(count, 3)]
            total = np.bincount(context, count, n_contexts)
            taken = np.bincount(context, discount, n_contexts)
            safe = np.maximum(total, 1)
            self._mass.append((count - discount) / safe[context])
            self._left.append(np.where(total > 0, taken / safe, 1.0))

    @classmethod
    def count(cls, stream: Ints, size: int, order: int) -> KneserNey:
        """Estimate from a stream that begins with 0; no k-gram reaches across a 0."""
        place = stream.copy()  # row of the k-gram that ends here; -1 for none
        keys, raw, suffixes = [np.arange(size)], [np.bincount(stream, minlength=size)], []
        begins = [np.arange(size) == END]
        for _ in range(order - 1):
            before, previous = place[:-1], stream[:-1]
            # 0 may begin a k-gram or end it, but not stand inside.
            inside = previous == END if len(keys) > 1 else np.zeros(len(previous), bool)
            ends = np.flatnonzero((before >= 0) & ~inside) + 1
            if not len(ends):  # no text is so long: longer contexts say nothing
                break
            key, first, row, count = np.unique(
                place[ends - 1] * size + stream[ends], True, True, True
            )
            suffixes.append(place[ends[first]])
            begins.append(begins[-1][key // size])
            place = np.full(len(stream), -1)
            place[ends] = row
            keys.append(key)
            raw.append(count)
        # Below the highest level a k-gram counts the different ids seen before it; nothing can
        # stand before one that begins with 0, so that one keeps its plain count.
        counts = [
            np.where(b & (level > 0), c, np.bincount(s, minlength=len(c)))
            for level, (c, s, b) in enumerate(zip(raw, suffixes, begins, strict=False))
        ]
        return cls(size, keys, [*counts, raw[-1]])

    def score(self, ids: Ints) -> Floats:
        """Natural log-probability of each id after those before it; the first is only context.

        `ids` has shape (T + 1,), the result (T,).
        """
        place, chance = ids, np.full(len(ids), 1.0 / self.size)
        for level, (mass, left) in enumerate(zip(self._mass, self._left, strict=True)):
            context = np.zeros_like(ids) if level == 0 else np.concatenate([[-1], place[:-1]])
            row = self._find(level, context, ids)
            known = np.where(context >= 0, left[context], 1.0)
            chance = known * chance + np.where(row >= 0, mass[row], 0.0)
            place = row
        logs: Floats = np.log(chance[1:])
        return logs

    def chances(self, context: Ints) -> Floats:
        """The probability of every id after `context`; shape (V,), sums to 1."""
        chance = np.full(self.size, 1.0 / self.size)
        for level in range(min(len(self.keys), len(context) + 1)):
            place = self._context(context[len(context) - level :])
            if place < 0:
                break
            low, high = np.searchsorted(
                self.keys[level], [place * self.size, (place + 1) * self.size]
            )
            chance *= self._left[level][place]
            chance[self.keys[level][low:high] % self.size] += self._mass[level][low:high]
        return chance

    def _context(self, ids: Ints) -> int:
        """The row of a context in its level, 0 for the empty one, -1 when it was not seen."""
        if len(ids) == 0:
            return 0
        place = ids[:1]
        for level in range(1, len(ids)):
            place = self._find(level, place, ids[level : level + 1])
        return int(place[0])

    def _find(self, level: int, context: Ints, ids: Ints) -> Ints:
        if level == 0:
            return ids
        keys, wanted = self.keys[level], context * self.size + ids
        row = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where((context >= 0) & (keys[row] == wanted), row, -1)


def _discounts(counts: Ints) -> Floats:
    """What is taken from k-grams seen once, twice, and more often; shape (3,).

    Chen and Goodman's estimate, kept within what leaves mass on both sides; where too few k-grams
    are seen for it, one half.
    """
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == n)) for n in (1, 2, 3, 4))
    if not (n1 and n2 and n3):
        return np.full(3, 0.5)
    y = n1 / (n1 + 2 * n2)
    found = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    return np.clip(found, 0.1, [0.95, 1.95, 2.95])
