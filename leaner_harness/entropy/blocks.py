"""Counts of runs of tokens, and the entropy that they say.

Runs do not cross the end of a document. Only how many runs occur how often matters for an entropy,
so that is all that is kept: a *spectrum*. Shapes: N tokens, K distinct runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]
Keys = NDArray[np.unsignedinteger]

_TABLE = 1 << 16
"""Entries of a table: so many at most, or one for each run; larger spaces are sorted."""


@dataclass(frozen=True)
class Tokens:
    """A text as numbers."""

    ids: Ids
    """(N,) from 0 to `types` - 1."""
    documents: Ids
    """(N,) the number of each token's document, ascending."""
    types: int
    """How many ids there may be."""
    characters: int
    """Of the text that these tokens are."""

    def __len__(self) -> int:
        return len(self.ids)

    def first(self, count: int) -> Tokens:
        """The first tokens, with their share of the characters."""
        if count >= len(self):
            return self
        share = round(self.characters * count / len(self))
        return Tokens(self.ids[:count], self.documents[:count], self.types, share)


class Spectrum(NamedTuple):
    """How many distinct runs occur how often."""

    times: Ids
    """(F,) ascending."""
    runs: Ids
    """(F,) distinct runs that occur so often."""

    @property
    def total(self) -> int:
        """All runs."""
        return int(self.times @ self.runs)

    @property
    def distinct(self) -> int:
        """Distinct runs."""
        return int(self.runs.sum())


def spectrum(counts: Ids) -> Spectrum:
    """The spectrum of (K,) counts; zeros are no runs."""
    runs = np.bincount(counts)
    runs[:1] = 0
    times = np.flatnonzero(runs)
    return Spectrum(times, runs[times])


class Runs(NamedTuple):
    """The whole runs of one length in a text."""

    keys: Keys
    """One number for each run; equal runs, equal numbers."""
    whole: NDArray[np.bool_]
    """For each place of the text that has so many tokens behind it, whether a run begins there."""

    @property
    def starts(self) -> Ids:
        """Where each begins."""
        return np.flatnonzero(self.whole)


def runs(tokens: Tokens, longest: int) -> Iterator[Runs]:
    """The runs of 1, 2, ... tokens."""
    ids, documents, types = tokens.ids, tokens.documents, max(tokens.types, 1)
    ends = np.flatnonzero(documents[1:] != documents[:-1])
    found: Keys = ids.astype(_kind(types))
    found, types = _dense(found, types)
    single, space = found, types
    for length in range(1, longest + 1):
        count = max(len(ids) - length + 1, 0)
        if length > 1:
            # The next run begins where this one did, be it whole or not.
            space *= types
            kind = _kind(space)
            found = found[:count].astype(kind) * kind(types) + single[length - 1 :].astype(kind)
            if space * types >= 1 << 63:
                found, space = _dense(found, space)
        whole = np.ones(count, dtype=bool)
        for back in range(length - 1):  # a document ends within these
            inside = ends - back
            whole[inside[(inside >= 0) & (inside < count)]] = False
        yield Runs(found[whole], whole)


def _kind(space: int) -> type[np.unsignedinteger]:
    """Narrow numbers are quicker to move, and to sort."""
    return np.uint32 if space < 1 << 32 else np.uint64


def _fits(space: int, count: int) -> bool:
    """Whether a table of all there may be costs less than sorting what there is."""
    return space <= max(_TABLE, count)


def _dense(found: Keys, space: int) -> tuple[Keys, int]:
    """The same runs under numbers without gaps: longer ones then fit into narrow numbers."""
    if not len(found) or not _fits(space, len(found)):
        distinct, numbered = np.unique(found, return_inverse=True)
        return numbered.astype(_kind(len(distinct))), max(len(distinct), 1)
    seen = np.zeros(space, dtype=bool)
    seen[found] = True
    numbers = np.cumsum(seen, dtype=np.uint32)
    return numbers[found] - np.uint32(1), int(numbers[-1])


def counts(found: Keys) -> Ids:
    """(K,) how often each distinct number occurs."""
    if not len(found):
        return np.zeros(0, dtype=np.int64)
    if _fits(int(found.max()) + 1, len(found)):
        table = np.bincount(found)
        return np.asarray(table[table > 0], dtype=np.int64)
    ordered = np.sort(found)
    borders = np.flatnonzero(ordered[1:] != ordered[:-1])
    return np.diff(borders, prepend=-1, append=len(ordered) - 1)


def plug_in(found: Spectrum) -> float:
    """-sum p log2 p over the shares of the runs seen, in bits; too low for a small sample."""
    if not found.total:
        return 0.0
    shares = found.times / found.total
    return float(-(found.runs * shares) @ np.log2(shares))


def coverage(found: Spectrum) -> float:
    """The probability that the next run is one that was seen (Good 1953, Biometrika 40:237)."""
    once = int(found.runs[0]) if len(found.times) and found.times[0] == 1 else 0
    return 1 - once / found.total if found.total else 0.0


def corrected(found: Spectrum) -> float:
    """Grassberger's estimate (2003, arXiv physics/0307138, eq. 28-35), in bits.

    Of those tried on Zipf's law it errs least, and, where the coverage is small, still far too low.
    """
    total = found.total
    if not total:
        return 0.0
    from scipy.special import digamma

    n = found.times.astype(np.float64)
    sign = np.where(found.times % 2, -1.0, 1.0)
    gain = digamma(n) + sign / 2 * (digamma((n + 1) / 2) - digamma(n / 2))
    return float((np.log(total) - (found.runs * n) @ gain / total) / np.log(2))
