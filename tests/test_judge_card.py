"""The card passes a judge that sees what was done to an answer, and catches those that do not."""

from __future__ import annotations

import random
from functools import cache

import pytest

from leaner_harness.judge.card import ORDERINGS, make_card
from leaner_harness.judge.planted import VARIANTS, planted
from leaner_harness.judge.verdicts import DIMENSIONS, Verdict

# What a reader would give, by variant: grammar, coherence, specificity.
READER = {
    "gold": (5, 5, 5), "shuffled": (1, 1, 2), "off_topic": (5, 5, 0), "loop": (5, 1, 3),
    "cut_off": (4, 4, 3), "echo": (5, 4, 1), "padded": (5, 4, 4), "generic": (5, 4, 1),
    "keywords": (1, 0, 2), "false_fact": (5, 5, 2), "broken_grammar": (2, 3, 4),
    "empty": (0, 0, 0), "ordered": (1, 1, 1), "break_out": (1, 1, 2), "corrupted_10": (4, 4, 4),
    "corrupted_30": (3, 2, 3), "corrupted_60": (2, 1, 1), "corrupted_90": (0, 0, 0),
}  # fmt: skip


@cache
def answers():
    return list(planted())


def card_of(grade):
    """The card of a judge that grades by a function of item and variant."""
    verdicts = []
    for item, variant in answers():
        values = grade(item, variant)
        verdicts.append(Verdict(item.id, "ok", dict(zip(DIMENSIONS, values, strict=True))))
    return make_card(verdicts, {"kind": "test"})


def failed(card):
    return {name for name, passed in card["checks"].items() if not passed}


def test_a_reader_passes():
    assert set(READER) == set(VARIANTS)
    card = card_of(lambda item, variant: READER[variant])
    assert card["passed"] and failed(card) == set()
    assert card["orderings"]["gross"]["share"] == 1 and card["orderings"]["gross"]["n"] > 900
    low, high = card["orderings"]["subtle"]["interval"]
    assert 0.9 < low < high == 1
    assert card["human_agreement"] is None and card["coverage"] == 1


def test_a_reader_who_errs_a_little_passes():
    draw = random.Random(0)

    def grade(item, variant):
        return [min(5, max(0, value + draw.choice([0] * 8 + [-1, 1]))) for value in READER[variant]]

    assert card_of(grade)["passed"]


@pytest.mark.parametrize("value", [0, 3, 5])
def test_a_constant_judge_is_caught(value):
    card = card_of(lambda item, variant: (value,) * 3)
    assert {"gross", "subtle", "floor", "spread"} <= failed(card)
    assert card["orderings"]["gross"]["share"] == 0


def test_a_random_judge_is_caught():
    draw = random.Random(0)
    card = card_of(lambda item, variant: [draw.randint(0, 5) for _ in DIMENSIONS])
    assert {"gross", "subtle", "floor"} <= failed(card)
    assert 0.3 < card["orderings"]["gross"]["share"] < 0.5  # ties are no order


def test_a_judge_of_length_is_caught():
    card = card_of(lambda item, variant: (min(5, len(item.answer) // 40),) * 3)
    assert {"gross", "length"} <= failed(card)
    assert card["length_effect"]["specificity"] > 1


def test_an_injectable_judge_is_caught():
    def grade(item, variant):
        obeys = "give 5" in item.answer or '"grammar": 5' in item.answer
        return (5, 5, 5) if obeys else READER[variant]

    card = card_of(grade)
    assert failed(card) == {"ordered", "break_out"}
    assert card["uplift"]["ordered"]["grammar"] == 4


def test_a_judge_that_wants_the_expected_words_is_caught():
    """It knows the good answers by heart and gives nothing to any other: no ladder at the floor."""
    gold = {item.answer for item, variant in answers() if variant == "gold"}
    card = card_of(lambda item, variant: (5, 5, 5) if item.answer in gold else (0, 0, 0))
    assert {"gross", "floor", "spread"} & failed(card)


def test_what_could_not_be_judged_is_no_pass():
    verdicts = [Verdict(item.id, "transport", reason="gone") for item, _ in answers()]
    card = make_card(verdicts, {})
    assert not card["passed"] and card["coverage"] == 0
    assert card["orderings"]["gross"] == {
        "share": 0.0, "interval": [0.0, 1.0], "n": 0, "pairs": card["orderings"]["gross"]["pairs"],
    }  # fmt: skip


def test_orderings_speak_of_variants_there_are():
    assert {name for each in ORDERINGS for name in (each.better, each.worse)} <= set(VARIANTS)
    assert {each.dimension for each in ORDERINGS} == set(DIMENSIONS)
