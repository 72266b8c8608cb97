"""The default way to judge: every answer by itself, so that runs of one judge can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from leaner_harness.judge.rubric import request
from leaner_harness.judge.verdicts import DIMENSIONS, Item, Verdict, empty_verdict, is_empty
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.records import OK, Reply, Request


def judge(
    items: Iterable[Item], engine: Engine, sampling: Mapping[str, float] | None = None, n: int = 1
) -> Iterator[Verdict]:
    """A verdict for each item, as they come; with `n` samples, the mean of their grades.

    `items` must have ids that differ. An empty answer is 0 by rule, without a call. Where one of
    several samples has no grades, the item has that sample's state.
    """
    waiting: dict[str, list[Reply]] = {}

    def requests() -> Iterator[Request]:
        for item in items:
            if is_empty(item.answer):
                empty.append(empty_verdict(item))
                continue
            waiting[item.id] = []
            for sample in range(n):
                yield request(item, sampling or {}, sample)

    empty: list[Verdict] = []
    for reply in engine.ask(requests()):
        while empty:
            yield empty.pop()
        replies = waiting[reply.id]
        replies.append(reply)
        if len(replies) == n:
            yield _verdict(reply.id, waiting.pop(reply.id))
    yield from empty


def _verdict(name: str, replies: list[Reply]) -> Verdict:
    for reply in replies:
        if reply.state != OK:
            return Verdict(name, reply.state, reason=reply.reason)
    grades = {d: sum(reply.value[d] for reply in replies) / len(replies) for d in DIMENSIONS}
    return Verdict(name, OK, grades)
