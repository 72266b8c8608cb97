"""Files that strangers wrote: read within bounds of size, depth and numbers, or refused.

Every fault is a ValueError whose text says what was wrong and where in the file; none names the
file, which the caller knows.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import re
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DEPTH = 16
"""Lists and objects within each other."""
TEXT = 4000
"""Characters of one text."""
_DIGITS = 18
# Control characters, halves of characters, and marks that turn the direction of writing.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def read_bytes(path: Path, most: int) -> bytes:
    """The bytes of a regular file, at most `most` of them; no links, no devices, no pipes.

    Raises ValueError for what is none, FileNotFoundError where there is nothing.
    """
    try:
        # Not waiting: a pipe that nobody writes to would hold us for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        link = path.is_symlink()
        raise ValueError("it is a link" if link else f"it cannot be opened: {error}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ValueError("it is no regular file")
    with os.fdopen(handle, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it is larger than {most:,} bytes")
    return content


def parse_json(content: bytes) -> Any:
    """A JSON value of finite numbers, keys that are there once, and texts that can be shown."""
    if content.startswith(b"\xef\xbb\xbf"):
        raise ValueError("it starts with a byte order mark; save it as plain UTF-8")
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_refuse_number,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON at line {error.lineno}: {error.msg}") from error
    except RecursionError as error:
        raise ValueError(f"it is deeper than {DEPTH}") from error
    _check(value, "", DEPTH)
    return value


def gunzip(content: bytes, most: int) -> bytes:
    """What a gzip file holds, `most` bytes at most: a small file may unpack to a whole disk."""
    try:
        with gzip.open(io.BytesIO(content)) as file:
            found = file.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"it is no whole gzip file: {error}") from error
    if len(found) > most:
        raise ValueError(f"it unpacks to more than {most:,} bytes")
    return found


def parse_lines(content: bytes) -> Iterator[Any]:
    """The JSON value of each line."""
    for number, line in enumerate(io.BytesIO(content), start=1):
        try:
            yield parse_json(line)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error


def shown(value: Any, most: int = 60) -> str:
    """A stranger's value within a message: short, plain ASCII, on one line."""
    text = ascii(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def shown_path(path: Path, most: int = 300) -> str:
    """A path that a stranger named, on one line."""
    text = str(path)
    return text if text.isprintable() else shown(text, most)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {shown(key)} is there twice")
            seen.add(key)
    return found


def _refuse_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _integer(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"the number {shown(text)} is too large")
    return int(text)


def _check(value: Any, place: str, depth: int) -> None:
    """Refuse what is too deep or too large, and texts that are too long or hide something."""
    if isinstance(value, str):
        _check_text(value, place)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{_where(place)}: the number is too large")
    elif isinstance(value, dict | list):
        if not depth:
            raise ValueError(f"{_where(place)}: it is deeper than {DEPTH}")
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(key, str):
                _check_text(key, place)
                if not key.isprintable():
                    raise ValueError(f"{_where(place)}: the key {shown(key)} is no line of text")
            _check(inner, f"{place}.{key}" if place else str(key), depth - 1)


def _check_text(text: str, place: str) -> None:
    if text.isprintable() and len(text) <= TEXT:
        return
    if len(text) > TEXT:
        raise ValueError(f"{_where(place)}: a text is longer than {TEXT} characters")
    if found := _UNSEEN.search(text):
        raise ValueError(f"{_where(place)}: {shown(found[0])} is no character that can be shown")


def _where(place: str) -> str:
    return shown(place, 80).strip("'") if place else "it"
