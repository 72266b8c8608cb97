"""Entropies against an independent count, what a sample hides, and the report of two sources."""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ET
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaner_harness.cli import main
from leaner_harness.data.text import read_documents
from leaner_harness.entropy import blocks, report, sample, units
from leaner_harness.entropy.blocks import Tokens
from leaner_harness.errors import DataError


def counted(texts, length):
    """The plug-in entropy by a Counter of tuples, document by document."""
    found = Counter()
    for text in texts:
        words = re.findall(r"[a-z]+(?:'[a-z]+)?|\d+", text.lower())
        found.update(tuple(words[n : n + length]) for n in range(len(words) - length + 1))
    total = sum(found.values())
    return -sum(n / total * math.log2(n / total) for n in found.values())


def measured(texts):
    words = units.Words().read(texts)
    return [
        blocks.plug_in(blocks.spectrum(blocks.counts(each.keys))) for each in blocks.runs(words, 3)
    ]


PIECES = st.sampled_from(["a", "b", "don't", "x1y", " ", "\n", "'", "É", "\u2028", "7", ". "])


@given(st.lists(st.lists(PIECES).map("".join)))
def test_entropies_equal_an_independent_count(texts):
    for length, found in enumerate(measured(texts), start=1):
        assert found == pytest.approx(counted(texts, length), abs=1e-9)


@given(st.lists(st.text(), max_size=3), st.lists(st.text(), max_size=3))
def test_words_are_those_of_the_pattern(one, other):
    words = units.Words()
    names = {}
    for texts in (one, other):
        found = words.read(texts)
        known = [units.WORD.findall(text.lower()) for text in texts]
        flat = [word for each in known for word in each]
        assert len(found) == len(flat)
        for number, word in zip(found.ids.tolist(), flat, strict=True):
            assert names.setdefault(word, number) == number
        assert np.bincount(found.documents, minlength=len(texts)).tolist() == list(map(len, known))
    assert len(set(names.values())) == len(names)


def test_many_types_are_counted_as_few_are():
    """Runs that no table holds are sorted: the same numbers."""
    draw = np.random.default_rng(0)
    ids = draw.integers(0, 50, 3000)
    documents = np.arange(3000) // 100
    few = Tokens(ids, documents, 50, 3000)
    for types in (2_000_000, 5_000_000):  # with the larger, three do not fit into 63 bits
        many = Tokens(ids * (types // 50), documents, types, 3000)
        for one, other in zip(blocks.runs(few, 3), blocks.runs(many, 3), strict=True):
            assert sorted(blocks.counts(one.keys)) == sorted(blocks.counts(other.keys))


@pytest.mark.parametrize("size", [10_000, 100_000])
def test_the_correction_comes_nearer_to_the_truth(size):
    types = 30_000
    shares = 1 / np.arange(1, types + 1)
    shares /= shares.sum()
    truth = -float(shares @ np.log2(shares))
    ids = np.random.default_rng(0).choice(types, size=size, p=shares)
    found = blocks.spectrum(np.bincount(ids))
    assert found.total == size
    naive, better = blocks.plug_in(found), blocks.corrected(found)
    assert naive < better < truth and truth - better < (truth - naive) / 2
    # How much of what may come was seen.
    assert blocks.coverage(found) == pytest.approx(shares[np.unique(ids)].sum(), abs=0.01)


def test_an_interval_holds_the_truth_about_as_often_as_it_says():
    shares = np.arange(1, 41) / 820
    truth, held = -float(shares @ np.log2(shares)), 0
    draw = np.random.default_rng(1)
    for _ in range(200):
        ids = draw.choice(40, size=2000, p=shares)
        found = sample.figures(Tokens(ids, np.zeros(2000, dtype=np.int64), 40, 8000))
        low, high = found["blocks"][0]["interval"]
        held += low <= truth <= high
    assert 180 <= held <= 199


def test_figures_of_a_sample():
    texts = ["the cat sat on the mat", "the dog ran"]
    found = sample.figures(units.Words().read(texts))
    assert (found["n"], found["types"], found["characters"]) == (9, 7, 33)
    assert found["top_2000"] == 1 and found["types_per_10000"] == 7
    assert found["blocks"][1]["distinct"] == 7  # no run from one document into the next


def test_what_is_the_same_differs_by_nothing():
    texts = {"wiki": ["A cow gives milk. It eats grass."] * 300}
    found = report.report(texts, texts)
    part = found["genres"]["wiki"]["words"]
    assert part["difference"][0]["value"] == 0 and set(found["genres"]) == {"wiki"}
    assert report.directions(found) == {"wiki": ["cannot tell"] * 3}
    with pytest.raises(DataError, match="no genre in common: wiki; web"):
        report.report(texts, {"web": ["A cow."]})


def test_both_sides_have_the_same_size():
    one, other = {"wiki": ["a b c d"] * 90}, {"wiki": ["e f g h"] * 50}
    part = report.report(one, other)["genres"]["wiki"]
    assert part["words"]["n"] == 200 and part["words"]["of"] == [360, 200]
    assert part["words"]["a"]["n"] == part["words"]["b"]["n"] == 200
    assert part["compression"]["characters"] == 350


def test_the_command_compares_and_draws(tmp_path, capsys):
    plot = tmp_path / "e.svg"
    words = ["entropy", "mini", "mini-harder", "--words", "6000", "--genres", "wiki,textbook"]
    assert main([*words, "--plot", str(plot)]) == 0
    shown = capsys.readouterr().out
    assert "wiki" in shown and "not reproduced" in shown and "H3" in shown
    ET.fromstring(plot.read_text())
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["genres"]) == {"wiki", "textbook", "all"} and found["sources"]["a"] == "mini"
    assert main(["entropy", "mini", "nowhere"]) == 3
    assert "no training text at 'nowhere'" in capsys.readouterr().err


@pytest.mark.slow
def test_published_pairs(tinyhelen):
    """As found: words of the simplified text are less diverse in every genre, runs of three not."""
    genres = ["wiki", "textbook", "web"]
    sides = [
        report.by_genre(read_documents(str(folder), "validation", genres))
        for folder in (tinyhelen, tinyhelen / "data" / "ori")
    ]
    found = report.report(*sides)
    for side, texts in zip("ab", sides, strict=True):
        for genre in genres:
            words = units.Words().read(texts[genre])
            assert len(words) == found["genres"][genre]["words"]["of"]["ab".index(side)]
            for length, value in enumerate(measured(texts[genre]), start=1):
                assert value == pytest.approx(counted(texts[genre], length), abs=1e-9)
    said = report.directions(found)
    assert all(each[:2] == ["lower", "lower"] for each in said.values())
