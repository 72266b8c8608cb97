"""The labels of the mini tasks, worked out again from the sentences alone by reading them."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from leaner_harness.data import mini
from leaner_harness.data.mini.tables import NUMBERS
from leaner_harness.data.mini.world import DOING, everything

WORLD = everything()
SIDE = {
    w: (i, s) for i, q in enumerate(WORLD.squares) for s in (0, 1) for w in (q.left, q.right)[s]
}
KIND = {m: k.name for k in WORLD.kinds for m in k.members}
GRADE = {w: (i, s) for i, pair in enumerate(WORLD.comparatives) for s, w in enumerate(pair)}
BASE = {form: v.base for v in DOING for form in (v.base, v.past)}
DEED, WORD = "|".join(BASE), rf"(?:({'|'.join(SIDE)}) )?"
Row = dict[str, Any]


def rows(task: str, tag: str = "") -> list[Row]:
    found = [r for s in mini.stems() if s.startswith(task + "_") for r in mini.rows(s)]
    chosen = [r for r in found if not tag or r["tag"] == tag]
    assert len(chosen) > 600, "no rows to check"
    return chosen


@cache
def sides(text: str) -> tuple[Any, ...]:
    return tuple(SIDE.get(w, w) for w in re.findall("[a-z]+", text.lower()))


def event(text: str) -> tuple[Any, ...]:
    """Who did what to whom, with the meaning of the describing words."""
    low = text.lower()
    if m := re.search(rf"(?:was )?the {WORD}(\w+) (?:was )?({DEED}) by the {WORD}(\w+)", low):
        word, patient, deed, agent_word, agent = m.groups()
    else:
        m = re.search(rf"the {WORD}(\w+) ({DEED}) the {WORD}(\w+)", low)
        assert m, text
        agent_word, agent, deed, word, patient = m.groups()
    return agent, SIDE.get(agent_word), BASE[deed], patient, SIDE.get(word)


def order(text: str) -> tuple[str, ...]:
    m = re.search(r"the (\w+) (\w+) (before|after) the (\w+)", text.lower())
    assert m, text
    one, verb, word, two = m.groups()
    return (verb, one, two) if word == "before" else (verb, two, one)


def comparison(text: str) -> tuple[Any, ...]:
    m = re.search(r"the (\w+) (?:is )?(\w+) than the (\w+)", text.lower())
    assert m, text
    one, word, two = m.groups()
    scale, end = GRADE[word]
    return (scale, one, two) if end == 0 else (scale, two, one)


def numbers(text: str) -> set[tuple[str, str]]:
    return set(re.findall(rf"\b({'|'.join(NUMBERS)}) (\w+)", text.lower()))


@pytest.mark.parametrize(
    ("task", "tag", "meaning", "same"),
    [
        ("mrpc", "voice", event, 1),
        ("mrpc", "sequence", order, 1),
        ("mrpc", "number", numbers, 1),
        ("mrpc", "synonym", sides, 1),
        ("qqp", "voice", event, 1),
        ("qqp", "synonym", sides, 1),
        ("qqp", "compare", comparison, 1),
        ("rte", "role", event, 0),
        ("rte", "comparison", comparison, 0),
    ],
)
def test_pairs_that_mean_the_same_are_labelled_so(
    task: str, tag: str, meaning: Any, same: int
) -> None:
    for row in rows(task, tag):
        one, two = (meaning(v) for k, v in row.items() if re.match("(sentence|question)[12]", k))
        assert (one == two) == (row["label"] == same), row


def test_grades_of_likeness() -> None:
    for row in rows("stsb"):
        one, two = event(row["sentence1"]), event(row["sentence2"])
        where = [re.findall(r"\b(?:in|near|at|on) .*?(?=,|\.)", row[f].lower()) for f in
                 ("sentence1", "sentence2")]  # fmt: skip
        beings = [{e[0], e[3]} for e in (one, two)]
        if one == two:
            score = 5 if where[0] == where[1] else 4
        elif beings[0] != beings[1]:
            score = 0
        elif one[2] != two[2]:
            score = 1
        else:
            score = 3 if one[0] == two[0] else 2
        assert score == row["label"], row


def test_kinds_in_rte() -> None:
    for row in rows("rte", "kind"):
        one, two = (re.findall("[a-z]+", row[f].lower()) for f in ("sentence1", "sentence2"))
        (member, kind), *rest = [(a, b) for a, b in zip(one, two, strict=True) if a != b][-1:]
        assert not rest and (KIND[member] == kind) == (row["label"] == 0), row


def test_kinds_under_no() -> None:
    for row in rows("rte", "monotone"):
        narrow = any(w in KIND for w in re.findall("[a-z]+", row["sentence1"].lower()))
        denied = " no " in row["sentence1"]
        assert (narrow != denied) == (row["label"] == 0), row


def test_all_some_and_no() -> None:
    for row in rows("rte", "quantifier"):
        narrower = len(row["sentence1"].split()) < len(row["sentence2"].split())
        some = "some " in row["sentence1"].lower()
        assert (narrower != some) == (row["label"] == 0), row


def test_three_way_comparison_and_order() -> None:
    for tag, meaning in (("comparison", comparison), ("sequence", order)):
        for row in rows("mnli", tag):
            one, two = meaning(row["premise"]), meaning(row["hypothesis"])
            label = 0 if one == two else 1 if one[0] != two[0] else 2
            assert label == row["label"], row


def test_three_way_opposites() -> None:
    for row in rows("mnli", "opposite"):
        words = [re.findall("[a-z]+", row[f].lower()) for f in ("premise", "hypothesis")]
        one, two = (next(SIDE[w] for w in said if w in SIDE) for said in words)
        agree = (one == two) != ("not" in words[1])
        assert row["label"] == (1 if one[0] != two[0] else 0 if agree else 2), row


def test_three_way_roles_and_kinds() -> None:
    for row in rows("mnli", "role"):
        told = [re.sub(r"\b(always|never) ", "", row[f]) for f in ("premise", "hypothesis")]
        never = ["never" in row[f] for f in ("premise", "hypothesis")]
        same = event(told[0]) == event(told[1])
        assert row["label"] == (1 if not same else 0 if never[0] == never[1] else 2), row
    for row in rows("mnli", "kind"):
        no = [bool(re.search(r"(?<!no,) no (?!no)", row[f])) for f in ("premise", "hypothesis")]
        narrow = any(w in KIND for w in re.findall("[a-z]+", row["premise"].lower()))
        follows = narrow != no[0]
        assert row["label"] == (1 if not follows else 0 if no[0] == no[1] else 2), row


def test_answers_to_who_did_it() -> None:
    for row in rows("qnli", "role"):
        agent, _, _, patient, _ = event(row["sentence"])
        asked, low = re.search(r"who (did|was)?", row["question"].lower()), row["question"].lower()
        assert asked
        m = re.search(r"(?:(?:did|was|by) )?the (\w+)(?! who)", low[asked.start() :])
        assert m, row
        passive_by = bool(re.search(rf"who was (?:{DEED}) by", low))
        told_part = agent if asked.group(1) == "did" or passive_by else patient
        assert (m.group(1) == told_part) == (row["label"] == 0), row


def test_praise_and_blame() -> None:
    good = {g for g, _ in WORLD.praise} | {"good", "great", "nice", "lovely", "fun", "wonderful"}
    for row in rows("sst2"):
        last = re.findall("[a-z]+", row["sentence"].lower().rsplit("but", 1)[-1])
        denied = "not" in last or "never" in last
        assert ((last[-1] in good) != denied) == (row["label"] == 1), row
