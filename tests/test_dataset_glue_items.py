"""The parts of a build of GLUE items: checks, halves, doubles, intervals; any text of a model."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from small_items import item, number_of, rows, write_source

from leaner_harness.data.glue import TASKS, get_task
from leaner_harness.dataset import prompts
from leaner_harness.dataset.glue import checking
from leaner_harness.dataset.glue.items import Item, as_text, near, twins
from leaner_harness.dataset.glue.job import Job, Settings
from leaner_harness.dataset.glue.judging import Judge, system_prompt
from leaner_harness.dataset.glue.report import wilson
from leaner_harness.dataset.glue.rows import halved
from leaner_harness.dataset.glue.wording import TOLD, meaning
from leaner_harness.dataset.records import FAIL, PASS, WARN, Assignment, Chunk, Rewrite
from leaner_harness.dataset.vocabulary import packaged
from leaner_harness.llm.records import InvalidReply, Reply

RTE = get_task("rte")
MEANINGS = [(name, label) for name, task in TASKS.items() for label in range(task.classes)]


def verdicts(before, after):
    chunk = Chunk("a", 0, "glue/rte", as_text(before))
    text = after if isinstance(after, str) else as_text(after)
    return {each.check: each for each in checking.verify(RTE, chunk, text, packaged())}


def pair(one, other):
    return {"sentence1": one, "sentence2": other}


BEFORE = pair("The dog runs in the park.", "A dog is in the park.")


def test_checks_of_items():
    good = verdicts(BEFORE, pair("The dog is in the park, and it runs.", "A dog is in a park."))
    assert {each.verdict for each in good.values()} == {PASS} and good["fields"].value == 1
    assert verdicts(BEFORE, pair("The dog.", " ... "))["empty_fields"].verdict == FAIL
    same = verdicts(BEFORE, pair("The dog is in the park.", "the dog is  in the park."))
    assert same["equal_fields"].verdict == FAIL and "equal now" in same["equal_fields"].note
    assert verdicts(pair("A b.", "A b."), pair("A c.", "A c."))["equal_fields"].verdict == PASS
    unchanged = verdicts(BEFORE, BEFORE)["unchanged"]
    assert (unchanged.verdict, unchanged.value) == (WARN, 1.0), "it may have been simple before"
    half = verdicts(BEFORE, {**BEFORE, "sentence1": "The dog runs there."})["unchanged"]
    assert (half.verdict, half.value) == (PASS, 0.5)
    hard = pair("The canine perambulates hurriedly.", "A canine perambulates.")
    assert verdicts(BEFORE, hard)["vocabulary"].verdict == FAIL
    sorry = pair("I'm sorry, but I cannot help with that.", "A dog is in the park.")
    assert verdicts(BEFORE, sorry)["refusal"].verdict == FAIL
    echo = pair("Put each value into common words and short, plain sentences, and back.", "A dog.")
    assert verdicts(BEFORE, echo)["prompt_echo"].verdict == FAIL


@given(st.text() | st.recursive(st.text() | st.none(), lambda x: st.dictionaries(st.text(), x)))
@example({"sentence1": "a"})
@example({"sentence1": "a", "sentence2": 1})
@example({"sentence1": "a", "sentence2": "b", "label": "0"})
@example("[" * 100_000)
def test_what_is_no_item_fails_and_nothing_is_raised(said):
    text = said if isinstance(said, str) else json.dumps(said)
    assert verdicts(BEFORE, text)["fields"].verdict == FAIL


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(3.2, 3.7, True), (1.1, 0.6, True), (3.2, 3.7001, False), (0.1, 0.6, True), (5, 4.4, False)],
)
def test_the_border_is_a_part_of_the_tolerance(one, other, same):
    assert near(one, other, 0.5) is same
    assert not near(0, 1, 0.0) and near(1, 1.0, 0.0)


LABELS = st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 5)), max_size=80)


@given(LABELS, st.integers(0, 3))
def test_halves_have_the_same_labels(labels, seed):
    items = [Item(f"validation:{n}", "validation", part, n, label)
             for n, (part, label) in enumerate(labels)]  # fmt: skip
    found = halved(items, seed)
    assert found == halved(items[::-1], seed) and len(found) == len(items)
    counts = Counter((each.part, round(each.label), found[each.id]) for each in items)
    for part, label in {key[:2] for key in counts}:
        assert abs(counts[part, label, "validation"] - counts[part, label, "test"]) <= 1
    for part in "ab":
        sizes = Counter(found[each.id] for each in items if each.part == part)
        assert abs(sizes["validation"] - sizes["test"]) <= 1


def test_another_seed_makes_other_halves():
    items = [Item(f"validation:{n}", "validation", "", n, n % 2) for n in range(40)]
    assert halved(items, 0) != halved(items, 1)


def test_doubles_by_text_and_label():
    assert twins([("a", 0), ("b", 0), ("a", 0), ("a", 0)], 0) == {2: "duplicate", 3: "duplicate"}
    assert twins([("a", 0), ("b", 0), ("a", 1)], 0) == {0: "conflict", 2: "conflict"}
    assert twins([("a", 3.0), ("a", 3.5)], 0.5) == {1: "duplicate"}
    assert twins([("a", 3.0), ("a", 3.6)], 0.5) == {0: "conflict", 1: "conflict"}


def test_intervals_of_shares():
    assert wilson(8, 10) == pytest.approx((0.490162, 0.943318), abs=1e-6)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 20) == pytest.approx((0.0, 0.161125), abs=1e-6)
    assert wilson(20, 20) == pytest.approx((0.838875, 1.0), abs=1e-6)


@pytest.mark.parametrize("name", TASKS)
def test_both_models_are_told_the_same_of_a_task(name):
    task = TASKS[name]
    assert len(TOLD[name].labels) == task.classes
    rewriter, judge = prompts.system_prompt(f"glue/{name}"), system_prompt(task)
    for words in (TOLD[name].asks, *TOLD[name].labels):
        assert words in rewriter and words in judge
    assert "{" not in judge.replace('{"answer": N}', "")
    digests = {prompts.digest(f"glue/{each}") for each in TASKS}
    assert len(digests) == len(TASKS)


@pytest.mark.parametrize(("name", "label"), MEANINGS)
def test_a_rewriter_is_told_the_meaning_of_the_label(name, label):
    task = TASKS[name]
    texts = dict.fromkeys(task.fields, "A dog.")
    chunk = Chunk("validation:4", 0, f"glue/{name}", as_text(texts))
    told = meaning(task, float(label) if task.regression else label)
    asked = prompts.request(Assignment(chunk, label=told), {})
    assert TOLD[name].labels[label] in told and told in asked.messages[0]["content"]
    assert json.loads(asked.messages[1]["content"]) == texts
    assert asked.schema is not None and asked.schema["required"] == list(task.fields)
    assert json.loads(asked.read(json.dumps(texts))) == texts
    with pytest.raises(InvalidReply):
        asked.read('{"text": "A dog."}')


@pytest.mark.parametrize(
    ("name", "reply", "value"),
    [
        ("rte", '{"answer": 1}', 1), ("rte", 'I think {"answer": 0.0}', 0), ("rte", "1", None),
        ("rte", '{"answer": 2}', None), ("rte", '{"answer": true}', None),
        ("rte", '{"answer": "1"}', None), ("rte", '{"answer": 0.5}', None),
        ("mnli", '{"answer": 2}', 2), ("stsb", '{"answer": 2.5}', 2.5),
        ("stsb", '{"answer": 5}', 5.0),
        ("stsb", '{"answer": 5.1}', None), ("stsb", '{"answer": NaN}', None),
        ("stsb", '{"answer": 1e999}', None), ("stsb", '{"answer": -0.1}', None),
    ],
)  # fmt: skip
def test_answers_are_read(name, reply, value):
    judge = Judge(TASKS[name], None)
    if value is None:
        with pytest.raises(InvalidReply):
            judge.read(reply)
    else:
        assert judge.read(reply) == value


class Babbler:
    """A rewriter and a judge that say anything, in any order."""

    fingerprint = {"kind": "babbler"}

    def __init__(self, say, answer, chance):
        self._say, self._answer, self._chance = say, answer, chance

    def rewrite(self, assignments):
        given = list(assignments)
        for each in self._chance.sample(given, len(given)):
            yield Rewrite(each.chunk.id, "ok", self._say(each.chunk))

    def ask(self, requests):
        asked = list(requests)
        for each in self._chance.sample(asked, len(asked)):
            yield Reply(each.id, "ok", self._answer(json.loads(each.messages[1]["content"])))


class FreePurse:
    """Opens the babbler."""

    is_over, took = False, {}

    def __init__(self, babbler):
        self._babbler = babbler

    def room(self, tries):
        return None

    @contextmanager
    def opened(self, role, named, arguments):
        yield (None, self._babbler) if role == "judge" else (self._babbler, None)


NUMBERS = range(10, 22)
OTHERS = [
    as_text(pair(f"The dog has {n} red balls.", f"The cat has {n} red balls.")) for n in NUMBERS
]
RAW = st.one_of(
    st.text(),
    st.sampled_from([*OTHERS, "", "validation:11#0", "1 MB", "<end>", '{"answer": 1}']),
    st.sampled_from(OTHERS).map(lambda text: text + OTHERS[0]),
)
TAILS = st.one_of(
    st.text(),
    st.sampled_from(
        ["", "validation:12#0", '"}', "label: 1", "<end>", "It is red. " * 3, "\ud800"]
    ),
)


@pytest.fixture(scope="module")
def twelve(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    return write_source(folder, rte_validation=[item("rte", n, n % 2) for n in NUMBERS])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(TAILS, min_size=12, max_size=12),
    st.dictionaries(st.sampled_from(NUMBERS), RAW, max_size=6),
    st.dictionaries(st.sampled_from(NUMBERS), st.integers(0, 1)),
    st.randoms(use_true_random=False),
)
@example([""] * 12, {}, {}, random.Random(0))
def test_no_text_comes_to_another_item_and_no_label_changes(
    tmp_path_factory, twelve, tails, raw, answers, chance
):
    """What is said of an item begins with its number, or is anything; rows hold their own alone."""

    def say(chunk):
        fields = json.loads(chunk.text)
        number = number_of(fields)
        if number in raw:
            return raw[number].replace("1 MB", "x" * 1_000_000)
        tail = tails[number - 10]
        return json.dumps({name: f"It is so. {text} {tail}" for name, text in fields.items()})

    def answer(fields):
        number = number_of(fields)
        return answers.get(number, number % 2)

    babbler = Babbler(say, answer, chance)
    folder = tmp_path_factory.mktemp("out")
    with Job(folder, Settings("rte", str(twelve), "echo", "openai:j")) as job:
        manifest = job.run(purse=FreePurse(babbler))
    found = [row for split in ("validation", "test") for row in rows(folder, f"rte_{split}")]
    counts = manifest["items"]
    assert counts["in"] == 12 == counts["kept"] + counts["rejected"] + counts["failed"]
    assert counts["kept"] == len(found)
    if not raw and not answers and not any(tails):
        assert counts["kept"] == 12
    for row in found:
        number = row["idx"]
        assert row["label"] == number % 2 and row["made"]["source"] == f"validation:{number}"
        if number in raw:  # a whole item of another number is a text as any other
            said = json.loads(raw[number])
            assert {name: row[name] for name in RTE.fields} == said
        else:
            assert row["sentence1"].startswith(f"It is so. The dog has {number} red balls. ")
            assert row["sentence2"].startswith(f"It is so. The cat has {number} red balls. ")
