"""Items of a GLUE task: read from a source, kept in the ledger as documents of one chunk each.

What a model is shown of an item is its text fields alone, as a JSON object. Its label lies beside
them, under the item's id, and never comes from a model.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from leaner_harness.data.glue import SPLITS, GlueTask
from leaner_harness.data.sources import MINI, TaskRows, load
from leaner_harness.dataset.ledger import PENDING, REJECTED, Entry, Ledger, Part
from leaner_harness.dataset.records import Chunk
from leaner_harness.errors import DataError

EQUAL, CONFLICT, EMPTY = "duplicate", "conflict", "empty"
"""Why an item is left out for its text: it was there before, with another label, or is none."""
HALVE, KEEP = "halve", "keep"
"""Validation becomes validation and test; or the source's own splits stay."""
_MORE = ("tag", "pair_id")


@dataclass(frozen=True, slots=True)
class Item:
    """What is known of an item beside its text. No model changes it."""

    id: str
    split: str
    part: str
    idx: int
    label: float
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other keys of its row that the readers know."""


@dataclass(frozen=True, slots=True)
class Source:
    """The usable rows of a task, by split, and what their files hold."""

    task: GlueTask
    found: Mapping[str, TaskRows]
    splits: str
    """`halve` or `keep`."""

    def record(self) -> dict[str, Any]:
        """For the manifest: lines = usable rows + those that were dropped, of each split."""
        return {split: rows.record() for split, rows in self.found.items()}

    def items(self) -> Iterator[tuple[Item, dict[str, str]]]:
        """Items and their texts, what is evaluated on first: of equal items it is what stays."""
        for split in (each for each in reversed(SPLITS) if each in self.found):
            seen: Counter[str] = Counter()
            for row in self.found[split].rows:
                part, idx = row["part"], row["idx"]
                name = ":".join(filter(None, (split, part, str(idx))))
                seen[name] += 1
                name += f"+{seen[name] - 1}" if seen[name] > 1 else ""
                more = {key: row[key] for key in _MORE if row.get(key) is not None}
                texts = {key: row[key] for key in self.task.fields}
                yield Item(name, split, part, idx, row["label"], more), texts


def open_source(task: GlueTask, source: str, splits: str = "") -> Source:
    """Read a task of a folder in the published layout, or of the `mini` set.

    `splits` is `halve`, `keep`, or empty: halve where there is no labelled test file. Raises
    DataError where there is nothing to read.
    """
    where = {"source": MINI} if source == MINI else {"folder": source}
    found = {split: load(task.name, split, **where) for split in SPLITS}
    usable = {split: rows for split, rows in found.items() if rows.state == "ok" and rows.rows}
    if not usable:
        raise DataError(
            f"There are no rows of {task.name} in {source}: {found['validation'].reason}",
            "Name a folder with files such as rte_validation.jsonl, or mini.",
        )
    chosen = splits or (KEEP if "test" in usable else HALVE)
    if chosen == HALVE:
        usable.pop("test", None)  # it would have to share its name with one half of validation
    if not usable:
        raise DataError(
            f"{task.name} has no train or validation rows in {source}.", "--splits keep"
        )
    return Source(task, usable, chosen)


def enter(ledger: Ledger, source: Source, tolerance: float) -> None:
    """Enter all items, but for what is rejected; a reading that was stopped begins again."""
    ledger.clear()
    doubled = twins(((as_text(texts), item.label) for item, texts in source.items()), tolerance)
    genre = f"glue/{source.task.name}"
    for place, (item, texts) in enumerate(source.items()):
        text = as_text(texts)
        empty = EMPTY if not all(each.strip() for each in texts.values()) else ""
        reason = empty or doubled.get(place, "")
        chunks = [] if reason else [Chunk(item.id, 0, genre, text)]
        state = REJECTED if reason else PENDING
        ledger.add(Entry(place, item.id, genre, digest(text), state, reason, ""), chunks)
        ledger.set_fact(_name(item.id), asdict(item))


def entered(ledger: Ledger) -> Iterator[tuple[Entry, Item, Part | None]]:
    """All items as the ledger has them, in their order; no chunk for what was rejected at once."""
    for entry in ledger.documents():
        yield entry, item_of(ledger, entry.id), next(iter(ledger.parts(entry)), None)


def item_of(ledger: Ledger, name: str) -> Item:
    """What is known of an item."""
    return Item(**ledger.fact(_name(name)))


def _name(item: str) -> str:
    return f"item {item}"


def as_text(texts: Mapping[str, str]) -> str:
    """The text fields as they stand in a chunk."""
    return json.dumps(dict(texts), ensure_ascii=False)


def read_text(text: str, fields: Sequence[str]) -> dict[str, str] | None:
    """The text fields of a chunk or of a rewrite; None for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.keys() != set(fields):
        return None
    texts = [found[name] for name in fields]
    if not all(isinstance(each, str) for each in texts):
        return None
    # JSON can spell half a surrogate pair, which could not be written down.
    plain = (each.encode("utf-8", "replace").decode() for each in texts)
    return dict(zip(fields, plain, strict=True))


def digest(text: str) -> str:
    """sha256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def twins(items: Iterable[tuple[str, float]], tolerance: float) -> dict[int, str]:
    """Text and label of each item -> the places of those that repeat another, and why they go.

    Where labels of one text are further apart than the tolerance, none of its items stays.
    """
    places: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for place, (text, label) in enumerate(items):
        places[digest(text)].append((place, label))
    found: dict[int, str] = {}
    for same in places.values():
        labels = [label for _, label in same]
        if not near(min(labels), max(labels), tolerance):
            found |= {place: CONFLICT for place, _ in same}
        else:
            found |= {place: EQUAL for place, _ in same[1:]}
    return found


def near(one: float, other: float, tolerance: float) -> bool:
    """Whether two labels are the same; the tolerance is a part of what is."""
    return abs(one - other) <= tolerance + 1e-9  # 3.7 - 3.2 is above 0.5 in binary
