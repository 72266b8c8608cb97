"""The bias report: counts by hand, differences that were planted, intervals that hold them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaner_harness.dataset import bias
from leaner_harness.errors import DataError

SENTENCE = "Mary gave her mother good bread. John was sad in FR country!"


def test_a_text_is_counted() -> None:
    found = bias.measure(SENTENCE)
    expected = {
        "words": 12, "sentences": 2, "names: female": 1, "names: male": 1, "pronouns: she": 1,
        "topic: family": 1, "topic: food": 1, "polarity: positive": 1, "polarity: negative": 1,
        "placeholders": 1,
    }  # fmt: skip
    assert {name: n for name, n in found.items() if n} == expected


def test_words_of_placeholders_and_plurals() -> None:
    assert not any(bias.measure("country city river school")[name] for name in bias.names()[4:-1])
    assert (
        bias.measure("Teachers")["topic: school"] == bias.measure("teacher")["topic: school"] == 1
    )
    assert bias.measure("means likes kinds")["polarity: negative"] == 0


def test_rates_are_for_a_thousand_words_over_all_pairs() -> None:
    long = "word " * 88
    found = bias.report([(SENTENCE, long + SENTENCE), ("one two three four", "he")], draws=50)
    rate = found["rates"]["names: female"]
    assert rate["source"] == pytest.approx(1000 / 16)
    assert rate["rewrite"] == pytest.approx(1000 / 101)
    assert rate["difference"] == pytest.approx(1000 / 101 - 1000 / 16)
    assert (rate["up"], rate["down"]) == (0, 1)
    assert found["shares"]["female share of pronouns"]["rewrite"] == pytest.approx(1 / 2)
    assert found["pairs"] == 2 and found["words"] == {"source": 16, "rewrite": 101}


def test_what_was_planted_is_found_and_what_was_not_is_not() -> None:
    sources = [f"Mary saw {'John ' * (n % 3)}and the cat there." for n in range(60)]
    rewrites = [source.replace("Mary", "Peter") for source in sources]
    found = bias.report(zip(sources, rewrites, strict=True), draws=500)
    female, male = found["rates"]["names: female"], found["rates"]["names: male"]
    low, high = female["interval"]
    assert low <= female["difference"] <= high < 0 and female["down"] == 60
    assert male["interval"][0] > 0
    assert found["rates"]["topic: money"]["interval"] == [0, 0]
    assert found["shares"]["female share of names"]["rewrite"] == 0


def test_chance_alone_is_within_the_interval() -> None:
    sources = ["Mary came home now." if n % 2 else "the cat came home now." for n in range(80)]
    rewrites = ["Mary came home now." if n % 4 < 2 else "the cat came home now." for n in range(80)]
    low, high = bias.report(zip(sources, rewrites, strict=True), draws=500)["rates"][
        "names: female"
    ]["interval"]
    assert low < 0 < high


def test_no_pairs_are_an_error_and_empty_texts_are_none() -> None:
    with pytest.raises(DataError):
        bias.report([])
    found = bias.report([("", ""), ("a cat", "")], draws=20)
    assert found["rates"]["sentences"]["rewrite"] is None
    assert "| sentences |" in bias.markdown(found) and "nan" not in bias.markdown(found)


def test_the_table_has_a_row_for_each_measure_and_marks_what_is_sure() -> None:
    found = bias.report([("She ran.", "He ran.")] * 5, draws=50)
    rows = bias.markdown(found).splitlines()
    named = {row.split("|")[1].strip(): row for row in rows if row.startswith("|")}
    assert set(bias.names()) < set(named)
    assert "*" in named["pronouns: she"] and "*" not in named["topic: money"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=80), st.text(max_size=80)), min_size=1, max_size=4))
def test_any_pairs_can_be_reported(pairs: list[tuple[str, str]]) -> None:
    found = bias.report(pairs, draws=10)
    for each in [*found["rates"].values(), *found["shares"].values()]:
        assert all(value is None or math.isfinite(value) for value in each["interval"])
    assert bias.markdown(found) == bias.markdown(bias.report(pairs, draws=10))
