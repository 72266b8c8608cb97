"""What a sample's log-likelihoods predict; a result that states otherwise is refused."""

from __future__ import annotations

import math
from typing import Any

from leaner_harness import scoring
from leaner_harness.errors import ResultError
from leaner_harness.results.rules import SLACK, Record
from leaner_harness.statistics import Item


def of(row: scoring.ScoredRow) -> Any:
    """A class, the list of tied classes, or a number; None where nothing finite was scored."""
    if not isinstance(row, Item):
        return None if math.isnan(row[1]) else round(row[1], 6)
    best = [index for index, share in enumerate(row.shares) if share > 0]
    return best[0] if len(best) == 1 else best or None


def check(sample: Record, rows: scoring.SeedRows, *, several: bool) -> None:
    """Raise ResultError where a sample states another prediction than its scores give."""
    given = [of(row) for row in rows]
    stated = sample.get("predictions") if several else [sample.get("prediction")]
    if stated in (None, [None]):  # none is stated
        return
    if not isinstance(stated, list) or len(stated) != len(given):
        raise ResultError(f"{sample['task']}: row {sample['idx']} lacks a prediction.")
    for one, other in zip(stated, given, strict=True):
        near = isinstance(one, float) and isinstance(other, float) and abs(one - other) <= SLACK
        if one != other and not near:
            raise ResultError(
                f"{sample['task']}: row {sample['idx']} has the prediction {one}; its "
                f"log-likelihoods give {other}."
            )
