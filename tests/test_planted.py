"""The planted answers are what their names say, and the same every time."""

from __future__ import annotations

import re
from collections import Counter

from leaner_harness.data.mini import word_list
from leaner_harness.data.questions import mini_questions
from leaner_harness.judge.planted import LADDER, VARIANTS, planted
from leaner_harness.judge.surface import check


def by_variant():
    found = {}
    for item, variant in planted():
        found.setdefault(variant, {})[item.id.partition("/")[2]] = item
    return found


def test_every_variant_of_every_question_the_same_every_time():
    first, second = list(planted()), list(planted())
    assert first == second
    counts = Counter(variant for _, variant in first)
    assert set(counts) == set(VARIANTS) and len({item.id for item, _ in first}) == len(first)
    assert counts.pop("false_fact") >= 30
    assert set(counts.values()) == {96}


def test_variants_keep_what_they_should_and_spoil_the_rest():
    found, rows = by_variant(), {row["id"]: row for row in mini_questions()}
    for name, row in rows.items():
        gold = row["gold"]
        assert found["gold"][name].answer == gold
        assert sorted(found["shuffled"][name].answer.split()) == sorted(gold.split())
        assert found["off_topic"][name].answer != gold
        assert gold.startswith(found["cut_off"][name].answer)
        assert len(found["cut_off"][name].answer) < len(gold)
        assert found["padded"][name].answer.startswith(gold)
        assert found["empty"][name].answer == ""
        if name in found["false_fact"]:
            assert found["false_fact"][name].answer not in (gold, row["question"])
        spaced = found["spaced"][name].answer
        assert spaced.split() == gold.split() and "  " in spaced and spaced.endswith("\n\n")
        for added in ("ordered", "break_out"):
            assert found[added][name].answer.startswith(found["shuffled"][name].answer + " ")


def test_the_ladder_goes_down():
    found = by_variant()
    gold = found["gold"]

    def kept(variant):
        same = total = 0
        for name, item in found[variant].items():
            pairs = list(zip(item.answer.split(), gold[name].answer.split(), strict=True))
            same, total = same + sum(a == b for a, b in pairs), total + len(pairs)
        return same / total

    shares = [kept(f"corrupted_{round(100 * share)}") for share in LADDER]
    assert all(a > b + 0.1 for a, b in zip([1.0, *shares], shares, strict=False))


def test_babble_is_of_the_mini_world_and_never_about_the_question():
    """Every word of it stands in the list of the mini text; most of it is whole sentences."""
    babble = by_variant()["babble"]
    texts = [item.answer for item in babble.values()]
    assert len(set(texts)) == 96 and all(text == text.strip() for text in texts)
    known = set(word_list())
    for text in texts:
        words = re.findall(r"[a-z]+", text.lower())
        assert 5 < len(words) <= 60 and set(words) <= known, set(words) - known
    seen = [check(item.question, item.answer) for item in babble.values()]
    assert sum(each["on_topic"] for each in seen) / 96 < 0.1
    assert sum(each["well_formed"] for each in seen) / 96 > 0.5


def test_surface_checks_see_the_gross_ones():
    found = by_variant()

    def mean(variant, name):
        values = [check(i.question, i.answer)[name] for i in found[variant].values()]
        return sum(values) / len(values)

    assert mean("gold", "well_formed") == 1 and mean("shuffled", "well_formed") < 0.3
    assert mean("loop", "non_repetition") < 0.3 < 0.9 < mean("gold", "non_repetition")
    assert mean("echo", "own_words") < 0.1 and mean("off_topic", "on_topic") < 0.1
    assert mean("cut_off", "finished") < 0.2
    # What they cannot see: a false fact looks as good as the truth.
    assert mean("false_fact", "well_formed") == 1 and mean("false_fact", "finished") == 1
