"""What a folder holds of the published set: files verified, rows, bytes and tokens, by group.

Tokens are counted in tokenizers with names, because "71M tokens" alone can be checked by nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from leaner_harness.data import published
from leaner_harness.data.json_rows import read_rows
from leaner_harness.data.published import SIDES, TIERS, Manifest
from leaner_harness.errors import DataError, UsageError

WORDS = "words"
"""The counter every status has: words as whitespace parts them."""
PUBLISHED_TOKENS = {"pretrain/leaner": 71_000_000, "instruct": 7_000_000}
PUBLISHED_SOURCE = "arXiv 2501.00522; quoted, tokenizer not stated there"
OWN_TOKENIZER = "tokenizer/gpt-2K/tokenizer.json"

Count = Callable[[Sequence[str]], int]
"""Tokens in some texts together, special tokens not counted."""

_FIELDS = {
    "glue": "sentence sentence1 sentence2 question question1 question2 premise hypothesis".split(),
    "eval": ["question"],
    "instruct": ["instruction", "input", "output"],
    "code": ["prompt", "response"],
    "math": ["problem", "hints"],
}
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class FileStatus:
    """One published file as it is found: `verified`, `wrong` (other content) or `absent`."""

    path: str
    state: str
    bytes: int = 0
    rows: int | None = None
    """None when the file has no rows or they cannot be read; `note` says why they cannot."""
    tokens: Mapping[str, int] = field(default_factory=dict)
    """Counter name -> tokens."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """The files of one group together, every split; eval holds its questions more than once."""

    name: str
    """`glue`, `pretrain/leaner`, `pretrain/leaner/10M`, ...: the last is a part of the second."""
    files: Sequence[FileStatus]

    def having(self, state: str) -> list[str]:
        """The paths of the files in that state."""
        return [file.path for file in self.files if file.state == state]

    def record(self) -> dict[str, Any]:
        """The group as JSON: counts, sums over its readable files, and what the paper states."""
        tokens: Counter[str] = Counter()
        for file in self.files:
            tokens.update(file.tokens)
        rows = [file.rows for file in self.files if file.rows is not None]
        return {
            "name": self.name,
            "files": len(self.files),
            "verified": len(self.having("verified")),
            "wrong": self.having("wrong"),
            "absent": self.having("absent"),
            "rows": sum(rows) if rows else None,
            "bytes": sum(file.bytes for file in self.files),
            "tokens": dict(tokens),
            "not_counted": {file.path: file.note for file in self.files if file.note},
            "published_tokens": PUBLISHED_TOKENS.get(self.name),
        }


def describe(
    folder: Path, tokenizers: Iterable[Path] = (), manifest: Manifest | None = None
) -> list[GroupStatus]:
    """Compare a folder in the published layout with the manifest, and count what it holds.

    `tokenizers` are tokenizer.json files or folders holding one; the published gpt-2K counts too
    where the folder has it. Raises UsageError or DataError for a tokenizer that cannot be read.
    """
    manifest = manifest or published.load_manifest()
    counters = _counters(folder, tokenizers, manifest)
    files = [
        _file_status(folder, path, blob, counters)
        for path, blob in sorted(manifest.files.items())
        if published.group_of(path)
    ]
    groups: dict[str, list[FileStatus]] = {name: [] for name in _group_names()}
    for file in files:
        for name in _groups_of(file.path):
            groups[name].append(file)
    return [GroupStatus(name, members) for name, members in groups.items() if members]


def _group_names() -> list[str]:
    names = [group for group in published.GROUPS if group != "pretrain"]
    for side in SIDES:
        names += [f"pretrain/{side}", *(f"pretrain/{side}/{tier}" for tier in TIERS)]
    return names


def _groups_of(path: str) -> list[str]:
    if file := published.pretrain_file(path):
        return [f"pretrain/{file.side}", f"pretrain/{file.side}/{file.tier}"]
    return [published.group_of(path) or ""]


def _file_status(folder: Path, path: str, blob: str, counters: Mapping[str, Count]) -> FileStatus:
    found = folder / path
    if not found.is_file():
        return FileStatus(path, "absent")
    state = "verified" if published.git_blob_id(found) == blob else "wrong"
    size = found.stat().st_size
    if published.group_of(path) == "tokenizer":
        return FileStatus(path, state, size)
    try:
        rows, tokens = _count(found, path, counters)
    except DataError as error:
        # A damaged file is what this command is to find, so it must not end it.
        return FileStatus(path, state, size, note=error.message)
    return FileStatus(path, state, size, rows, tokens)


def _count(found: Path, path: str, counters: Mapping[str, Count]) -> tuple[int, Counter[str]]:
    number, tokens = 0, Counter(dict.fromkeys(counters, 0))
    rows = (row for _, row in read_rows(found))
    while some := list(islice(rows, _ROWS_AT_ONCE)):
        number += len(some)
        pieces = [text for row in some for text in texts(path, row)]
        for name, count in counters.items():
            tokens[name] += count(pieces)
    return number, tokens


def texts(path: str, row: Any) -> list[str]:
    """The texts of one row of the published file `path` that count as tokens.

    Natural genres: `text` (ori textbook: `textbook`; ori conversation: the row itself; ori wiki:
    the value of its one key). code: prompt, response. math: problem, hints. instruct:
    instruction, input, output. glue: the sentence fields. eval: the question.
    """
    file = published.pretrain_file(path)
    values = _values(path, file, row) if isinstance(row, dict) else [row]
    return [text for text in values if isinstance(text, str)]


def _values(path: str, file: published.PretrainFile | None, row: dict[str, Any]) -> list[Any]:
    names = _FIELDS.get(file.genre if file else published.group_of(path) or "", ["text"])
    if file and file.side == "ori" and file.genre == "wiki" and "text" not in row:
        names = list(row)
    elif file and file.side == "ori" and file.genre == "textbook":
        # Its `text` is the web snippet the textbook text was written from.
        names = ["textbook"]
    values: list[Any] = []
    # The mini set has one `text` a document in every genre.
    for name in [name for name in names if name in row] or ["text"]:
        value = row.get(name)
        values += value if isinstance(value, list) else [value]
    return values


def _counters(folder: Path, tokenizers: Iterable[Path], manifest: Manifest) -> dict[str, Count]:
    paths = [_tokenizer_file(path) for path in tokenizers]
    own = folder / OWN_TOKENIZER
    if published.verified(own, manifest.files.get(OWN_TOKENIZER, "")):
        paths.append(own)
    counters: dict[str, Count] = {WORDS: lambda pieces: sum(len(text.split()) for text in pieces)}
    for path in dict.fromkeys(path.resolve() for path in paths):
        name = path.parent.name if path.name == "tokenizer.json" else path.stem
        counters[str(path) if name in counters else name] = _token_count(path)
    return counters


def _tokenizer_file(path: Path) -> Path:
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        raise UsageError(
            f"{file} is no file.", "Name a tokenizer.json, or a folder that holds one."
        )
    return file


def _token_count(path: Path) -> Count:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the Rust side raises nothing narrower
        raise DataError(
            f"{path} is no tokenizer: {error}.", "It is the JSON that tokenizers.save() writes."
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(pieces: Sequence[str]) -> int:
        encoded = tokenizer.encode_batch_fast(list(pieces), add_special_tokens=False)
        return sum(len(text.ids) for text in encoded)

    return count
