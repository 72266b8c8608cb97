"""In what order a token file holds documents: one after another, or whole in blocks of one length.

In both a document begins with the start token of the tokenizer, and one more closes the file. So
any block of T tokens and the one after it can be cut out, and tells where documents begin:

    byte-bpe         [END] ids [END] ids ... [END]
    byte-bpe-mask    [CLS] ids [SEP] [CLS] ids [SEP] ... [CLS]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from transformers import PreTrainedTokenizerFast

from leaner_harness import PADDING, PROMPT, TEXT, Document
from leaner_trainers.encoding import ID_BYTES, Encoder, stored
from leaner_trainers.packing import Example, make_examples, pack
from leaner_trainers.tokenizers import end_token, start_token

Batches = Iterable[list[Document]]


class Piece(NamedTuple):
    """What is written next."""

    ids: bytes
    """Stored ids."""
    kinds: bytes = b""
    """What each of them is as something to predict; empty where all is text."""
    is_document: bool = True
    """Or padding, or the end of the file."""


class Marks(NamedTuple):
    """The stored ids that stand before and after those of a document."""

    start: bytes
    end: bytes

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerFast) -> Marks:
        """Those of a tokenizer."""
        end = end_token(tokenizer)
        return cls(stored([start_token(tokenizer)]), stored([] if end is None else [end]))


def one_after_another(batches: Batches, encoder: Encoder, marks: Marks) -> Iterator[Piece]:
    """Documents without a gap: blocks are cut wherever they end."""
    for batch in batches:
        for ids in encoder([document.text for document in batch]):
            yield Piece(marks.start + ids + marks.end)
    yield Piece(marks.start, is_document=False)


def whole_in_blocks(
    batches: Batches, encoder: Encoder, marks: Marks, size: int, counts: Counter[str]
) -> Iterator[Piece]:
    """Blocks of `size` tokens: whole examples, and then start tokens as padding.

    A start token is `TEXT` where it is the end of the example before it, and otherwise, as nothing
    foretells it, `PADDING`; so is the end of an example that was cut. `counts` gets tokens of
    `padding`, and what `make_examples` counts.
    """
    margin = sum(map(len, marks)) // ID_BYTES
    examples = (
        example
        for batch in batches
        for example in make_examples(batch, encoder, size - margin, counts)
    )
    before = PADDING  # what the next start token is
    for block in pack(examples, size, margin):
        for example in block:
            last = TEXT if example.is_whole else PADDING
            yield Piece(
                marks.start + example.prompt + example.answer + marks.end,
                bytes([before]) + _kinds(example) + (bytes([last]) if marks.end else b""),
            )
            before = PADDING if marks.end else last
        if room := size - sum(example.tokens + margin for example in block):
            counts["padding"] += room
            padding = bytes([before]).ljust(room, bytes([PADDING]))
            yield Piece(marks.start * room, padding, is_document=False)
            before = PADDING
    yield Piece(marks.start, bytes([before]), is_document=False)


def _kinds(example: Example) -> bytes:
    prompt, answer = (len(ids) // ID_BYTES for ids in (example.prompt, example.answer))
    return bytes([PROMPT]) * prompt + bytes([TEXT]) * answer
