"""Judge the answers of several models beside one another, and measure what their places do."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from leaner_harness.errors import UsageError
from leaner_harness.judge import ballots
from leaner_harness.judge.ballots import LETTERS, MOST, Ballot, Graded
from leaner_harness.judge.samples import Answered
from leaner_harness.judge.verdicts import (
    DIMENSIONS,
    Item,
    Verdict,
    empty_verdict,
    is_empty,
    row_of,
    summarise,
)
from leaner_harness.llm.records import OK

ORDERS = 2
SEED = 20250101

Answers = Mapping[str, Mapping[str, Answered]]
"""By model and by the question's id."""
Order = dict[str, Mapping[str, float]]
"""Grades by model, in the order in which the models were shown."""


def check(answers: Answers, orders: int) -> None:
    """Raise UsageError unless all models answered the same questions, and can share a prompt."""
    if not 2 <= len(answers) <= MOST:
        raise UsageError(
            f"{len(answers)} models cannot be judged beside one another; 2 to {MOST} can.",
            "Name the samples of each: leaner judge A B --mode paper",
        )
    if orders < 2:
        raise UsageError(f"{orders} order does not show what a place does; at least 2 do.")
    first, *others = answers
    for name in others:
        if alone := answers[first].keys() ^ answers[name].keys():
            raise UsageError(
                f"{first} and {name} did not answer the same questions: {len(alone)} stand in one "
                f"of them only, among them {min(alone)}."
            )
        for key, answered in answers[first].items():
            if answered.item.question != answers[name][key].item.question:
                raise UsageError(f"{first} and {name} were asked different questions as {key}.")


class Sheet(NamedTuple):
    """A ballot, and whose answers stand on it."""

    ballot: Ballot
    question: str
    names: list[str]
    """Of the models, in the order their answers are shown."""


def make_sheets(answers: Answers, orders: int, seed: int) -> Iterator[Sheet]:
    """Every question in every order; what is empty needs no judge and is left out."""
    for question, answered in next(iter(answers.values())).items():
        texts = {name: answers[name][question].item.answer for name in answers}
        names = [name for name, text in texts.items() if not is_empty(text)]
        if not names:
            continue
        for number, order in enumerate(ballots.orders(names, orders, seed, question)):
            shown = {label: texts[name] for label, name in zip(LETTERS, order, strict=False)}
            ballot = Ballot(f"{number}/{question}", answered.item.question, shown)
            yield Sheet(ballot, question, order)


def judge(
    answers: Answers,
    judge_ballots: Callable[[Iterator[Ballot]], Iterator[Graded]],
    orders: int = ORDERS,
    seed: int = SEED,
    announce: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Grade all models together: a summary of each, and what the places did.

    A model's grade of a question is its mean over the orders; where one order has no grades, the
    question has that order's state, for all models. Raises UsageError.
    """
    check(answers, orders)
    sheets = {sheet.ballot.id: sheet for sheet in make_sheets(answers, orders, seed)}
    graded: dict[str, list[Order]] = defaultdict(list)
    failed: dict[str, Graded] = {}
    for found in judge_ballots(sheet.ballot for sheet in sheets.values()):
        announce()
        sheet = sheets[found.id]
        if found.state == OK:
            by_model = zip(sheet.names, sheet.ballot.answers, strict=True)
            graded[sheet.question].append({name: found.grades[label] for name, label in by_model})
        else:
            failed[sheet.question] = found
    verdicts = {
        name: [_verdict(a.item, name, graded, failed) for a in answers[name].values()]
        for name in answers
    }
    whole = [
        found
        for question, found in graded.items()
        if question not in failed and len(found[0]) > 1  # one answer alone has no place
    ]
    return {
        "mode": "paper",
        "orders": orders,
        "seed": seed,
        "models": {name: summarise(found) for name, found in verdicts.items()},
        "position_effect": position_effect(whole),
        "order_flips": order_flips(whole),
        "verdicts": {name: [row_of(v) for v in found] for name, found in verdicts.items()},
    }


def _verdict(
    item: Item,
    name: str,
    graded: Mapping[str, Sequence[Order]],
    failed: Mapping[str, Graded],
) -> Verdict:
    if is_empty(item.answer):
        return empty_verdict(item)
    if item.id in failed:
        return Verdict(item.id, failed[item.id].state, reason=failed[item.id].reason)
    grades = [order[name] for order in graded[item.id]]
    means = {d: sum(grade[d] for grade in grades) / len(grades) for d in DIMENSIONS}
    return Verdict(item.id, OK, means)


def position_effect(questions: Sequence[Sequence[Order]]) -> list[dict[str, float]]:
    """By place: how far the sum of an answer's grades there lies from its mean over the orders.

    `error` is the standard error of `effect` over questions.
    """
    effects: dict[int, list[float]] = defaultdict(list)
    for orders in questions:
        here: dict[int, list[float]] = defaultdict(list)
        for name in orders[0]:
            places = [(list(order).index(name), sum(order[name].values())) for order in orders]
            mean = sum(total for _, total in places) / len(places)
            for place, total in places:
                here[place].append(total - mean)
        for place, values in here.items():
            effects[place].append(sum(values) / len(values))
    return [{"place": place + 1, **mean_effect(effects[place])} for place in sorted(effects)]


def mean_effect(values: Sequence[float]) -> dict[str, float]:
    """The mean of some values, its standard error and their number; there must be one at least."""
    mean, n = sum(values) / len(values), len(values)
    variance = sum((value - mean) ** 2 for value in values) / (n - 1) if n > 1 else 0.0
    return {"effect": mean, "error": math.sqrt(variance / n), "n": n}


def order_flips(questions: Sequence[Sequence[Order]]) -> dict[str, float]:
    """Of the pairs of answers that one order tells apart, the share that another turns round."""
    flipped = count = 0
    for orders in questions:
        for one, other in combinations(orders[0], 2):
            gaps = [sum(o[one].values()) - sum(o[other].values()) for o in orders]
            count += max(gaps) > 0 or min(gaps) < 0
            flipped += max(gaps) > 0 > min(gaps)
    return {"share": flipped / count if count else 0.0, "n": count}
