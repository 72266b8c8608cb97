"""Contamination: what benchmarks hold is found in a text, and nothing else is."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaner_harness import UsageError
from leaner_harness.data.questions import load_questions
from leaner_harness.dataset.contamination import Benchmark, Index, Settings, benchmarks, words

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
MIDDLE = "red green blue white black brown pink grey gold"
SHORT = "the cat sat"


def index(*rows, **changes):
    named = [
        (str(number), row if isinstance(row, tuple) else (row,)) for number, row in enumerate(rows)
    ]
    return Index([Benchmark("glue/x", "test", "local", "f", named)], Settings(**changes))


def found(text, *rows, **changes):
    return [(hit.row, hit.shared) for hit in index(*rows, **changes).find(text)]


def test_eight_words_in_a_row_are_found_and_seven_are_not():
    eight = "and Three, four -- five? SIX seven eight (Nine) ten"
    assert found(eight, LONG, MIDDLE) == [("0", 1)] and index(LONG).find(eight)[0].share == 1 / 7
    assert found("x three four five six seven eight nine y ten", LONG) == []
    assert found("x " + LONG.upper() + ". y", SHORT, LONG) == [("1", 7)]
    assert found("three four five six seven eight nine ten", LONG, least=2) == []
    assert found("three four five six seven eight nine ten", LONG, gram=3) == [("0", 6)]


def test_a_short_row_is_found_where_it_is_the_whole_text():
    assert found("The CAT  sat!", SHORT) == [("0", 1)]
    assert found("The cat sat down.", SHORT) == found("The cat", SHORT) == []
    assert found("The cat sat.", SHORT, least=5) == [("0", 1)]
    assert found("", "", SHORT) == found("?!", "...", SHORT) == []


def test_in_a_long_text_thirteen_words_count_or_the_whole_of_a_shorter_row():
    around = " ".join(f"w{number}" for number in range(60))
    keys = {"long_text": 50}
    twelve, thirteen = " ".join(LONG.split()[:12]), " ".join(LONG.split()[:13])
    assert found(f"{around} {twelve} x", LONG) == [("0", 5)]
    assert found(f"{around} {twelve} x", LONG, **keys) == []
    assert found(f"{around} {thirteen} x", LONG, **keys) == [("0", 1)]
    assert found(f"{around} {MIDDLE} x", LONG, MIDDLE, **keys) == [("1", 1)]
    assert found(f"{around} {MIDDLE[4:]} x", LONG, MIDDLE, **keys) == []
    assert found(f"{around} {SHORT} x", SHORT, **keys) == []


def test_no_gram_runs_from_one_field_into_the_next_and_each_field_counts():
    halves = (" ".join(LONG.split()[:7]), " ".join(LONG.split()[7:]))
    assert found(LONG, halves) == []
    assert found(f"{MIDDLE} {LONG}", (MIDDLE, LONG)) == [("0", 9)]
    assert found(MIDDLE, (MIDDLE, MIDDLE)) == [("0", 2)], "a gram counts once a row"


def grams(text, size):
    return {tuple(text[i : i + size]) for i in range(len(text) - size + 1)}


small = st.lists(st.sampled_from("abc"), max_size=14)


@settings(deadline=None)
@given(small, st.lists(st.tuples(small, small), max_size=6), st.integers(1, 4))
def test_it_finds_what_comparing_all_pairs_finds(text, rows, size):
    expected = {}
    for number, row in enumerate(rows):
        of_row = set().union(*(grams(part, min(size, len(part))) for part in row if part))
        asked = grams(text, min(size, len(text))) if text else set()
        if shared := len(of_row & asked):
            expected[str(number)] = shared
    joined = [tuple(" ".join(part) for part in row) for row in rows]
    hits = index(*joined, gram=size, long_gram=9).find(" ".join(text))
    assert {hit.row: hit.shared for hit in hits} == expected
    assert [hit.shared for hit in hits] == sorted(expected.values(), reverse=True)


def test_a_finding_fails_on_one_row_and_names_three():
    check = index(*[LONG] * 5).finding(LONG).row()
    assert check["verdict"] == "fail" and check["value"] == 5
    assert check["note"].startswith("glue/x test 0 (7), ") and check["note"].endswith("and 2 more")
    clean = index(LONG).finding("nothing of it").row()
    assert clean["verdict"] == "pass" and clean["value"] == 0 and "note" not in clean


def test_the_embedded_benchmarks_are_always_covered_and_what_is_missing_is_said():
    made = Index(benchmarks())
    record = made.record()
    assert {row["source"] for row in record["covered"]} == {"mini"}
    assert {row["name"] for row in record["covered"]} >= {"leaner_eval", "leaner_glue/wnli"}
    assert all(row["rows"] and len(row["fingerprint"]) == 64 for row in record["covered"])
    assert len(record["missing"]) == 19 and all(row["reason"] for row in record["missing"])
    rows = {row for b in made.benchmarks if b.name == "leaner_glue/mnli" for row, _ in b.rows}
    assert {row.partition(":")[0] for row in rows} == {"matched", "mismatched"}
    for question in load_questions("mini").rows[:20]:
        hits = made.find(question.text.upper())
        assert ("leaner_eval", question.id) in {(hit.benchmark, hit.row) for hit in hits}
    assert record["digest"] != Index(made.benchmarks, Settings(gram=9)).record()["digest"]
    assert load_questions("mini").rows[0].text not in json.dumps(record)


def test_a_folder_of_rows_is_covered_with_its_fingerprint(glue):
    record = Index(benchmarks(str(glue))).record()
    local = [row for row in record["covered"] if row["source"] == "local"]
    assert local and {row["split"] for row in local} <= {"validation", "test"}
    changed = next(glue.glob("cola_validation.jsonl"))
    changed.write_text('{"sentence": "Another row.", "label": 1, "idx": 0}\n')
    assert Index(benchmarks(str(glue))).record()["digest"] != record["digest"]


def test_a_published_row_is_found_in_a_text_and_in_nothing_that_lacks_it(tinyhelen):
    made = Index([b for b in benchmarks(str(tinyhelen)) if b.source != "mini"])
    dice = random.Random(1)
    cases = [
        (b, row) for b in made.benchmarks for row in dice.sample(list(b.rows), min(20, len(b.rows)))
    ]
    assert len(cases) > 150
    for benchmark, (name, texts) in cases:
        whole = max(texts, key=lambda text: len(words(text)))
        text = f"It began so: {whole} Then it went on." if len(words(whole)) >= 8 else whole
        hits = {(hit.benchmark, hit.split, hit.row) for hit in made.find(text)}
        assert (benchmark.name, benchmark.split, name) in hits or not words(whole)
    vocabulary = sorted(
        {word for b in made.benchmarks for _, row in b.rows[:50] for word in words(row[0])}
    )
    for _ in range(200):
        assert not made.find(" ".join(dice.choices(vocabulary, k=300)))
    assert made.bytes < 40 * 1e6


def test_numbers_that_cannot_be_are_refused():
    for changes in ({"gram": 0}, {"least": 0}, {"gram": 14}, {"long_text": 0}):
        with pytest.raises(UsageError):
            Settings(**changes)
