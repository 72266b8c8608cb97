"""The mini texts: streams, genres, the word limit, the facts they state, and the harder twin."""

from __future__ import annotations

import ast
import re
import time
from collections import Counter
from functools import cache
from itertools import islice
from typing import Any

import pytest

from leaner_harness.contracts import Document
from leaner_harness.data import mini
from leaner_harness.data.mini.genres.lore import COUNTED
from leaner_harness.data.mini.publish import tokens, word_list
from leaner_harness.data.mini.rare import RARE
from leaner_harness.data.mini.world import everything
from leaner_harness.errors import UnknownName


@cache
def taken(side: str = "simple", split: str = "train", count: int = 700) -> tuple[Document, ...]:
    return tuple(islice(mini.documents(side, split), count))


@cache
def long_text() -> str:
    return "\n".join(d.text for d in mini.documents(words=600_000)).lower()


def test_genres_take_turns_and_ids_are_stable() -> None:
    assert [d.genre for d in taken()[:8]] == [*mini.GENRES, "web"]
    assert taken()[3].id == "mini-train-00000003"
    assert len({d.id for d in taken()}) == len({d.text for d in taken()}) == len(taken())


def test_documents_have_a_moderate_length() -> None:
    lengths = [len(d.text.split()) for d in taken(count=3500)]
    assert min(lengths) >= 40 and max(lengths) <= 200


def test_a_stream_repeats_itself_and_another_seed_does_not() -> None:
    assert tuple(islice(mini.documents(), 700)) == taken()
    other = list(islice(mini.documents(seed=1), 50))
    assert all(x.id == y.id and x.text != y.text for x, y in zip(other, taken(), strict=False))


def test_validation_documents_are_other_documents() -> None:
    held_out = {d.text for d in taken(split="validation")}
    assert held_out.isdisjoint(d.text for d in taken(count=3500))


def test_a_word_budget_ends_the_stream() -> None:
    told = sum(len(d.text.split()) for d in mini.documents(words=5000))
    assert 5000 <= told < 5200


def test_unknown_sides_and_splits_are_refused() -> None:
    with pytest.raises(UnknownName, match="simple"):
        mini.documents("simpel")
    with pytest.raises(UnknownName, match="validation"):
        mini.documents(split="test")
    with pytest.raises(UnknownName, match="harder"):
        mini.instructions("hard")


def test_text_keeps_to_the_word_list() -> None:
    listed = set(word_list())
    assert set(tokens(long_text())) <= listed
    fresh = " ".join(d.text for d in mini.documents(seed=99, words=200_000))
    assert set(tokens(fresh)) <= listed
    assert {
        t for r in mini.instructions(count=2000) for v in r.values() for t in tokens(v)
    } <= listed


def stated(pattern: str) -> Counter[frozenset[str]]:
    """How often text relates two words by a pattern of two groups, in either order."""
    return Counter(frozenset(pair) for pair in re.findall(pattern, long_text()))


def test_text_states_every_fact() -> None:
    same = stated(r"\b(\w+) (?:means the same as|is another word for|and) (\w+)")
    against = stated(r"\b(\w+) is the opposite of (\w+)")
    against += stated(r"the opposite of (\w+) is (\w+)")
    kinds = stated(r"\b(\w+) is an? (?:kind of )?(\w+)")
    for square in everything().squares:
        assert min(same[frozenset(square.left)], same[frozenset(square.right)]) >= 3, square
        crossed = [frozenset((x, y)) for x in square.left for y in square.right]
        assert sum(against[pair] for pair in crossed) >= 3, square
    for kind in COUNTED:
        for member in kind.members:
            assert kinds[frozenset((member, kind.name))] >= 1, member


def test_text_shows_the_constructions_of_the_tasks_often() -> None:
    text = long_text()
    for construction, least in (
        (r"\bwas \w+ed by the\b", 2000),
        (r"\bdid not\b", 1000),
        (r" than the \w+, so the", 300),
        (r"\b(before|after) the\b", 1000),
        (r"\b(himself|herself|itself|themselves)\b", 300),
        (r"\bbut (then |in the end )?it was\b", 300),
        (r"\bbecause (he|she|it)\b", 300),
        (r"\bno \w+ \w+, so no\b", 30),
    ):
        assert len(re.findall(construction, text)) >= least, construction


def test_text_is_varied() -> None:
    sentences = Counter(re.split(r"(?<=[.!?])\s", long_text()))
    assert len(sentences) > 0.4 * sum(sentences.values())


def test_articles_are_right() -> None:
    wrong = re.findall(r"\b(?:a [aeiou]\w+|an [^aeiou\W]\w+)", long_text())
    assert set(wrong) <= {"an hour"}


def test_code_parses_and_sums_add_up() -> None:
    for document in taken():
        if document.genre == "code":
            ast.parse(document.text)
        for x, sign, y, result in re.findall(r"(\d+) ([-+*]) (\d+) = (\d+)", document.text):
            assert {"+": int(x) + int(y), "-": int(x) - int(y), "*": int(x) * int(y)}[sign] == int(
                result
            )


def test_text_is_made_fast() -> None:
    start = time.process_time()
    told = sum(len(d.text.split()) for d in mini.documents(words=100_000))
    assert told / (time.process_time() - start) > 100_000


def sentence_length(texts: tuple[Document, ...]) -> float:
    sentences = [s for d in texts if d.genre != "code" for s in re.split(r"[.!?]\s", d.text)]
    return sum(len(s.split()) for s in sentences) / len(sentences)


def test_the_harder_side_is_the_same_documents_made_hard() -> None:
    simple, harder = taken(), taken("harder")
    assert [(d.id, d.genre) for d in simple] == [(d.id, d.genre) for d in harder]
    assert sentence_length(harder) > 2 * sentence_length(simple)
    listed = set(word_list())
    said = [t for d in harder for t in tokens(d.text)]
    assert sum(t not in listed for t in said) > 0.2 * len(said)
    assert len(set(said)) > 1.3 * len({t for d in simple for t in tokens(d.text)})


def test_the_harder_side_keeps_the_numbers() -> None:
    for simple, harder in zip(taken(), taken("harder"), strict=True):
        numbers = [re.findall(r"\d+", d.text.replace("0 Comments", "")) for d in (simple, harder)]
        assert numbers[0] == numbers[1]


def test_harder_code_still_parses() -> None:
    for document in taken("harder"):
        if document.genre == "code":
            ast.parse(document.text)


def test_rare_words_keep_words_apart() -> None:
    assert len(set(RARE.values())) == len(RARE)
    assert set(RARE.values()).isdisjoint(word_list())


def test_instructions_have_the_published_keys() -> None:
    for side in mini.SIDES:
        made: list[dict[str, Any]] = list(mini.instructions(side, count=200))
        assert len(made) == 200
        assert all(set(r) == {"instruction", "input", "output"} for r in made)
        assert all(r["instruction"] and r["output"] for r in made)
    train = {tuple(r.values()) for r in mini.instructions(count=500)}
    stories = [
        r for r in mini.instructions(split="validation", count=200) if "story" in r["instruction"]
    ]
    assert stories and all(tuple(r.values()) not in train for r in stories)
