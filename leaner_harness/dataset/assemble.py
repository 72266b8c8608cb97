"""Assemble: what was kept becomes a data set, without what is there twice or in a benchmark."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaner_harness.dataset import shards
from leaner_harness.dataset.build import assembled
from leaner_harness.dataset.ledger import KEPT, REJECTED, Entry, Ledger, Part
from leaner_harness.dataset.prompts import PAIRS, pair_text
from leaner_harness.dataset.records import WARN
from leaner_harness.files import write_json
from leaner_harness.provenance import without_paths

MANIFEST = "manifest.json"

NEAR_DUPLICATE, CONTAMINATED = "near_duplicate", "contaminated"
"""Why a whole document is left out at last."""
Sift = Callable[[Iterable[tuple[str, str]]], Mapping[str, str]]
"""(id, text) of all documents in order -> ids of those that are left out, and why."""


def assemble(
    ledger: Ledger,
    folder: Path,
    rewriter: Mapping[str, Any],
    sift: Sift,
    seed: int,
    contamination: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the shards and the manifest; returns the manifest. May be called again at any time.

    `contamination` says which benchmarks `sift` knows.

    Texts are read one document at a time, twice: a data set may be larger than memory.
    """
    whole = [entry for entry, _ in assembled(ledger)]
    out = sift((entry.id, _text(entry, ledger.parts(entry))) for entry in whole)
    checks: dict[str, Tally] = {}

    def rows() -> Iterator[tuple[str, str, shards.Row]]:
        for entry, parts in _kept(ledger, whole, out):
            for finding in (each for part in parts for each in part.findings):
                checks.setdefault(finding["check"], Tally(finding["version"])).add(finding)
            row = shards.row_of(entry, parts, rewriter)
            yield shards.split_of(entry, seed), entry.genre, row

    files = shards.write(rows(), folder)
    ledger.commit()
    manifest = {
        "settings": without_paths(ledger.fact("settings")),
        "rewriter": without_paths(dict(rewriter)),
        "documents": account(ledger, "documents"),
        "chunks": account(ledger, "chunks"),
        "checks": {name: tally.record() for name, tally in checks.items()},
        "contamination": dict(contamination),
        "files": files,
    }
    write_json(folder / MANIFEST, manifest)
    return manifest


def _text(entry: Entry, parts: Sequence[Part]) -> str:
    """What is looked for in benchmarks and other documents: of a pair, prompt and answer."""
    texts = (part.rewritten for part in parts)
    if entry.genre in PAIRS:
        return "\n\n".join(map(pair_text, texts))
    return "\n".join(texts)


def _kept(
    ledger: Ledger, whole: Iterable[Entry], out: Mapping[str, str]
) -> Iterator[tuple[Entry, Sequence[Part]]]:
    for entry in whole:
        reason = out.get(entry.id, "")
        ledger.settle(entry.place, REJECTED if reason else KEPT, reason)
        if not reason:
            yield entry, ledger.parts(entry)


@dataclass(slots=True)
class Tally:
    """What one check found in the chunks that were kept."""

    version: int
    count: int = 0
    total: float = 0.0
    lowest: float = math.inf
    highest: float = -math.inf
    warnings: int = 0

    def add(self, finding: Mapping[str, Any]) -> None:
        """Count a finding, as the ledger has it."""
        value = finding["value"]
        self.count, self.total = self.count + 1, self.total + value
        self.lowest, self.highest = min(self.lowest, value), max(self.highest, value)
        self.warnings += finding["verdict"] == WARN

    def record(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "warnings": self.warnings,
            "version": self.version,
            "mean": self.total / self.count,
            "lowest": self.lowest,
            "highest": self.highest,
        }


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
