"""`check.run` makes the whole card: it asks twice, shows ballots, and catches whom that moves."""

from __future__ import annotations

import random

import pytest
import tiny_llama
from sham_judges import READER, Sham, ShamBallots, card_by, failed, reader
from small_llm import KEY, running

from leaner_harness.data.questions import mini_questions
from leaner_harness.errors import UsageError
from leaner_harness.judge import check
from leaner_harness.judge import planted as planted_module
from leaner_harness.judge.ballots import LETTERS, Graded
from leaner_harness.judge.card_page import markdown
from leaner_harness.judge.invariances import LABELS, retest
from leaner_harness.judge.opening import Opened, open_judge
from leaner_harness.judge.verdicts import DIMENSIONS, Verdict


@pytest.fixture
def few(monkeypatch):
    """Three questions, and any number of them that a server shall be asked about."""

    def choose(suffix=""):
        rows = [{**row, "question": row["question"] + suffix} for row in mini_questions()[::32]]
        monkeypatch.setattr(planted_module, "mini_questions", lambda: rows)

    return choose


def test_a_reader_who_sees_ballots_passes():
    card = card_by(ShamBallots())
    assert card["passed"] and failed(card) == set()
    assert card["checks"]["order"] is card["checks"]["labels"] is True
    flips = card["order"]["flips"]
    assert flips["share"] == 0 and flips["interval"][1] < 0.01 and flips["n"] == 96 * 6
    assert [each["place"] for each in card["order"]["places"]] == [1, 2, 3, 4]
    assert {each["effect"] for each in card["order"]["places"]} == {0}
    assert card["retest"]["grammar"] == {"kappa": 1, "agreement": 1, "n": 480}
    assert card["whitespace_effect"] == {"grammar": 0, "coherence": 0, "specificity": 0}


def test_a_judge_that_likes_the_first_answer_is_caught():
    card = card_by(ShamBallots(lambda ballot, place, label, variant: 2 * (place == 0)))
    assert failed(card) == {"order"}
    first, _, third, _ = card["order"]["places"]
    assert first["effect"] > 1 > -1 > third["effect"] and 0 < first["error"] < 0.3
    assert card["order"]["questions"] == 96 and card["labels"]["mean"]["effect"] == 0


def test_a_judge_that_likes_the_first_half_here_and_the_second_there_is_caught():
    """No place is liked more than another on average: only the flips show it."""

    def shift(ballot, place, label, variant):
        return 3 if (place < 2) == (int(ballot.id[-3:]) % 2 == 0) else -3

    card = card_by(ShamBallots(shift))
    assert failed(card) == {"order"}
    assert max(abs(each["effect"]) for each in card["order"]["places"]) < 0.5
    low, high = card["order"]["flips"]["interval"]
    assert 0.2 < low < card["order"]["flips"]["share"] < high < 0.8


def test_ballots_that_tell_nothing_apart_are_no_pass():
    """No place does anything, and no pair is turned round, for there is none."""
    card = card_by(ShamBallots(lambda *_: -9))
    assert failed(card) == {"order"} and card["order"]["flips"]["n"] == 0


def test_kappa_is_weighted_by_the_square_of_what_grades_differ_by():
    """By hand: 2 of 4 lie 1 apart; of all 16 pairs, the squared distance is 10.5 on average."""
    first = {str(n): _verdict(n, grade) for n, grade in enumerate((0.4, 0, 5, 4.6))}
    again = [_verdict(n, grade) for n, grade in enumerate((0, 1, 5, 4))]
    found = retest(first, [*again, Verdict("4", "refused"), _verdict(5, 3)])
    assert found["grammar"] == {"kappa": pytest.approx(1 - 0.5 / 10.5), "agreement": 0.5, "n": 4}


def _verdict(number, grade):
    return Verdict(str(number), "ok", dict.fromkeys(DIMENSIONS, grade))


def test_a_judge_that_takes_a_label_for_a_mark_is_caught():
    card = card_by(ShamBallots(lambda ballot, place, label, variant: -1 * (label == "K")))
    assert failed(card) == {"labels"}
    first, *others = card["labels"]["labels"]
    assert first["change"] == "A to K" and first["effect"] < -1
    assert {each["effect"] for each in others} == {0}
    assert card["labels"]["mean"]["effect"] == pytest.approx(first["effect"] / 4)


def test_a_judge_that_likes_ballots_of_a_kind_of_labels_is_caught():
    card = card_by(ShamBallots(lambda ballot, *_: -1 * ("K" in ballot.answers)))
    assert failed(card) == {"labels"} and card["labels"]["mean"]["effect"] < -1


def test_a_judge_that_does_not_repeat_itself_is_caught():
    draw = random.Random(0)
    second = Sham(second=lambda item, variant: [draw.randint(0, 5) for _ in range(3)])
    card = card_by(second)
    assert failed(card) == {"retest"}
    assert card["retest"]["grammar"]["kappa"] < 0.2 and card["retest"]["grammar"]["n"] == 480
    assert 0.1 < card["retest"]["grammar"]["agreement"] < 0.3


def test_a_judge_that_says_one_thing_both_times_in_one_dimension_is_caught():
    """There is nothing to agree on, which is no agreement, and no NaN in a file."""
    card = card_by(Sham(lambda item, variant: (*READER[variant][:2], 4)))
    assert "retest" in failed(card) and card["retest"]["specificity"]["kappa"] is None
    assert "| specificity | - | 100.0% | 480 |" in markdown(card)


@pytest.mark.parametrize("shift", [-0.5, 0.5])
def test_a_judge_that_looks_at_white_space_is_caught(shift):
    def grade(item, variant):
        return [0.5 + 0.8 * value + shift * ("  " in item.answer) for value in READER[variant]]

    card = card_by(Sham(grade))
    assert failed(card) == {"whitespace"}
    assert card["whitespace_effect"]["coherence"] == pytest.approx(shift)


def test_ballots_that_could_not_be_graded_are_no_pass():
    judge = ShamBallots()
    judge.judge_ballots = lambda ballots: (Graded(b.id, "refused", {}) for b in ballots)
    card = card_by(judge)
    assert failed(card) == {"coverage", "order", "labels"}
    assert card["states"]["refused"] == 288 and card["labels"]["mean"] is None
    assert card["order"]["flips"]["n"] == 0 and "| n |" in markdown(card)


@pytest.mark.parametrize("judge", [Sham(), ShamBallots()])
def test_a_judge_is_told_how_much_there_is(judge):
    announced = []
    check.run(Opened(judge, None), lambda: announced.append(1))
    assert len(announced) == check.count(Opened(judge, None))
    assert len(check.items()) == len(announced) - 288 * hasattr(judge, "judge_ballots")


def test_the_ballots_of_a_question_differ_in_one_thing_each():
    by_id = {sheet.ballot.id: sheet for sheet in check.sheets()}
    assert len(by_id) == 3 * 96
    for name in (row["id"] for row in mini_questions()):
        one, turned, labelled = (by_id[f"{turn}/{name}"] for turn in ("0", "1", "labels"))
        assert list(one.ballot.answers) == list(turned.ballot.answers) == list(LETTERS[:4])
        assert turned.names == one.names[2:] + one.names[:2]
        assert list(labelled.ballot.answers) == list(LABELS) and labelled.names == one.names
        assert [*labelled.ballot.answers.values()] == [*one.ballot.answers.values()]
    assert not set(LABELS) & set(LETTERS)


def test_surface_checks_get_no_card():
    with pytest.raises(UsageError, match="no grades, so there is nothing to put on a card"):
        check.run(open_judge("surface", {}))


def test_a_server_is_asked_anew_and_shown_ballots(tmp_path, few, monkeypatch):
    """The server says the same to everything: a constant judge, caught; its ballots unreadable."""
    few(" fault=grades")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with running(tmp_path) as server:
        opened = open_judge("openai:m", {"base_url": f"{server.root}/v1"})
        card = check.run(opened)
        asked = server.report()["asked"]
    rows = planted_module.mini_questions()
    ballots = [each for each in asked if '"answers"' in each]
    assert len(ballots) == 3 * len(rows) and sum('"K"' in each for each in ballots) == len(rows)
    twice = [each for each, times in asked.items() if '"answer"' in each and times == 2]
    assert len(twice) == 5 * len(rows)
    assert card["states"]["unparsable"] == len(ballots)
    assert card["states"]["ok"] == card["answers"] - len(rows) + len(twice)
    assert {"coverage", "gross", "spread", "retest", "order", "labels"} <= failed(card)
    assert card["judge"]["models_seen"] == ["test-model-v1"]


def test_a_model_on_this_machine_gets_a_card_without_ballots(tmp_path, few):
    few()
    model = tiny_llama.save(tmp_path / "model", context=3000)
    card = check.run(open_judge(f"hf:{model}", {}))
    assert not card["passed"] and card["coverage"] == 1 and card["order"] is None
    assert {found["agreement"] for found in card["retest"].values()} == {1}
    assert card["ladder"][0]["n"] == 3 and 0 < card["ladder"][0]["means"]["grammar"] < 5


def test_a_judge_without_a_second_way_is_simply_asked_twice():
    calls = []

    def grade(item, variant):
        calls.append(item.id)
        return reader(item, variant)

    assert card_by(Sham(grade))["passed"]
    assert calls.count("gold/mini-eval-001") == 2 and calls.count("loop/mini-eval-001") == 1
