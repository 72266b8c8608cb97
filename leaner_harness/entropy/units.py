"""Texts as numbered tokens: words, or the tokens of a tokenizer."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leaner_harness.entropy.blocks import Tokens
from leaner_harness.errors import CheckpointError

WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+")
"""A word is a run of letters, with an apostrophe inside, in lower case; or a number."""
VOCABULARY = 2000
"""Entries of a tokenizer that is made for a comparison, as many as the published ones have."""


class Words:
    """Words by number, shared by the texts that are compared.

    A text is split at white space first, and what stands between is taken apart once for each
    distinct piece: that is the same words, several times as fast.
    """

    def __init__(self) -> None:
        self._pieces = _Numbers()
        self._words = _Numbers()
        self._parts: list[list[int]] = []

    def read(self, texts: Iterable[str]) -> Tokens:
        """Texts as words."""
        read, lengths, characters = [], [], 0
        number = self._pieces.__getitem__
        for text in texts:
            characters += len(text)
            found = text.lower().split()
            read.append(np.fromiter(map(number, found), np.int64, len(found)))
            lengths.append(len(found))
        for piece in itertools.islice(self._pieces, len(self._parts), None):
            self._parts.append([self._words[word] for word in WORD.findall(piece)])
        pieces = np.concatenate(read) if read else np.zeros(0, dtype=np.int64)
        # The words of each distinct piece, end to end: where they begin, and how many they are.
        flat = np.fromiter(itertools.chain.from_iterable(self._parts), np.int64)
        many = np.array([len(part) for part in self._parts], dtype=np.int64)
        start = np.cumsum(many) - many
        count = many[pieces]
        place = np.arange(count.sum()) + np.repeat(start[pieces] - np.cumsum(count) + count, count)
        documents = np.repeat(np.repeat(np.arange(len(lengths)), lengths), count)
        return Tokens(flat[place], documents, len(self._words), characters)


class _Numbers(dict[str, int]):
    """Strings by number; a new one gets the next."""

    def __missing__(self, key: str) -> int:
        self[key] = number = len(self)
        return number


def tokens(texts: Sequence[str], tokenizer: Any) -> Tokens:
    """Texts as the tokens of a `tokenizers.Tokenizer`, without special ones."""
    encoded = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    ids = [np.array(each.ids, dtype=np.int64) for each in encoded]
    documents = np.repeat(np.arange(len(ids)), [len(each) for each in ids])
    joined = np.concatenate(ids) if ids else np.zeros(0, dtype=np.int64)
    return Tokens(joined, documents, tokenizer.get_vocab_size(), sum(map(len, texts)))


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a folder. Raises CheckpointError where there is none."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder).backend_tokenizer
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{folder} holds no tokenizer: {error}.") from error


def make_tokenizer(texts: Iterable[str]) -> Any:
    """A byte-level BPE tokenizer of `VOCABULARY` entries, made from texts."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
