"""Tokens on disk: documents tokenised as they come into a file that is then memory-mapped."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from leaner_harness import DataError, Document, write_json
from leaner_trainers.encoding import ID_BYTES, Encoder
from leaner_trainers.layout import Marks, one_after_another, whole_in_blocks

_BATCH = 1 << 20  # bytes of text handed to the tokenizer at once: bounds memory


@dataclass(frozen=True)
class Tokens:
    """Tokenised text on disk, laid out as `leaner_trainers.layout` says."""

    ids: NDArray[np.uint16]
    """All ids, memory-mapped; shape (tokens,)."""
    offsets: NDArray[np.int64]
    """Where each document begins, and the last token of the file; shape (documents + 1,)."""
    kinds: NDArray[np.uint8] | None
    """What each token is, memory-mapped, if whole examples were fitted into blocks; (tokens,)."""
    words: int
    """Whitespace-separated words of the text."""
    digest: str
    """Hex sha256 of the text itself: the same for every tokenizer and trainer."""
    counts: Mapping[str, int]
    """`lost_bytes` of the text, which the tokenizer has no token for; `dropped_blank` documents, if
    there were any; and where examples were fitted, how many were `truncated` or `dropped_empty`,
    and tokens of `padding`."""


def write_tokens(
    documents: Iterable[Document],
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    fit: int | None = None,
) -> None:
    """Tokenise documents as they come into `folder`; `tokens.json` is written last.

    Blank ones are left out: they would teach that nothing follows the beginning of a text.
    With `fit`, no document crosses the border of a block of that many tokens, and `kinds.bin` says
    what each token is. Raises DataError when there is no text, UsageError for too large a
    vocabulary.
    """
    encoder, marks = Encoder(tokenizer), Marks.of(tokenizer)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokens.json").unlink(missing_ok=True)
    text, counts = _Text(documents, encoder.lost, is_plain=fit is None), Counter[str]()
    if fit is None:
        pieces = one_after_another(text.batches(), encoder, marks)
    else:
        counts.update(truncated=0, dropped_empty=0, padding=0)
        pieces = whole_in_blocks(text.batches(), encoder, marks, fit, counts)
    begins, size = array("q"), 0
    with (folder / "tokens.bin").open("wb") as ids, (folder / "kinds.bin").open("wb") as kinds:
        for piece in pieces:
            if piece.is_document:
                begins.append(size)
            size += ids.write(piece.ids) // ID_BYTES
            kinds.write(piece.kinds)
    if not begins:
        raise DataError(
            "The training text has no documents.", "Check `data`, `genres` and `words`."
        )
    np.save(folder / "offsets.npy", np.array([*begins, size - 1], dtype=np.int64))
    about = {
        "words": text.words,
        "digest": text.digest.hexdigest(),
        "counts": {"lost_bytes": text.lost_bytes, **text.dropped, **counts},
        "files": {name: _digest(folder / name) for name in _FILES},
    }
    write_json(folder / "tokens.json", about)


def read_tokens(folder: Path) -> Tokens:
    """Load what `write_tokens` wrote, and verify it.

    Raises DataError when the folder is incomplete or its files are not those that were written.
    """
    try:
        about = json.loads((folder / "tokens.json").read_text())
        is_whole = about["files"] == {name: _digest(folder / name) for name in _FILES}
        if not is_whole:
            raise DataError(
                f"The tokenised text in {folder} is damaged.", "Start over: --set resume=false"
            )
        ids = np.memmap(folder / "tokens.bin", dtype=np.uint16, mode="r")
        offsets = np.load(folder / "offsets.npy", allow_pickle=False)
        kinds = None
        if (folder / "kinds.bin").stat().st_size:
            kinds = np.memmap(folder / "kinds.bin", dtype=np.uint8, mode="r")
        return Tokens(ids, offsets, kinds, about["words"], about["digest"], about["counts"])
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{folder} holds no complete tokenised text: {error!r}.") from error


_FILES = ("tokens.bin", "kinds.bin", "offsets.npy")


def _digest(path: Path) -> str:
    # By ordinary reads: a memory map read from end to end would count as this process's memory.
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Text:
    """Documents that are counted and digested as they pass by."""

    def __init__(self, documents: Iterable[Document], lost: bytes, *, is_plain: bool) -> None:
        """`lost` are bytes that the tokenizer does not know.

        Of plain text, blank documents are left out. (Examples are judged by their answers.)
        """
        self._documents, self._lost, self._is_plain = documents, lost, is_plain
        self.words, self.lost_bytes, self.digest = 0, 0, hashlib.sha256()
        self.dropped = Counter[str]()

    def batches(self) -> Iterator[list[Document]]:
        """The documents, some at a time."""
        batch: list[Document] = []
        waiting = 0
        for document in self._documents:
            if self._is_plain and not document.text.strip():
                self.dropped["dropped_blank"] += 1
                continue
            text = document.text.encode()
            self.digest.update(text + b"\0")
            self.words += len(document.text.split())
            self.lost_bytes += len(text) - len(text.translate(None, self._lost))
            batch.append(document)
            waiting += len(text)
            if waiting >= _BATCH:
                yield batch
                batch, waiting = [], 0
        if batch:
            yield batch
