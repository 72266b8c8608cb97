"""The default way to judge: every answer by itself, so that runs of one judge can be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from leaner_harness.judge.rubric import expected_grades
from leaner_harness.judge.verdicts import DIMENSIONS, Item, Verdict, empty_verdict, is_empty
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.records import OK, Reply, Request

DIGITS, INTEGERS = "digits", "integers"
"""How a grade came about: as an expected value, or as what was written."""


def judge(
    items: Iterable[Item], engine: Engine, ask: Callable[[Item], Sequence[Request]]
) -> Iterator[Verdict]:
    """A verdict for each item, as they come: the mean of the replies to all that is asked of it.

    `items` must have ids that differ. An empty answer is 0 by rule, without a call. Where one of
    several replies has no grades, the item has that reply's state.
    """
    waiting: dict[str, list[Reply]] = {}
    counts: dict[str, int] = {}

    def requests() -> Iterator[Request]:
        for item in items:
            if is_empty(item.answer):
                empty.append(empty_verdict(item))
                continue
            asked = ask(item)
            waiting[item.id], counts[item.id] = [], len(asked)
            yield from asked

    empty: list[Verdict] = []
    for reply in engine.ask(requests()):
        while empty:
            yield empty.pop()
        replies = waiting[reply.id]
        replies.append(reply)
        if len(replies) == counts[reply.id]:
            del counts[reply.id]
            yield _verdict(reply.id, waiting.pop(reply.id))
    yield from empty


def _verdict(name: str, replies: list[Reply]) -> Verdict:
    for reply in replies:
        if reply.state != OK:
            return Verdict(name, reply.state, reason=reply.reason)
    expected = [expected_grades(reply) for reply in replies]
    known = [grades for grades in expected if grades is not None]
    # All or none: a mean of both kinds would be neither.
    by = DIGITS if len(known) == len(replies) else INTEGERS
    values: Sequence[Mapping[str, float]] = known
    if by == INTEGERS:
        values = [reply.value for reply in replies]
    return Verdict(
        name, OK, {d: sum(v[d] for v in values) / len(values) for d in DIMENSIONS}, by=by
    )
