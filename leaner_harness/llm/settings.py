"""Where a model is reached, how fast it may be asked, and what that may cost."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from leaner_harness.errors import UsageError

OPENAI = "https://api.openai.com/v1"


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
        at_least = {"concurrency": 1, "retries": 0, "failures_in_a_row": 1}
        for name, least in at_least.items():
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be at least {least}.")
        if self.timeout <= 0:
            raise UsageError(f"timeout is {self.timeout}; it must be above 0.")
        if urlsplit(self.base_url).scheme not in ("http", "https"):
            raise UsageError(
                f"base_url is {self.base_url!r}; it must begin with http:// or https://.",
                "A local server's is, for example, http://localhost:8000/v1",
            )
        if self.max_cost is not None and self.prices is None:
            raise UsageError(
                "max_cost needs prices: what a token costs is the provider's to say.",
                "Give them per million prompt and completion tokens: --prices 0.15,0.60",
            )

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
