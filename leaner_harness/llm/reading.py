"""JSON out of what a model wrote: without thoughts, fences and talk around it."""

from __future__ import annotations

import json
import re
from typing import Any

from leaner_harness.llm.records import REFUSED, UNPARSABLE, InvalidReply

# Also where they never end, or where a server has kept their beginning to itself.
_THOUGHTS = re.compile(r"\A\s*<think>(?:.*?</think>|.*)|\A.*?</think>", re.DOTALL)
_REFUSAL = re.compile(
    r"\A\W*(?:(?:i'm|i am) (?:very )?sorry|sorry|i (?:cannot|can't|can not|won't|am unable)"
    r"|as an ai\b|unfortunately, i)",
    re.IGNORECASE,
)
_FAILURES = 1000
"""Braces that begin no object before a reply is given up: each costs time by the text's length."""


def without_thoughts(text: str) -> str:
    """The text after `<think> ... </think>`, which some models begin with."""
    return _THOUGHTS.sub("", text, count=1).strip()


def read_object(text: str) -> dict[str, Any]:
    """The last JSON object that stands in a reply by itself, in a fence or among other words.

    The last: a model that repeats what it was shown says its own word after that. Raises
    InvalidReply where there is none, `refused` where the words are those of a refusal.
    """
    said = without_thoughts(text)
    found, place, failed = None, 0, 0
    decoder = json.JSONDecoder()
    while (start := said.find("{", place)) >= 0 and failed < _FAILURES:
        try:
            value, place = decoder.raw_decode(said, start)
        except (ValueError, RecursionError):
            place, failed = start + 1, failed + 1
            continue
        found = value
    if isinstance(found, dict):
        return found
    if _REFUSAL.match(said):
        raise InvalidReply(REFUSED, "the model refused")
    raise InvalidReply(UNPARSABLE, "the reply holds no JSON object")
