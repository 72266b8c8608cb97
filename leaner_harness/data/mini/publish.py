"""The manifest: digests of all that is generated, to prove that it is the same everywhere."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from leaner_harness.data.mini.instructions import instructions
from leaner_harness.data.mini.tasks import SIZES, rows, stems
from leaner_harness.data.mini.text import SIDES, TEXT_SPLITS, documents
from leaner_harness.data.mini.world import SEED, VERSION
from leaner_harness.errors import DataError
from leaner_harness.files import write_atomic, write_json

_HERE = Path(__file__).parent
_MANIFEST, _WORDS = _HERE / "manifest.json", _HERE / "words.txt"
PREFIX = 210
"""How many documents and instructions of each stream the manifest vouches for."""
_SURVEY = 1_000_000
_IDS = frozenset(("tag", "pair_id", "template_id", "source"))


def manifest() -> dict[str, Any]:
    """The published manifest: version, seed, digests, word count and measured gates."""
    loaded: dict[str, Any] = json.loads(_MANIFEST.read_text(encoding="utf-8"))
    return loaded


def word_list() -> list[str]:
    """Every word the simple side and the tasks use."""
    return _WORDS.read_text(encoding="utf-8").split()


def tokens(text: str) -> list[str]:
    """Lower-cased runs of letters: what the word limit counts."""
    return re.findall("[a-z]+", text.lower())


def verify() -> None:
    """Generate everything the manifest vouches for and compare.

    Raises DataError naming the parts that differ.
    """
    published = manifest()["sha256"]
    made = digests()
    wrong = sorted(k for k in {*published, *made} if published.get(k) != made.get(k))
    if wrong:
        raise DataError(
            f"{VERSION}: what is generated differs from the manifest: {', '.join(wrong)}.",
            "After a wanted change raise VERSION; python -m leaner_harness.data.mini --write.",
        )


def digests() -> dict[str, str]:
    """sha256 of each task file, and of the beginning of each stream."""
    made = {f"tasks/{stem}": _digest(rows(stem)) for stem in stems()}
    for side in SIDES:
        for split in TEXT_SPLITS:
            texts = islice(documents(side, split), PREFIX)
            made[f"text/{side}-{split}"] = _digest([d.id, d.genre, d.text] for d in texts)
            made[f"instructions/{side}-{split}"] = _digest(instructions(side, split, PREFIX))
    return made


def _digest(records: Iterable[Any]) -> str:
    total = hashlib.sha256()
    for record in records:
        total.update(json.dumps(record, sort_keys=True, ensure_ascii=True).encode() + b"\n")
    return total.hexdigest()


def survey() -> list[str]:
    """All words found in every task file and in long stretches of simple text, sorted."""
    found: set[str] = set()
    for text in _simple_texts():
        found.update(tokens(text))
    return sorted(found)


def _simple_texts() -> Iterator[str]:
    for stem in stems():
        for row in rows(stem):
            yield from (v for k, v in row.items() if isinstance(v, str) and k not in _IDS)
    for split in TEXT_SPLITS:
        for document in documents(split=split, words=_SURVEY):
            yield document.text
        for triple in instructions(split=split, count=5000):
            yield from triple.values()


def write(gates: dict[str, Any] | None = None) -> dict[str, Any]:
    """Rewrite manifest and word list; gates not measured now are kept as they were published."""
    words = survey()
    kept = manifest().get("gates", {}) if _MANIFEST.exists() else {}
    content = {
        "version": VERSION,
        "seed": SEED,
        "synthetic": True,
        "rows": SIZES,
        "words": len(words),
        "prefix": PREFIX,
        "sha256": digests(),
        "gates": gates or kept,
    }
    write_atomic(_WORDS, "\n".join(words) + "\n")
    write_json(_MANIFEST, content)
    return content
