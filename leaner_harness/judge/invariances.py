"""What must change no grade: asking once more, an answer's place among others, and its label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from leaner_harness.judge.ballots import LETTERS, Ballot, Graded
from leaner_harness.judge.together import (
    Order,
    Sheet,
    mean_effect,
    order_flips,
    position_effect,
)
from leaner_harness.judge.verdicts import DIMENSIONS, HIGHEST, Verdict
from leaner_harness.llm.records import OK

LEAST_KAPPA = 0.6
"""Of a judge with itself; from about here on agreement is called substantial (Landis and Koch
1977, Biometrics 33:159). What a judge does not repeat, no other judge or person can confirm."""
MOST_FLIPS = 0.2
"""The share of pairs that another order may turn round. The answers of a ballot lie far apart;
where one pair in five turns round even so, those of like models fall as the order does."""
MOST_EFFECT = 0.5
"""How much a place or a label may add to the sum of the grades, of 15. Tiny models lie one point or
two apart. Two orders show half of what a single favoured place adds."""

LABELS = "KLMN"
"""The other labels: in the middle of the alphabet, where no school mark, cross or end lies."""
_LABELLED = "labels"


class Beside(NamedTuple):
    """Grades of answers that shared a prompt, for every question that has them."""

    orders: list[list[Order]]
    """The same answers in every order."""
    labels: list[tuple[Order, Order]]
    """The same answers in the same order, under `LETTERS` and under `LABELS`."""


def relabelled(sheet: Sheet) -> Sheet:
    """The same answers in the same order under other labels."""
    old = sheet.ballot
    shown = dict(zip(LABELS, old.answers.values(), strict=True))
    return sheet._replace(ballot=Ballot(f"{_LABELLED}/{sheet.question}", old.question, shown))


def beside(graded: Iterable[tuple[Sheet, Graded]]) -> Beside:
    """Graded ballots put together by question; what a question lacks leaves it out."""
    questions: dict[str, dict[str, Order]] = defaultdict(dict)
    for sheet, found in graded:
        if found.state == OK:
            turn = sheet.ballot.id.partition("/")[0]
            pairs = zip(sheet.names, sheet.ballot.answers, strict=True)
            questions[sheet.question][turn] = {name: found.grades[label] for name, label in pairs}
    known = [questions[name] for name in sorted(questions)]
    return Beside(
        [[of["0"], of["1"]] for of in known if {"0", "1"} <= of.keys()],
        [(of["0"], of[_LABELLED]) for of in known if {"0", _LABELLED} <= of.keys()],
    )


def order_effects(orders: Sequence[Sequence[Order]]) -> dict[str, Any]:
    """What an answer's place does: pairs turned round, and what each place adds to the sum."""
    flips = order_flips(orders)
    turned = round(flips["share"] * flips["n"])
    return {
        "mode": "paper",
        "questions": len(orders),
        "flips": share(turned, int(flips["n"])),
        "places": position_effect(orders),
    }


def is_order_kept(found: Mapping[str, Any]) -> bool:
    """Whether places do little, and there were answers told apart to see it by."""
    flips = found["flips"]
    return flips["n"] > 0 and flips["share"] <= MOST_FLIPS and _are_small(found["places"])


def label_effects(pairs: Sequence[tuple[Order, Order]]) -> dict[str, Any]:
    """What other labels add to the sum of an answer's grades: on average, and by label."""
    sums = [
        [sum(new[name].values()) - sum(old[name].values()) for name in old] for old, new in pairs
    ]
    changes = [f"{old} to {new}" for old, new in zip(LETTERS, LABELS, strict=False)]
    by_label = zip(changes, zip(*sums, strict=True), strict=True) if sums else ()
    return {
        "mode": "paper",
        "questions": len(pairs),
        "mean": mean_effect([sum(values) / len(values) for values in sums]) if sums else None,
        "labels": [{"change": change, **mean_effect(values)} for change, values in by_label],
    }


def is_label_ignored(found: Mapping[str, Any]) -> bool:
    """Whether no label adds or takes more than may be, and there were any to see it by."""
    return _are_small(found["labels"])


def _are_small(effects: Sequence[Mapping[str, float]]) -> bool:
    return bool(effects) and max(abs(each["effect"]) for each in effects) <= MOST_EFFECT


def retest(first: Mapping[str, Verdict], again: Iterable[Verdict]) -> dict[str, Any]:
    """By dimension, how well grades agree with those that were given the first time.

    Both are rounded. Kappa is Cohen's, weighted by squared distance; None where all grades of both
    times are the same, which leaves nothing to agree on.
    """
    pairs = [(first[v.id], v) for v in again if v.is_scored and v.id in first]
    return {
        name: _agreement([(round(a.grades[name]), round(b.grades[name])) for a, b in pairs])
        for name in DIMENSIONS
    }


def _agreement(pairs: Sequence[tuple[int, int]]) -> dict[str, Any]:
    same = sum(one == other for one, other in pairs)
    found = {"kappa": None, "agreement": same / len(pairs) if pairs else 0.0, "n": len(pairs)}
    if len({grade for pair in pairs for grade in pair}) < 2:
        return found
    from sklearn.metrics import cohen_kappa_score

    one, other = zip(*pairs, strict=True)
    grades = list(range(HIGHEST + 1))
    return found | {
        "kappa": float(cohen_kappa_score(one, other, labels=grades, weights="quadratic"))
    }


def is_repeated(found: Mapping[str, Any]) -> bool:
    """Whether a judge agrees with itself in every dimension."""
    kappas = [each["kappa"] for each in found.values()]
    return all(kappa is not None and kappa >= LEAST_KAPPA for kappa in kappas)


def share(right: int, count: int) -> dict[str, Any]:
    """A share and its exact interval (Clopper and Pearson 1934); 0 where there is nothing."""
    if not count:
        return {"share": 0.0, "interval": [0.0, 1.0], "n": 0}
    from scipy.stats import binomtest

    interval = binomtest(right, count).proportion_ci(0.95, method="exact")
    return {"share": right / count, "interval": [interval.low, interval.high], "n": count}
