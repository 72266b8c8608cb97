"""`compression`: how much of a text is left when what repeats is taken out."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from leaner_harness import Examples

_LEVEL = 6
_EMPTY = len(zlib.compress(b"", _LEVEL))


def compression(examples: Examples) -> NDArray[np.float32]:
    """Compressed bytes (zlib) per byte of text, (n,). Short texts repeat little: they are hard."""
    return np.array([_ratio(d.text.encode()) for d in examples.documents], dtype=np.float32)


def _ratio(text: bytes) -> float:
    return (len(zlib.compress(text, _LEVEL)) - _EMPTY) / max(len(text), 1)
