"""A build by ranks comes out as that of one process, whatever their number."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import deque

import pytest
from scaled import files, rows, write_replies, write_source

pytest.importorskip("datatrove", reason="leaner-harness[scale] is not installed")

from datatrove.data import Document
from datatrove.executor.ray import RayPipelineExecutor
from datatrove.executor.slurm import SlurmPipelineExecutor
from datatrove.pipeline.readers import JsonlReader

from leaner_harness.dataset.build import Source
from leaner_harness.dataset.pretrain import Job, Settings
from leaner_harness.dataset.records import Rewrite
from leaner_harness.dataset.rewriters.recorded import Echo
from leaner_harness.dataset.scale import (
    AssembleBlock,
    LocalExecutor,
    ReadBlock,
    RewriteBlock,
    executors,
)
from leaner_harness.errors import DataError, UnknownName, UsageError

pytestmark = pytest.mark.usefixtures("one_index")


@pytest.fixture
def source(tmp_path):
    return write_source(tmp_path / "source.jsonl", 40)


def alone(settings, folder):
    with Job(folder, settings) as job:
        return job.run()


def rewrite(settings, folder, rank, ranks, reader=None):
    """What a rank hands on."""
    read = (reader or ReadBlock(settings.source)).run(None, rank, ranks)
    return list(RewriteBlock(settings, folder).run(read, rank, ranks))


def assemble(settings, folder):
    deque(AssembleBlock(settings, folder).run(), maxlen=0)


def by_ranks(settings, folder, ranks, reader=None):
    given = [rewrite(settings, folder, rank, ranks, reader) for rank in range(ranks)]
    assemble(settings, folder)
    return given


@pytest.mark.parametrize("rewriter", ["echo", "rules", "replay"])
@pytest.mark.parametrize("ranks", [1, 3])
def test_ranks_make_what_one_process_makes(source, tmp_path, rewriter, ranks):
    if rewriter == "replay":
        rewriter = f"replay:{write_replies(tmp_path / 'replies.jsonl', source)}"
    settings = Settings(Source(("mini", str(source)), words=4000), rewriter)
    made = alone(settings, tmp_path / "alone")
    by_ranks(settings, tmp_path / "ranks", ranks)
    assert made["documents"]["kept"] > 15
    reasons = {each["reason"]: each["count"] for each in made["documents"]["reasons"]}
    assert reasons["duplicate"] >= 5
    assert files(tmp_path / "alone") == files(tmp_path / "ranks")
    assert rows(tmp_path / "alone") == rows(tmp_path / "ranks")
    assert {"README.md", "manifest.json", "entropy.svg"} < files(tmp_path / "ranks").keys()


def test_the_earliest_of_equal_texts_stays_whichever_rank_had_it(source, tmp_path):
    settings = Settings(Source((str(source),)), "echo")
    by_ranks(settings, tmp_path / "out", 3)
    (documents, chunks) = rows(tmp_path / "out")
    state = {place: reason for place, _, _, _, _, reason, _ in documents}
    # 5 is of rank 2, and 7 is of rank 1, which is merged before it.
    assert state[5] == "" and state[7] == "duplicate"
    assert state[6] == "" and state[9] == "duplicate"  # both are of rank 0
    assert 7 not in {document for document, *_ in chunks}
    with Job(tmp_path / "out") as job:
        assert job.status()["documents"]["in"] == len(documents) == 40


def test_what_a_rank_keeps_is_handed_on_with_its_row(source, tmp_path):
    settings = Settings(Source((str(source),)), "echo")
    given = [each for part in by_ranks(settings, tmp_path / "out", 2) for each in part]
    shards = (tmp_path / "out").glob("*/web*.jsonl")
    kept = {row["id"]: row for path in shards for row in map(json.loads, path.open())}
    assert kept and kept.keys() <= {each.id for each in given}
    for each in given:
        if each.id in kept:
            assert each.text == kept[each.id]["text"]
            assert each.metadata == {"genre": "web"} | {
                name: value for name, value in kept[each.id].items() if name != "text"
            }


def test_a_rank_goes_on_where_it_stopped(source, tmp_path, monkeypatch):
    settings = Settings(Source((str(source),)), "echo")
    rewrite(settings, tmp_path, 0, 2)
    with pytest.raises(UsageError, match="begun with 2 tasks, not 3"):
        rewrite(settings, tmp_path, 1, 3)
    with pytest.raises(UsageError, match="begun with 2 tasks, not 3"):
        executors(settings, tmp_path, 3)

    def read(self, *_):
        raise AssertionError("the source is read again")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Source, "documents", read)
        assert rewrite(settings, tmp_path, 0, 2)
    changed = Settings(Source((str(source),)), "rules")
    with pytest.raises(UsageError, match="other settings: rewriter"):
        rewrite(changed, tmp_path, 0, 2)


def test_a_rank_with_chunks_that_wait_is_not_done(source, tmp_path, monkeypatch):
    """To datatrove a rank that ends is done for ever: what a quota left would never be asked."""
    settings = Settings(Source((str(source),)), "echo")

    def stops(self, assignments):
        for number, each in enumerate(list(assignments)):
            yield Rewrite(each.chunk.id, "ok" if number else "not_asked", each.chunk.text)

    with monkeypatch.context() as patched:
        patched.setattr(Echo, "rewrite", stops)
        with pytest.raises(DataError, match=r"not at its end, 1 chunks wait") as caught:
            rewrite(settings, tmp_path / "ranks", 0, 1)
    assert "each rank goes on" in caught.value.cure
    rewrite(settings, tmp_path / "ranks", 0, 1)
    assemble(settings, tmp_path / "ranks")


def test_nothing_is_assembled_before_all_ranks_have_ended(source, tmp_path):
    settings = Settings(Source((str(source),)), "echo")
    rewrite(settings, tmp_path, 0, 2)
    with pytest.raises(UsageError, match="00001 is not at its end"):
        assemble(settings, tmp_path)
    rewrite(settings, tmp_path, 1, 2)
    with Job(tmp_path / "ranks" / "00000") as job:
        job.ledger.again(["kept"])
    with pytest.raises(UsageError, match="00000 is not at its end"):
        assemble(settings, tmp_path)
    rewrite(settings, tmp_path, 0, 2)
    assemble(settings, tmp_path)
    alone(settings, tmp_path / "alone")
    assert files(tmp_path / "alone").items() <= files(tmp_path).items()


def test_a_merging_that_was_stopped_begins_again(source, tmp_path, monkeypatch):
    from leaner_harness.dataset.ledger import Ledger

    settings = Settings(Source((str(source),)), "echo")
    for rank in range(2):
        rewrite(settings, tmp_path / "out", rank, 2)
    take, taken = Ledger.take, []

    def stop(self, path):
        take(self, path)
        taken.append(path)
        if len(taken) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Ledger, "take", stop)
    with pytest.raises(KeyboardInterrupt):
        assemble(settings, tmp_path / "out")
    assemble(settings, tmp_path / "out")
    alone(settings, tmp_path / "alone")
    assert files(tmp_path / "alone") == files(tmp_path / "out")
    assert rows(tmp_path / "alone") == rows(tmp_path / "out")


def test_a_build_of_one_process_is_not_shared_by_ranks(source, tmp_path):
    settings = Settings(Source((str(source),)), "echo")
    alone(settings, tmp_path)
    with pytest.raises(UsageError, match="begun by one process"):
        executors(settings, tmp_path, 2)


def test_a_reader_of_datatrove_comes_first(tmp_path):
    """Its files are shared out among the ranks; no document is lost, whatever their number."""
    (tmp_path / "texts").mkdir()
    for number in range(3):
        write_source(tmp_path / "texts" / f"{number}.jsonl", 12 + number)
    settings = Settings(Source(("texts",)), "echo")
    reader = JsonlReader(str(tmp_path / "texts"), default_metadata={"genre": "textbook"})
    by_ranks(settings, tmp_path / "two", 2, reader)
    by_ranks(settings, tmp_path / "three", 3, reader)
    with Job(tmp_path / "two") as job:
        account = job.status()["documents"]
        entries = list(job.ledger.documents())
    assert account["in"] == len({entry.id for entry in entries}) == 39
    assert {entry.genre for entry in entries} == {"textbook"}
    # Places of a rank are its own: rank 0 has the files 0 and 2.
    assert {entry.place % 2 for entry in entries if "1.jsonl" in entry.id} == {1}
    # Each text stands in all files, and stays once.
    texts = [
        sorted(json.loads(line)["text"] for path in out.glob("*/*.jsonl") for line in path.open())
        for out in (tmp_path / "two", tmp_path / "three")
    ]
    assert texts[0] == texts[1] and account["kept"] == len(set(texts[0])) == 10


def test_documents_with_one_id_or_a_strange_genre_are_refused(tmp_path):
    settings = Settings(Source(("texts",)), "echo")
    one = Document("Some words of a text that says little.", "same")
    for rank in range(2):
        deque(RewriteBlock(settings, tmp_path / "out").run([one], rank, 2))
    with pytest.raises(DataError, match="here already"):
        assemble(settings, tmp_path / "out")
    one.metadata["genre"] = "wikis"
    with pytest.raises(UnknownName, match="Did you mean 'wiki'"):
        deque(RewriteBlock(settings, tmp_path / "other").run([one], 0, 1))


def test_executors_of_each_kind_are_chained(tmp_path, monkeypatch):
    settings = Settings(Source(("mini",), words=900), "echo")
    rewriting, assembling = executors(settings, tmp_path / "a", tasks=7, workers=2)
    assert isinstance(rewriting, LocalExecutor) and assembling.depends is rewriting
    assert (rewriting.tasks, rewriting.workers, assembling.world_size) == (7, 2, 1)
    assert not rewriting.pipeline[1].own_replies

    with pytest.raises(UsageError, match="time, partition"):
        executors(settings, tmp_path / "b", tasks=7, kind="slurm")
    rewriting, assembling = executors(
        settings, tmp_path / "b", 7, 3, "slurm", time="1:00:00", partition="cpu", qos="low"
    )
    assert isinstance(rewriting, SlurmPipelineExecutor) and assembling.depends is rewriting
    assert rewriting.get_sbatch_args(7)["array"] == "0-6%3"
    assert rewriting.get_sbatch_args()["job-name"] == "leaner-rewrite"
    assert assembling.get_sbatch_args()["qos"] == "low" and assembling.world_size == 1
    assert rewriting.pipeline[1].own_replies

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match="pip install ray"):
        executors(settings, tmp_path / "c", 7, kind="ray")
    monkeypatch.delitem(sys.modules, "ray")
    (tmp_path / "ray.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    rewriting, assembling = executors(settings, tmp_path / "c", 7, 3, "ray", mem_per_cpu_gb=4)
    assert isinstance(rewriting, RayPipelineExecutor) and assembling.depends is rewriting
    assert (rewriting.tasks, rewriting.workers, rewriting.mem_per_cpu_gb) == (7, 3, 4)

    with pytest.raises(UnknownName, match="Did you mean 'slurm'"):
        executors(settings, tmp_path / "d", 7, kind="slrum")
    with pytest.raises(UsageError, match="must be 1 or more"):
        executors(settings, tmp_path / "d", 0)


def test_ranks_on_several_hosts_have_replies_of_their_own(source, tmp_path, monkeypatch):
    from leaner_harness.dataset import pretrain

    asked, usual = [], pretrain.open_plugin
    monkeypatch.setattr(
        pretrain, "open_plugin", lambda *given: (asked.append(given[2:]), usual(*given))[1]
    )
    settings = Settings(Source((str(source),), words=300), "echo")
    for own in (False, True):
        block = RewriteBlock(settings, tmp_path / str(own), own_replies=own)
        deque(block.run(ReadBlock(settings.source).run(), 0, 1))
    assert asked[0][1] is None
    assert asked[1][1] == tmp_path / "True" / "ranks" / "00000" / "replies.sqlite"


def test_without_the_extra_the_cure_is_named():
    script = (
        "import sys; sys.modules['datatrove'] = None\n"
        "from leaner_harness.errors import UsageError\n"
        "import leaner_harness.dataset.pretrain\n"
        "try: import leaner_harness.dataset.scale\n"
        "except UsageError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "pip install 'leaner-harness[scale]'" in done.stdout, done.stderr
