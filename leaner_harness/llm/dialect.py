"""What a server understands of a request: found out by its complaints, weaker step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from leaner_harness.llm.records import Request

JSON_SCHEMA, JSON_OBJECT, PLAIN = "json_schema", "json_object", "text"
_WEAKER = {JSON_SCHEMA: JSON_OBJECT, JSON_OBJECT: PLAIN}
_NEW_NAME, _OLD_NAME = "max_completion_tokens", "max_tokens"
_SAMPLING = ("temperature", "top_p", "seed")
_LOGPROBS = "logprobs"
_ALTERNATIVES = 20
"""Most probable tokens that are asked for: as many as servers allow."""
_FORMAT_WORDS = ("response_format", "json_schema", "json_object", "schema", "grammar", "guided")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How requests are worded for one server."""

    format: str = JSON_SCHEMA
    tokens_name: str = _OLD_NAME
    dropped: frozenset[str] = frozenset()
    """Parameters that the model has not."""

    @classmethod
    def of(cls, is_openai: bool) -> Dialect:
        """What to begin with: OpenAI renamed a parameter that others know by its old name."""
        return cls(tokens_name=_NEW_NAME if is_openai else _OLD_NAME)

    def format_of(self, request: Request) -> str:
        """How the server is asked to hold the model to the schema."""
        return self.format if request.schema else PLAIN

    def arguments(self, request: Request, max_tokens: int) -> dict[str, Any]:
        """Keyword arguments of `chat.completions.create`, but for model and messages."""
        sampling = {k: v for k, v in request.sampling.items() if k not in self.dropped}
        found: dict[str, Any] = {**sampling, self.tokens_name: max_tokens}
        if request.digits and _LOGPROBS not in self.dropped:
            found |= {_LOGPROBS: True, "top_logprobs": _ALTERNATIVES}
        form = self.format_of(request)
        if form == JSON_SCHEMA:
            schema = {"name": "reply", "strict": True, "schema": request.schema}
            found["response_format"] = {"type": JSON_SCHEMA, JSON_SCHEMA: schema}
        elif form == JSON_OBJECT:
            found["response_format"] = {"type": JSON_OBJECT}
        return found

    def weaker(self, complaint: str, request: Request) -> Dialect | None:
        """What to try after a server called a request wrong; None where nothing is left to try."""
        said = complaint.lower()
        other = _OLD_NAME if self.tokens_name == _NEW_NAME else _NEW_NAME
        if "max_completion_tokens" in said or "max_tokens" in said:
            tried = "tokens:" + other
            if tried not in self.dropped:
                gone = self.dropped | {tried, "tokens:" + self.tokens_name}
                return replace(self, tokens_name=other, dropped=gone)
        sent = {*request.sampling, *([_LOGPROBS] if request.digits else [])}
        for name in (*_SAMPLING, _LOGPROBS):
            if name in said and name in sent and name not in self.dropped:
                return replace(self, dropped=self.dropped | {name})
        form = self.format_of(request)
        if form in _WEAKER and any(word in said for word in _FORMAT_WORDS):
            return replace(self, format=_WEAKER[form])
        return None
