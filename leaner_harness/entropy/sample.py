"""Figures of one text in one unit: entropies with intervals, types, coverage, characters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from leaner_harness.entropy.blocks import (
    Ids,
    Runs,
    Spectrum,
    Tokens,
    corrected,
    counts,
    coverage,
    plug_in,
    runs,
    spectrum,
)
from leaner_harness.intervals import t_quantile

LONGEST = 3
GROUPS = 20
"""Parts that are left out in turn for a standard error."""
TOP = 2000
PER = 10_000


def figures(tokens: Tokens) -> dict[str, Any]:
    """`{n, characters, types, types_per_10k, top_2000, characters_per_token, blocks}`.

    `blocks` has for runs of 1, 2 and 3 tokens, in bits: `plug_in`; `corrected` for what a sample
    does not show, with its `error` and 95 % `interval`; `coverage`, the probability that the next
    run is one of those seen; and `per_character`, the corrected one over a run's characters.
    """
    all_runs = list(runs(tokens, LONGEST))
    found = [counts(each.keys) for each in all_runs]
    single = found[0]
    long = tokens.characters / len(tokens) if len(tokens) else 0.0
    group = _groups(tokens)
    errors = [_error(each, group) for each in all_runs]
    return {
        "n": len(tokens),
        "characters": tokens.characters,
        "types": len(single),
        f"types_per_{PER}": _types_per(tokens),
        f"top_{TOP}": _top(single),
        "characters_per_token": long,
        "blocks": [
            _block(spectrum(each), error, length * long)
            for length, (each, error) in enumerate(zip(found, errors, strict=True), start=1)
        ],
    }


def _block(found: Spectrum, error: float, characters: float) -> dict[str, Any]:
    value = corrected(found)
    half = t_quantile(0.975, GROUPS - 1) * error
    return {
        "plug_in": plug_in(found),
        "corrected": value,
        "error": error,
        "interval": [value - half, value + half],
        "distinct": found.distinct,
        "coverage": coverage(found),
        "per_character": value / characters if characters else 0.0,
    }


def _error(found: Runs, group: Ids) -> float:
    """Standard error of the corrected entropy: a jackknife over stretches of the text.

    A stretch holds whole documents where there are enough of them: texts on one subject stand
    together (Efron and Stein 1981, Ann. Stat. 9:586, for the grouped form).
    """
    of_run = group[found.starts]
    kept = (found.keys[of_run != g] for g in range(GROUPS))
    values = np.array([corrected(spectrum(counts(each))) for each in kept])
    spread = ((values - values.mean()) ** 2).sum() * (GROUPS - 1) / GROUPS
    return math.sqrt(spread)


def _groups(tokens: Tokens) -> Ids:
    """(N,) the stretch of each token, from 0."""
    place = np.arange(len(tokens)) * GROUPS // max(len(tokens), 1)
    if len(np.unique(tokens.documents)) < 5 * GROUPS:
        return place
    # Each document goes where its first token is.
    first = np.searchsorted(tokens.documents, tokens.documents)
    return np.asarray(place[first])


def _types_per(tokens: Tokens) -> float:
    """The mean number of types in stretches of 10,000 tokens; of all where there are fewer."""
    whole = len(tokens) // PER
    if not whole:
        return float(len(np.unique(tokens.ids)))
    parts = tokens.ids[: whole * PER].reshape(whole, PER)
    return float(np.mean([len(np.unique(part)) for part in parts]))


def _top(single: Ids) -> float:
    """The share of the text that its commonest types make up."""
    total = int(single.sum())
    return float(np.sort(single)[-TOP:].sum() / total) if total else 0.0
