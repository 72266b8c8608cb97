"""Near-duplicates among documents: MinHash over word 5-grams (Broder 1997), found by banding.

A document is held against those kept before it in reading order, so the first of its like stays.
What it is held by, its sketch, is a pure function of its text: sketches may be made anywhere and in
any order, and only `Seen.add` must be called in reading order.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from leaner_harness.errors import UsageError

Hashes = npt.NDArray[np.uint64]
Slots = npt.NDArray[np.intp]

# Signs of sums are words, or "3 + 4" and "3 - 4" were one problem; other marks are not.
_TOKEN = re.compile(r"[^\W_]+|[+*/=<>^]|-(?![^\W\d_])")
_MOST_WORDS = 1 << 17  # whose hashes are remembered: about 20 MB
_BLOCK = 128  # grams that are hashed at once: more would leave the processor's cache
_CROWD = 64  # documents a bucket holds: bounds the time where many texts share a template
_FULL = 0.6  # of a table's slots
_WINDOW = np.arange(12)  # slots that are looked at together


@dataclass(frozen=True, slots=True)
class Settings:
    """How near is a duplicate. Raises UsageError for numbers that cannot be."""

    least: float = 0.8
    """The estimated Jaccard similarity of their grams from which on a text repeats another."""
    gram: int = 5
    """Words in a gram; a shorter text is one gram of its own length."""
    bands: int = 20
    rows: int = 6
    """Hashes in a band: texts are compared that agree in one band. Of pairs with similarity s it
    finds 1 - (1 - s**rows)**bands: .998 at .8."""
    seed: int = 1

    def __post_init__(self) -> None:
        if min(self.gram, self.bands, self.rows) < 1:
            raise UsageError("gram, bands and rows of a near-duplicate must be 1 or more.")
        if not 0 < self.least <= 1:
            raise UsageError(f"least is {self.least!r}; it must be above 0, and 1 at most.")


class Sketch(NamedTuple):
    """What a document is held by: 8 bytes and 2 a hash."""

    exact: int
    """64 bits of its text, but for case and white space."""
    values: npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Repeat:
    """That a document is, or is nearly, one that came before."""

    of: str
    """Name of the document that stays."""
    jaccard: float
    """Estimated from the sketches; its standard error is .037 at .8 with the default settings."""
    is_exact: bool


def normalised(text: str) -> str:
    """In lower case, with single spaces, and one spelling of letters that have several."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def sketch(text: str, settings: Settings) -> Sketch:
    """The sketch of a text."""
    plain = normalised(text)
    exact = _hash(plain)
    tokens = _TOKEN.findall(plain)
    grams = gram_hashes(tokens, min(settings.gram, len(tokens)))
    if not len(grams):  # nothing but marks
        grams = np.array([exact], dtype=np.uint64)
    factors, offsets = _coefficients(settings)
    least = np.full(len(factors), np.iinfo(np.uint64).max)
    for start in range(0, len(grams), _BLOCK):
        block = grams[start : start + _BLOCK, None] * factors
        block += offsets
        np.minimum(least, block.min(axis=0), out=least)
    return Sketch(exact, (_mix(least) >> np.uint64(48)).astype(np.uint16))


def gram_hashes(words: Sequence[str], size: int) -> Hashes:
    """64-bit hashes of all runs of `size` words, in their order; none of fewer words."""
    count = len(words) - size + 1
    if size < 1 or count < 1:
        return np.zeros(0, dtype=np.uint64)
    each = np.fromiter(map(_WORDS.__getitem__, words), np.uint64, len(words))
    found = np.full(count, size, dtype=np.uint64)
    for start in range(size):
        found = found * _FACTOR + each[start : start + count]
    return _mix(found)


class _WordHashes(dict[str, int]):
    """64-bit hashes of words; forgotten all at once when they are too many."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _MOST_WORDS:
            self.clear()
        self[word] = found = _hash(word)
        return found


_WORDS = _WordHashes()
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _mix(values: Hashes) -> Hashes:
    """Every bit of a number spread over all of them (the last steps of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@lru_cache(maxsize=8)
def _coefficients(settings: Settings) -> tuple[Hashes, Hashes]:
    """Of the hashes: numpy's own random numbers may change from version to version."""
    count = settings.bands * settings.rows
    start = settings.seed % (1 << 32) << 32
    drawn = _mix(_mix(np.arange(start + 1, start + 1 + 2 * count, dtype=np.uint64)) * _FACTOR)
    return drawn[:count] | np.uint64(1), drawn[count:]


class Seen:
    """Documents that stay, in memory: about 1 KB each, and the name.

    With the default settings a document is 248 bytes for its sketch and 21 keys of 20 to 40 bytes
    in the table: 670 to 1,210 bytes, half as much again while an array grows. Repeats take none.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._names: list[str] = []
        width = self.settings.bands * self.settings.rows
        self._exact = np.zeros(64, dtype=np.uint64)
        self._values = np.zeros((64, width), dtype=np.uint16)
        self._table = _Table()

    def __len__(self) -> int:
        return len(self._names)

    @property
    def bytes(self) -> int:
        """Held in arrays: all but the names."""
        return self._exact.nbytes + self._values.nbytes + self._table.bytes

    def add(self, name: str, found: Sketch) -> Repeat | None:
        """What the next document in reading order repeats; None where it stays."""
        keys = self._keys(found)
        others, free = self._table.find(keys)
        if others:
            shares = (self._values[others] == found.values).mean(axis=1)
            exact = self._exact[others] == np.uint64(found.exact)
            best = int(np.argmax(shares + exact))  # the first of the nearest
            if shares[best] >= self.settings.least:
                of = self._names[others[best]]
                return Repeat(of, float(shares[best]), bool(exact[best]))
        self._keep(name, found)
        self._table.add(keys, len(self._names) - 1, free)
        return None

    def _keys(self, found: Sketch) -> Hashes:
        """One of each band, and of the exact text. None is 0, which is an empty slot."""
        shape = (self.settings.bands, self.settings.rows)
        powers = _FACTOR ** np.arange(1, self.settings.rows + 1, dtype=np.uint64)
        keys = np.arange(self.settings.bands + 1, dtype=np.uint64)
        keys[:-1] += (found.values.reshape(shape) * powers).sum(axis=1, dtype=np.uint64)
        keys[-1] = found.exact
        return np.maximum(_mix(keys), np.uint64(1))

    def _keep(self, name: str, found: Sketch) -> None:
        number = len(self._names)
        if number == len(self._exact):
            self._exact = _longer(self._exact)
            self._values = _longer(self._values)
        self._exact[number] = found.exact
        self._values[number] = found.values
        self._names.append(name)


def _longer(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate([rows, np.zeros_like(rows, shape=(len(rows) // 2, *rows.shape[1:]))])


class _Table:
    """Keys and the documents that have them: open addressing, a key stands once a document."""

    def __init__(self) -> None:
        self._keys: Hashes = np.zeros(1 << 12, dtype=np.uint64)
        self._numbers = np.zeros(1 << 12, dtype=np.uint32)
        self._held = 0

    @property
    def bytes(self) -> int:
        return self._keys.nbytes + self._numbers.nbytes

    def find(self, keys: Hashes) -> tuple[list[int], Slots]:
        """Documents that have one of the keys, sorted; and where to put one more, by key.

        The place is -1 where a key is crowded.
        """
        self._make_room(len(keys))
        met: set[int] = set()
        crowd, free = np.zeros(len(keys), dtype=np.int64), np.full(len(keys), -1)
        waiting, slots = np.arange(len(keys)), self._slots(keys)
        while len(waiting):
            window = (slots[:, None] + _WINDOW) & (len(self._keys) - 1)
            held = self._keys[window]
            same = held == keys[waiting, None]
            if same.any():
                met.update(self._numbers[window[same]].tolist())
                crowd[waiting] += same.sum(axis=1)
            empty = held == 0
            first = empty.argmax(axis=1)
            rows = np.arange(len(waiting))
            ends = empty[rows, first]
            free[waiting[ends]] = window[rows, first][ends]
            waiting, slots = waiting[~ends], slots[~ends] + len(_WINDOW)
        free[crowd >= _CROWD] = -1
        return sorted(met), free

    def add(self, keys: Hashes, number: int, free: Slots) -> None:
        """Put a document under keys, at the places that were found."""
        chosen = free >= 0
        self._put(keys[chosen], np.full(chosen.sum(), number, dtype=np.uint32), free[chosen])

    def _make_room(self, more: int) -> None:
        """Grow before places are looked for: none that was found outlives it."""
        if self._held + more <= _FULL * len(self._keys):
            return
        keys, numbers = self._keys, self._numbers
        self._keys = np.zeros(2 * len(keys), dtype=np.uint64)
        self._numbers = np.zeros(2 * len(keys), dtype=np.uint32)
        self._held, old = 0, keys != 0
        self._put(keys[old], numbers[old], self._slots(keys[old]))

    def _put(self, keys: Hashes, numbers: npt.NDArray[np.uint32], slots: Slots) -> None:
        self._held += len(keys)
        while len(keys):
            free = self._keys[slots] == 0
            self._keys[slots[free]], self._numbers[slots[free]] = keys[free], numbers[free]
            # Of several that wanted one slot, the last has it.
            lost = ~free | (self._keys[slots] != keys) | (self._numbers[slots] != numbers)
            keys, numbers = keys[lost], numbers[lost]
            slots = (slots[lost] + 1) & (len(self._keys) - 1)

    def _slots(self, keys: Hashes) -> Slots:
        return (keys & np.uint64(len(self._keys) - 1)).astype(np.intp)
