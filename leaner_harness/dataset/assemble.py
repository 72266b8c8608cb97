"""Assemble: what was kept becomes a data set, without what is there twice or in a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from leaner_harness.dataset import shards
from leaner_harness.dataset.build import assembled
from leaner_harness.dataset.ledger import KEPT, REJECTED, Entry, Ledger, Part
from leaner_harness.dataset.records import WARN
from leaner_harness.files import write_json
from leaner_harness.provenance import without_paths

MANIFEST = "manifest.json"

Repeats = Callable[[Iterable[tuple[str, str]]], Mapping[str, str]]
"""(id, text) of all documents in order -> id of each near-duplicate, and what it repeats."""
Contaminated = Callable[[str], str]
"""A text -> the benchmark row that it holds; empty for none."""


def assemble(
    ledger: Ledger,
    folder: Path,
    rewriter: Mapping[str, Any],
    repeats: Repeats,
    contaminated: Contaminated,
    seed: int,
) -> dict[str, Any]:
    """Write the shards and the manifest; returns the manifest. May be called again at any time."""
    whole = [(entry, parts) for entry, parts in assembled(ledger)]
    texts = ((entry.id, _text(parts)) for entry, parts in whole)
    doubled = repeats(texts)
    kept = list(_kept(ledger, whole, doubled, contaminated))
    files = shards.write(
        (
            (shards.split_of(entry, seed), entry.genre, shards.row_of(entry, parts, rewriter))
            for entry, parts in kept
        ),
        folder,
    )
    ledger.commit()
    manifest = {
        "settings": without_paths(ledger.fact("settings")),
        "rewriter": without_paths(dict(rewriter)),
        "documents": account(ledger, "documents"),
        "chunks": account(ledger, "chunks"),
        "checks": _checks(parts for _, parts in kept),
        "files": files,
    }
    write_json(folder / MANIFEST, manifest)
    return manifest


def _text(parts: Sequence[Part]) -> str:
    return "\n".join(part.rewritten for part in parts)


def _kept(
    ledger: Ledger,
    whole: Iterable[tuple[Entry, Sequence[Part]]],
    doubled: Mapping[str, str],
    contaminated: Contaminated,
) -> Iterator[tuple[Entry, Sequence[Part]]]:
    for entry, parts in whole:
        if entry.id in doubled:
            ledger.settle(entry.place, REJECTED, "near_duplicate")
        elif contaminated(_text(parts)):
            ledger.settle(entry.place, REJECTED, "contaminated")
        else:
            ledger.settle(entry.place, KEPT, "")
            yield entry, parts


def _checks(documents: Iterable[Sequence[Part]]) -> dict[str, dict[str, Any]]:
    """What each check found in the chunks that were kept."""
    values: dict[str, list[float]] = {}
    found: dict[str, dict[str, Any]] = {}
    for each in (row for parts in documents for part in parts for row in part.findings):
        name = each["check"]
        values.setdefault(name, []).append(each["value"])
        about = found.setdefault(name, {"warnings": 0, "version": each["version"]})
        about["warnings"] += each["verdict"] == WARN
    for name, all_values in values.items():
        found[name] |= {
            "mean": sum(all_values) / len(all_values),
            "lowest": min(all_values),
            "highest": max(all_values),
        }
    return found


def account(ledger: Ledger, table: str) -> dict[str, Any]:
    """How many there are, and what became of them: the parts always add up to the whole."""
    counts = ledger.counts(table)
    return {
        "in": sum(counts.values()),
        **{state: counts.get(state, 0) for state in ("kept", "rejected", "failed", "pending")},
        "reasons": [
            {"state": state, "reason": reason.partition(":")[0], "count": count}
            for state, reason, count in _merged(ledger.reasons(table))
        ],
    }


def _merged(reasons: Iterable[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """The same reason with other details counts as one."""
    found: dict[tuple[str, str], int] = {}
    for state, reason, count in reasons:
        key = state, reason.partition(":")[0]
        found[key] = found.get(key, 0) + count
    return [(state, reason, count) for (state, reason), count in sorted(found.items())]
