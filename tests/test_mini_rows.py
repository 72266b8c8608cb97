"""The mini task files: shape, balance, determinism, and splits that share nothing they may not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from functools import cache
from itertools import combinations
from typing import Any

import pytest

from leaner_harness.data import mini
from leaner_harness.data.mini.publish import word_list
from leaner_harness.data.mini.world import SPLITS, cast
from leaner_harness.errors import UnknownName

FIELDS = {
    "cola": ["sentence"],
    "sst2": ["sentence"],
    "mrpc": ["sentence1", "sentence2"],
    "stsb": ["sentence1", "sentence2"],
    "rte": ["sentence1", "sentence2"],
    "wnli": ["sentence1", "sentence2"],
    "qqp": ["question1", "question2"],
    "mnli": ["premise", "hypothesis"],
    "qnli": ["question", "sentence"],
}
EXTRA = {"label", "idx", "tag", "pair_id", "template_id", "source"}
Row = dict[str, Any]


@cache
def rows(stem: str) -> list[Row]:
    return mini.rows(stem)


def texts(stem: str) -> list[tuple[str, ...]]:
    return [tuple(r[f] for f in FIELDS[stem.split("_")[0]]) for r in rows(stem)]


def stems_of(task: str, split: str) -> list[str]:
    return [s for s in mini.stems() if s.startswith(f"{task}_{split}")]


def gathered(task: str, split: str, key: str) -> set[str]:
    return {r[key] for s in stems_of(task, split) for r in rows(s)}


def words_of(task: str, split: str) -> set[str]:
    told = (" ".join(t) for s in stems_of(task, split) for t in texts(s))
    return set(re.findall("[a-z]+", " ".join(told).lower()))


def test_the_published_file_names_exist_and_no_others() -> None:
    plain = {f"{t}_{s}" for t in FIELDS if t != "mnli" for s in SPLITS}
    halves = {f"mnli_{s}_{h}" for s in SPLITS[1:] for h in ("matched", "mismatched")}
    assert set(mini.stems()) == plain | halves | {"mnli_train"}
    with pytest.raises(UnknownName, match="cola_train"):
        mini.rows("cola_trian")


@pytest.mark.parametrize("stem", mini.stems())
def test_a_file_has_its_size_fields_and_ids(stem: str) -> None:
    size = {"train": 2000, "validation": 500, "test": 1000}[stem.split("_")[1]]
    found = rows(stem)
    assert len(found) == (size // 2 if stem.endswith("matched") else size)
    assert all(set(r) == {*FIELDS[stem.split("_")[0]], *EXTRA} for r in found)
    assert {r["source"] for r in found} == {"leaner-mini-v1"}
    assert len(set(texts(stem))) == len(found), "a row comes twice"
    assert min(r["idx"] for r in found) >= 9_000_000


@pytest.mark.parametrize("task", FIELDS)
def test_ids_are_unique_within_a_task(task: str) -> None:
    ids = [r["idx"] for split in SPLITS for s in stems_of(task, split) for r in rows(s)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("stem", mini.stems())
def test_labels_are_balanced_in_the_file_and_in_its_beginnings(stem: str) -> None:
    kinds = {"stsb": 6, "mnli": 3}.get(stem.split("_")[0], 2)
    for end in (30, 60, 90, len(rows(stem))):
        counts = Counter(r["label"] for r in rows(stem)[:end])
        assert len(counts) == kinds
        assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("stem", mini.stems())
def test_every_tag_has_many_rows_under_more_than_one_label(stem: str) -> None:
    tags = Counter(r["tag"] for r in rows(stem))
    assert 2 <= len(tags) <= 6
    for tag, count in tags.items():
        assert count >= 45
        labels = Counter(r["label"] for r in rows(stem) if r["tag"] == tag)
        assert len(labels) > 1 and max(labels.values()) <= 1.25 * min(labels.values())


@pytest.mark.parametrize("task", FIELDS)
@pytest.mark.parametrize("key", ["pair_id", "template_id"])
def test_no_pair_and_no_template_crosses_splits(task: str, key: str) -> None:
    for one, two in combinations(SPLITS, 2):
        assert gathered(task, one, key).isdisjoint(gathered(task, two, key))


@pytest.mark.parametrize("task", FIELDS)
def test_no_sentence_crosses_splits(task: str) -> None:
    said = {s: {x for st in stems_of(task, s) for t in texts(st) for x in t} for s in SPLITS}
    for one, two in combinations(SPLITS, 2):
        assert said[one].isdisjoint(said[two])


def owned(split: str) -> set[str]:
    """Nouns and fact words that belong to one split."""
    c = cast(split)
    nouns = {form for n in (*c.beings, *c.goods) for form in (n.one, n.many)}
    facts = {w for s in c.squares for w in s.words} | {w for p in c.comparatives for w in p}
    kinds = {k.name for k in c.kinds} | {m for k in c.kinds for m in k.members}
    return nouns | facts | kinds | set(c.topics) | set(c.colors) | {w for p in c.praise for w in p}


def test_nouns_and_facts_are_cut_between_splits() -> None:
    for one, two in combinations(SPLITS, 2):
        assert owned(one).isdisjoint(owned(two))


@pytest.mark.parametrize("task", FIELDS)
def test_no_row_uses_a_noun_or_fact_of_another_split(task: str) -> None:
    for split in SPLITS:
        others = set().union(*(owned(s) for s in SPLITS if s != split))
        assert words_of(task, split).isdisjoint(others)


def test_the_halves_of_mnli_share_no_row_and_no_template() -> None:
    for split in SPLITS[1:]:
        one, two = (f"mnli_{split}_{half}" for half in ("matched", "mismatched"))
        assert set(texts(one)).isdisjoint(texts(two))
        assert {r["template_id"] for r in rows(one)}.isdisjoint(r["template_id"] for r in rows(two))


def test_twins_share_their_words() -> None:
    """In these tasks the items of a group hold the same words under each label."""
    for task in ("cola", "sst2", "mrpc", "wnli"):
        groups: dict[str, dict[int, Counter[str]]] = {}
        for row in rows(f"{task}_train"):
            bags = groups.setdefault(row["pair_id"], {0: Counter(), 1: Counter()})
            said = " ".join(row[f] for f in FIELDS[task]).lower()
            bags[row["label"]].update(re.findall("[a-z]+", said))
        whole = [bags for bags in groups.values() if all(bags.values())]
        assert sum(b[0] == b[1] for b in whole) >= 0.97 * len(whole)


def test_there_are_enough_facts() -> None:
    squares = [s for split in SPLITS for s in cast(split).squares]
    links = sum(len(k.members) for split in SPLITS for k in cast(split).kinds)
    people = sum(len(cast(split).beings) for split in SPLITS)
    assert 2 * len(squares) >= 50 and len(squares) * 2 * 2 >= 60  # same; opposite
    assert links >= 60 and links + people >= 80


def test_all_words_are_on_the_list_of_at_most_800() -> None:
    listed = set(word_list())
    assert len(listed) <= 800
    for task in FIELDS:
        for split in SPLITS:
            assert words_of(task, split) <= listed


def test_sentences_are_short() -> None:
    said = [x for stem in mini.stems() for t in texts(stem) for x in t]
    lengths = sorted(len(x.split()) for x in said)
    assert lengths[0] >= 3 and lengths[len(lengths) // 2] <= 10 and lengths[-1] <= 20


def test_articles_and_capitals_are_right() -> None:
    for stem in mini.stems():
        for text in (x for t in texts(stem) for x in t):
            assert text[0].isupper() and text[-1] in ".?" and "  " not in text
            assert not re.search(r"\b[Aa] [aeiou]|\b[Aa]n [^aeiou]", text), text


def test_rows_do_not_depend_on_hashing() -> None:
    code = (
        "import hashlib, json; from leaner_harness.data import mini; "
        "print(hashlib.sha256(json.dumps([mini.rows(s) for s in "
        "('cola_test', 'mnli_test_matched')]).encode()).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_files_are_made_quickly_and_alone() -> None:
    start = time.process_time()
    again = {stem: mini.rows(stem) for stem in reversed(mini.stems())}
    assert time.process_time() - start < 6
    assert all(again[stem] == rows(stem) for stem in mini.stems())
