"""The tables of the board: which results share one, their order, and the rank that each has."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_boards import answers_record, entry, glue_record
from test_leaderboard_page import FOLDER, data_of, page_of

from leaner_harness.counts import short
from leaner_harness.leaderboard import board
from leaner_harness.leaderboard.markdown import count
from leaner_harness.leaderboard.ranks import Score, ranks
from leaner_harness.leaderboard.sets import sizes, word_baseline
from leaner_harness.markdown import cell


def test_made_rows_are_never_ranked_with_published_ones() -> None:
    published = glue_record("published", 1)
    made = [
        glue_record("flag", 2, data={"synthetic": True}),
        glue_record("source", 3, data={"source": "mini"}),
        glue_record("board", 4, board="leaner_glue_mini"),
    ]
    data = data_of(page_of([entry(record) for record in (published, *made)]))
    by_board = [{row["name"] for row in found["rows"]} for found in data["boards"]]
    assert by_board[0] == {"published"} and not data["boards"][0]["synthetic"]
    assert all(found["synthetic"] for found in data["boards"][1:])
    assert set().union(*by_board[1:]) == {"flag", "source", "board"}
    assert all(row["rank"] == [1, 1, 1] for row in data["boards"][0]["rows"])
    assert len({found["id"] for found in data["boards"]}) == len(data["boards"])


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"split": "validation"}},
        {"data": {"fingerprint": "5" * 64}},
        {"protocol": {"name": "paper"}},
        {"protocol": {"fingerprint": "8" * 64}},
        {"board": "leaner_other"},
    ],
)
def test_what_was_asked_otherwise_is_another_board(changes: dict[str, Any]) -> None:
    other = glue_record("other", 2, **changes)
    data = data_of(page_of([entry(glue_record("one", 1)), entry(other)]))
    assert [len(found["rows"]) for found in data["boards"]] == [1, 1]


def test_a_judge_and_none_share_no_table_whatever_their_files_say() -> None:
    judged, alone = answers_record("a", 1), answers_record("b", 2, judged=False)
    alone["protocol"] = judged["protocol"]
    del alone["judge"]
    entries = [entry(judged), entry(alone)]
    boards = data_of(page_of(entries))["boards"]
    assert [len(each["rows"]) for each in boards] == [1, 1]
    assert len({each["id"] for each in boards}) == 2
    assert board._markdown(entries, [], FOLDER).count("## leaner_eval") == 2


def test_what_a_run_began_with_is_on_its_bill() -> None:
    def bill(**training: Any) -> tuple[float | None, ...]:
        return sizes(glue_record("a", 1, training={"tokens_seen": 10, "flops": 6e3} | training))[1:]

    after = {"recipe": {"init_from": "runs/before"}}
    assert bill() == (10, 6e3)
    assert bill(**after, began_with={"tokens_seen": 90, "flops": None}) == (100, None)
    assert bill(**after) == (None, None)  # who does not say has not trained for less


def test_a_table_with_ranks_comes_before_one_without() -> None:
    part = glue_record("part", 1) | {"mean": {}, "protocol": {"name": "a", "fingerprint": "1"}}
    mini = glue_record("mini", 2, board="leaner_glue_mini")
    mini["data"] |= {"source": "mini", "synthetic": True}
    entries = [entry(part), entry(mini), entry(glue_record("whole", 3))]
    boards = data_of(page_of(entries))["boards"]
    assert [each["rows"][0]["name"] for each in boards] == ["whole", "part", "mini"]


def test_one_result_of_local_files_takes_the_word_published_from_its_table() -> None:
    local = glue_record("local", 1)
    local["data"] |= {"source": "local"}
    entries = [entry(local), entry(glue_record("whole", 3))]
    (table,) = data_of(page_of(entries))["boards"]
    assert table["source"] == "local"
    assert "not, or not all, the published ones" in board._markdown(entries, [], FOLDER)


def test_an_unverified_result_is_shown_says_so_and_has_no_rank() -> None:
    best = glue_record("claim", 1)
    best["mean"]["leaner_score_centred"] = {"value": 0.999, "interval": [0.998, 1.0]}
    data = data_of(page_of([entry(best, False), entry(glue_record("seen", 2))]))
    claim, seen = data["boards"][0]["rows"]
    assert claim["name"] == "claim" and not claim["verified"] and "rank" not in claim
    assert "no samples" in data["pool"][claim["why"]]
    assert seen["verified"] and seen["rank"] == [1, 1, 1]


def test_what_words_reach_is_not_said_by_a_result_that_nobody_checked() -> None:
    claim = glue_record("claim", 1)
    claim["mean"]["leaner_score_centred"] = {"value": 0.999, "interval": [0.998, 1.0]}
    for task in claim["tasks"].values():
        task |= {"majority_baseline": 0.987, "baselines": {"jaccard": 0.986, "words": 0.985}}
    entries = [entry(claim, False), entry(glue_record("seen", 2))]
    (found,) = data_of(page_of(entries))["boards"]
    assert found["rows"][0]["name"] == "claim"
    told = [value for line in found["references"] for value in line["values"].values()]
    assert told and not {0.985, 0.986, 0.987} & set(told)
    shown = board._markdown(entries, [], FOLDER)
    assert "0.985" not in shown and "0.986" not in shown and "0.987" not in shown


def test_answers_without_kinds_have_their_numbers_all_the_same() -> None:
    record = answers_record("a", 1)
    del record["tasks"]["questions"]["kinds"]
    (found,) = data_of(page_of([entry(record, False)]))["boards"]
    (row,) = found["rows"]
    assert all(each is not None for each in row["cells"])


def test_a_count_just_below_a_unit_has_no_exponent() -> None:
    counts = {999: "999", 999_400: "999k", 999_700: "1M", 1_561_728: "1.56M", 2.5e12: "2.5T"}
    assert {value: count(value) for value in counts} == counts
    assert {value: short(value) for value in (999_700, 0.25, -999_700, 1500)} == {
        999_700: "1M", 0.25: "0.25", -999_700: "-1M", 1500: "1.5k"
    }  # fmt: skip


@pytest.mark.parametrize("text", ["[x](javascript:alert(1))", "![x](https://e)", "a | `b` <c>"])
def test_text_of_strangers_is_no_markup(text: str) -> None:
    shown = cell(text)
    assert "](" not in shown and "<" not in shown and "`" not in shown
    assert "|" not in shown.replace("\\|", "")


def score(value: float, half: float) -> Score:
    return Score(value, value - half, value + half)


def significantly_better(one: Score, other: Score) -> bool:
    """The rule as the board states it, pair by pair."""
    return one.value - other.value > 1.959964 * math.hypot(one.error, other.error)


SCORES = st.lists(st.builds(score, st.floats(-1, 1), st.floats(0, 0.5)), max_size=12)


@settings(max_examples=200)
@given(SCORES)
def test_results_of_one_rank_are_not_significantly_different(scores: list[Score]) -> None:
    found = ranks(scores)
    for one, its in zip(scores, found, strict=True):
        assert 1 <= its.best <= its.place <= its.worst <= len(scores)
        for other, others in zip(scores, found, strict=True):
            if significantly_better(one, other):
                assert its.place < others.place
            if one.value >= other.value:
                assert its.place <= others.place


def test_an_interval_that_ends_where_the_metric_does_ranks_as_a_whole_one() -> None:
    whole, ended = Score(0.9, 0.7, 1.1), Score(0.9, 0.7, 1.0)
    assert ended.error == pytest.approx(whole.error)
    assert [found.place for found in ranks([ended, score(0.7, 0.01)])] == [1, 1]


def test_ranks_of_a_known_case() -> None:
    scores = [score(0.5, 0.1), score(0.52, 0.1), score(0.1, 0.05), score(0.1, 0.1)]
    assert [found.place for found in ranks(scores)] == [1, 1, 3, 3]
    assert ranks([]) == []


def test_one_result_does_not_set_what_words_reach() -> None:
    def said(value: Any) -> dict[str, Any]:
        return {"tasks": {"cola": {"baselines": {"words": value}}}}

    usual = [said(-1.0), said(0.25001), said(None), said(0.25002)]
    assert word_baseline(usual, "cola", "words") == 0.25001
    assert word_baseline([said(-1.0), said(0.25)], "cola", "words") == -1.0, "the first of equals"
    assert word_baseline([said("x"), {"tasks": 3}, {}], "cola", "words") is None
