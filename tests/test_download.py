"""Downloads from a real local server that misbehaves: what lands is right, or nothing lands."""

from __future__ import annotations

import os

import pytest
from fault_server import Fault
from small_published import BIG, EVAL, FILES, GLUE, QUICK, left_over, part_of

from leaner_harness.data import download, published
from leaner_harness.data.download import pull
from leaner_harness.errors import DownloadError


def test_clean_pull_and_nothing_to_do_the_second_time(server, tmp_path):
    folder = tmp_path / "set"
    assert pull([GLUE, EVAL], folder, limits=QUICK) == [GLUE, EVAL]
    assert (folder / GLUE).read_bytes() == FILES[GLUE]
    assert not left_over(folder)
    assert pull([GLUE, EVAL], folder, limits=QUICK) == []
    assert len(server.log) == 2


def test_resume_continues_where_the_connection_dropped(server, tmp_path):
    server.script[BIG] = [Fault("drop", after=100_000)]
    pull([BIG], tmp_path, limits=QUICK)
    first, second = server.requests(BIG)
    assert (first.range, first.sent) == (None, 100_000)
    assert (second.range, second.status, second.sent) == ("bytes=100000-", 206, 200_000)
    assert (tmp_path / BIG).read_bytes() == FILES[BIG]


def test_part_of_an_earlier_run_is_resumed(server, tmp_path):
    part = part_of(tmp_path, BIG)
    part.parent.mkdir(parents=True)
    part.write_bytes(FILES[BIG][:1234])
    pull([BIG], tmp_path, limits=QUICK)
    assert [(r.range, r.sent) for r in server.log] == [("bytes=1234-", 300_000 - 1234)]
    assert not left_over(tmp_path)


def test_whole_part_needs_no_request(server, tmp_path):
    part = part_of(tmp_path, BIG)
    part.parent.mkdir(parents=True)
    part.write_bytes(FILES[BIG])
    pull([BIG], tmp_path, limits=QUICK)
    assert not server.log and (tmp_path / BIG).read_bytes() == FILES[BIG]


@pytest.mark.parametrize("damage", [b"x" * 100, b"x" * 300_000, b"x" * 400_000])
def test_damaged_part_is_thrown_away(server, tmp_path, damage):
    # The second is as long as the file and the third longer: the server answers 416.
    part = part_of(tmp_path, BIG)
    part.parent.mkdir(parents=True)
    part.write_bytes(damage)
    pull([BIG], tmp_path, limits=QUICK)
    assert server.log[-1].range is None
    assert (tmp_path / BIG).read_bytes() == FILES[BIG]


@pytest.mark.parametrize(
    ("fault", "ranges"),
    [("ignores_range", [None, "bytes=1000-"]), ("wrong_range", [None, "bytes=1000-", None])],
)
def test_server_that_cannot_resume(server, tmp_path, fault, ranges):
    server.script[BIG] = [Fault("drop", after=1000), Fault(fault)]
    pull([BIG], tmp_path, limits=QUICK)
    assert [r.range for r in server.log] == ranges
    assert (tmp_path / BIG).read_bytes() == FILES[BIG]


def test_wrong_bytes_never_land(server, tmp_path):
    server.script[GLUE] = [Fault("wrong"), Fault("wrong")]
    with pytest.raises(DownloadError) as caught:
        pull([GLUE], tmp_path, limits=QUICK)
    want = published.load_manifest().files[GLUE]
    assert GLUE in str(caught.value) and f"expected git blob id {want}, got " in str(caught.value)
    assert not (tmp_path / GLUE).exists() and not left_over(tmp_path)
    assert [r.range for r in server.log] == [None, None]


@pytest.mark.parametrize("fault", [Fault("wrong"), Fault("too_short", after=7)])
def test_one_wrong_answer_is_mended_by_a_fresh_start(server, tmp_path, fault):
    server.script[GLUE] = [fault]
    pull([GLUE], tmp_path, limits=QUICK)
    assert (tmp_path / GLUE).read_bytes() == FILES[GLUE]
    assert [r.range for r in server.log] == [None, None]


def test_wrong_file_stays_until_the_right_one_replaces_it(server, tmp_path):
    target = tmp_path / GLUE
    target.parent.mkdir(parents=True)
    target.write_bytes(b"mine")
    server.script[GLUE] = [Fault("wrong"), Fault("wrong")]
    with pytest.raises(DownloadError):
        pull([GLUE], tmp_path, limits=QUICK)
    assert target.read_bytes() == b"mine"
    assert pull([GLUE], tmp_path, limits=QUICK) == [GLUE]
    assert target.read_bytes() == FILES[GLUE]


def test_crash_before_the_rename_leaves_the_final_path_alone(server, tmp_path, monkeypatch):
    def crash(_handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        pull([GLUE], tmp_path, limits=QUICK)
    assert not (tmp_path / GLUE).exists()
    assert part_of(tmp_path, GLUE).read_bytes() == FILES[GLUE]


def test_without_locks_part_names_differ_by_process(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "fcntl", None)
    server.script[GLUE] = [Fault("drop", after=5)] * 3
    with pytest.raises(DownloadError):
        pull([GLUE], tmp_path, limits=QUICK)
    assert left_over(tmp_path) == [f"cola_test.jsonl.{os.getpid()}.part"]
    pull([GLUE], tmp_path, limits=QUICK)
    assert not left_over(tmp_path)
