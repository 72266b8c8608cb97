"""A build whose model fails in every way loses no chunk, mixes none up, and can be completed."""

from __future__ import annotations

import json
from collections import Counter
from urllib.request import urlopen

import pytest
from killed import digests, record, write_source
from rewrite_server import BROKEN, LASTING, ODD, PASSING, WRONG, fault_of, rewritten
from small_llm import running

from leaner_harness import Document
from leaner_harness.dataset.chunk import chunks, joined
from leaner_harness.dataset.ledger import FAILED, KEPT, REJECTED
from leaner_harness.dataset.pretrain import Job, Settings
from leaner_harness.dataset.records import FAIL

pytestmark = pytest.mark.slow

KEEPS = ("", *PASSING, *ODD)
STATES = (
    dict.fromkeys(KEEPS, KEPT)
    | dict.fromkeys((*LASTING, *BROKEN), FAILED)
    | dict.fromkeys(WRONG, REJECTED)
)
REASONS = {
    "500-always": "transport: HTTP 500",
    "html-502-always": "transport: HTTP 502",
    "empty": "unparsable",
    "empty-text": "refused: 'text' is empty",
    "null": "unparsable",
    "prose": "unparsable",
    "number": "unparsable: 'text' must be a text",
    "list": "unparsable",
    "other-key": "unparsable: 'text' must be a text",
    "cut-off": "truncated",
    "filtered": "filtered",
    "refusal": "refused: I will not.",
    "prose-refusal": "refused",
    "megabyte-of-prose": "unparsable",
    "megabyte-of-braces": "unparsable",
    "cut-body": "transport",
    "hang": "transport: no reply within",
    "reset": "transport",
}
"""How the reason of a chunk begins that failed."""
CHECKS = {
    "megabyte": "length_ratio",
    "echo": "prompt_echo",
    "markers": "leftover_markers",
    "loop": "repetition",
}
"""One of the checks that reject a chunk."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server"), "rewrite_server.py") as found:
        yield found


@pytest.fixture
def source(tmp_path):
    """Documents of one chunk and of several; each fault is drawn by some."""
    short = write_source(tmp_path / "short.jsonl", 70)
    long = write_source(tmp_path / "long.jsonl", 50, together=4)[30:]
    path = tmp_path / "source.jsonl"
    texts = [*short, *long]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return {
        f"{path.name}:{line}": Document(f"{path.name}:{line}", "web", text)
        for line, text in enumerate(texts, start=1)
    }


@pytest.fixture
def job(server, source, tmp_path, monkeypatch):
    """A build in a folder of its own, which knows no reply of another's."""

    def opened(name, timeout=60.0):
        settings = record(
            tmp_path / "source.jsonl", "openai:m", base_url=f"{server.root}/v1",
            concurrency=32, retries=1, timeout=timeout, failures_in_a_row=1000,
        )  # fmt: skip
        monkeypatch.setenv("LEANER_HOME", str(tmp_path / f"home-{name}"))
        return Job(tmp_path / name, Settings.of(settings))

    return opened


def turn(server, how):
    urlopen(f"{server.root}/{how}").close()


def rows(folder):
    found = [json.loads(line) for path in folder.glob("*/*.jsonl") for line in path.open()]
    assert len({row["id"] for row in found}) == len(found)
    return {row["id"]: row for row in found}


def parts(job):
    return [part for entry in job.ledger.documents() for part in job.ledger.parts(entry)]


def adds_up(manifest):
    for name in ("documents", "chunks"):
        found = manifest[name]
        assert found["in"] == sum(found[state] for state in ("kept", "rejected", "failed"))
        assert found["pending"] == 0
        lost = Counter()
        for each in found["reasons"]:
            assert each["reason"]
            lost[each["state"]] += each["count"]
        assert lost == {s: found[s] for s in ("rejected", "failed") if found[s]}


def right(row, source):
    """Whether a row is what a sound server makes of the source that it names."""
    document = source[row["id"]]
    made = joined([(chunk, rewritten(chunk.text)) for chunk in chunks(document)])
    return row["text"] == made


@pytest.mark.parametrize(
    "faults",
    [(*PASSING, *ODD), (*LASTING, *BROKEN), (*WRONG, *ODD)],
    ids=["that-pass", "that-last", "wrong-texts"],
)
def test_every_chunk_has_its_end_and_can_be_had_later(server, source, job, faults):
    timeout = 5.0 if "hang" in faults else 60.0
    turn(server, f"faulty?{','.join(faults)}")
    with job("disturbed", timeout) as disturbed:
        adds_up(disturbed.run())
        folder = disturbed.folder
        drawn = Counter()
        for part in parts(disturbed):
            name = fault_of(part.chunk.text, faults)
            drawn[name] += 1
            assert part.state == STATES[name], (name, part.state, part.reason)
            assert bool(part.reason) == (part.state != KEPT)
            if part.state == REJECTED:
                assert CHECKS[name] in [f["check"] for f in part.findings if f["verdict"] == FAIL]
            else:
                assert part.reason.startswith(REASONS.get(name, "")), (name, part.reason)
        assert set(drawn) == {"", *faults}, set(faults) - set(drawn)
    some = rows(folder)
    turn(server, "sound")
    with job("alone", timeout) as alone:
        manifest = alone.run()
        adds_up(manifest)
        assert manifest["chunks"]["in"] == manifest["chunks"]["kept"] > 80
    whole = rows(alone.folder)
    assert all(right(row, source) for row in whole.values())
    # What was kept under fire is the same, to the last key.
    assert len(some) > 10 and all(whole[name] == row for name, row in some.items())
    # What failed, and what was rejected, is asked for anew: no reply of before stands in for it.
    with job("disturbed", timeout) as again:
        lost = sum(drawn[name] for name in drawn if STATES[name] != KEPT)
        assert again.retry(rejected=True) == lost
        adds_up(again.run())
    assert digests(folder) == digests(alone.folder)
