"""Chunks: nothing lost, nothing moved, and cut where a sentence ends."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from leaner_harness import Document
from leaner_harness.dataset.chunk import WORDS, chunks, joined

PIECES = st.sampled_from(
    ["Cows eat grass. ", "Mr. Fox ran! ", "\n\n", "  ", "word ", "Dr. A. B. Cee spoke. ", "x" * 50,
     '"Yes." ', "e.g. this ", "\u2028", "\x00", "3.5 "]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=300).map("".join))


@given(TEXTS, st.sampled_from([*WORDS, "code", "math"]))
def test_chunks_are_the_document_again(text, genre):
    found = list(chunks(Document("d", genre, text)))
    assert "".join(each.joiner + each.text for each in found) == text.rstrip()
    assert [each.number for each in found] == list(range(len(found)))
    assert all(each.text == each.text.strip() and each.text for each in found)
    assert len({each.id for each in found}) == len(found)
    shuffled = [(each, each.text) for each in found]
    random.Random(0).shuffle(shuffled)
    assert joined(shuffled) == text.strip()


def test_a_chunk_ends_with_a_sentence_after_enough_words():
    sentence = "Dr. Ben and Mr. A. Fox of the U.S. went up to the old mill. "
    text = sentence * 100
    found = list(chunks(Document("d", "wiki", text)))
    assert len(found) > 5
    assert all(each.text.endswith("mill.") and each.text.startswith("Dr. Ben") for each in found)
    counts = [len(each.text.split()) for each in found]
    assert all(WORDS["wiki"] <= count < WORDS["wiki"] + 16 for count in counts[:-1])


def test_a_sentence_without_end_is_cut_between_words():
    text = "Short one. " + "la " * 3000 + "end. Short two."
    found = list(chunks(Document("d", "book", text)))
    assert max(len(each.text.split()) for each in found) <= 2 * WORDS["book"]
    assert "".join(each.joiner + each.text for each in found) == text


def test_code_and_instructions_stay_whole():
    text = "def f():\n    return 1. \n\n" * 500
    assert len(list(chunks(Document("d", "code", text)))) == 1
    assert list(chunks(Document("d", "wiki", " \n "))) == []
