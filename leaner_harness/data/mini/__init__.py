"""The embedded, self-written mini set: tasks, pre-training text and instructions of one world.

Everything is generated from (`VERSION`, `SEED`) by code in this package; see `card.md`. It was
written for this project and scores on it say nothing about published benchmark numbers.
"""

from __future__ import annotations

from leaner_harness.data.mini.instructions import instructions
from leaner_harness.data.mini.publish import manifest, verify, word_list
from leaner_harness.data.mini.tasks import rows, stems
from leaner_harness.data.mini.text import GENRES, SIDES, documents
from leaner_harness.data.mini.world import SEED, VERSION

__all__ = [
    "GENRES",
    "SEED",
    "SIDES",
    "VERSION",
    "documents",
    "instructions",
    "manifest",
    "rows",
    "stems",
    "verify",
    "word_list",
]
