"""Examples in blocks: none is cut by a border, little is padding, and each token has its kind."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from leaner_trainers.encoding import encode
from leaner_trainers.packing import Example, pack
from leaner_trainers.tokenizers import end_token, start_token, train_tokenizer
from leaner_trainers.tokens import read_tokens, write_tokens

from leaner_harness import PADDING, PROMPT, TEXT, DataError, Document, read_documents

WORDS = "the a cat dog sees likes big red .".split()


@pytest.fixture(scope="module")
def tokenizers():
    texts = [" ".join(WORDS)] * 5
    return {kind: train_tokenizer(texts, 280, kind) for kind in ("byte-bpe", "byte-bpe-mask")}


def document(prompt: str, answer: str) -> Document:
    return Document("", "instruction", prompt + answer, len(prompt))


def example(length: int) -> Example:
    return Example(b"", bytes(2 * length), True)


@given(
    lengths=st.lists(st.integers(1, 19), max_size=60),
    margin=st.integers(0, 1),
)
def test_every_example_is_in_one_block_that_it_fits_into(lengths, margin):
    blocks = list(pack(map(example, lengths), 20, margin))
    assert sorted(e.tokens for block in blocks for e in block) == sorted(lengths)
    assert all(sum(e.tokens + margin for e in block) <= 20 for block in blocks)
    # No example of a later block would have fitted into an earlier one.
    for place, block in enumerate(blocks):
        room = 20 - sum(e.tokens + margin for e in block)
        assert all(e.tokens + margin > room for later in blocks[place + 1 :] for e in later)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=8))
def test_a_block_is_as_full_as_can_be(lengths):
    first, *rest = lengths
    choices = (part for n in range(len(rest) + 1) for part in itertools.combinations(rest, n))
    sums = (first + sum(part) for part in choices)
    best = max(total for total in sums if total <= 20)
    block, *_ = pack(map(example, lengths), 20, 0)
    assert sum(e.tokens for e in block) == best and block[0].tokens == first


def test_packing_streams():
    def lengths():
        for number in range(100):
            yield example(11)
            if number > 70:
                raise AssertionError("nothing was yielded while examples came")

    assert len(next(pack(lengths(), 20, 0))) == 1


def parts(tokens, tokenizer, size):
    """The examples of a file, read off its ids and kinds alone: (prompt, answer, has an end)."""
    start, end = start_token(tokenizer), end_token(tokenizer)
    found = []
    for first in range(0, len(tokens.ids) - 1, size):
        ids, kinds = (x[first : first + size + 1].tolist() for x in (tokens.ids, tokens.kinds))
        begins = [i for i in range(size) if ids[i] == start] + [size]
        for here, after in zip(begins, begins[1:], strict=False):
            inside = list(zip(ids[here + 1 : after], kinds[here + 1 : after], strict=True))
            closed = kinds[after] == TEXT
            if end is not None and inside:
                (last, kind), inside = inside[-1], inside[:-1]
                assert last == end and kinds[after] == PADDING
                closed = kind == TEXT
            if inside:
                kinds_inside = [kind for _, kind in inside]
                assert kinds_inside == sorted(kinds_inside) and PADDING not in kinds_inside
                prompt = [i for i, kind in inside if kind == PROMPT]
                found.append((prompt, [i for i, kind in inside if kind == TEXT], closed))
            else:
                assert kinds[after] == PADDING
    return found


texts = st.lists(st.sampled_from(WORDS), max_size=20).map(" ".join)


@settings(deadline=None, max_examples=60)
@given(
    pairs=st.lists(st.tuples(texts, texts), min_size=1, max_size=12),
    size=st.integers(8, 40),
    kind=st.sampled_from(["byte-bpe", "byte-bpe-mask"]),
)
def test_a_file_that_fits(tokenizers, tmp_path_factory, pairs, size, kind):
    tokenizer, folder = tokenizers[kind], tmp_path_factory.mktemp("fit")
    pairs.append(("a cat", "a dog"))
    write_tokens([document(*pair) for pair in pairs], tokenizer, folder, fit=size)
    tokens = read_tokens(folder)
    assert len(tokens.ids) == len(tokens.kinds) and len(tokens.ids) % size == 1
    assert set(tokens.ids[::size].tolist()) == {start_token(tokenizer)}
    room = size - (1 if kind == "byte-bpe" else 2)
    expected, truncated = [], 0
    for prompt, answer in (encode(tokenizer, pair) for pair in pairs):
        if answer:
            truncated += len(prompt) + len(answer) > room
            kept = answer[:room]
            left = room - len(kept)
            expected.append((prompt[-left:] if left else [], kept, len(answer) <= room))
    assert sorted(parts(tokens, tokenizer, size)) == sorted(expected)
    used = sum(len(prompt) + len(answer) + size - room for prompt, answer, _ in expected)
    assert tokens.counts == {
        "lost_bytes": 0,
        "truncated": truncated,
        "dropped_empty": len(pairs) - len(expected),
        "padding": len(tokens.ids) - 1 - used,
    }
    assert len(tokens.offsets) == len(expected) + 1
    assert set(tokens.ids[tokens.offsets].tolist()) == {start_token(tokenizer)}


def test_little_is_padding_and_the_file_is_the_same_again(tokenizers, tmp_path):
    documents = list(read_documents("mini-instruct", words=20_000))
    tokenizer = train_tokenizer((d.text for d in documents), 500)
    for name in "ab":
        write_tokens(iter(documents), tokenizer, tmp_path / name, fit=256)
    a, b = (read_tokens(tmp_path / name) for name in "ab")
    assert np.array_equal(a.ids, b.ids) and np.array_equal(a.kinds, b.kinds)
    # Most of it in the last block.
    assert a.counts["padding"] < 0.01 * len(a.ids)
    assert Counter(a.kinds.tolist())[TEXT] > len(documents)


def test_text_without_prompts_is_an_answer(tokenizers, tmp_path):
    write_tokens([Document("", "web", "a cat")], tokenizers["byte-bpe"], tmp_path, fit=16)
    assert PROMPT not in read_tokens(tmp_path).kinds


def test_nothing_but_empty_answers(tokenizers, tmp_path):
    with pytest.raises(DataError, match="no documents"):
        write_tokens([document("a cat", " \n")], tokenizers["byte-bpe"], tmp_path, fit=16)
