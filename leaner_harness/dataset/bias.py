"""What rewriting changes beside the words: source against rewrite, pair by pair and in sum.

Each measure is a count for 1,000 words. An interval says how far the difference may lie from that
of other documents of the kind: documents are drawn with replacement, both sides of a pair together.
Words are counted, not understood: a measure says where to read, not what is meant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np

from leaner_harness.dataset.policy.names import FEMALE, MALE, genders
from leaner_harness.dataset.words import groups
from leaner_harness.errors import DataError
from leaner_harness.intervals import DRAWS, resampled_weights
from leaner_harness.statistics import Array

VERSION = 1
"""Of the measures: reports of different ones are not compared."""
PER = 1000
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_PLACEHOLDER = re.compile(
    r"\b[A-Z]{2,3} (?:countr(?:y|ies)|cit(?:y|ies)|towns?|villages?|states?|regions?|province"
    r"|county"
    r"|district|islands?|rivers?|lakes?|seas?|oceans?|mountains?|streets?|roads?|parks?|schools?"
    r"|universit(?:y|ies)|hospitals?|compan(?:y|ies)|lands?|places?|areas?|deserts?|bays?|bridges?"
    r"|valleys?|forests?|buildings?|stores?|churche?s?|hotels?|groups?|teams?|airports?)\b"
)
_END = re.compile(r"[.!?]+[\"'”’)\]*]*(?=\s|\Z)")
_GENDERED = {MALE: "he", FEMALE: "she"}


def measure(text: str) -> Counter[str]:
    """Counts of a text, and its `words`."""
    words = _WORD.findall(text)
    found = Counter[str]()
    for word, times in Counter(words).items():
        gender = genders().get(word)
        if gender:
            found[f"names: {gender}"] += times
        for name in _measures_of(word.lower()):
            found[name] += times
    found["placeholders"] = len(_PLACEHOLDER.findall(text))
    found["sentences"] = len(_END.findall(text))
    found["words"] = len(words)
    return found


@cache
def _lists() -> Mapping[str, tuple[str, ...]]:
    """Measures by the words that count for them."""
    pronouns = {_GENDERED[gender]: groups("person_words")[gender] for gender in _GENDERED}
    named = {
        **{f"pronouns: {name}": words for name, words in pronouns.items()},
        **{f"polarity: {name}": words for name, words in groups("polarity").items()},
        **{f"topic: {name}": words for name, words in groups("topics").items()},
    }
    found: dict[str, tuple[str, ...]] = {}
    for name, words in named.items():
        for word in words:
            found[word] = (*found.get(word, ()), name)
    return found


def _measures_of(word: str) -> tuple[str, ...]:
    """What a word counts for; a plural in -s as its singular."""
    lists = _lists()
    return lists.get(word) or (lists.get(word[:-1], ()) if word.endswith("s") else ())


def names() -> list[str]:
    """The measures, in the order of a report."""
    topics = [f"topic: {name}" for name in groups("topics")]
    return [
        "names: male", "names: female", "pronouns: he", "pronouns: she", "placeholders",
        "polarity: positive", "polarity: negative", *topics, "sentences",
    ]  # fmt: skip


_SHARES: Mapping[str, tuple[str, str]] = {
    "female share of names": ("names: female", "names: male"),
    "female share of pronouns": ("pronouns: she", "pronouns: he"),
    "positive share of polar words": ("polarity: positive", "polarity: negative"),
}
"""A share is the first of both."""


def report(pairs: Iterable[tuple[str, str]], draws: int = DRAWS) -> dict[str, Any]:
    """Rates of all pairs (source, rewrite), their differences, and in how many pairs they go up.

    `{version, pairs, words, per, rates, shares}`; each of `rates` (for 1,000 words) and `shares`
    has `source`, `rewrite`, `difference`, its 95 % `interval`, and the pairs where it went `up` and
    `down`. Raises DataError without pairs.
    """
    measured = [(measure(source), measure(rewrite)) for source, rewrite in pairs]
    if not measured:
        raise DataError("There are no pairs to compare.", "Give texts with their rewrites.")
    columns = [*names(), "words"]
    counts = np.array(
        [[[side[name] for name in columns] for side in pair] for pair in measured], dtype=np.float64
    )
    drawn = _drawn(counts, draws)
    place = {name: number for number, name in enumerate(columns)}

    def rate(name: str) -> Callable[[Array], Array]:
        return lambda sums: PER * _ratio(sums[..., place[name]], sums[..., place["words"]])

    def share(one: str, other: str) -> Callable[[Array], Array]:
        return lambda sums: _ratio(
            sums[..., place[one]], sums[..., place[one]] + sums[..., place[other]]
        )

    return {
        "version": VERSION,
        "pairs": len(measured),
        "words": dict(zip(("source", "rewrite"), counts[:, :, -1].sum(0).tolist(), strict=True)),
        "per": PER,
        "rates": {name: _compared(rate(name), counts, drawn) for name in names()},
        "shares": {name: _compared(share(*two), counts, drawn) for name, two in _SHARES.items()},
    }


def _drawn(counts: Array, draws: int) -> Array:
    """(draws, 2, columns) sums over documents (N, 2, columns) drawn with replacement."""
    weights = resampled_weights(len(counts), None, draws)
    return np.concatenate([np.tensordot(block, counts, 1) for block in weights])


def _ratio(top: Array, bottom: Array) -> Array:
    """top / bottom; NaN where there is nothing to divide by."""
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)


def _compared(value: Callable[[Array], Array], counts: Array, drawn: Array) -> dict[str, Any]:
    source, rewrite = value(counts.sum(0))
    differences = value(drawn)
    differences = differences[:, 1] - differences[:, 0]
    known = differences[~np.isnan(differences)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    each = value(counts)
    change = each[:, 1] - each[:, 0]
    return {
        "source": _number(source),
        "rewrite": _number(rewrite),
        "difference": _number(rewrite - source),
        "interval": [_number(low), _number(high)],
        "up": int((change > 0).sum()),
        "down": int((change < 0).sum()),
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def markdown(found: Mapping[str, Any]) -> str:
    """The report as a table. `*` marks a difference whose interval leaves 0 out."""
    words = found["words"]
    head = (
        f"{found['pairs']:,} pairs; {words['source']:,.0f} words of source, "
        f"{words['rewrite']:,.0f} of rewrites. Rates for {found['per']:,} words.\n"
    )
    rows = [
        "| measure | source | rewrite | difference | 95 % | up | down |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    rows += [_row(name, each, 2) for name, each in found["rates"].items()]
    rows += [_row(name, each, 3) for name, each in found["shares"].items()]
    return "\n".join([head, *rows]) + "\n"


def _row(name: str, each: Mapping[str, Any], digits: int) -> str:
    def shown(value: float | None, sign: str = "") -> str:
        return "-" if value is None else f"{value:{sign}.{digits}f}"

    low, high = each["interval"]
    sure = low is not None and (low > 0 or high < 0)
    cells = [
        name, shown(each["source"]), shown(each["rewrite"]),
        shown(each["difference"], "+") + (" *" if sure else ""),
        f"{shown(low, '+')} to {shown(high, '+')}", str(each["up"]), str(each["down"]),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"
