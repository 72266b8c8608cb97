"""Where a model is reached, how fast it may be asked, and what that may cost."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from leaner_harness.errors import UsageError

OPENAI = "https://api.openai.com/v1"
_WHOLE = {"concurrency": 1, "retries": 0, "failures_in_a_row": 1, "max_requests": 0}
"""The least that each whole number may be."""


@dataclass(frozen=True)
class Settings:
    """All that is constant in a run; holds no key, so it may be shown and kept."""

    model: str
    base_url: str = OPENAI
    """Any server that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama, `transformers`."""
    key_variable: str = "OPENAI_API_KEY"
    """The environment variable that holds the key."""
    concurrency: int = 16
    """Calls in flight at once."""
    timeout: float = 60.0
    """Seconds that one call may take from end to end, however slowly its bytes drip."""
    retries: int = 5
    """Further attempts after a failure that may pass."""
    longest_wait: float = 60.0
    """Seconds that a server may ask us to wait; more ends the item."""
    failures_in_a_row: int = 20
    """Items that may fail one after another before the run stops asking."""
    max_requests: int | None = None
    """HTTP requests that may be made."""
    max_cost: float | None = None
    """What the run may cost, in the unit of the prices."""
    prices: tuple[float, float] | None = None
    """Per million prompt tokens, and per million completion tokens."""

    def __post_init__(self) -> None:
        """Raises UsageError: values may come from a command line or a file."""
        self._check_kinds()
        if not self.timeout:
            raise UsageError("timeout is 0; it must be above 0.")
        if self.prices is not None and not all(map(_is_amount, self.prices)):
            raise UsageError(f"prices are {self.prices}; they must be numbers, and not below 0.")
        if not _is_address(self.base_url):
            raise UsageError(
                f"base_url is {self.base_url!r}; it must begin with http:// or https:// and name "
                "a server.",
                "A local server's is, for example, http://localhost:8000/v1",
            )
        if self.max_cost is not None and self.prices is None:
            raise UsageError(
                "max_cost needs prices: what a token costs is the provider's to say.",
                "Give them per million prompt and completion tokens: --prices 0.15/0.60",
            )

    def _check_kinds(self) -> None:
        for name in ("model", "base_url", "key_variable"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise UsageError(f"{name} is {value!r}; it must be a text.")
        for name, least in _WHOLE.items():
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < least):
                raise UsageError(f"{name} is {value!r}; it must be a whole number from {least} up.")
        for name in ("timeout", "longest_wait", "max_cost"):
            value = getattr(self, name)
            if value is not None and not _is_amount(value):
                raise UsageError(f"{name} is {value!r}; it must be a number, and not below 0.")

    @property
    def endpoint(self) -> str:
        """The server without user name and query: what may be written down."""
        parts = urlsplit(self.base_url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"

    def key(self) -> str:
        """The key, from the environment. Raises UsageError where one is needed and not set."""
        found = os.environ.get(self.key_variable, "").strip()
        if not found and self.base_url == OPENAI:
            raise UsageError(
                f"{self.endpoint} needs a key, and {self.key_variable} is not set.",
                f"export {self.key_variable}=...; or name a local server: --base-url URL",
            )
        return found or "none"

    def cost(self, prompt: int, completion: int) -> float | None:
        """What so many tokens cost; None without prices."""
        if self.prices is None:
            return None
        return (prompt * self.prices[0] + completion * self.prices[1]) / 1e6


def _is_amount(value: Any) -> bool:
    """Whether it is a number that can be waited for, or paid."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value >= 0


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a port that is no number
        return False
