"""Rows of JSON files: one a line, or one list a file; plain, or compressed by zstd or gzip."""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leaner_harness.errors import DataError

COMPRESSED = (".zst", ".gz")


def kind(path: Path) -> str:
    """The suffix of a file's content: `.jsonl` for `a.jsonl` and for `a.jsonl.zst`."""
    return Path(path.stem).suffix if path.suffix in COMPRESSED else path.suffix


def read_lines(path: Path) -> Iterator[str]:
    """Lines of a text file with their ends, one at a time; bytes that are no UTF-8 are replaced.

    The mark with which some editors begin a UTF-8 file is none of its text.

    Raises DataError when the file is missing, or damaged as a compressed file.
    """
    try:
        with _opened(path) as raw, io.TextIOWrapper(raw, "utf-8-sig", "replace") as text:
            yield from text
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}.", _cure(path)) from error


def _cure(path: Path) -> str:
    """One published original (100M, wiki) breaks off so; what comes before the break is text."""
    unpack = {".zst": "zstd -dc", ".gz": "gzip -dc"}.get(path.suffix) if path.is_file() else None
    if unpack is None or kind(path) == ".json":
        return ""
    packed, kept = shlex.quote(str(path)), shlex.quote(str(path.with_suffix("")))
    return (
        f"Keep the whole lines before the break: {unpack} {packed} | sed '$d' > {kept}; then move "
        f"{path.name} away."
    )


def _opened(path: Path) -> Any:
    """The bytes of a file, decompressed as they are read."""
    if path.suffix not in COMPRESSED:
        return path.open("rb")
    import pyarrow  # which, unlike others, complains when a zstd file breaks off

    return pyarrow.input_stream(str(path), compression="detect")


def read_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """Each row with its number from 1: of a `.json` file's list (held whole), else of the lines.

    Raises DataError, naming the line, for what is no JSON.
    """
    if kind(path) == ".json":
        rows = _parsed("".join(read_lines(path)), str(path))
        if not isinstance(rows, list):
            raise DataError(f"{path} is no JSON list.", "Or is it JSON lines? Call it .jsonl.")
        yield from enumerate(rows, start=1)
    else:
        for number, line in enumerate(read_lines(path), start=1):
            if line.strip():
                yield number, _parsed(line, f"{path}:{number}")


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # of a number too long, nesting too deep
        raise DataError(f"{place} is no JSON: {error}.") from error
