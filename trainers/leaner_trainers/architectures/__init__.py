"""Architectures: one module each, with `build(size, vocab_size)`.

The names of sizes count parameters outside the embeddings and the language-model head, in units of
2^20, as TinyHelen does (arXiv:2501.00522).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from leaner_harness import UnknownName

Shape = TypeVar("Shape")


def shape_of(architecture: str, size: str, sizes: Mapping[str, Shape]) -> Shape:
    """What `sizes` has for a size; raises UnknownName where it has none."""
    if size not in sizes:
        raise UnknownName(f"size of architecture {architecture!r}", size, sizes)
    return sizes[size]
