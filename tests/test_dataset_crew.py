"""A crew of processes gives what one process gives, in order, and dies with its master."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from processes import ended

from leaner_harness.dataset.build import Source
from leaner_harness.dataset.crew import WORTH_IT, Crew, _begin
from leaner_harness.dataset.pretrain import Job, Settings
from leaner_harness.errors import LeanerError

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="crews are of Linux alone"),
    pytest.mark.usefixtures("one_index"),
]


class Worker:
    def square(self, number):
        return number * number, os.getpid()

    def die(self, number):
        if number == 3 * WORTH_IT:
            os.kill(os.getpid(), signal.SIGKILL)

    def stumble(self, number):
        raise ValueError(number)


@pytest.fixture
def crew():
    worker = Worker()
    found = Crew(worker, 2)
    yield worker, found
    found.close()


def items(count):
    return ((number,) for number in range(count))


@pytest.mark.parametrize("count", [0, 1, WORTH_IT, WORTH_IT + 1, WORTH_IT + 500])
def test_all_is_done_once_and_in_order(crew, count):
    worker, found = crew
    done = list(found.map(worker.square, items(count), starts=True))
    assert [item for item, _ in done] == list(items(count))
    assert [square for _, (square, _) in done] == [number**2 for number in range(count)]
    own = {who for _, (_, who) in done[:WORTH_IT]}
    assert own <= {os.getpid()}, "little work is done in place"
    if len(os.sched_getaffinity(0)) > 1:
        others = {who for _, (_, who) in done[WORTH_IT:]}
        assert os.getpid() not in others and len(others) <= 2


def test_it_reads_no_further_ahead_than_it_must(crew):
    worker, found = crew
    found.start()
    read = []
    stream = found.map(worker.square, ((read.append(n) or n,) for n in range(10_000)))
    next(stream)
    assert len(read) <= 100


def test_faults_are_the_masters_too(crew):
    worker, found = crew
    found.start()
    with pytest.raises(ValueError, match="0"):
        list(found.map(worker.stumble, items(10)))
    if len(os.sched_getaffinity(0)) > 1:
        with pytest.raises(LeanerError, match="died"):
            list(found.map(worker.die, items(4 * WORTH_IT)))


def built(folder, processes):
    source = Source(("mini",), genres=("wiki", "math", "code", "web"), words=30_000)
    with Job(folder, Settings(source, "rules"), processes) as job:
        job.run()
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*") if path.suffix in (".json", ".jsonl", ".md")}  # fmt: skip


def test_a_build_is_the_same_by_one_and_by_several(tmp_path):
    one = built(tmp_path / "one", 1)
    assert len(one) > 5 and one == built(tmp_path / "several", 2)


def is_running(process):
    """Whether it is there, and no zombie."""
    line = Path(f"/proc/{process}/cmdline")
    return line.exists() and bool(line.read_bytes())


def test_processes_die_with_their_master_and_free_its_folder(tmp_path):
    code = f"""
        import os, sys, time
        from pathlib import Path
        from leaner_harness.dataset.build import Source
        from leaner_harness.dataset.pretrain import Job, Settings
        job = Job(Path({str(tmp_path / "out")!r}), Settings(Source(("mini",)), "echo"), 2)
        job.crew.start()
        pool = job.crew._pool
        print(*(pool._processes if pool else ()), flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with ended(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as master:
        children = [int(word) for word in master.stdout.readline().split()]
        assert bool(children) == (len(os.sched_getaffinity(0)) > 1)
        master.send_signal(signal.SIGKILL)
        master.wait()
    Job(tmp_path / "out").__exit__()  # at once: nobody holds the lock
    end = time.monotonic() + 10
    while any(map(is_running, children)):
        assert time.monotonic() < end, "they live on"
        time.sleep(0.05)


class Slow:
    """A file that the first process closes at once, and another one later."""

    def __init__(self, folder):
        self.folder = folder

    def close(self):
        try:
            (self.folder / "first").touch(exist_ok=False)
        except FileExistsError:
            time.sleep(0.5)
            (self.folder / f"later-{os.getpid()}").touch()


def test_a_crew_has_started_when_all_its_processes_have_begun(tmp_path):
    """Until then one of them may hold the master's lock, and outlive it."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core: no processes")
    crew = Crew(None, 2, [Slow(tmp_path)])
    crew.start()
    try:
        assert len(list(tmp_path.iterdir())) == 2
    finally:
        crew.close()


def test_a_process_whose_master_died_before_it_began_ends():
    context = multiprocessing.get_context("fork")
    orphan = context.Process(target=_begin, args=(None, (), -1, context.Semaphore(0)))
    orphan.start()
    orphan.join(10)
    assert orphan.exitcode == 1


def test_a_process_that_died_before_it_got_work_is_named_too(crew):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core: no processes")
    worker, found = crew
    found.start()
    os.kill(next(iter(found._pool._processes)), signal.SIGKILL)
    end = time.monotonic() + 10
    while not found._pool._broken:
        assert time.monotonic() < end, "nobody noticed"
        time.sleep(0.01)
    with pytest.raises(LeanerError, match="died"):
        list(found.map(worker.square, items(10)))
