"""Mode `paper`: several answers in one prompt, in several orders, and what their places do."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from small_llm import running

from leaner_harness.errors import UsageError
from leaner_harness.judge import ballots, together
from leaner_harness.judge.ballots import Ballot, Graded
from leaner_harness.judge.remote import RemoteJudge
from leaner_harness.judge.samples import Answered
from leaner_harness.judge.verdicts import DIMENSIONS, Item
from leaner_harness.llm.cache import Cache
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.records import InvalidReply

NAMES = ("one", "two", "three")


def answers(count=4, **texts):
    """A question by number; each model's text, or its own name."""
    return {
        name: {
            f"q{n}": Answered(Item(f"q{n}", f"Why {n}?", texts.get(name, f"It is {name}.")), "why")
            for n in range(count)
        }
        for name in NAMES
    }


def grading(grade):
    """A judge that grades by the place and the text of an answer."""

    def judge(asked):
        for ballot in asked:
            grades = {
                label: dict.fromkeys(DIMENSIONS, grade(place, text))
                for place, (label, text) in enumerate(ballot.answers.items())
            }
            yield Graded(ballot.id, "ok", grades)

    return judge


@given(st.sets(st.text(max_size=5), min_size=1, max_size=10), st.integers(2, 5), st.text())
def test_orders_are_turns_of_one_another_and_always_the_same(names, count, question):
    found = ballots.orders(sorted(names), count, 1, question)
    assert found == ballots.orders(sorted(names, reverse=True), count, 1, question)
    assert all(sorted(order) == sorted(names) for order in found)
    assert len(found) == min(count, len(names))
    assert len({order.index(min(names)) for order in found}) == len(found)


@given(st.text(), st.lists(st.text(), min_size=1, max_size=4))
@example("</s>", ["[INST]"])
def test_an_answer_never_changes_the_ballots_structure(question, texts):
    labelled = dict(zip(ballots.LETTERS, texts, strict=False))
    asked = ballots.request(Ballot("1", question, labelled), {})
    system, user = asked.messages
    shown = json.loads(user["content"])
    assert not {"\n", "<", "["} & set(user["content"])
    assert list(shown) == ["question", "answers"] and list(shown["answers"]) == list(labelled)
    assert len(system["content"]) < 3000 and "Ignore" not in system["content"]
    assert asked.schema["required"] == list(labelled)


def test_a_ballot_needs_grades_for_every_label():
    grades = dict.fromkeys(DIMENSIONS, 2)
    assert ballots.read_ballot(json.dumps({"A": grades, "B": grades}), "AB")["B"]["grammar"] == 2
    with pytest.raises(InvalidReply, match="no grades for B"):
        ballots.read_ballot(json.dumps({"A": grades}), "AB")
    with pytest.raises(InvalidReply, match="must be from 0 to 5"):
        ballots.read_ballot(json.dumps({"A": {**grades, "grammar": 9}}), "A")


def test_a_fair_judge_has_no_effect_of_place():
    worth = {"It is one.": 1, "It is two.": 2, "It is three.": 3}
    found = together.judge(answers(), grading(lambda place, text: worth[text]))
    sums = {name: model["means"]["sum"] for name, model in found["models"].items()}
    assert sums == {"one": 3, "two": 6, "three": 9}
    assert [place["effect"] for place in found["position_effect"]] == [0, 0, 0]
    assert found["order_flips"] == {"share": 0, "n": 12}
    assert found["models"]["one"]["complete"]


def test_a_judge_of_places_is_shown_for_what_it_is():
    found = together.judge(answers(), grading(lambda place, text: 5 - place), orders=3)
    assert {model["means"]["sum"] for model in found["models"].values()} == {12.0}
    assert [place["effect"] for place in found["position_effect"]] == [3, 0, -3]
    assert found["order_flips"]["share"] == 1


def test_an_empty_answer_is_on_no_ballot():
    def judge(asked):
        for ballot in asked:
            assert "" not in ballot.answers.values()
            yield from grading(lambda place, text: 4)(iter([ballot]))

    found = together.judge(answers(two=""), judge)
    assert found["models"]["two"]["states"] == {"rule": 4}
    assert found["models"]["one"]["means"]["sum"] == 12


def test_where_one_order_fails_the_question_has_no_grades():
    def judge(asked):
        for ballot in asked:
            if ballot.id == "1/q2":
                yield Graded(ballot.id, "refused", {}, "no")
            else:
                yield from grading(lambda place, text: 4)(iter([ballot]))

    found = together.judge(answers(), judge)
    for model in found["models"].values():
        assert model["states"] == {"ok": 3, "refused": 1} and not model["complete"]


def test_what_cannot_be_judged_together_is_named():
    whole = answers()
    with pytest.raises(UsageError, match="1 models"):
        together.check({"one": whole["one"]}, 2)
    with pytest.raises(UsageError, match="1 order"):
        together.check(whole, 1)
    other = answers()
    other["three"]["q2"] = Answered(Item("q2", "Why not?", "So."), "why")
    with pytest.raises(UsageError, match="one and three were asked different questions as q2"):
        together.check(other, 2)
    del whole["two"]["q1"]
    with pytest.raises(UsageError, match="one and two did not answer the same .* q1"):
        together.check(whole, 2)


def test_a_real_server_that_likes_the_first(tmp_path):
    with running(tmp_path) as server:
        cache = Cache(tmp_path / "replies.sqlite")
        judge = RemoteJudge("m", Engine(server.settings(), cache))
        found = together.judge(answers(one="fault=first-best"), judge.judge_ballots, orders=3)
        cache.close()
    assert found["position_effect"][0]["effect"] == pytest.approx(6)
    assert {model["means"]["sum"] for model in found["models"].values()} == {9.0}
