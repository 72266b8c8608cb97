"""Training text: the embedded mini text, a folder, or the user's own files, as documents.

`read_documents` streams: a corpus may be larger than memory.
"""

from __future__ import annotations

import itertools
import math
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from leaner_harness.contracts import Document
from leaner_harness.data import arrow_rows, json_rows, published
from leaner_harness.data.row_text import SHAPES, genre_of, text_of
from leaner_harness.errors import DataError, UnknownName, near_miss

INSTRUCTION = "instruction"
GENRES = (*published.GENRES, INSTRUCTION)
SPLITS = ("train", "validation", "test")
MINI = ("mini", "mini-harder", "mini-instruct", "mini-instruct-harder")
"""The embedded sources; none of them ends."""
PULLED = "leaner"
"""The published text, where `leaner data pull pretrain` put it, or the folder `LEANER_DATA`."""

_SHARD = re.compile(r"([a-z]+)\d{4,}\.jsonl?(?:\.zst|\.gz)?\Z")
_HOLD_OUT = 50
"""Every 50th document of a source without splits is its validation text."""


def default_words(source: str) -> int | None:
    """Words to read where none are asked for: a million of a source without end, else None, all."""
    return 1_000_000 if source in MINI else None


def read_documents(
    source: str, split: str = "train", genres: Sequence[str] = (), words: int | None = None
) -> Iterator[Document]:
    """Documents of a source, in a fixed order.

    `source` is one of

    - `mini`, `mini-harder`, `mini-instruct` or `mini-instruct-harder`, which have no end;
    - `leaner`, the published text that `leaner data pull pretrain` fetched;
    - a folder in the published layout: with `10M` and `100M` tiers, or one of those tiers, or just
      `<genre>0000.jsonl` files; `data/ori` holds the texts before simplification. Its instructions
      are read only when `genres` names them;
    - a folder that `datasets` saved, or one of Parquet files;
    - a `.txt` file (documents are separated by blank lines), a `.jsonl` file with a `text` key, or
      `instruction`, `input` and `output`, or a `.json` file with a list of such rows or of texts.

    A file may be compressed: `.zst` or `.gz`. `words` stops after the document that reaches that
    many; where a folder has more, and files named after genres, it takes from the genres in turn,
    so that each gives as many words as the others until it ends. A source that has no splits of
    its own keeps every 50th document for validation.

    Raises DataError for a missing or damaged file, UnknownName for a wrong split or genre.
    """
    _check(split, genres)
    return _so_many(source, split, genres, words) if words else _documents(source, split, genres)


def held_out_documents(
    source: str, genres: Sequence[str], words: int, part: int = 0
) -> list[Document]:
    """The first documents of each genre of the validation split, about as many words of each.

    Together they have about `words`, or less where there is less; part 1 are the documents that
    follow those of part 0, and so on. A source without end mixes its genres itself. Raises as
    `read_documents`, and DataError where the split ends before the part.
    """
    documents = read_documents(source, "validation", genres)
    if default_words(source):  # no end: each part is the next stretch of it
        for _ in range(part):
            for _ in _up_to(documents, words):
                pass
        return _of_each_genre(_up_to(documents, words), words, 0)
    found = _of_each_genre(documents, words, part)
    if not found and part:
        raise DataError(
            f"The validation split of {source} ends with the documents that are reported.",
            "Give more validation text, or less validation_words; or take a curriculum that goes "
            'by steps: rule = "fixed".',
        )
    return found


def _of_each_genre(documents: Iterator[Document], words: int, part: int) -> list[Document]:
    """The part, counted from 0, of each genre's documents: about as many words of each."""
    by_genre: dict[str, list[Document]] = defaultdict(list)
    read: Counter[str] = Counter()
    for document in documents:
        # More than any share can be, and one document, at least, for each part.
        if read[document.genre] < words * (part + 1) or len(by_genre[document.genre]) <= part:
            by_genre[document.genre].append(document)
            read[document.genre] += len(document.text.split())
    share = math.ceil(words / max(len(by_genre), 1))
    streams = [iter(some) for some in by_genre.values()]
    for _ in range(part + 1):  # each goes on where it ended
        found = [document for stream in streams for document in _up_to(stream, share)]
    return found


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


def _so_many(source: str, split: str, genres: Sequence[str], words: int) -> Iterator[Document]:
    """Of the files' genres in turn where there is more; else all, in the order of the files."""
    documents, several = _documents(source, split, genres), _named_genres(source, split, genres)
    if len(several) > 1:
        rest = _documents(source, split, genres)
        for _ in _up_to(rest, words):
            pass
        if next(rest, None) is not None:
            documents = _in_turn(_documents(source, split, [genre]) for genre in several)
    yield from _up_to(documents, words)


def _in_turn(streams: Iterable[Iterator[Document]]) -> Iterator[Document]:
    """Each next document from the stream that has given the fewest words, or of those the first."""
    left = dict(enumerate(streams))
    read = dict.fromkeys(left, 0)
    while left:
        least = min(left, key=read.__getitem__)
        document = next(left[least], None)
        if document is None:
            del left[least]
        else:
            yield document
            read[least] += len(document.text.split())


def _documents(source: str, split: str, genres: Sequence[str]) -> Iterator[Document]:
    documents = _read_source(source, split, genres)
    if not genres:
        return documents
    return (document for document in documents if document.genre in genres)


def _read_source(source: str, split: str, genres: Sequence[str]) -> Iterator[Document]:
    if source in MINI:
        return _mini(source, split)
    path = _path(source)
    if path.is_dir():
        return _read_folder(path, split, genres)
    if not path.is_file():
        raise DataError(
            f"There is no training text at {source!r}.{near_miss(source, (*MINI, PULLED))}",
            "Give a folder of texts, a .txt or a .jsonl file.",
        )
    kind = json_rows.kind(path)
    if kind not in _READERS:
        raise UnknownName("file type", kind, _READERS, f"{path} cannot be read as text.")
    return _hold_out(_READERS[kind](path), split)


def _path(source: str) -> Path:
    return _pulled() if source == PULLED else Path(source).expanduser()


def _pulled() -> Path:
    folder = Path(os.environ.get("LEANER_DATA") or published.folder())
    if not folder.is_dir():
        raise DataError(
            f"The published text is not at {folder}.", "Fetch it: leaner data pull pretrain"
        )
    return folder


def _mini(source: str, split: str) -> Iterator[Document]:
    from leaner_harness.data import mini

    side = "harder" if source.endswith("-harder") else "simple"
    if "instruct" not in source:
        return mini.documents(side=side, split=split)
    rows = mini.instructions(side=side, split=split, count=sys.maxsize)
    return (
        Document(f"{source}-{split}-{number:08d}", INSTRUCTION, *text_of(row, INSTRUCTION))
        for number, row in enumerate(rows)
    )


def _hold_out(documents: Iterable[Document], split: str) -> Iterator[Document]:
    for number, document in enumerate(documents):
        if (number % _HOLD_OUT == _HOLD_OUT - 1) == (split != "train"):
            yield document


def _read_folder(folder: Path, split: str, genres: Sequence[str]) -> Iterator[Document]:
    splits, tiers = arrow_rows.find_splits(folder, SPLITS), _tiers(folder, split)
    if splits and tiers:
        raise DataError(
            f"{folder} holds tables and {tiers[0].relative_to(folder)}: which is its text?",
            "Put what is not training text elsewhere, or name the folder that holds it.",
        )
    if splits:
        return _read_splits(folder, splits, split)
    if tiers:
        documents = _read_all([path for path in tiers if not genres or _genre(path) in genres])
        if INSTRUCTION not in genres:
            return documents
        apart = [path for path in _shards(folder, *_HOMES) if _genre(path) == INSTRUCTION]
        return itertools.chain(documents, _hold_out(_read_all(apart), split))
    flat = _shards(folder, "")
    if not flat:
        raise DataError(
            f"{folder} holds no {split} text such as {split}/wiki0000.jsonl.",
            "A folder needs the published layout, Parquet files, or what `datasets` saves; a "
            "single file may be .txt or .jsonl.",
        )
    return _hold_out(_read_all(flat), split)


def _named_genres(source: str, split: str, genres: Sequence[str]) -> list[str]:
    """Of some genres, or of all, those that a folder's files are named after, as they are read.

    None where a file is named after no genre, or its rows name theirs: they are mixed already.
    """
    if source in MINI or arrow_rows.find_splits(folder := _path(source), SPLITS):
        return []
    files = _tiers(folder, split)
    if not files:
        files = _shards(folder, "")
    elif INSTRUCTION in genres:
        files += _shards(folder, *_HOMES)
    named = [_genre(path) for path in files]
    if None in named:
        return []
    return [genre for genre in dict.fromkeys(named) if genre and genre in (genres or GENRES)]


_HOMES = ("data/leaner/", "leaner/", "")
"""Where the tiers may lie, and the instructions beside them, seen from the folder given."""


def _shards(folder: Path, *inner: str) -> list[Path]:
    """Files named after a genre in some folders, in their order, each sorted by path."""
    return [
        path
        for pattern in inner
        for path in sorted(folder.glob(f"{pattern}/*" if pattern else "*"))
        if _SHARD.match(path.name)
    ]


def _tiers(folder: Path, split: str) -> list[Path]:
    return _shards(folder, *(f"{home}*/{split}" for home in _HOMES), split)


def _genre(path: Path) -> str | None:
    """The genre a file is named after."""
    match = _SHARD.match(path.name)
    return match[1] if match and match[1] in GENRES else None


def _read_splits(folder: Path, splits: dict[str, list[Path]], split: str) -> Iterator[Document]:
    if split not in splits and list(splits) != ["train"]:
        raise UnknownName("split", split, splits, f"{folder} has splits of its own.")
    files = splits.get(split, splits.get("train", []))
    documents = _read_all(files, arrow_rows.read_rows)
    return _hold_out(documents, split) if list(splits) == ["train"] else documents


def _read_all(
    paths: Sequence[Path], rows: Callable[[Path], Iterable[tuple[int, Any]]] = json_rows.read_rows
) -> Iterator[Document]:
    """Files one after another. Their documents' ids differ, also where two have one name."""
    names: list[str] = [path.name for path in paths]
    if len(set(names)) < len(names):
        above = os.path.commonpath([path.parent for path in paths])
        names = [path.relative_to(above).as_posix() for path in paths]
    for path, name in zip(paths, names, strict=True):
        yield from _from_rows(rows(path), path, name)


def _read_json(path: Path) -> Iterator[Document]:
    return _from_rows(json_rows.read_rows(path), path, path.name)


def _from_rows(rows: Iterable[tuple[int, Any]], path: Path, name: str) -> Iterator[Document]:
    for number, row in rows:
        genre = _genre(path) or genre_of(row)
        try:
            text, prompt = text_of(row, genre)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"{path}:{number} is no {genre} document: {error!r}.", SHAPES
            ) from error
        yield Document(f"{name}:{number}", genre, text, prompt)


def _read_txt(path: Path) -> Iterator[Document]:
    blank_runs = itertools.groupby(json_rows.read_lines(path), key=lambda line: not line.strip())
    paragraphs = ("".join(lines).strip() for blank, lines in blank_runs if not blank)
    for number, text in enumerate(paragraphs, start=1):
        yield Document(f"{path.name}:{number}", "web", text)


_READERS: dict[str, Callable[[Path], Iterator[Document]]] = {
    ".txt": _read_txt,
    ".jsonl": _read_json,
    ".json": _read_json,
}
