"""How much a run may ask and spend: what a call may cost is set aside before it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from leaner_harness.llm.records import Usage
from leaner_harness.llm.settings import Settings

_CHARACTERS = 3  # in a token, at least, of English: an estimate from above
_MARGIN = 8  # tokens around a message


def prompt_tokens(messages: Iterable[Mapping[str, str]]) -> int:
    """At most about so many tokens stand in the messages."""
    return sum(len(m["content"]) // _CHARACTERS + _MARGIN for m in messages)


class Budget:
    """Requests and money left. Not for several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.requests = 0
        """HTTP requests made."""
        self.spent = 0.0
        """What they cost, as far as servers said; elsewhere what was set aside for them."""
        self._set_aside = 0.0

    def take(self, messages: Iterable[Mapping[str, str]], max_tokens: int) -> float | None:
        """Set aside what one more call may cost; None where the budget does not allow it."""
        settings = self._settings
        if settings.max_requests is not None and self.requests >= settings.max_requests:
            return None
        price = settings.cost(prompt_tokens(messages), max_tokens) or 0.0
        within = settings.max_cost
        if within is not None and self.spent + self._set_aside + price > within:
            return None
        self.requests += 1
        self._set_aside += price
        return price

    def settle(self, price: float, usage: Usage | None) -> None:
        """Count what a call really cost; `usage` is None for one that cost nothing."""
        self._set_aside -= price
        if usage is None:
            return
        known = usage.prompt is not None and usage.completion is not None
        cost = self._settings.cost(usage.prompt or 0, usage.completion or 0) if known else price
        self.spent += cost or 0.0
