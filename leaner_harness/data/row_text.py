"""The text of a row: which of its keys it is made of, and how much of it is a prompt."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Text = tuple[str, int]
"""A text, and how many characters at its start are a prompt rather than an answer."""

SHAPES = (
    "A row has `text`, or `instruction`, `input` and `output` (code: `prompt` and `response`; "
    "math: `problem` and `hints`)."
)


def genre_of(row: Any) -> str:
    """The genre of a row in a file that is not named after one."""
    return "instruction" if isinstance(row, Mapping) and "instruction" in row else "web"


def text_of(row: Any, genre: str) -> Text:
    """The text of a row. Raises KeyError or TypeError for a row without one.

    The published conversations before simplification are strings, not objects.
    """
    text, prompt = (row, 0) if isinstance(row, str) else _MADE_OF.get(genre, _plain)(row)
    if not isinstance(text, str):
        raise TypeError(f"a text that is no string: {text!r:.40}")
    # JSON can spell half a surrogate pair, which no other step could write down.
    return text.encode("utf-8", "replace").decode(), prompt


def _plain(row: Mapping[str, Any]) -> Text:
    return row["text"], 0


def _wiki(row: Mapping[str, Any]) -> Text:
    if "text" not in row:  # before simplification: {"<number>": text}
        ((_, text),) = row.items()
        return text, 0
    # Half of the published rows hold a backslash and an n where a line break was meant.
    return row["text"].replace("\\n", "\n"), 0


def _textbook(row: Mapping[str, Any]) -> Text:
    # Before simplification, `text` is the web page that the textbook was written from.
    return row.get("textbook", row.get("text")), 0


def _instruction(row: Mapping[str, Any]) -> Text:
    given = row.get("input")
    asked = f"{row['instruction']}\n{given}" if given else row["instruction"]
    return _answered("TASK", asked, row["output"])


def _code(row: Mapping[str, Any]) -> Text:
    return _plain(row) if "text" in row else _answered("CODING", row["prompt"], row["response"])


def _math(row: Mapping[str, Any]) -> Text:
    if "text" in row:
        return _plain(row)
    return _answered("MATH", row["problem"], "\n".join(row["hints"]))


def prompt_of(asked: str, kind: str = "TASK") -> str:
    """The published words around something that is to be answered."""
    return f"### {kind} INPUT:\n{asked}\n\n### RESPONSE:\n"


_PROMPT = re.compile(r"\A### \w+ INPUT:\n(.*)\n\n### RESPONSE:\n\Z", re.DOTALL)


def asked_in(prompt: str) -> str:
    """What a prompt asks, without the published words around it, if it has them."""
    found = _PROMPT.match(prompt)
    return found[1] if found else prompt


def _answered(kind: str, asked: str, answer: str) -> Text:
    prompt = prompt_of(asked, kind)
    return prompt + answer, len(prompt)


_MADE_OF: dict[str, Callable[[Mapping[str, Any]], Text]] = {
    "wiki": _wiki,
    "textbook": _textbook,
    "instruction": _instruction,
    "code": _code,
    "math": _math,
}
