"""What a build may not do: take others' files, lose what was done, change its server in silence."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import small_glue

from leaner_harness.data.text import read_documents
from leaner_harness.dataset import beginning, bias, build, comparison, maths
from leaner_harness.dataset.assemble import _text
from leaner_harness.dataset.build import Source
from leaner_harness.dataset.glue import job as glue_job
from leaner_harness.dataset.ledger import FAILED, KEPT, PENDING, REJECTED, Entry, Ledger
from leaner_harness.dataset.pretrain import Job, Settings
from leaner_harness.dataset.records import FAIL, Chunk, Finding, Rewrite
from leaner_harness.dataset.rewriters.remote import RemoteRewriter
from leaner_harness.dataset.vocabulary import packaged
from leaner_harness.errors import DataError, UnknownName, UsageError
from leaner_harness.provenance import without_paths

SENTENCE = "The old dog ran home along the river, for it was late and it had seen enough that day. "


def entry(place: int, genre: str = "wiki", state: str = PENDING) -> Entry:
    return Entry(place, f"d{place}", genre, f"h{place}", state, "", "")


def chunk(place: int, number: int = 0, genre: str = "wiki", text: str = SENTENCE) -> Chunk:
    return Chunk(f"d{place}", number, genre, text, "")


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    found = Ledger(tmp_path / "build")
    yield found
    found.close()


@pytest.mark.parametrize("name", ["train/wiki0000.jsonl", "README.md", "manifest.json"])
def test_a_build_takes_no_file_that_was_there_before(tmp_path: Path, name: str) -> None:
    mine = tmp_path / "mine" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    settings = Settings(Source(("mini",), words=2_000), "echo")
    with pytest.raises(UsageError, match=f"holds {name.split('/')[0]}, which is not of a build"):
        Job(tmp_path / "mine", settings)
    assert mine.read_text() == "mine" and not (tmp_path / "mine" / "ledger.sqlite").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with Job(tmp_path / "other", settings, processes=1) as job:
        job.run(limit=1)
    with Job(tmp_path / "other", processes=1) as job:  # its own files stop it from going on no more
        job.run(limit=1)


def test_a_build_of_glue_takes_no_rows_that_were_there_before(tmp_path: Path) -> None:
    rows = small_glue.write_glue(tmp_path / "glue", n=8)
    settings = glue_job.Settings("rte", str(rows), "echo", "openai:m")
    with pytest.raises(UsageError, match="holds rte_.*jsonl, which is not of a build"):
        glue_job.Job(rows, settings)
    for path in rows.glob("rte_*"):
        path.unlink()
    (rows / "README.md").write_text("mine")
    with pytest.raises(UsageError, match="README.md"):
        glue_job.Job(rows, settings)


def test_documents_of_files_with_one_name_have_ids_of_their_own(tmp_path: Path) -> None:
    for tier in ("10M", "100M"):
        folder = tmp_path / tier / "train"
        folder.mkdir(parents=True)
        rows = [{"text": f"{tier} {number}"} for number in range(3)]
        (folder / "wiki0000.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = list(read_documents(str(tmp_path), "train", (), None))
    assert len({document.id for document in found}) == len(found) == 6
    assert found[0].id == "100M/train/wiki0000.jsonl:1"
    alone = read_documents(str(tmp_path / "10M"), "train", (), None)
    assert next(iter(alone)).id == "wiki0000.jsonl:1"


def test_a_mistake_in_the_first_command_locks_no_folder(tmp_path: Path) -> None:
    wrong = Settings(Source((str(tmp_path / "txet.txt"),)), "echo")
    with Job(tmp_path, wrong, processes=1) as job, pytest.raises(DataError):
        job.run()
    sound = Settings(Source(("mini",), words=2_000), "rleplay:x")
    with Job(tmp_path, sound, processes=1) as job, pytest.raises(UnknownName):
        job.run()
    with Job(tmp_path, Settings(sound.source, "echo"), processes=1) as job:
        assert job.run(limit=1)["chunks"]["in"] > 1
    with pytest.raises(UsageError, match="begun with other settings: rewriter"):
        Job(tmp_path, sound)


@pytest.mark.parametrize(
    "url", ["http://me:secret@h/v1", "http://:secret@h/v1", "http://h/v1?key=secret"]
)
def test_a_secret_in_an_address_is_never_written_down(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="would be written down"):
        Settings(Source(("mini",)), "openai:m", {"base_url": url})


@pytest.mark.parametrize("wrong", [{"coverage": 90.0}, {"tries": 0}])
def test_numbers_that_cannot_be_are_refused_before_anything_is_paid(wrong: Any) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(Source(("mini",)), "echo", **wrong)


def test_a_list_of_words_that_is_not_there_is_named_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    settings = Settings(Source(("mini",), words=2_000), "echo", vocabulary="typo.txt")
    with Job(tmp_path, settings, processes=1) as job:
        with pytest.raises(DataError, match=r"typo\.txt"):
            job.run()
        assert not job.ledger.fact("read")


def test_a_damaged_ledger_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"no data base" * 1000)
    for _ in range(2):  # the lock is free
        with pytest.raises(DataError, match=r"ledger.sqlite is damaged"):
            Ledger(tmp_path)


def test_half_a_surrogate_pair_in_a_rewrite_ends_no_build(ledger: Ledger) -> None:
    class Halves:
        def rewrite(self, assignments: Any) -> Any:
            return (Rewrite(each.chunk.id, "ok", "Hi \ud83d you.") for each in assignments)

    ledger.add(entry(0), [chunk(0)])
    build.rewrite(ledger, Halves(), lambda *_: [])
    assert [part.rewritten for part in ledger.parts(entry(0))] == ["Hi ? you."]


def test_what_nobody_asked_waits_and_what_failed_is_asked_for_alone(ledger: Ledger) -> None:
    """A quota that ends, a key that is refused: the rest was not tried, and did not fail."""
    states = ["ok", "ok", "transport", "not_asked", "skipped_budget"]

    class Stops:
        def rewrite(self, assignments: Any) -> Any:
            for each, state in zip(list(assignments), states, strict=True):
                yield Rewrite(each.chunk.id, state, "Good.", "no money")

    for place in range(5):
        ledger.add(entry(place), [chunk(place)])

    def verify(given: Any, _: Rewrite) -> list[Finding]:
        return [Finding("length_ratio", 9.0, FAIL)] if given.chunk.document == "d1" else []

    build.rewrite(ledger, Stops(), verify, tries=1)
    assert ledger.counts("chunks") == {KEPT: 1, REJECTED: 1, FAILED: 1, PENDING: 2}
    assert ledger.again([FAILED]) == 1
    assert ledger.counts("chunks") == {KEPT: 1, REJECTED: 1, PENDING: 3}


def test_another_server_is_not_asked_in_silence(ledger: Ledger) -> None:
    beginning.check_servers(ledger, {"rewriter": "http://one/v1"})
    beginning.check_servers(ledger, {"rewriter": "http://one/v1"})
    with pytest.raises(UsageError, match="asked at http://one/v1, and would be at http://two") as e:
        beginning.check_servers(ledger, {"rewriter": "http://two/v1"})
    assert "OPENAI_BASE_URL=http://one/v1" in e.value.cure


class Full:
    """A data base whose disk is full when something is to be kept."""

    def __init__(self, base: Any) -> None:
        self._base = base

    def execute(self, statement: str, *values: Any) -> Any:
        if statement == "COMMIT":
            self._base.execute("ROLLBACK")
            raise sqlite3.OperationalError("database or disk is full")
        return self._base.execute(statement, *values)

    def close(self) -> None:
        self._base.close()


def test_nothing_builds_on_changes_that_were_lost(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger._base = Full(ledger._base)
    ledger.add(entry(0), [chunk(0)])
    end = time.monotonic() + 5
    while ledger._lost is None and time.monotonic() < end:  # it is committed on a thread of its own
        time.sleep(0.01)
    for change in (lambda: ledger.add(entry(1), []), lambda: ledger.set_fact("read", True)):
        with pytest.raises(DataError, match="could not be written to .*disk is full"):
            change()
    with pytest.raises(DataError, match="disk is full"):
        ledger.close()
    again = Ledger(tmp_path)  # the lock is free
    assert again.fact("read") is None and not again.counts("documents")
    again.close()


def test_a_change_that_cannot_be_made_is_lost_and_said(ledger: Ledger) -> None:
    ledger._base.execute("PRAGMA query_only = ON")  # as on a disk that is full
    for _ in range(2):
        with pytest.raises(DataError, match="could not be written to"):
            ledger.set_fact("read", True)
    ledger._base.execute("PRAGMA query_only = OFF")
    ledger._lost = None


def test_a_document_that_is_there_twice_is_named(ledger: Ledger) -> None:
    ledger.add(entry(0), [])
    with pytest.raises(DataError, match=r"here already: .*documents\.id"):
        ledger.add(entry(1)._replace(id="d0"), [])


def test_why_chunks_failed_is_said(tmp_path: Path) -> None:
    settings = Settings(Source(("mini",), words=3_000), "echo")
    with Job(tmp_path, settings, processes=1) as job:
        job.read()
        assert job.why() == ""
        for one, part in list(job.ledger.pending(0, 3)):
            told = "transport: HTTP 401: no key"
            job.ledger.write(one.place, part.chunk.number, FAILED, reason=told)
        assert job.why() == "transport: HTTP 401: no key" == job.status()["why"]


def test_what_the_cache_gave_was_paid_for_before() -> None:
    settings = SimpleNamespace(cost=lambda prompt, completion: 1.0, model="m", endpoint="e")
    remote = RemoteRewriter("m", SimpleNamespace(settings=settings))
    usage = SimpleNamespace(prompt=100, completion=50)
    asked, kept = (remote._took(SimpleNamespace(calls=n, usage=usage)) for n in (1, 0))
    assert asked == {"calls": 1, "prompt_tokens": 100, "completion_tokens": 50, "cost": 1.0}
    assert kept == {"calls": 0, "prompt_tokens": 0, "completion_tokens": 0, "cost": None}


def test_pairs_are_read_without_the_marks_of_json(ledger: Ledger) -> None:
    pair = json.dumps({"prompt": "Say it.", "response": "First.\nwhy do some animals sleep?"})
    one = entry(0, "instruction")
    ledger.add(one, [chunk(0, genre="instruction", text=pair)])
    ledger.write(0, 0, KEPT, rewritten=pair)
    assert _text(one, ledger.parts(one)) == "Say it.\n\nFirst.\nwhy do some animals sleep?"


def test_maths_that_has_its_grade_is_not_asked_for_again(ledger: Ledger) -> None:
    ledger.add(entry(0, "math"), [chunk(0, n, "math") for n in range(3)])
    ledger.write(0, 0, REJECTED, reason=maths.CHECK)
    ledger.write(0, 1, REJECTED, reason="length")
    ledger.write(0, 2, FAILED, reason="transport: no route")
    assert ledger.again([FAILED, REJECTED], final=maths.CHECK) == 2
    assert ledger.counts("chunks") == {PENDING: 2, REJECTED: 1}
    given = maths.finding("1 + 1 = ?", "F", ("A",))
    assert given.check == maths.CHECK and given.verdict == FAIL and isinstance(given, Finding)


def test_bias_is_over_documents_not_over_their_chunks(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(3):
        ledger.add(entry(place, state=KEPT), [chunk(place, n) for n in range(4)])
        for number in range(4):
            ledger.write(place, number, KEPT, rewritten=SENTENCE.replace("old", "big"))
    told: list[dict[str, Any]] = []
    real = bias.report
    monkeypatch.setattr(bias, "report", lambda pairs: told.append(real(pairs)) or told[-1])
    found = comparison.compare(ledger, packaged())
    assert told[0]["pairs"] == 3 and found.words["wiki"]["chunks"] == 12


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("replay:/home/me/r.jsonl", "replay:r.jsonl"),
        ("rules:~/words.txt", "rules:words.txt"),
        ("https://host.org/v1", "https://host.org/v1"),
        ("a/b/c", "a/b/c"),
        ("C:\\Users\\me\\x", "x"),
        ("/home/Jane Doe/My Documents/x", "My Documents/x"),
        ("file:///home/me/x", "x"),
    ],
)
def test_no_path_is_written_down(text: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/Jane Doe"))
    assert without_paths("of /home/Jane Doe/text") == "of text"
    assert without_paths({"a": [text]}) == {"a": [shown]}
