"""Questions: asked in batches, each counted once, and LEANER-Eval runs on what is kept."""

from __future__ import annotations

import hashlib
import json
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_llm import running

from leaner_harness import DataError, UsageError
from leaner_harness.data.questions import BINS, load_questions, mini_questions
from leaner_harness.dataset.contamination import Benchmark, Index, words
from leaner_harness.dataset.questions import (
    Settings,
    make,
    prompt_digest,
    read_questions,
    request,
    write,
)
from leaner_harness.dataset.similarity import Alike, bins, measure
from leaner_harness.errors import UnknownName
from leaner_harness.llm.cache import Cache
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.records import InvalidReply

EXAMPLES = [f"Why is the sky {word}? fault=questions" for word in ("blue", "grey", "red", "pink")]
INSTRUCTIONS = [
    "Write a story about a dog.",
    "Why do the big red dogs like the small cat so much?",
    "Say the opposite of this word.",
]
EVALUATED = "Where does the a b go with c e?"
NOT_OURS = Index([Benchmark("leaner_eval", "test", "local", "f", [("7", [EVALUATED])])])
SMALL = Settings(wanted=60, a_batch=14, examples=2, a_round=4, batches=20)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture
def ask(server, tmp_path):
    """Make questions with a new cache, and close it."""

    def run(settings=SMALL, examples=EXAMPLES, index=NOT_OURS, name="replies", **changes):
        cache = Cache(tmp_path / f"{name}.sqlite")
        try:
            engine = Engine(server.settings(**{"retries": 0, **changes}), cache)
            return make(engine, examples, INSTRUCTIONS, settings, index)
        finally:
            cache.close()

    return run


def adds_up(made):
    record = made.record()
    batches, read = dict(record["batches"]), dict(record["questions"])
    assert batches.pop("asked") == sum(batches.values())
    assert read.pop("read") == sum(read.values()) and read["kept"] == len(made.kept)
    assert sum(record["bins"].values()) == len(made.kept)
    return record


def test_there_are_as_many_as_are_wanted_and_every_question_is_counted(ask):
    made = ask()
    record = adds_up(made)
    assert record["stopped"] == "enough" and len(made.kept) == 60
    asked = record["batches"]["asked"]
    assert record["batches"]["ok"] == asked and asked % 4 == 0
    assert record["questions"]["read"] == asked * 14
    assert record["questions"]["malformed"] == asked * 2
    # The shown example in each, and the one that is always the same in all but the first.
    assert record["questions"]["exact_duplicate"] >= asked * 2 - 1
    assert all(record["questions"][name] for name in ("near_duplicate", "surplus"))
    texts = [each.text for each in made.kept]
    assert len(set(texts)) == 60 and INSTRUCTIONS[1] in texts, "the number before it is gone"
    assert not {text.lower() for text in texts} & {text.lower() for text in EXAMPLES}
    for one in range(60):
        for other in range(one):
            a, b = set(words(texts[one])), set(words(texts[other]))
            assert len(a & b) / len(a | b) < 0.7
    assert {each.source for each in made.kept} == {"test-model-v1"}
    assert dict((each.text, each.bin) for each in made.kept)[INSTRUCTIONS[1]] == "split-9-10"
    assert record["prompt"] == prompt_digest() and "tfidf" in record["measure"]


def test_what_comes_of_it_does_not_depend_on_which_reply_was_first(ask, tmp_path):
    write(ask(concurrency=1, name="one"), tmp_path / "one")
    write(ask(concurrency=16, name="many"), tmp_path / "many")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == sorted(["manifest.json", "all.jsonl", *(f"{name}.jsonl" for name in BINS)])
    for name in names:
        one, many = ((tmp_path / run / name).read_bytes() for run in ("one", "many"))
        assert one == many, name


def test_questions_of_the_benchmark_are_left_out(ask):
    free = ask(Settings(wanted=500, a_batch=14, examples=2, a_round=4, batches=4))
    taken = free.kept[7].text.rstrip("?").upper() + " then?"  # one word more
    near = free.kept[7].text.replace("does", "did")  # eight of ten words, but no eight in a row
    index = Index([Benchmark("leaner_eval", "test", "local", "f", [("7", [near])])])
    assert not index.find(free.kept[7].text)
    made = ask(free.settings, index=index)
    assert free.kept[7].text not in {each.text for each in made.kept}
    assert made.read["contaminated"] > free.read["contaminated"]
    adds_up(made)
    glue = Index([Benchmark("leaner_glue/qqp", "test", "local", "f", [("7", [taken])])])
    assert free.kept[7].text not in {each.text for each in ask(free.settings, index=glue).kept}


@pytest.mark.parametrize(
    ("fault", "stopped", "state"),
    [
        ("500-always", "no reply", "transport"),
        ("prose-refusal", "no reply", "refused"),
        ("grades", "no reply", "unparsable"),
        ("filtered", "no reply", "filtered"),
    ],
)
def test_a_server_that_does_not_answer_ends_it_with_a_reason(ask, fault, stopped, state):
    made = ask(examples=[f"Who? fault={fault}", f"How? fault={fault}"])
    record = adds_up(made)
    assert record["stopped"] == stopped and record["batches"] == {"asked": 4, state: 4}
    assert not made.kept and record["questions"]["read"] == 0


def test_it_ends_with_the_budget_the_batches_or_what_is_new(ask):
    budget = adds_up(ask(max_requests=2))
    assert budget["stopped"] == "budget" and budget["batches"]["skipped_budget"] == 2
    few = Settings(wanted=10_000, a_batch=14, examples=2, a_round=4, batches=6)
    batches = adds_up(ask(few))
    assert batches["stopped"] == "batches" and batches["batches"]["asked"] == 6
    same = Settings(wanted=10_000, a_batch=4, examples=1, a_round=4, batches=40)
    nothing = adds_up(ask(same))
    assert nothing["stopped"] == "nothing new" and nothing["batches"]["asked"] == 8
    assert nothing["questions"]["kept"] == 1


def test_what_is_written_is_what_leaner_eval_asks(ask, tmp_path, monkeypatch):
    made = ask()
    write(made, tmp_path / "mine")
    monkeypatch.setenv("LEANER_DATA", str(tmp_path / "mine"))
    found = load_questions()
    assert found.state == "ok" and found.source == "local"
    assert {(row.text, row.kind) for row in found.rows} == {(k.text, k.bin) for k in made.kept}
    manifest = json.loads((tmp_path / "mine" / "manifest.json").read_text())
    for name, record in manifest["files"].items():
        content = (tmp_path / "mine" / name).read_bytes()
        assert record["sha256"] == hashlib.sha256(content).hexdigest()
        rows = [json.loads(line) for line in content.decode().splitlines()]
        assert record["rows"] == len(rows)
        for row in rows:
            assert set(row) == {"question", "source", "hash"}
            assert row["hash"] == hashlib.sha256(row["question"].encode()).hexdigest()
    assert manifest["files"]["all.jsonl"]["rows"] == len(made.kept)
    assert str(tmp_path) not in json.dumps(manifest)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(DataError, match="Name another folder"):
        write(made, tmp_path / "mine")
    monkeypatch.setattr("leaner_harness.dataset.questions.write_json", _broken)
    with pytest.raises(OSError, match="full"):
        write(made, tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == before, "all or nothing"


def _broken(path, value):
    raise OSError("the disk is full")


def test_the_embedded_questions_are_kept_out_by_default(server, tmp_path):
    cache = Cache(tmp_path / "replies.sqlite")
    engine = Engine(server.settings(), cache)
    shown = [row["question"] + " fault=questions" for row in mini_questions()[:4]]
    few = Settings(wanted=5, a_batch=14, a_round=1, batches=2)
    made = make(engine, shown, INSTRUCTIONS, few)
    cache.close()
    covered = adds_up(made)["contamination"]["covered"]
    assert "leaner_eval" in {row["name"] for row in covered} and len(made.kept) == 5


def test_a_request_is_a_function_of_its_number():
    many = [request(number, EXAMPLES, SMALL) for number in range(30)]
    assert [each.messages for each in many] == [
        request(number, EXAMPLES, SMALL).messages for number in range(30)
    ]
    assert len({each.key("e", "m") for each in many}) == 30
    shown = json.loads(many[0].messages[1]["content"])
    assert shown["count"] == 14 and len(shown["subjects"]) == 3 and len(shown["examples"]) == 2
    assert request(1, EXAMPLES[:1], SMALL).key("e", "m") != request(2, EXAMPLES[:1], SMALL).key(
        "e", "m"
    )
    assert not request(1, EXAMPLES, Settings(temperature=None)).sampling


def test_a_reply_without_a_list_is_asked_for_again():
    assert read_questions('Here: {"questions": ["a?", 3]}') == ["a?", 3]
    for text in ('{"questions": []}', '{"questions": "a?"}', '["a?"]', "1. a?"):
        with pytest.raises(InvalidReply):
            read_questions(text)


few_words = st.lists(st.sampled_from(["a", "bb", "ccc", "dd", "e", "ff", "g"]), max_size=7)


@given(st.lists(few_words, max_size=8), few_words, st.floats(0.05, 1))
def test_alike_finds_what_comparing_with_each_finds(known, asked, least):
    alike = Alike(least)
    for text in known:
        alike.add(" ".join(text))
    expected = any(
        len(set(asked) & set(text)) / len(set(asked) | set(text)) >= least
        for text in known
        if text and asked
    )
    assert alike.has(" ".join(asked)) == expected


def test_bins_have_the_published_edges():
    assert bins([0, 0.69999, 0.7, 0.79999, 0.8, 0.9, 1]) == [BINS[i] for i in (0, 0, 1, 1, 2, 3, 3)]
    assert bins([]) == []
    with pytest.raises(ValueError, match="no number"):
        bins([float("nan")])


def test_similarity_is_that_to_the_nearest_and_of_each_question_alone():
    like = measure("tfidf", INSTRUCTIONS)
    asked = [
        INSTRUCTIONS[2].upper(),
        "Write a story about a cat.",
        "Zorp blip?",
        "Write zorp blip.",
    ]
    values = like.of(asked)
    assert values[0] == pytest.approx(1) and values[2] == 0
    assert 0.5 < values[1] < 1 and 0 < values[3] < 0.5, "words nobody knows make it less like any"
    assert np.allclose([like.of([text])[0] for text in asked], values)
    assert np.allclose(like.of(asked * 200), np.tile(values, 200)), "across blocks"
    assert like.of([]).shape == (0,)


def test_a_measure_that_is_not_there_says_what_to_do(monkeypatch):
    with pytest.raises(UnknownName, match="tfidf"):
        measure("tfdif", INSTRUCTIONS)
    with pytest.raises(UsageError, match="no training instructions"):
        measure("tfidf", [" "])
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(UsageError, match=r"leaner-harness\[embeddings\]"):
        measure("sentence-transformers", INSTRUCTIONS)


def test_sentence_embeddings_are_named_after_their_model(monkeypatch):
    class Encoder:
        def __init__(self, model, trust_remote_code):
            assert model == "some/model" and not trust_remote_code

        def encode(self, texts, normalize_embeddings, show_progress_bar):
            turns = np.array([len(text) for text in texts])
            return np.stack([np.cos(turns), np.sin(turns)], axis=1)

    package = types.SimpleNamespace(SentenceTransformer=Encoder)
    monkeypatch.setitem(sys.modules, "sentence_transformers", package)
    like = measure("sentence-transformers:some/model", ["ab", "abcd"])
    assert "some/model" in like.name
    assert like.of(["xx", "xxx", "x" * 6]) == pytest.approx([1, np.cos(1), 0])


def test_examples_and_numbers_that_cannot_be_are_refused(ask):
    with pytest.raises(UsageError, match="example questions"):
        ask(examples=[" "])
    for changes in ({"wanted": 0}, {"jaccard": 0}, {"a_round": 0}):
        with pytest.raises(UsageError):
            Settings(**changes)
