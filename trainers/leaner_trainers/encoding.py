"""Text as token ids: never a special token, whatever a text spells out; frequent words cached."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from leaner_harness import UsageError

ID_BYTES = 2
"""Bytes of a stored id."""
_MOST_WORDS = 1 << 16
"""How many words are remembered: about 15 MB."""
_LONGEST = 32
"""Characters in the longest word worth remembering."""

_BLANK = r"\t-\r "
_WORDS = (
    rf" ?[A-Za-z]++| ?[0-9]++|'(?:[sdmt]|ll|ve|re)| ?[^{_BLANK}A-Za-z0-9]++"
    rf"|[{_BLANK}]+(?![^{_BLANK}])|[{_BLANK}]+"
)
_ASCII_WORDS = re.compile(_WORDS)
"""What GPT-2 takes for a word, as the byte-level pre-tokenizer cuts ASCII."""
_ANY_WORDS = re.compile(rf" ?[^{_BLANK}\x80-\U0010ffff]*+[\x80-\U0010ffff][^{_BLANK}]*+|{_WORDS}")
"""The same where there is more than ASCII: what lies between two blanks, if it has any other
character, is cut no further, because only the tokenizer knows which of them are letters."""
_OTHER_BLANK = re.compile(
    r"[\x1c-\x1f\x85\xa0\u1680\u180e\u2000-\u200b\u2028\u2029\u202f\u205f\u3000]"
)


def encode(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[list[int]]:
    """Ids of each text, without special tokens; a text that spells one out does not become one."""
    found = _literal(tokenizer).encode_batch(list(texts), add_special_tokens=False)
    return [text.ids for text in found]


def _literal(tokenizer: PreTrainedTokenizerFast) -> Tokenizer:
    """A copy for which a special token in a text is text like any other."""
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.encode_special_tokens = True
    return backend


class Encoder:
    """Texts -> ids, those of `encode`, as they are stored.

    Where the tokenizer cuts texts into words as GPT-2 does, and nothing else, each word is looked
    up. Raises UsageError for a vocabulary that 16 bits cannot number.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        if len(tokenizer) > 1 << 16:
            raise UsageError(
                f"The tokenizer has {len(tokenizer)} entries; token files hold at most {1 << 16}.",
                "Train one with fewer: vocab_size.",
            )
        self._backend = _literal(tokenizer)
        definition = json.loads(self._backend.to_str())
        self._words = _Words(self._backend) if _cuts_like_gpt2(definition) else None
        self.lost = _lost_bytes(definition)
        """The bytes of UTF-8 text that the tokenizer drops, because its vocabulary lacks them."""

    def __call__(self, texts: Sequence[str]) -> list[bytes]:
        """The ids of each text."""
        if self._words is None:
            found = self._backend.encode_batch(list(texts), add_special_tokens=False)
            return [stored(text.ids) for text in found]
        return [self._look_up(text) for text in texts]

    def _look_up(self, text: str) -> bytes:
        assert self._words is not None
        if text.isascii():
            cut = _ASCII_WORDS
        elif _OTHER_BLANK.search(text):
            return self._words.fresh(text)
        else:
            cut = _ANY_WORDS
        return b"".join(map(self._words.__getitem__, cut.findall(text)))


class _Words(dict[str, bytes]):
    """Word -> ids; forgets all when it is full, so that it follows a change of subject."""

    def __init__(self, backend: Tokenizer) -> None:
        super().__init__()
        self._backend = backend

    def __missing__(self, word: str) -> bytes:
        ids = self.fresh(word)
        if len(word) <= _LONGEST:
            if len(self) >= _MOST_WORDS:
                self.clear()
            self[word] = ids
        return ids

    def fresh(self, text: str) -> bytes:
        """Ids that are not looked up."""
        return stored(self._backend.encode(text, add_special_tokens=False).ids)


def stored(ids: Sequence[int]) -> bytes:
    """Ids as they are stored: uint16 each, in this machine's order of bytes."""
    return array("H", ids).tobytes()


def _cuts_like_gpt2(definition: dict[str, Any]) -> bool:
    """Whether the ids of a text are those of its words, as GPT-2 cuts it, one after another."""
    cutter, model = definition["pre_tokenizer"] or {}, definition["model"]
    return (
        (cutter.get("type"), cutter.get("add_prefix_space")) == ("ByteLevel", False)
        and cutter.get("use_regex", True)
        and not (definition["normalizer"] or definition["truncation"] or definition["padding"])
        and (model["type"], model.get("dropout")) == ("BPE", None)
        and all(token["special"] for token in definition["added_tokens"])
    )


def _lost_bytes(definition: dict[str, Any]) -> bytes:
    model, cutter = definition["model"], definition["pre_tokenizer"] or {}
    if (cutter.get("type"), model["type"], model.get("unk_token")) != ("ByteLevel", "BPE", None):
        return b""
    return bytes(byte for byte, sign in enumerate(_byte_signs()) if sign not in model["vocab"])


def _byte_signs() -> list[str]:
    """The character that stands for each byte: itself where it prints, else one from 256 up."""
    printed = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printed else chr(next(others)) for byte in range(256)]
