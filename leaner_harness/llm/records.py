"""What goes into the engine and comes out: requests, replies, and the states an item can end in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OK = "ok"
REFUSED, FILTERED, TRUNCATED = "refused", "filtered", "truncated"
UNPARSABLE, OUT_OF_RANGE = "unparsable", "out_of_range"
TRANSPORT = "transport"
SKIPPED_BUDGET, NOT_ASKED = UNASKED = "skipped_budget", "not_asked"
"""Nobody tried: the budget was used up, or the run had come to its end before."""
STATES = (
    OK, REFUSED, FILTERED, TRUNCATED, UNPARSABLE, OUT_OF_RANGE, TRANSPORT, *UNASKED,
)  # fmt: skip
"""How a request ends. Only `ok` has a value."""


Digits = Sequence[Mapping[str, float]]


class InvalidReply(Exception):
    """A reply that is not what was asked for: raised by a request's `read`."""

    def __init__(self, state: str, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        """`refused`, `unparsable` or `out_of_range`."""
        self.reason = reason
        """What the model is told when it is asked again."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model, and how its reply is read."""

    id: str
    messages: tuple[Mapping[str, str], ...]
    read: Callable[[str], Any]
    """Text of the reply -> value, which is kept as JSON; raises InvalidReply."""
    schema: Mapping[str, Any] | None = None
    """JSON Schema of the reply, for servers that can hold a model to one; None for plain text."""
    max_tokens: int = 512
    sampling: Mapping[str, float] = field(default_factory=dict)
    """`temperature`, `top_p`, `seed`: sent only where set, for not every model has them."""
    sample: int = 0
    """Which of several replies to the same question this is."""
    digits: bool = False
    """Whether to ask how probable each digit was wherever the reply has one."""

    def key(self, endpoint: str, model: str) -> str:
        """Digest of all that a reply depends on: where it is asked, whom, and what."""
        whole = {
            "endpoint": endpoint,
            "model": model,
            "messages": [dict(message) for message in self.messages],
            "schema": self.schema,
            "max_tokens": self.max_tokens,
            "sampling": dict(self.sampling),
            "sample": self.sample,
            "digits": self.digits,
        }
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or several calls; None where a server did not say."""

    prompt: int | None = 0
    completion: int | None = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(_sum(self.prompt, other.prompt), _sum(self.completion, other.completion))


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a request."""

    id: str
    state: str
    value: Any = None
    """What `read` made of the text; None unless the state is `ok`."""
    text: str = ""
    """The last reply as it came, if there was one."""
    reason: str = ""
    """Why there is no value."""
    model: str = ""
    """The model's name as the server gave it."""
    format: str = ""
    """How the server held the model to the schema: `json_schema`, `json_object` or `text`."""
    digits: Digits = ()
    """How probable each digit was, by digit, for each token of the text that is one; empty unless
    that was asked for and the server said."""
    calls: int = 0
    """HTTP requests made for it; 0 where it was cached."""
    usage: Usage = field(default_factory=Usage)
