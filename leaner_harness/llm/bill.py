"""The bill of calls that were not made yet: how many, how many tokens, and what they may cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from leaner_harness.llm.budget import prompt_tokens
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.records import Request


def bill(requests: Iterable[Request], engine: Engine | None) -> dict[str, Any]:
    """Calls, tokens and money of some requests; what is in the cache costs nothing.

    `cost_at_most` is None where no prices are set. An `engine` of None stands for one that asks
    nobody: there are no requests then.
    """
    cached = calls = prompt = completion = 0
    for request in requests:
        assert engine is not None, "only what has an engine asks"
        if engine.cache.get(request.key(engine.settings.endpoint, engine.settings.model), request):
            cached += 1
            continue
        calls += 1
        prompt += prompt_tokens(request.messages)
        completion += request.max_tokens
    return {
        "cached": cached,
        "calls": calls,
        "prompt_tokens": prompt,
        "completion_tokens_at_most": completion,
        "cost_at_most": None if engine is None else engine.settings.cost(prompt, completion),
    }
