"""The byte-level BPE loses nothing and is deterministic; tokens on disk are what was written."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from leaner_trainers import tokens as tokens_on_disk
from leaner_trainers.blocks import places_in_order, read_blocks
from leaner_trainers.encoding import encode
from leaner_trainers.order import RowRandom, block_numbers
from leaner_trainers.tokenizers import (
    load_tokenizer,
    start_token,
    tokenizer_digest,
    train_tokenizer,
)
from leaner_trainers.tokens import read_tokens, write_tokens
from transformers import AutoTokenizer

from leaner_harness import CheckpointError, DataError, Document, UsageError


def texts(n: int = 60, seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    words = "the a cat dog hen sees likes finds big small red .".split()
    return [" ".join(draw.choices(words, k=40)) for _ in range(n)]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(texts(), 280)


@settings(deadline=None, max_examples=200)
@given(text=st.text())
def test_any_text_round_trips(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.decode(encode(tokenizer, [text])[0]) == text


def test_vocabulary(tokenizer):
    assert len(tokenizer) == 280
    assert tokenizer.bos_token_id == tokenizer.eos_token_id == tokenizer.pad_token_id == 0
    assert tokenizer.decode([0]) == "<|endoftext|>"


def test_same_text_same_tokenizer(tokenizer):
    assert tokenizer_digest(train_tokenizer(texts(), 280)) == tokenizer_digest(tokenizer)
    assert tokenizer_digest(train_tokenizer(texts(seed=1), 300)) != tokenizer_digest(tokenizer)


def test_saved_tokenizer_loads_with_auto_tokenizer(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    text = "The cat , sees  a\tdog. Ünïcode \U0001f414!"
    for loaded in (AutoTokenizer.from_pretrained(tmp_path), load_tokenizer(tmp_path)):
        assert loaded.encode(text) == tokenizer.encode(text)
        assert loaded.decode(loaded.encode(text)) == text


@pytest.fixture(scope="module")
def masking():
    return train_tokenizer(texts(), 280, "byte-bpe-mask")


@settings(deadline=None, max_examples=50)
@given(text=st.text())
def test_any_text_round_trips_between_class_and_separator(masking, text):
    ids = masking.encode(text)
    assert (ids[0], ids[-1]) == (masking.cls_token_id, masking.sep_token_id)
    assert encode(masking, [text])[0] == masking.encode(text, add_special_tokens=False)
    assert masking.decode(encode(masking, [text])[0]) == text


def test_a_tokenizer_with_masks_on_disk(masking, tmp_path):
    masking.save_pretrained(tmp_path)
    stock = AutoTokenizer.from_pretrained(tmp_path)
    assert len(stock) == 280 and max(stock.get_vocab().values()) == 279
    special = ["[SEP]", "[CLS]", "[MASK]", "[PAD]"]
    assert stock.convert_ids_to_tokens(range(4)) == special
    assert sorted(stock.all_special_ids) == [0, 1, 2, 3]
    # What ends documents also stands before a text that is read from left to right.
    assert stock.bos_token_id == stock.eos_token_id == stock.sep_token_id == 0
    pair = stock("a cat", "a dog")
    assert stock.decode(pair["input_ids"]) == "[CLS]a cat[SEP]a dog[SEP]"
    second = pair["input_ids"].index(0) + 1
    length = len(pair["input_ids"])
    assert pair["token_type_ids"] == [0] * second + [1] * (length - second)
    assert tokenizer_digest(stock) == tokenizer_digest(masking)


def test_special_tokens_must_have_room():
    with pytest.raises(UsageError, match="vocab_size is 259; .* has 260 or more"):
        train_tokenizer(texts(), 259, "byte-bpe-mask")
    assert len(train_tokenizer(texts(), 260, "byte-bpe-mask")) == 260


def test_a_tokenizer_without_the_tokens_of_its_kind_is_refused(tokenizer, masking, tmp_path):
    tokenizer.save_pretrained(tmp_path / "plain")
    masking.save_pretrained(tmp_path / "masking")
    with pytest.raises(CheckpointError, match="has no cls_token"):
        load_tokenizer(tmp_path / "plain", "byte-bpe-mask")
    assert load_tokenizer(tmp_path / "masking", "byte-bpe").eos_token_id == 0


def test_missing_tokenizer_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="tokenizer.json is missing"):
        load_tokenizer(tmp_path)


def test_text_cannot_smuggle_in_the_end_of_a_document(tokenizer):
    assert 0 not in encode(tokenizer, ["a <|endoftext|> b"])[0]


@pytest.mark.parametrize("kind", ["byte-bpe", "byte-bpe-mask"])
def test_tokens_on_disk(kind, tmp_path):
    tokenizer = train_tokenizer(texts(), 280, kind)
    documents = [Document(str(i), "g", text) for i, text in enumerate(texts(5))]
    blank = [Document("", "g", text) for text in ("", " \n")]
    write_tokens(iter([*documents, *blank]), tokenizer, tmp_path)
    tokens = read_tokens(tmp_path)
    assert isinstance(tokens.ids, np.memmap) and tokens.kinds is None
    assert tokens.words == 200 and tokens.counts == {"lost_bytes": 0, "dropped_blank": 2}
    start = start_token(tokenizer)
    assert tokens.offsets[-1] == len(tokens.ids) - 1 and tokens.ids[-1] == start
    assert len(tokens.offsets) == len(documents) + 1
    assert np.flatnonzero(tokens.ids == start).tolist() == tokens.offsets.tolist()
    for i, document in enumerate(documents):
        ids = tokens.ids[tokens.offsets[i] : tokens.offsets[i + 1]].tolist()
        if kind == "byte-bpe-mask":
            assert ids == tokenizer.encode(document.text)
        assert tokenizer.decode(ids, skip_special_tokens=True) == document.text


def test_documents_of_any_size_are_tokenised_together(tokenizer, tmp_path, monkeypatch):
    documents = [Document(str(i), "g", text) for i, text in enumerate(texts(9))]
    found = []
    for size in (1, 300, 1 << 20):
        monkeypatch.setattr(tokens_on_disk, "_BATCH", size)
        write_tokens(iter(documents), tokenizer, tmp_path)
        found.append((tmp_path / "tokens.bin").read_bytes())
    assert found[0] == found[1] == found[2]


def test_bytes_without_a_token_are_counted(tinyhelen, tmp_path):
    tokenizer = load_tokenizer(tinyhelen / "tokenizer" / "bert-2K", "byte-bpe-mask")
    write_tokens([Document("", "g", "20 °, 5 ² and é")], tokenizer, tmp_path)
    assert read_tokens(tmp_path).counts["lost_bytes"] == 2


def test_digest_is_of_the_text_not_the_tokenizer(tokenizer, tmp_path):
    documents = [Document(str(i), "g", text) for i, text in enumerate(texts(5))]
    write_tokens(documents, tokenizer, tmp_path / "a")
    write_tokens(documents, train_tokenizer(texts(), 270), tmp_path / "b")
    write_tokens(documents[1:], tokenizer, tmp_path / "c")
    a, b, c = (read_tokens(tmp_path / name).digest for name in "abc")
    assert a == b != c


def test_damaged_or_empty_tokens_are_refused(tokenizer, tmp_path):
    with pytest.raises(DataError, match="no documents"):
        write_tokens([], tokenizer, tmp_path)
    with pytest.raises(DataError, match="no complete tokenised text"):
        read_tokens(tmp_path)
    for name in ("tokens.bin", "kinds.bin", "offsets.npy"):
        write_tokens([Document("1", "g", "a cat")], tokenizer, tmp_path, fit=16)
        data = bytearray((tmp_path / name).read_bytes())
        data[-1] ^= 1
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match="damaged"):
            read_tokens(tmp_path)


@given(
    n_blocks=st.integers(1, 20),
    first=st.integers(0, 60),
    count=st.integers(1, 30),
    seed=st.integers(0, 5),
)
def test_order_is_a_pure_function_of_place(n_blocks, first, count, seed):
    whole = block_numbers(np.arange(first + count), n_blocks, seed)
    part = block_numbers(np.arange(first, first + count), n_blocks, seed)
    assert np.array_equal(part, whole[first:])
    assert np.array_equal(block_numbers(np.arange(0, first + count, 3), n_blocks, seed), whole[::3])
    for epoch in range(len(whole) // n_blocks):
        here = whole[epoch * n_blocks : (epoch + 1) * n_blocks]
        assert sorted(here) == list(range(n_blocks))


def test_blocks_overlap_by_the_token_to_predict():
    ids = np.arange(20, dtype=np.uint16)
    found = read_blocks(ids, places_in_order(np.array([0, 2]), 4), start=None)
    assert found.ids.tolist() == [[0, 1, 2, 3, 4], [8, 9, 10, 11, 12]]


@given(
    places=st.lists(st.integers(0, 2**40), min_size=1, max_size=5, unique=True),
    seed=st.integers(0, 5),
)
def test_chance_of_a_row_is_a_pure_function_of_seed_and_place(places, seed):
    drawn = RowRandom(np.array(places), seed).random(2, 3)
    assert drawn.shape == (len(places), 2, 3) and 0 <= drawn.min() and drawn.max() < 1
    assert len(drawn.flatten().unique()) == drawn.numel()
    alone = RowRandom(np.array(places[-1:]), seed)
    assert alone.random(2, 3).equal(drawn[-1:])
    assert not alone.random(2, 3).equal(drawn[-1:])  # the draws go on
    assert not RowRandom(np.array(places), seed + 1).random(2, 3).equal(drawn)
