"""Looked-up words give the ids that the tokenizer gives, for any text and any tokenizer."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from leaner_trainers import encoding
from leaner_trainers.encoding import Encoder, encode, stored
from leaner_trainers.tokenizers import load_tokenizer, train_tokenizer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from leaner_harness import UsageError, read_documents

TEXTS = [
    "It's the dog's bone; they'll say we've 12 of 'em.",
    '  x = 10\n\n\tif x:\r\n        y  = "é"\u00a0\u3000z ',
    "naïve Ünïcödé 東京は大きい 3½ ²x \U0001f414\u200d\u0301 \u2003a",
] * 20


def simple(kind: str = "byte-bpe") -> PreTrainedTokenizerFast:
    return train_tokenizer(TEXTS, 400, kind)


@pytest.fixture(scope="module")
def tokenizers() -> list[PreTrainedTokenizerFast]:
    return [simple(), simple("byte-bpe-mask")]


SPELLED = [
    "<|endoftext|>",
    "[SEP]",
    "[MASK]",
    "'s",
    "'LL",
    "''ve",
    "a",
    "B",
    "7",
    "½",
    "é",
    "東",
    "._",
] + [" ", "  ", "\n", "\r\n", "\t", "\x1f", "\x85", "\xa0", "\u2028", "\u180e", "\u200b", "\0"]


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.text(), st.lists(st.sampled_from(SPELLED), max_size=12).map("".join)))
@example("a  \u00a0b")
@example(" \n é")
@example("don't é's 'tis")
def test_any_text_has_the_ids_of_the_tokenizer(tokenizers, text):
    for tokenizer in tokenizers:
        encoder = Encoder(tokenizer)
        assert encoder._words is not None
        assert encoder([text, text]) == [stored(encode(tokenizer, [text])[0])] * 2


def test_every_character_between_others():
    tokenizer = simple()
    draw = random.Random(0)
    signs = [chr(code) for code in range(0x3100) if not 0xD800 <= code < 0xE000]
    texts = [
        "".join(draw.choice(["a", "9", " ", "  ", "\n", "'s", "", sign]) + sign for _ in range(6))
        for sign in signs
    ]
    expected = [stored(ids) for ids in encode(tokenizer, texts)]
    assert Encoder(tokenizer)(texts) == expected


def test_a_full_memory_is_emptied(tokenizers, monkeypatch):
    monkeypatch.setattr(encoding, "_MOST_WORDS", 3)
    encoder = Encoder(tokenizers[0])
    text = "one two three four " * 3 + "x" * 40
    assert encoder([text]) == [stored(encode(tokenizers[0], [text])[0])]
    assert encoder._words is not None and 1 <= len(encoder._words) <= 3
    assert not any(len(word) > encoding._LONGEST for word in encoder._words)


def variants() -> dict[str, PreTrainedTokenizerFast]:
    """Tokenizers for which a word of GPT-2's is not a word."""
    made = {}
    for name in ("lower", "prefix", "no regex", "added", "cuts", "no cutter"):
        tokenizer = simple()
        backend = tokenizer.backend_tokenizer
        if name == "lower":
            backend.normalizer = normalizers.Lowercase()
        elif name == "prefix":
            backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        elif name == "no regex":
            backend.pre_tokenizer = pre_tokenizers.ByteLevel(
                add_prefix_space=False, use_regex=False
            )
        elif name == "added":
            tokenizer.add_tokens(["s bone"])
        elif name == "cuts":
            backend.enable_truncation(5)
        else:
            backend.pre_tokenizer = None
        made[name] = tokenizer
    return made


@pytest.mark.parametrize("name", variants())
def test_other_tokenizers_are_asked_themselves(name):
    tokenizer = variants()[name]
    encoder = Encoder(tokenizer)
    assert encoder._words is None
    assert encoder(TEXTS) == [stored(ids) for ids in encode(tokenizer, TEXTS)]


def test_a_vocabulary_beyond_16_bits_is_refused():
    for size in (1 << 16, (1 << 16) + 1):
        backend = Tokenizer(models.WordLevel({str(i): i for i in range(size)}, unk_token="0"))
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
        if size == 1 << 16:
            assert Encoder(tokenizer)(["65535"]) == [np.uint16([65535]).tobytes()]
        else:
            with pytest.raises(UsageError, match="65537 entries.*at most 65536"):
                Encoder(tokenizer)


def test_lost_bytes(tmp_path: Path):
    tokenizer = simple()
    assert Encoder(tokenizer).lost == b""
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    alphabet = {sign: i for i, sign in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    del alphabet["Ã"], alphabet["Ģ"]  # bytes 0xc3, as it is; 0x80, the 34th that does not print
    backend.model = models.BPE(alphabet, [])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    assert Encoder(tokenizer).lost == b"\x80\xc3"
    assert len(encode(tokenizer, ["aé"])[0]) == 2


@pytest.mark.parametrize("name", ["gpt-2K", "bert-2K", "xlnet-2K"])
def test_published_text_and_tokenizers(tinyhelen: Path, name: str):
    kind = "byte-bpe" if name == "gpt-2K" else "byte-bpe-mask"
    tokenizer = load_tokenizer(tinyhelen / "tokenizer" / name, kind)
    for folder in (tinyhelen, tinyhelen / "data" / "ori"):
        texts = [document.text for document in read_documents(str(folder), "validation")][::20]
        assert Encoder(tokenizer)(texts) == [stored(ids) for ids in encode(tokenizer, texts)]
