"""Seeded chance that is the same on every machine and Python version."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Draws from one named stream; equal keys give equal draws.

    Only `Random.random()` is used: Python promises its values, but not those of `choice`.
    """

    def __init__(self, *key: object) -> None:
        name = "/".join(map(str, key)).encode()
        seed = int.from_bytes(hashlib.sha256(name).digest()[:8], "big")
        self.unit = random.Random(seed).random

    def below(self, limit: int) -> int:
        """A whole number from 0 up to, not including, `limit`."""
        return int(self.unit() * limit)

    def chance(self, share: float) -> bool:
        """True in `share` of the draws."""
        return self.unit() < share

    def pick(self, items: Sequence[T]) -> T:
        """One of `items`."""
        return items[int(self.unit() * len(items))]

    def several(self, items: Sequence[T], count: int) -> list[T]:
        """`count` different members of `items`, in drawn order."""
        pool = list(items)
        return [pool.pop(int(self.unit() * len(pool))) for _ in range(count)]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """All of `items` in drawn order."""
        return self.several(items, len(items))
