"""Check a judge: all that its card needs is asked here, and the card made of the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from leaner_harness.errors import UsageError
from leaner_harness.judge.ballots import Ballot, Graded
from leaner_harness.judge.card import make_card
from leaner_harness.judge.invariances import relabelled
from leaner_harness.judge.opening import Opened
from leaner_harness.judge.planted import SEED, planted
from leaner_harness.judge.samples import Answered
from leaner_harness.judge.together import ORDERS, Sheet, make_sheets
from leaner_harness.judge.verdicts import RUBRIC, Item, Verdict

RETESTED = ("gold", "shuffled", "off_topic", "corrupted_30", "corrupted_60")
"""Variants that are judged twice: they spread over the whole scale."""
SHOWN = ("gold", "off_topic", "corrupted_30", "shuffled")
"""Variants that share a ballot; each is poor in another way, or in none."""


def run(opened: Opened, announce: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """The card of a judge: it grades the planted answers, some of them twice, and the ballots.

    `announce` is called `count(opened)` times. Raises UsageError for a judge of another scale.
    """
    _refuse_other_scales(opened)
    verdicts, again, shown = [], [], None
    for verdict in opened.verdicts(each.item for each in planted()):
        verdicts.append(verdict)
        announce()
    for verdict in _judged_again(opened):
        again.append(verdict)
        announce()
    if _shows_ballots(opened):
        shown = []
        for pair in _graded(opened):
            shown.append(pair)
            announce()
    return make_card(verdicts, opened.fingerprint, again, shown)


def count(opened: Opened) -> int:
    """How many verdicts and graded ballots a card takes."""
    return len(items()) + len(ballots(opened))


def items() -> list[Answered]:
    """Every answer that is judged by itself, those that are judged twice standing there twice."""
    first = [Answered(item, variant) for item, variant in planted()]
    return first + [each for each in first if each.kind in RETESTED]


def sheets() -> list[Sheet]:
    """Every ballot: each question's answers in two orders, and the first once more relabelled."""
    answers: dict[str, dict[str, Answered]] = {name: {} for name in SHOWN}
    for item, variant in planted():
        if variant in SHOWN:
            answers[variant][item.id.partition("/")[2]] = Answered(item, variant)
    made = list(make_sheets(answers, ORDERS, SEED))
    return made + [relabelled(sheet) for sheet in made if sheet.ballot.id.startswith("0/")]


def ballots(opened: Opened) -> list[Ballot]:
    """What is shown to a judge that grades ballots."""
    return [sheet.ballot for sheet in sheets()] if _shows_ballots(opened) else []


def _refuse_other_scales(opened: Opened) -> None:
    if opened.scale != RUBRIC:
        raise UsageError(
            f"This judge gives {', '.join(opened.scale.names)}: surface checks are no grades, so "
            "there is nothing to put on a card.",
            f"A card needs a judge of {', '.join(RUBRIC.names)}, such as openai:MODEL or hf:PATH.",
        )


def _judged_again(opened: Opened) -> Iterator[Verdict]:
    """Second verdicts, which come from no cache where the judge can help it."""
    twice: Iterator[Item] = (each.item for each in planted() if each.variant in RETESTED)
    found: Iterator[Verdict] = getattr(opened.judge, "retest", opened.judge.judge)(twice)
    return found


def _shows_ballots(opened: Opened) -> bool:
    return hasattr(opened.judge, "judge_ballots")


def _graded(opened: Opened) -> Iterator[tuple[Sheet, Graded]]:
    asked = {sheet.ballot.id: sheet for sheet in sheets()}
    for found in opened.judge.judge_ballots(sheet.ballot for sheet in asked.values()):
        yield asked[found.id], found
