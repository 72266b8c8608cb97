"""Who rewrites and who judges, whether they are two, and what they would be asked and cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from leaner_harness.data.glue import GlueTask
from leaner_harness.dataset.glue.judging import VERSION, Judge, prompt_digest
from leaner_harness.dataset.glue.purse import Purse
from leaner_harness.dataset.glue.rewriting import ItemRewriter
from leaner_harness.dataset.records import Assignment
from leaner_harness.errors import UsageError
from leaner_harness.llm.bill import bill
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.records import Request

BASELINES = ("echo", "rules", "replay")
"""Kinds of rewriters that understand no label."""


@dataclasses.dataclass(frozen=True, slots=True)
class Model:
    """Name and arguments, as for `open_plugin`."""

    named: str
    arguments: Mapping[str, Any]


def about(task: GlueTask, rewriter: Model, judge: Model) -> dict[str, Any]:
    """What texts and answers depend on, for the manifest.

    Raises UsageError for a judge that asks no model, and what opening them raises.
    """
    purse = Purse()
    with purse.opened("rewriter", rewriter.named, rewriter.arguments) as (opened, one):
        known = dict(opened.fingerprint)
    with purse.opened("judge", judge.named, judge.arguments) as (_, other):
        asked = engine_of(judge, other).settings
    return {
        "rewriter": known,
        "judge": {
            "model": asked.model,
            "endpoint": asked.endpoint,
            "prompt_version": VERSION,
            "prompt_sha256": prompt_digest(task),
            "temperature": judge.arguments.get("temperature", 0.0),
        },
        "independent": one is None or _whom(one) != (asked.endpoint, asked.model),
        "baseline": known.get("kind") in BASELINES,
    }


def engine_of(judge: Model, engine: Engine | None) -> Engine:
    """The judge's engine. Raises UsageError where it has none."""
    if engine is None:
        raise UsageError(f"{judge.named!r} answers no items.", "--judge openai:MODEL")
    return engine


def _whom(engine: Engine) -> tuple[str, str]:
    return engine.settings.endpoint, engine.settings.model


ASSUMED = (
    "Every rewrite is accepted at the first try and is as long as its source; a second try costs a "
    "call more. Tokens of prompts are estimated from above, at three characters each; those of "
    "replies are the most that a reply may have. What is in the cache costs nothing."
)


def forecast(
    waiting: Sequence[Assignment],
    rewritten: Iterable[str],
    rewriter: Model,
    judge: Model,
    asking: Judge,
    telling: Any,
) -> dict[str, Any]:
    """The bill of what is left: rewrites, answers to the items and to their rewrites.

    `waiting` are items to be rewritten, `rewritten` texts of those that were, answered or not;
    `telling(rewriter)` is an ItemRewriter.
    """
    purse, texts = Purse(), [each.chunk.text for each in waiting]
    with purse.opened("rewriter", rewriter.named, rewriter.arguments) as (opened, engine):
        items: ItemRewriter = telling(opened)
        asked = _requests(opened, items, waiting) if engine else ()
        rewrites = bill(asked, engine)
    with purse.opened("judge", judge.named, judge.arguments) as (_, other):
        engine = engine_of(judge, other)
        begun = bill(map(asking.request, asking.unasked(rewritten)), engine)
        originals = bill(map(asking.request, asking.unasked(texts)), engine)
        answers = bill(map(_another, map(asking.request, texts)), engine)
    parts = {"rewrites": rewrites, "answers_to_source": originals, "answers_to_rewrites": answers}
    parts["answers_to_what_is_rewritten"] = begun
    costs = [part["cost_at_most"] for part in parts.values() if part["calls"]]
    cost = None if None in costs else sum(costs)
    calls = sum(part["calls"] for part in parts.values())
    return {**parts, "calls": calls, "cost_at_most": cost, "assumed": ASSUMED}


def _requests(
    rewriter: Any, items: ItemRewriter, assignments: Iterable[Assignment]
) -> Iterator[Request]:
    for assignment in assignments:
        yield rewriter.request(items.told(assignment))


def _another(request: Request) -> Request:
    """The same about a text that is not known yet, so that no cache has it."""
    return dataclasses.replace(request, sample=-1)
