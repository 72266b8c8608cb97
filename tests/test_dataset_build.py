"""A build from text to shards: what is counted adds up, and no text leaves its source."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaner_harness import Document
from leaner_harness.data.row_text import prompt_of
from leaner_harness.data.text import read_documents
from leaner_harness.dataset import beginning, build, prompts
from leaner_harness.dataset.assemble import account, assemble
from leaner_harness.dataset.inspection import Inspector
from leaner_harness.dataset.ledger import Ledger
from leaner_harness.dataset.records import FAIL, PASS, Assignment, Finding, Rewrite
from leaner_harness.dataset.rewriters.recorded import Echo
from leaner_harness.errors import UsageError
from leaner_harness.llm.records import InvalidReply


def document(number, genre="wiki", words=500):
    text = " ".join(f"w{number}x{n}" + ("." if n % 10 == 9 else "") for n in range(words))
    return Document(f"d{number}", genre, text)


def nothing(*_):
    return []


def look(document):
    return build.Look("", tuple(build.chunks_of(document)))


@pytest.fixture
def ledger(tmp_path):
    found = Ledger(tmp_path / "build")
    yield found
    found.close()


def finish(ledger, folder, **changes):
    options = {"sift": lambda texts: {}, "seed": 0, "contamination": {}, **changes}
    return assemble(ledger, folder, {"kind": "test"}, **options)


def test_what_is_echoed_is_the_source_again(ledger, tmp_path):
    documents = [document(n, genre) for n, genre in enumerate(["wiki", "web", "textbook"] * 20)]
    build.read(ledger, documents, look)
    build.rewrite(ledger, Echo("", None), nothing)
    out = tmp_path / "out"
    out.mkdir()
    manifest = finish(ledger, out)
    assert manifest["documents"]["in"] == manifest["documents"]["kept"] == 60
    assert manifest["chunks"]["kept"] == manifest["chunks"]["in"] > 60
    found = [d for s in ("train", "validation", "test") for d in read_documents(str(out), s)]
    assert sorted(d.text for d in found) == sorted(d.text for d in documents)
    assert {(d.genre, d.text) for d in found} == {(d.genre, d.text) for d in documents}
    assert {each["split"] for each in manifest["files"]} == {"train", "validation", "test"}


def test_pairs_keep_prompt_and_answer_apart(ledger, tmp_path):
    given = list(read_documents("mini-instruct", words=300))
    build.read(ledger, given, look)
    build.rewrite(ledger, Echo("", None), nothing)
    out = tmp_path / "out"
    out.mkdir()
    finish(ledger, out)
    rows = [json.loads(line) for path in out.rglob("*.jsonl") for line in path.open()]
    assert len(rows) == len(given)
    texts = {f"### TASK INPUT:\n{r['instruction']}\n\n### RESPONSE:\n{r['output']}" for r in rows}
    assert texts == {d.text for d in given}


class Model:
    """Says what it is told to, for each chunk, in any order."""

    def __init__(self, say, order=lambda found: found):
        self.say, self.order, self.asked = say, order, []

    def rewrite(self, assignments):
        found = list(assignments)
        self.asked += found
        for each in self.order(found):
            yield self.say(each)


REPLIES = st.one_of(
    st.text(),
    st.sampled_from(["", "<end>", "EDITED: d0#0", "d1#0", '{"text": "x"}', "1 MB"]),
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(REPLIES, min_size=1), st.randoms(use_true_random=False))
def test_no_text_is_ever_attached_to_another_source(tmp_path_factory, replies, chance):
    folder = tmp_path_factory.mktemp("b")
    ledger = Ledger(folder)
    documents = [document(n) for n in range(4)]
    build.read(ledger, documents, look)

    def say(each):
        text = replies[hash(each.chunk.id) % len(replies)].replace("1 MB", "x" * 1_000_000)
        return Rewrite(each.chunk.id, "ok", f"{each.chunk.id}|{text}")

    def mixed(found):
        return chance.sample(found, len(found))

    build.rewrite(ledger, Model(say, mixed), nothing)
    finish(ledger, folder)
    rows = [json.loads(line) for path in folder.rglob("*.jsonl") for line in path.open()]
    assert len(rows) == 4
    for row in rows:
        mine = [f"{row['id']}#{number}|" for number in range(row["chunks"])]
        places = [row["text"].find(each) for each in mine]
        assert min(places) == 0 and places == sorted(places)
    ledger.close()


def test_a_chunk_that_is_not_accepted_is_asked_for_once_more(ledger):
    build.read(ledger, [document(0, words=50), document(1, words=50)], look)

    def verify(given, found):
        verdict = FAIL if "bad" in found.text else PASS
        return [Finding("vocabulary", 0.8, verdict, 0.9, note="outside: utilise")]

    model = Model(lambda a: Rewrite(a.chunk.id, "ok", "good" if a.complaint else "bad"))
    build.rewrite(ledger, model, verify)
    assert len(model.asked) == 4 and "outside: utilise" in model.asked[-1].complaint
    assert ledger.counts("chunks") == {"kept": 2}
    stubborn = Model(lambda a: Rewrite(a.chunk.id, "ok", "bad"))
    ledger.again(["kept"])
    build.rewrite(ledger, stubborn, verify)
    assert ledger.counts("chunks") == {"rejected": 2} and len(stubborn.asked) == 4
    assert ledger.reasons("chunks") == [("rejected", "vocabulary", 2)]


def test_a_document_that_lacks_a_part_is_not_kept(ledger, tmp_path):
    build.read(ledger, [document(n) for n in range(3)], look)

    def say(each):
        if each.chunk.id == "d1#1":
            return Rewrite(each.chunk.id, "transport", reason="no reply")
        return Rewrite(each.chunk.id, "ok", each.chunk.text)

    build.rewrite(ledger, Model(say), nothing)
    manifest = finish(ledger, tmp_path / "build")
    assert manifest["documents"] == {
        "in": 3, "kept": 2, "rejected": 0, "failed": 1, "pending": 0,
        "reasons": [{"state": "failed", "reason": "transport", "count": 1}],
    }  # fmt: skip
    # Later it is there: only what failed is asked for.
    assert ledger.again(["failed"]) == 1
    model = Model(lambda a: Rewrite(a.chunk.id, "ok", a.chunk.text))
    build.rewrite(ledger, model, nothing)
    assert [each.chunk.id for each in model.asked] == ["d1#1"]
    assert finish(ledger, tmp_path / "build")["documents"]["kept"] == 3


def test_a_document_with_a_part_that_failed_has_failed_though_others_wait(ledger, tmp_path):
    """One book and a key that is refused: some chunks failed, the rest was not asked."""
    build.read(ledger, [document(0, words=700)], look)
    states = itertools.chain(["transport"], itertools.repeat("not_asked"))
    build.rewrite(ledger, Model(lambda a: Rewrite(a.chunk.id, next(states), reason="key")), nothing)
    manifest = finish(ledger, tmp_path / "build")
    assert manifest["documents"]["failed"] == 1
    assert (manifest["chunks"]["failed"], manifest["chunks"]["pending"] > 0) == (1, True)


def test_maths_is_not_rewritten(ledger, tmp_path):
    build.read(ledger, [document(0, "math", 90), document(1, "wiki", 90)], look)
    model = Model(lambda a: Rewrite(a.chunk.id, "ok", "Something else."))
    build.rewrite(ledger, model, nothing)
    assert [each.chunk.genre for each in model.asked] == ["wiki"]
    assert finish(ledger, tmp_path / "build")["documents"]["kept"] == 2
    assert [part.rewritten for part in ledger.parts(next(ledger.documents()))] == [
        document(0, "math", 90).text
    ]


def test_a_short_instruction_is_no_noise_and_its_marks_are_no_capitals():
    text = prompt_of("Name a fruit that is red.") + "An apple is a red fruit."
    one = Document("d", "instruction", text, len(prompt_of("Name a fruit that is red.")))
    found = Inspector("", 0.9, (), replace_names=True).look(one)
    assert not found.reason and json.loads(found.parts[0].text) == {
        "prompt": "Name a fruit that is red.", "response": "An apple is a red fruit.",
    }  # fmt: skip
    shouted = Document("d", "instruction", "NAME A FRUIT THAT IS RED. AN APPLE IS RED.", 26)
    assert Inspector("", 0.9, (), replace_names=True).look(shouted).reason == "capitals"


def test_code_without_a_prompt_comes_back_without_one():
    (chunk,) = build.chunks_of(Document("d", "code", "def add(a, b):\n    return a + b"))
    request = prompts.request(Assignment(chunk), {})
    reply = {"prompt": "", "response": "def add(a, b):\n    return a + b"}
    assert json.loads(request.read(json.dumps(reply))) == reply
    with pytest.raises(InvalidReply, match="'response' is empty"):
        request.read(json.dumps(reply | {"response": " "}))


def test_a_row_says_the_lowest_and_the_highest_of_its_chunks(ledger, tmp_path):
    """Of repetition the highest is the worst, of words in the list the lowest."""
    build.read(ledger, [document(0)], look)
    values = itertools.cycle([0.0, 0.29])
    build.rewrite(ledger, Echo("", None), lambda *_: [Finding("repetition", next(values), PASS)])
    finish(ledger, tmp_path)
    (path,) = tmp_path.glob("*/wiki0000.jsonl")
    assert json.loads(path.read_text())["checks"] == {"repetition": [0.0, 0.29]}


def test_filters_and_doubles_are_counted(ledger, tmp_path):
    documents = [document(0), document(0), document(1), document(2), Document("e", "wiki", " ")]
    documents = [Document(f"n{n}", d.genre, d.text) for n, d in enumerate(documents)]

    def filters(each):
        return build.Look("numbers") if each.id == "n2" else look(each)

    build.read(ledger, documents, filters)
    build.rewrite(ledger, Echo("", None), nothing, limit=1)
    manifest = finish(ledger, tmp_path / "build")
    reasons = {each["reason"]: each["count"] for each in manifest["documents"]["reasons"]}
    assert reasons == {"duplicate": 1, "numbers": 1, "empty": 1}
    assert manifest["documents"]["pending"] == 2 and manifest["documents"]["in"] == 5
    build.rewrite(ledger, Echo("", None), nothing)
    manifest = finish(ledger, tmp_path / "build", sift=lambda texts: {"n3": "near_duplicate"})
    assert manifest["documents"]["kept"] == 1 and account(ledger, "chunks")["pending"] == 0
    holds = finish(
        ledger, tmp_path / "build", sift=lambda texts: {name: "contaminated" for name, _ in texts}
    )
    assert holds["documents"]["rejected"] == 5 and holds["files"] == []
    assert not list((tmp_path / "build").rglob("*.jsonl"))


def test_two_processes_cannot_write_one_build(tmp_path):
    first = Ledger(tmp_path)
    with pytest.raises(UsageError, match="Another process works on"):
        Ledger(tmp_path)
    first.close()
    Ledger(tmp_path).close()


def test_other_settings_are_another_build(ledger):
    beginning.check_same(ledger, {"source": "a", "seed": 0})
    beginning.check_same(ledger, {"source": "a", "seed": 0})
    with pytest.raises(UsageError, match="other settings: seed, source"):
        beginning.check_same(ledger, {"source": "b", "seed": 1})
