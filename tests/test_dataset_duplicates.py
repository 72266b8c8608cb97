"""Near-duplicates: planted copies are found, others stay, the first of its like is kept."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaner_harness import UsageError
from leaner_harness.dataset import duplicates
from leaner_harness.dataset.duplicates import (
    Seen,
    Settings,
    gram_hashes,
    sketch,
)

WORDS = [f"word{i}" for i in range(3000)]


def text(dice: random.Random, length: int = 200) -> list[str]:
    return [dice.choice(WORDS) for _ in range(length)]


def grams(words: list[str], size: int = 5) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def jaccard(one: list[str], other: list[str]) -> float:
    return len(grams(one) & grams(other)) / len(grams(one) | grams(other))


def edited(dice: random.Random, words: list[str], places: int) -> list[str]:
    """With some words replaced, far enough apart that each spoils five grams."""
    found = list(words)
    for place in dice.sample(range(3, len(words) - 3, 7), places):
        found[place] = "other"
    return found


def repeats(texts: list[str], **changes):
    named = ((str(number), each) for number, each in enumerate(texts))
    seen = Seen(Settings(**changes))
    return [seen.add(name, sketch(text, seen.settings)) for name, text in named]


def test_near_copies_are_found_and_named_and_unlike_texts_stay():
    dice = random.Random(1)
    originals = [text(dice) for _ in range(300)]
    near = [edited(dice, words, 2) for words in originals]  # similarity .90
    far = [edited(dice, words, 9) for words in originals]  # similarity .62
    assert all(jaccard(a, b) > 0.88 for a, b in zip(originals, near, strict=True))
    assert all(jaccard(a, b) < 0.68 for a, b in zip(originals, far, strict=True))
    texts = [" ".join(words) for words in (*originals, *near, *far)]
    found = repeats(texts)
    assert found[:300] == [None] * 300
    hits = [each for each in found[300:600] if each]
    assert len(hits) >= 295, "recall"
    assert all(each.of == str(number) for number, each in enumerate(found[300:600]) if each)
    assert not any(each.is_exact for each in hits)
    assert sum(each is not None for each in found[600:]) <= 2, "precision"
    exact = [jaccard(a, b) for a, b in zip(originals, near, strict=True)]
    assert abs(sum(each.jaccard for each in hits) / len(hits) - sum(exact) / 300) < 0.01


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(max_size=80), min_size=1, max_size=12), st.data())
def test_an_exact_copy_is_always_found(texts, data):
    chosen = data.draw(st.sampled_from(texts))
    found = repeats([*texts, "  " + chosen.replace(" ", "\n ").upper().lower()])
    if chosen.upper().lower() == chosen.lower():
        assert found[-1] is not None and found[-1].jaccard == 1


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(0, 9), min_size=5, max_size=40), max_size=8), st.integers())
def test_texts_that_share_no_gram_never_repeat_one_another(lists, seed):
    # Each has words of its own at every fifth place: no run of five is shared.
    texts = [
        " ".join(f"own{number}" if i % 5 == 4 else str(word) for i, word in enumerate(words))
        for number, words in enumerate(lists)
    ]
    assert repeats(texts, seed=seed, least=0.01) == [None] * len(texts)


def test_short_texts_of_one_gram_are_told_apart():
    dice = random.Random(2)
    short = [f"{dice.choice(WORDS)} {number}" for number in range(3000)]
    assert repeats(short, least=0.01) == [None] * 3000


def test_the_first_in_reading_order_stays_whatever_was_ready_first():
    dice = random.Random(3)
    first = text(dice)
    texts = [" ".join(edited(dice, first, places)) for places in (0, 1, 2, 1, 3)]
    texts += [" ".join(text(dice)) for _ in range(5)]
    expected = repeats(texts)
    assert [each.of if each else "" for each in expected] == ["", *"0000", *[""] * 5]
    ready = {}
    for number in dice.sample(range(10), 10):
        ready[number] = sketch(texts[number], Settings())
    seen = Seen()
    assert [seen.add(str(number), ready[number]) for number in range(10)] == expected


def test_a_repeat_is_held_against_what_stays_alone():
    dice = random.Random(4)
    chain = [text(dice)]
    for _ in range(3):
        chain.append(edited(dice, chain[-1], 3))
    near = jaccard(chain[0], chain[1])
    assert near > 0.84 and jaccard(chain[0], chain[2]) < 0.79
    found = repeats([" ".join(words) for words in chain])
    assert found[1] is not None and found[1].of == "0"
    assert found[2] is None and found[3] is not None and found[3].of == "2"


def test_signs_of_sums_count_and_other_marks_do_not():
    assert repeats(["What is 3 + 4?", "What is 3 - 4?", "What is 3 * 4?"]) == [None] * 3
    found = repeats(["It was a well-known, old house.", "it was a well known old HOUSE"])
    assert found[1] is not None and not found[1].is_exact and found[1].jaccard == 1
    assert repeats(["?!", "!?", "", " "])[:3] == [None] * 3
    assert repeats(["?!", "!?", "", " "])[3] is not None


def test_a_repeat_names_the_document():
    for second, is_exact in (("A b  c d e f", True), ("a b, c d e f", False)):
        _, repeat = repeats(["a b c d e f", second])
        assert (repeat.of, repeat.jaccard, repeat.is_exact) == ("0", 1, is_exact)


def test_the_same_seed_gives_the_same_sketch_for_ever():
    words = "the cat sat on the mat and the dog ran home"
    made = sketch(words, Settings())
    assert made.exact == 9783907560828350026
    assert made.values[:4].tolist() == [52890, 19301, 4281, 31231]
    assert (sketch(words, Settings(seed=2)).values != made.values).any()
    assert len(gram_hashes(words.split(), 5)) == 7 and not len(gram_hashes(["a"], 5))


def test_many_texts_of_one_template_do_not_hide_a_copy_nor_take_for_ever():
    dice = random.Random(5)
    frame = text(dice)
    texts = [" ".join(edited(dice, frame, 8)) + f" {number}" * 20 for number in range(1500)]
    seen = Seen(Settings(least=0.95))
    start = time.process_time()
    for number, each in enumerate(texts):
        seen.add(str(number), sketch(each, seen.settings))
    assert len(seen) > 1400 and time.process_time() - start < 10
    found = [seen.add("again", sketch(each, seen.settings)) for each in texts[::50]]
    assert all(each and each.is_exact for each in found)


def test_a_copy_is_found_where_all_bands_are_crowded(monkeypatch):
    dice, seen = random.Random(8), Seen()
    crowd = sketch(" ".join(text(dice)), seen.settings)
    monkeypatch.setattr(duplicates, "_CROWD", 1)
    monkeypatch.setattr(Seen, "_keys", _one_bucket(seen._keys, crowd))
    texts = [" ".join(text(dice)) for _ in range(5)]
    assert [seen.add(each, sketch(each, seen.settings)) for each in texts] == [None] * 5
    for each in texts:
        found = seen.add("again", sketch(each, seen.settings))
        assert found and found.of == each


def _one_bucket(keys, crowd):
    """The bands of one document for all; of each its own text alone."""
    return lambda _, found: keys(found._replace(values=crowd.values))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 90)), min_size=1, max_size=100))
def test_a_table_finds_all_that_was_put_under_a_key(pairs):
    table, known = duplicates._Table(), {}
    for number, (slot, turn) in enumerate(pairs):
        # Keys that want the same few slots, two at a time.
        keys = np.array([slot + 1 + (turn << 12), slot + 1 + ((turn + 1) << 12)], dtype=np.uint64)
        for key in keys.tolist():
            known.setdefault(key, set()).add(number)
        table.add(keys, number, table.find(keys)[1])
    for key, numbers in known.items():
        found = table.find(np.array([key], dtype=np.uint64))[0]
        assert set(found) <= numbers and len(found) == min(len(numbers), duplicates._CROWD)


def test_a_table_that_grows_loses_nothing():
    table = duplicates._Table()
    keys = duplicates._mix(np.arange(1, 4001, dtype=np.uint64))
    for number in range(9000):
        key = keys[[number % 4000]]
        table.add(key, number, table.find(key)[1])
    for number in range(0, 4000, 7):
        assert table.find(keys[[number]])[0] == list(range(number, 9000, 4000))


def test_memory_grows_by_a_fixed_number_of_bytes_a_document():
    dice = random.Random(6)
    seen = Seen()
    for number in range(6000):
        seen.add(str(number), sketch(" ".join(text(dice, 30)), seen.settings))
    assert 500 < seen.bytes / len(seen) < 1600
    before = seen.bytes
    dice = random.Random(6)
    for _ in range(500):
        assert seen.add("x", sketch(" ".join(text(dice, 30)), seen.settings))
    assert seen.bytes == before and len(seen) == 6000


def test_two_thousand_documents_a_second():
    dice = random.Random(7)
    seen, best = Seen(), float("inf")
    for _ in range(8):  # the best of several: the machine is not ours alone
        texts = [" ".join(text(dice)) for _ in range(400)]
        start = time.process_time()
        for each in texts:
            assert seen.add("x", sketch(each, seen.settings)) is None
        best = min(best, time.process_time() - start)
    assert 400 / best > 1000, "half of what is promised, on a busy machine"


def test_numbers_that_cannot_be_are_refused():
    for changes in ({"least": 0}, {"least": 1.5}, {"gram": 0}, {"rows": 0}):
        with pytest.raises(UsageError):
            Settings(**changes)
