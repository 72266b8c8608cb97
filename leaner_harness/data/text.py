"""Training text: the embedded mini text, a folder in the published layout, or the user's own files.

`read_documents` streams: no file is held in memory whole, so a corpus may be larger than it.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from leaner_harness.contracts import Document
from leaner_harness.errors import DataError, UnknownName, near_miss

GENRES = ("web", "book", "wiki", "textbook", "conversation", "code", "math")
SPLITS = ("train", "validation", "test")
MINI_SIDES = {"mini": "simple", "mini-harder": "harder"}

_SHARD = re.compile(r"([a-z]+)\d{4,}\.jsonl\Z")
_HOLD_OUT = 50
"""Every 50th document of a source without splits is its validation text."""


def read_documents(
    source: str, split: str = "train", genres: Sequence[str] = (), words: int | None = None
) -> Iterator[Document]:
    """Documents of a source, in a fixed order.

    `source` is `mini`, `mini-harder`, a folder in the published layout (with `10M` and `100M`
    tiers, or one of those tiers, or just `<genre>0000.jsonl` files), a `.txt` file (documents are
    separated by blank lines) or a `.jsonl` file with a `text` key. `words` stops after the
    document that reaches that many; the mini text is endless without it. A source that has no
    splits of its own keeps every 50th document for validation.

    Raises DataError for a missing or damaged file, UnknownName for a wrong split or genre.
    """
    _check(split, genres)
    documents = _documents(source, split)
    if genres:
        documents = (document for document in documents if document.genre in genres)
    return _up_to(documents, words) if words else documents


def _check(split: str, genres: Sequence[str]) -> None:
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS)
    for genre in genres:
        if genre not in GENRES:
            raise UnknownName("genre", genre, GENRES)


def _up_to(documents: Iterator[Document], words: int) -> Iterator[Document]:
    seen = 0
    for document in documents:
        yield document
        seen += len(document.text.split())
        if seen >= words:
            return


def _documents(source: str, split: str) -> Iterator[Document]:
    if source in MINI_SIDES:
        from leaner_harness.data import mini

        return mini.documents(side=MINI_SIDES[source], split=split)
    path = Path(source).expanduser()
    if path.is_dir():
        return _read_folder(path, split)
    if not path.is_file():
        raise DataError(
            f"There is no training text at {source!r}.{near_miss(source, MINI_SIDES)}",
            "Give a folder in the published layout, a .txt or a .jsonl file.",
        )
    readers = {".txt": _read_txt, ".jsonl": _read_jsonl}
    if path.suffix not in readers:
        raise UnknownName("file type", path.suffix, readers, f"{path} cannot be read as text.")
    return _hold_out(readers[path.suffix](path), split)


def _hold_out(documents: Iterator[Document], split: str) -> Iterator[Document]:
    for number, document in enumerate(documents):
        if (number % _HOLD_OUT == _HOLD_OUT - 1) == (split != "train"):
            yield document


def _read_folder(folder: Path, split: str) -> Iterator[Document]:
    """Every genre file of a split, tier by tier, genre by genre."""
    shards = [
        path
        for inner in (f"data/leaner/*/{split}", f"leaner/*/{split}", f"*/{split}", split)
        for path in sorted(folder.glob(f"{inner}/*.jsonl"))
        if _SHARD.match(path.name)
    ]
    if shards:
        return itertools.chain.from_iterable(map(_read_jsonl, shards))
    flat = sorted(path for path in folder.glob("*.jsonl") if _SHARD.match(path.name))
    if not flat:
        raise DataError(
            f"{folder} holds no {split} text such as {split}/wiki0000.jsonl.",
            "A folder needs the published layout; a single file may be .txt or .jsonl.",
        )
    return _hold_out(itertools.chain.from_iterable(map(_read_jsonl, flat)), split)


def _read_jsonl(path: Path) -> Iterator[Document]:
    match = _SHARD.match(path.name)
    genre = match[1] if match and match[1] in GENRES else "web"
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield Document(f"{path.name}:{number}", genre, _text(line, genre, path, number))


def _text(line: str, genre: str, path: Path, number: int) -> str:
    try:
        text = TEXT_OF.get(genre, _plain)(json.loads(line))
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}:{number} is no {genre} document: {error!r}.",
            "A line is a JSON object with `text` (code: `prompt` and `response`; math: `problem` "
            "and `hints`).",
        ) from error
    # Half of the published wiki rows hold a backslash and an n where a line break was meant.
    return text.replace("\\n", "\n") if genre == "wiki" else text


def _plain(row: Mapping[str, Any]) -> str:
    text: str = row["text"]
    return text


def _code(row: Mapping[str, Any]) -> str:
    if "text" in row:
        return _plain(row)
    return f"### CODING INPUT:\n{row['prompt']}\n\n### RESPONSE:\n{row['response']}"


def _math(row: Mapping[str, Any]) -> str:
    if "text" in row:
        return _plain(row)
    hints = "\n".join(row["hints"])
    return f"### MATH INPUT:\n{row['problem']}\n\n### RESPONSE:\n{hints}"


TEXT_OF: dict[str, Callable[[Mapping[str, Any]], str]] = {"code": _code, "math": _math}
"""Genre -> the text of a row, where it is not simply `text`."""


def _read_txt(path: Path) -> Iterator[Document]:
    with path.open(encoding="utf-8", errors="replace") as file:
        blank_runs = itertools.groupby(file, key=lambda line: not line.strip())
        paragraphs = ("".join(lines).strip() for blank, lines in blank_runs if not blank)
        for number, text in enumerate(paragraphs, start=1):
            yield Document(f"{path.name}:{number}", "web", text)
