"""Text as tokens: train the byte-level BPE, tokenise documents into a memory-mapped file."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from leaner_harness import (
    CheckpointError,
    DataError,
    Document,
    UnknownName,
    UsageError,
    write_json,
)

END = "<|endoftext|>"
SEPARATOR, CLASS, MASK, PADDING = "[SEP]", "[CLS]", "[MASK]", "[PAD]"

KINDS: dict[str, dict[str, str]] = {
    "byte-bpe": {"bos_token": END, "eos_token": END, "pad_token": END},
    "byte-bpe-mask": {
        "bos_token": SEPARATOR,
        "eos_token": SEPARATOR,
        "sep_token": SEPARATOR,
        "cls_token": CLASS,
        "mask_token": MASK,
        "pad_token": PADDING,
    },
}
"""Kinds of tokenizers, and what their special tokens are for. Id 0 ends every document, and so it
stands before every document but the first: a model that reads from left to right begins with it.
A tokenizer of the second kind writes `[CLS] a [SEP]`, and for a pair `[CLS] a [SEP] b [SEP]`."""

_BATCH = 512  # documents handed to the tokenizer at once: bounds memory, keeps its threads busy


def train_tokenizer(
    texts: Iterable[str], vocab_size: int, kind: str = "byte-bpe"
) -> PreTrainedTokenizerFast:
    """A byte-level BPE of at most `vocab_size` entries; any text round-trips through it exactly.

    The same texts give the same tokenizer. Raises UsageError for a vocabulary without room for the
    256 bytes and the special tokens.
    """
    roles = KINDS[kind]
    special = list(dict.fromkeys(roles.values()))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    if vocab_size < len(special) + len(alphabet):
        least = len(special) + len(alphabet)
        raise UsageError(f"vocab_size is {vocab_size}; this kind of tokenizer has {least} or more.")
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=special,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    options: dict[str, object] = {}
    if "cls_token" in roles:
        backend.post_processor = processors.TemplateProcessing(
            single=f"{CLASS} $A {SEPARATOR}",
            pair=f"{CLASS} $A {SEPARATOR} $B:1 {SEPARATOR}:1",
            special_tokens=[(token, special.index(token)) for token in (CLASS, SEPARATOR)],
        )
        options = {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        **roles,
        **options,
        clean_up_tokenization_spaces=False,  # would remove the space before a full stop
    )


def check_kind(kind: str) -> None:
    """Raise UnknownName for a kind of tokenizer that is none of ours."""
    if kind not in KINDS:
        raise UnknownName("kind of tokenizer", kind, KINDS)


def load_tokenizer(path: Path, kind: str = "byte-bpe") -> PreTrainedTokenizerFast:
    """The tokenizer in a folder; it must have the special tokens that a kind is trained with.

    Raises CheckpointError when there is none, or one of these is missing.
    """
    if not (path / "tokenizer.json").is_file():
        raise CheckpointError(
            f"{path} holds no tokenizer: tokenizer.json is missing.",
            'Write tokenizer = "train" in the recipe, or the path of a folder with one.',
        )
    tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
    for role in ("eos_token", "cls_token", "mask_token"):
        if role in KINDS[kind] and getattr(tokenizer, role) is None:
            raise CheckpointError(f"The tokenizer in {path} has no {role}, which training needs.")
    return tokenizer


def tokenizer_digest(tokenizer: PreTrainedTokenizerFast) -> str:
    """Hex sha256 of the tokenizer's definition."""
    return hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest()


def encode(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> list[list[int]]:
    """Ids of each text, without special tokens; a text that spells one out does not become one."""
    backend = tokenizer.backend_tokenizer
    before, backend.encode_special_tokens = backend.encode_special_tokens, True
    try:
        return [found.ids for found in backend.encode_batch(texts, add_special_tokens=False)]
    finally:
        backend.encode_special_tokens = before


@dataclass(frozen=True)
class Tokens:
    """Tokenised text on disk: documents one after another, each closed by the end-of-text token."""

    ids: NDArray[np.uint16]
    """All ids, memory-mapped; shape (tokens,)."""
    offsets: NDArray[np.int64]
    """Where each document begins, and where the last ends; shape (documents + 1,)."""
    words: int
    """Whitespace-separated words of the text."""
    digest: str
    """Hex sha256 of the text itself: the same for every tokenizer and trainer."""


def write_tokens(
    documents: Iterable[Document], tokenizer: PreTrainedTokenizerFast, folder: Path
) -> None:
    """Tokenise documents as they come into `folder`; `tokens.json` is written last.

    Raises DataError when there is no text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokens.json").unlink(missing_ok=True)
    digest, ids_digest, words, offsets = hashlib.sha256(), hashlib.sha256(), 0, [0]
    with (folder / "tokens.bin").open("wb") as file:
        for batch in _batches(documents):
            texts = [document.text for document in batch]
            for text, ids in zip(texts, encode(tokenizer, texts), strict=True):
                digest.update(text.encode() + b"\0")
                words += len(text.split())
                stored = np.array([*ids, tokenizer.eos_token_id], dtype=np.uint16).tobytes()
                ids_digest.update(stored)
                file.write(stored)
                offsets.append(offsets[-1] + len(ids) + 1)
    if len(offsets) == 1:
        raise DataError(
            "The training text has no documents.", "Check `data`, `genres` and `words`."
        )
    np.save(folder / "offsets.npy", np.array(offsets, dtype=np.int64))
    about = {"words": words, "digest": digest.hexdigest(), "ids_digest": ids_digest.hexdigest()}
    write_json(folder / "tokens.json", about)


def read_tokens(folder: Path) -> Tokens:
    """Load what `write_tokens` wrote, and verify it.

    Raises DataError when the folder is incomplete or its ids are not those that were written.
    """
    try:
        about = json.loads((folder / "tokens.json").read_text())
        ids = np.memmap(folder / "tokens.bin", dtype=np.uint16, mode="r")
        offsets = np.load(folder / "offsets.npy", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} holds no complete tokenised text: {error}.") from error
    if hashlib.sha256(ids.data).hexdigest() != about["ids_digest"] or offsets[-1] != len(ids):
        raise DataError(f"The tokenised text in {folder} is damaged.", "Delete the folder.")
    return Tokens(ids, offsets, about["words"], about["digest"])


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    rest = iter(documents)
    while batch := list(itertools.islice(rest, _BATCH)):
        yield batch
