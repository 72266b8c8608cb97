"""What rewriter and judge may ask and spend together this time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from leaner_harness.errors import UsageError
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.opening import account, open_plugin
from leaner_harness.llm.records import OK, UNASKED
from leaner_harness.registry import load_registry

_ANSWERS = 2
"""The judge's to an item: to its source, and to its rewrite."""
LIMITS = ("max_requests", "max_cost")


class Purse:
    """Opens models with what is left, and takes off what they used."""

    def __init__(self, max_requests: int | None = None, max_cost: float | None = None) -> None:
        self._requests, self._cost = max_requests, max_cost
        self.is_over = False
        """Whether there is no use in asking on: nothing is left, or nobody answers."""
        self.took: dict[str, dict[str, Any]] = {}
        """Calls, cached replies and cost, by role."""

    def room(self, tries: int) -> int | None:
        """Items that the requests are enough for, at so many tries; None for any number.

        So what is begun is finished, as a rule; what is not begun stays pending.
        """
        if self._requests is None:
            return None
        least = _ANSWERS + 1
        return max(1, self._requests // (_ANSWERS + tries)) if self._requests >= least else 0

    @contextmanager
    def opened(
        self, role: str, named: str, arguments: Mapping[str, Any]
    ) -> Iterator[tuple[Any, Engine | None]]:
        """A rewriter and its engine, for as long as they are used."""
        left = {"max_requests": self._requests, "max_cost": self._cost}
        asks = load_registry().get("rewriter", named.partition(":")[0]).llm
        within = {key: value for key, value in left.items() if asks and value is not None}
        rewriter, engine = open_plugin("rewriter", named, {**arguments, **within})
        try:
            yield rewriter, engine
        finally:
            if engine is not None:
                engine.cache.close()
            self._take(role, engine)

    def _take(self, role: str, engine: Engine | None) -> None:
        used, known = account(engine), self.took.get(role, {})
        self.took[role] = {key: _sum(known.get(key, 0), value) for key, value in used.items()}
        if engine is None:
            return
        if self._requests is not None:
            self._requests -= engine.budget.requests
        if self._cost is not None:
            self._cost = max(0.0, self._cost - engine.budget.spent)
        silent = engine.states.total() and not engine.states[OK]
        self.is_over |= bool(any(engine.states[state] for state in UNASKED) or silent)


def check_arguments(role: str, arguments: Mapping[str, Any]) -> None:
    """Raise UsageError for limits of one model: they hold for both together."""
    for name in LIMITS:
        if name in arguments:
            raise UsageError(
                f"{name} is no argument of the {role} here: rewriter and judge share one.",
                f"--{name.replace('_', '-')} {arguments[name]}",
            )


def _sum(one: Any, other: Any) -> Any:
    return None if one is None or other is None else one + other
