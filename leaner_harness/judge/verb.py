"""Judge: samples -> grades and a summary, through a judge plugin."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from leaner_harness.contracts import JudgeSpec, resolve
from leaner_harness.errors import UsageError
from leaner_harness.files import home
from leaner_harness.judge.samples import Answered
from leaner_harness.judge.verdicts import Item, Verdict, is_empty, summarise
from leaner_harness.llm.budget import prompt_tokens
from leaner_harness.llm.cache import Cache
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.records import Request
from leaner_harness.llm.settings import Settings
from leaner_harness.registry import load_registry


@dataclasses.dataclass(frozen=True)
class Opened:
    """A judge that is ready, and the engine it asks through, if it does."""

    judge: Any
    engine: Engine | None


def open_judge(named: str, make_settings: Callable[[str], Settings]) -> Opened:
    """The judge `NAME:ARGUMENT`, such as `openai:MODEL` or `hf:PATH`.

    `make_settings` gives the engine's settings for a model. Raises UnknownName, or UsageError
    where the argument is missing.
    """
    name, _, argument = named.partition(":")
    spec: JudgeSpec = load_registry().get("judge", name)
    if not argument:
        example = "openai:MODEL" if spec.llm else f"{name}:PATH"
        raise UsageError(f"The judge {name!r} needs to know which: {example}.")
    engine = None
    if spec.llm:
        engine = Engine(make_settings(argument), Cache(home() / "llm" / "replies.sqlite"))
    return Opened(resolve(spec.open)(argument, engine), engine)


def judge(answers: Iterable[Answered], opened: Opened) -> Iterator[tuple[Verdict, str]]:
    """A verdict for each answer, as they come, and the kind of its question."""
    kinds: dict[str, str] = {}

    def items() -> Iterator[Item]:
        for item, kind in answers:
            if item.id in kinds:
                raise UsageError(f"The id {item.id!r} stands on two samples.")
            kinds[item.id] = kind
            yield item

    for verdict in opened.judge.judge(items()):
        yield verdict, kinds[verdict.id]


def report(judged: Iterable[tuple[Verdict, str]], opened: Opened) -> dict[str, Any]:
    """The summary of a whole file, by kind of question too, with the judge's fingerprint."""
    rows = list(judged)
    by_kind: dict[str, list[Verdict]] = defaultdict(list)
    for verdict, kind in rows:
        by_kind[kind].append(verdict)
    engine = opened.engine
    return {
        **summarise(verdict for verdict, _ in rows),
        "kinds": {kind: summarise(verdicts) for kind, verdicts in sorted(by_kind.items())},
        "judge": dict(opened.judge.fingerprint),
        "card": None,
        "calls": 0 if engine is None else engine.budget.requests,
        "cached": 0 if engine is None else engine.hits,
        "cost": None if engine is None or not engine.settings.prices else engine.budget.spent,
        "verdicts": [
            {"id": v.id, "kind": kind, "state": v.state, "grades": dict(v.grades)}
            | ({"reason": v.reason} if v.reason else {})
            for v, kind in sorted(rows, key=lambda row: row[0].id)
        ],
    }


def estimate(answers: Iterable[Answered], opened: Opened) -> dict[str, Any]:
    """What judging would ask and cost at most, without asking: calls, tokens, money.

    Raises UsageError for a judge of a plugin that cannot say what it would ask.
    """
    engine, ask = opened.engine, getattr(opened.judge, "request", None)
    if engine is not None and ask is None:
        raise UsageError("This judge does not say beforehand what it would ask.")
    found = {"answers": 0, "rule": 0, "cached": 0, "calls": 0}
    prompt = completion = 0
    for item, _ in answers:
        found["answers"] += 1
        found["rule"] += is_empty(item.answer)
        if engine is None or ask is None or is_empty(item.answer):
            continue
        asked: Request = ask(item)
        key = asked.key(engine.settings.endpoint, engine.settings.model)
        if engine.cache.get(key, asked) is not None:
            found["cached"] += 1
            continue
        found["calls"] += 1
        prompt, completion = prompt + prompt_tokens(asked), completion + asked.max_tokens
    cost = None if engine is None else engine.settings.cost(prompt, completion)
    return {
        **found,
        "prompt_tokens": prompt,
        "completion_tokens_at_most": completion,
        "cost_at_most": cost,
    }
