"""Judge: samples -> verdicts and a summary, through a judge plugin; nothing grows with them."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from leaner_harness.errors import PluginError, UsageError
from leaner_harness.files import sha256_file, write_json
from leaner_harness.judge import cards
from leaner_harness.judge.ballots import Ballot
from leaner_harness.judge.opening import Opened
from leaner_harness.judge.samples import Answered
from leaner_harness.judge.verdicts import Item, Tally, Verdict, is_empty, row_of
from leaner_harness.llm.bill import bill
from leaner_harness.llm.records import Request


def judge(answers: Iterable[Answered], opened: Opened) -> Iterator[tuple[Verdict, str]]:
    """A verdict for each answer, as they come, and the kind of its question.

    Raises UsageError where an id stands on two answers, PluginError for a judge that loses one.
    """
    seen: set[str] = set()
    kinds: dict[str, str] = {}  # of what is under way

    def items() -> Iterator[Item]:
        for item, kind in answers:
            if item.id in seen:
                raise UsageError(f"The id {item.id!r} stands on two samples.")
            seen.add(item.id)
            kinds[item.id] = kind
            yield item

    for verdict in opened.verdicts(items()):
        if verdict.id not in kinds:
            raise PluginError(f"The judge gave a verdict on {verdict.id!r}, which was not asked.")
        yield verdict, kinds.pop(verdict.id)
    if kinds:
        raise PluginError(f"The judge gave no verdict on {len(kinds)} answers: {min(kinds)!r}, ...")


class Report:
    """The summary of verdicts as they come, by kind of question too."""

    def __init__(self, opened: Opened) -> None:
        self._opened, self._before = opened, opened.account()
        if opened.engine is not None:  # it may have judged other answers
            opened.engine.models.clear()
        self._all = Tally(opened.scale)
        self._kinds: dict[str, Tally] = defaultdict(lambda: Tally(opened.scale))
        self._by: dict[str, int] = defaultdict(int)
        self._why: dict[str, str] = {}

    def add(self, verdict: Verdict, kind: str) -> None:
        """Count one more."""
        self._all.add(verdict)
        self._kinds[kind].add(verdict)
        if verdict.by:
            self._by[verdict.by] += 1
        if verdict.reason:
            self._why.setdefault(verdict.state, verdict.reason)

    def record(self) -> dict[str, Any]:
        """Means, states with the first reason of each, the judge's fingerprint, card and bill."""
        return {
            **self._all.record(),
            "kinds": {kind: tally.record() for kind, tally in sorted(self._kinds.items())},
            "judge": self._opened.fingerprint,
            "scale": list(self._opened.scale.names),
            "grades_by": dict(sorted(self._by.items())),
            "reasons": dict(sorted(self._why.items())),
            "card": cards.known(self._opened.fingerprint),
            **{
                key: None if value is None else value - (self._before[key] or 0)
                for key, value in self._opened.account().items()
            },
        }


def write(
    answers: Iterable[Answered],
    opened: Opened,
    place: Path,
    samples_digest: str,
    announce: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Judge into `place` (the summary) and the same name with `.jsonl`; returns the summary.

    The verdicts are written as they come, and are there under their name when all are. The summary
    holds their digest: another process may judge into the same place.
    """
    report = Report(opened)
    rows = place.with_suffix(".jsonl")
    rows.parent.mkdir(parents=True, exist_ok=True)
    part = rows.with_name(f"{rows.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            for verdict, kind in judge(answers, opened):
                report.add(verdict, kind)
                file.write(json.dumps(row_of(verdict, kind)) + "\n")
                announce()
        known = {"samples_sha256": samples_digest, "verdicts_sha256": sha256_file(part)}
        part.replace(rows)
    finally:
        part.unlink(missing_ok=True)  # what was judged over HTTP is in the cache
    found = report.record() | known | {"verdicts": rows.name}
    write_json(place, found)
    return found


def estimate(
    answers: Iterable[Answered], opened: Opened, ballots: Iterable[Ballot] = ()
) -> dict[str, Any]:
    """What judging would ask and cost, without asking, if every reply is valid: calls, tokens,
    money; `ballots` come on top. What is to be asked again costs more, and `max_cost` holds it.

    Raises UsageError for a judge of a plugin that cannot say what it would ask.
    """
    found = {"answers": 0, "rule": 0}

    def requests() -> Iterator[Request]:
        for item, _ in answers:
            found["answers"] += 1
            found["rule"] += is_empty(item.answer)
            if opened.engine is not None and not is_empty(item.answer):
                yield from _said_before(opened, "requests")(item)
        for ballot in ballots if opened.engine is not None else ():
            yield _said_before(opened, "ballot_request")(ballot)

    asked = bill(requests(), opened.engine)  # counts the answers on its way
    return found | asked


def _said_before(opened: Opened, name: str) -> Callable[..., Any]:
    """How a judge says what it would ask."""
    found: Callable[..., Any] | None = getattr(opened.judge, name, None)
    if found is None:
        raise UsageError("This judge does not say beforehand what it would ask.")
    return found
