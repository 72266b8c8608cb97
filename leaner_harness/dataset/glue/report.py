"""What agreement with the judge selects: counts, rates, lengths and labels, before and after.

All of it follows from the outcomes, is gathered in one pass, and adds up.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leaner_harness.data.glue import GlueTask
from leaner_harness.dataset.glue.items import read_text
from leaner_harness.dataset.glue.rows import label_bin
from leaner_harness.dataset.glue.verdicts import Outcome, right
from leaner_harness.dataset.ledger import FAILED, KEPT, PENDING, REJECTED
from leaner_harness.dataset.records import WARN
from leaner_harness.statistics import pearson, spearman

STATES = (KEPT, REJECTED, FAILED, PENDING)
SAID = {True: "right", False: "wrong", None: "none"}
"""What the judge's answer to a text was: the label, another, or there is none."""
_NORMAL = 1.959963984540054  # two-sided 95 %


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); 0 to 1 where nothing was seen."""
    if not of:
        return 0.0, 1.0
    share, square = hits / of, _NORMAL**2
    middle = (share + square / (2 * of)) / (1 + square / of)
    spread = _NORMAL * math.sqrt(share * (1 - share) / of + square / (4 * of**2))
    spread /= 1 + square / of
    return max(0.0, middle - spread), min(1.0, middle + spread)


class Report:
    """Counts of one task."""

    def __init__(self, task: GlueTask, tolerance: float) -> None:
        self._task, self._tolerance = task, tolerance
        self._states: dict[int, Counter[str]] = defaultdict(Counter)
        self._splits: dict[str, Counter[str]] = defaultdict(Counter)
        self._reasons: dict[int, Counter[str]] = defaultdict(Counter)
        self._said: dict[int, Counter[str]] = defaultdict(Counter)
        self._words: dict[tuple[str, bool], list[int]] = defaultdict(lambda: [0, 0, 0])
        self._pairs: list[tuple[float, float, float]] = []
        self._warned: Counter[str] = Counter()

    def add(self, found: Outcome) -> None:
        """Count one item."""
        label = label_bin(found.item.label)
        self._states[label][found.state] += 1
        split = ":".join(filter(None, (found.item.split, found.item.part)))
        self._splits[split][found.state] += 1
        if found.state == REJECTED:
            self._reasons[label][found.reason] += 1
        before, after = (
            right(each, found.item, self._tolerance) for each in (found.before, found.after)
        )
        self._said[label][f"{SAID[before]} {SAID[after]}"] += 1
        self._add_words(found)
        if found.before and found.after:
            values = found.before.value, found.after.value
            if self._task.regression and None not in values:
                self._pairs.append((found.item.label, *values))  # type: ignore[arg-type]
        if found.state == KEPT and found.part is not None:
            warned = [each["check"] for each in found.part.findings if each["verdict"] == WARN]
            self._warned.update(warned)

    def _add_words(self, found: Outcome) -> None:
        """Words of what was rewritten and settled, by field, kept or not."""
        if found.part is None or found.state not in (KEPT, REJECTED):
            return
        fields = self._task.fields
        before, after = (
            read_text(text, fields) for text in (found.part.chunk.text, found.part.rewritten)
        )
        for name in fields if before and after else ():
            sums = self._words[name, found.state == KEPT]
            sums[0] += 1
            sums[1] += len(before[name].split())  # type: ignore[index]
            sums[2] += len(after[name].split())  # type: ignore[index]

    def record(self) -> dict[str, Any]:
        """As JSON."""
        labels = sorted(self._states)
        whole = self._states
        total, kept = (
            sum(counts[state] for counts in whole.values() for state in states)
            for states in (STATES, (KEPT,))
        )
        return {
            "splits": {name: _account(counts) for name, counts in sorted(self._splits.items())},
            "labels": {str(label): self._label(label, total, kept) for label in labels},
            "words": [
                {
                    "field": name,
                    "kept": is_kept,
                    "items": sums[0],
                    "before": sums[1] / sums[0],
                    "after": sums[2] / sums[0],
                }
                for (name, is_kept), sums in sorted(self._words.items())
            ],
            "warnings": dict(sorted(self._warned.items())),
            "correlation": _correlation(self._pairs) if self._task.regression else None,
        }

    def _label(self, label: int, total: int, kept: int) -> dict[str, Any]:
        """One label, or the scores that are nearest to one whole number."""
        states = self._states[label]
        settled = states[KEPT] + states[REJECTED]
        said = self._said[label]
        originals = Counter({word: _starting(said, word) for word in SAID.values()})
        return _account(states) | {
            "reasons": dict(sorted(self._reasons[label].items())),
            "rate": states[KEPT] / settled if settled else None,
            "interval": list(wilson(states[KEPT], settled)),
            "original": dict(originals),
            "original_rewrite": {
                f"{one} {other}": said[f"{one} {other}"]
                for one in SAID.values()
                for other in SAID.values()
            },
            "share_before": states.total() / total if total else 0.0,
            "share_after": states[KEPT] / kept if kept else 0.0,
        }


def _starting(said: Mapping[str, int], word: str) -> int:
    return sum(count for key, count in said.items() if key.split()[0] == word)


def _account(counts: Mapping[str, int]) -> dict[str, int]:
    """How many there are, and what became of them: the parts add up."""
    return {"in": sum(counts[state] for state in STATES), **{s: counts[s] for s in STATES}}


def _correlation(found: Sequence[tuple[float, float, float]]) -> dict[str, Any]:
    """Between people and the judge, on items of the source and on the same items rewritten."""
    if len(found) < 2:
        return {"items": len(found)}
    human, before, after = np.array(found, dtype=np.float64).T
    return {
        "items": len(found),
        **{
            f"{name}_{when}": float(measure(human, judged))
            for name, measure in (("pearson", pearson), ("spearman", spearman))
            for when, judged in (("before", before), ("after", after))
        },
    }
