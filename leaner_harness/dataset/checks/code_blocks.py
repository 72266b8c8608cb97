"""Code in a text: fenced blocks, the prose around them, and whether Python parses."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings

_FENCE = re.compile(r"(?ms)^[ \t]*```[ \t]*([\w+#-]*)[^\n]*\n(.*?)(?:^[ \t]*```|\Z)")
_INLINE = re.compile(r"`[^`\n]+`")
_PROMPT = re.compile(r"(?m)^### [A-Z]+ INPUT:$|^### RESPONSE:$")
_PYTHON = re.compile(r"(?m)^\s*(?:def \w+\(|class \w+|import \w+|from [\w.]+ import |print\()")
_LONGEST = 100_000
"""Characters of code that are parsed: nobody writes such a block, and a parser may choke on it."""


def prose_of(text: str) -> str:
    """A text without its code and without the published words around a question."""
    return _INLINE.sub(" ", _FENCE.sub("\n", _PROMPT.sub("", text)))


def blocks(text: str) -> list[tuple[str, str]]:
    """Language, in lower case or empty, and code of each fenced block, the last maybe open."""
    return [(language.lower(), code) for language, code in _FENCE.findall(text)]


def python_blocks(text: str) -> list[str]:
    """Those that say they are Python, or say nothing and look like it; else the whole text."""
    return [
        code
        for language, code in blocks(text) or [("", text)]
        if language in {"python", "py", "python3"} or (not language and _PYTHON.search(code))
    ]


def parses(code: str) -> bool:
    """Whether Python's parser takes it; nothing is run."""
    if len(code) > _LONGEST:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(textwrap.dedent(code))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True
