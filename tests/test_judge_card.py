"""The card passes a judge that sees what was done to an answer, and catches those that do not."""

from __future__ import annotations

import json
import random
import xml.etree.ElementTree as ElementTree

import pytest
from sham_judges import READER, Sham, ShamBallots, card_by, card_of, failed, reader

from leaner_harness.judge.card import ORDERINGS, RUNGS, make_card
from leaner_harness.judge.card_page import markdown
from leaner_harness.judge.card_picture import picture
from leaner_harness.judge.planted import VARIANTS, planted
from leaner_harness.judge.verdicts import DIMENSIONS, Verdict


def test_a_reader_passes():
    assert set(READER) == set(VARIANTS)
    card = card_of(reader)
    assert card["version"] == 3 and card["passed"] and failed(card) == set()
    assert card["orderings"]["gross"]["share"] == 1 and card["orderings"]["gross"]["n"] > 900
    assert {found["share"] for found in card["dimensions"].values()} == {1.0}
    counts = [found["n"] for found in card["dimensions"].values()]
    assert sum(counts) == sum(found["n"] for found in card["orderings"].values())
    low, high = card["orderings"]["subtle"]["interval"]
    assert 0.9 < low < high == 1
    assert card["human_agreement"] is None and card["coverage"] == 1
    assert card["checks"]["order"] is card["checks"]["labels"] is card["order"] is None
    assert card["states"] == {"ok": card["answers"] + 5 * 96}


def test_a_reader_who_errs_a_little_passes():
    draw = random.Random(0)

    def grade(item, variant):
        return [min(5, max(0, value + draw.choice([0] * 8 + [-1, 1]))) for value in READER[variant]]

    assert card_of(grade)["passed"]


@pytest.mark.parametrize("value", [0, 3, 5])
def test_a_constant_judge_is_caught(value):
    card = card_of(lambda item, variant: (value,) * 3)
    assert {"gross", "subtle", "floor", "babble", "spread", "retest"} <= failed(card)
    assert card["retest"]["grammar"] == {"kappa": None, "agreement": 1, "n": 480}
    json.dumps(card, allow_nan=False)
    assert card["orderings"]["gross"]["share"] == 0


def test_a_random_judge_is_caught():
    draw = random.Random(0)
    card = card_of(lambda item, variant: [draw.randint(0, 5) for _ in DIMENSIONS])
    assert {"gross", "subtle", "floor", "babble", "retest"} <= failed(card)
    assert abs(card["retest"]["grammar"]["kappa"]) < 0.2
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
    gold = {item.answer for item, variant in planted() if variant == "gold"}
    card = card_of(lambda item, variant: (5, 5, 5) if item.answer in gold else (0, 0, 0))
    assert {"gross", "floor", "spread"} & failed(card)


def test_what_could_not_be_judged_is_no_pass():
    verdicts = [Verdict(item.id, "transport", reason="gone") for item, _ in planted()]
    card = make_card(verdicts, {}, again=verdicts[:9])
    assert not card["passed"] and card["coverage"] == 0
    assert not any(card["checks"].values())
    assert "-" in markdown(card) and ElementTree.fromstring(picture(card)) is not None
    assert card["orderings"]["gross"] == {
        "share": 0.0, "interval": [0.0, 1.0], "n": 0, "pairs": card["orderings"]["gross"]["pairs"],
    }  # fmt: skip


def test_orderings_speak_of_variants_there_are():
    assert {name for each in ORDERINGS for name in (each.better, each.worse)} <= set(VARIANTS)
    assert {each.dimension for each in ORDERINGS} == set(DIMENSIONS)


def test_a_judge_that_takes_all_babble_for_noise_is_caught():
    card = card_of(lambda item, v: (0, 0, 0) if v == "babble" else READER[v])
    assert failed(card) == {"babble"} and card["orderings"]["babble"]["share"] == 0


def test_a_judge_that_takes_babble_for_an_answer_is_caught():
    """A tenth of the gross pairs and more."""
    card = card_of(lambda item, v: (5, 5, 5) if v == "babble" else READER[v])
    assert failed(card) == {"gross"}


def test_the_ladder_has_the_mean_of_every_rung():
    ladder = card_of(reader)["ladder"]
    assert tuple(rung["rung"] for rung in ladder) == RUNGS
    for rung in ladder:
        assert rung["n"] == 96
        assert tuple(rung["means"][name] for name in DIMENSIONS) == READER[rung["rung"]]


def test_the_page_says_all_of_it():
    page = markdown(card_by(ShamBallots()), "card.svg")
    assert "](card.svg)" in page and "| gold | shuffled | grammar | 1.000 [0.962, 1.000]" in page
    for rung in READER.keys() & set(RUNGS):
        assert f"| {rung} | {' | '.join(f'{value:.2f}' for value in READER[rung])} | 96 |" in page
    assert "turns round 0.000 [0.000, 0.00" in page and "| A to K | +0.00 (0.00) | 96 |" in page
    assert "| other white space | +0.00 |" in page and "| grammar | 1.00 | 100.0% | 480 |" in page
    assert "fails" not in page and "not applicable" not in page
    alone = markdown(card_of(lambda item, variant: (3, 3, 3)))
    assert "](" not in alone and "**fails**" in alone and "answers are judged alone" in alone


def test_the_picture_is_whole_and_holds_no_markup_of_others():
    name = '</text><script>alert("1")</script>\n\x00 & Co | *x*'
    card = card_by(Sham(name=name))
    tree = ElementTree.fromstring(picture(card))
    assert {each.tag.rpartition("}")[2] for each in tree.iter()} <= {
        "svg", "title", "rect", "text", "line", "polyline", "circle",
    }  # fmt: skip
    words = [each.text for each in tree.iter() if each.text and each.text.strip()]
    assert any(word.startswith("Judge card: test </text><script>") for word in words)
    assert {"gold > off_topic", "second time", "babble", "90 %"} <= set(words)
    assert words.count("holds") == len(card["checks"]) - 2 == words.count("not applicable") + 9
    page = markdown(card).splitlines()
    assert page[0].startswith("# Judge card: test \\</text\\>") and page[1] == ""


def test_a_card_that_was_read_again_looks_the_same():
    card = card_by(ShamBallots())
    again = json.loads(json.dumps(card, sort_keys=True))
    assert markdown(again) == markdown(card)
    assert picture(again) == picture(card)
