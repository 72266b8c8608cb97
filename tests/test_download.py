"""Downloads against a real local server that misbehaves: what lands is right, or nothing lands."""

from __future__ import annotations

import io
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_server import Fault, FaultServer, serve

from leaner_harness.cli import main
from leaner_harness.data import download, first_use, published
from leaner_harness.data.download import Limits, pull
from leaner_harness.errors import DownloadError

GLUE = "data/leaner/glue/cola_test.jsonl"
EVAL = "data/leaner/eval/all.jsonl"
BIG = "data/leaner/glue/cola_train.jsonl"
QUICK = Limits(tries=3, timeout=0.5, stall=0.2, min_rate=1000, backoff=0.01, longest_wait=1)
FILES = {
    GLUE: b'{"sentence": "A cat sat.", "label": 1, "idx": 0}\n' * 40,
    EVAL: b'{"question": "What is a cat?"}\n' * 20,
    BIG: random.Random(1).randbytes(300_000),
}


@pytest.fixture
def server(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FaultServer]:
    aside = tmp_path_factory.mktemp("aside")
    with serve(dict(FILES)) as running:
        monkeypatch.setenv("LEANER_DATA_URL", running.url)
        manifest = running.manifest(aside / "manifest.json")
        monkeypatch.setenv("LEANER_DATA_MANIFEST", str(manifest))
        monkeypatch.setenv("LEANER_HOME", str(aside / "home"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        for switch in ("LEANER_OFFLINE", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "LEANER_DATA"):
            monkeypatch.delenv(switch, raising=False)
        yield running


def left_over(folder: Path) -> list[str]:
    """Everything that is neither a published file nor the lock."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path.name for path in files if path.suffix != ".jsonl" and path.name != ".pull.lock"]


def part_of(folder: Path, path: str) -> Path:
    return folder / f"{path}.part"


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


def test_missing_file_is_an_error_at_once_and_names_the_url(server, tmp_path):
    del server.files[GLUE]
    with pytest.raises(DownloadError, match="HTTP 404 Not Found") as caught:
        pull([GLUE], tmp_path, limits=QUICK)
    assert f"{server.url}/{GLUE}" in str(caught.value) and len(server.log) == 1


def test_drip_is_dropped_and_resumed(server, tmp_path):
    server.script[GLUE] = [Fault("drip", pause=0.02)]
    pull([GLUE], tmp_path, limits=QUICK)
    dripped, rest = server.requests(GLUE)
    assert dripped.sent < 100 and rest.status == 206
    assert (tmp_path / GLUE).read_bytes() == FILES[GLUE]


def test_slow_but_steady_is_not_a_drip(server, tmp_path):
    server.script[GLUE] = [Fault("drip", pause=0.05, piece=200)]
    pull([GLUE], tmp_path, limits=QUICK)
    assert len(server.log) == 1


def test_gives_up_with_the_reason_and_keeps_the_part(server, tmp_path):
    server.script[GLUE] = [Fault("drop", after=10)] * 3
    with pytest.raises(DownloadError, match=r"broke off after 30 of \d+ bytes \(try 3 of 3\)"):
        pull([GLUE], tmp_path, limits=QUICK)
    assert part_of(tmp_path, GLUE).read_bytes() == FILES[GLUE][:30]


def test_silence_times_out(server, tmp_path):
    server.script[GLUE] = [Fault("silent", pause=2)]
    started = time.monotonic()
    pull([GLUE], tmp_path, limits=Limits(tries=2, timeout=0.1, backoff=0.01))
    assert time.monotonic() - started < 1.5


def test_busy_server_is_asked_again_after_the_wait_it_names(server, tmp_path):
    server.script[GLUE] = [Fault("busy", to="1")]
    started = time.monotonic()
    pull([GLUE], tmp_path, limits=QUICK)
    assert time.monotonic() - started >= 1


def test_too_long_a_wait_ends_the_pull(server, tmp_path):
    server.script[GLUE] = [Fault("busy", to="3600")]
    with pytest.raises(DownloadError, match="in 3600 s or later"):
        pull([GLUE], tmp_path, limits=QUICK)
    assert len(server.log) == 1


@pytest.mark.parametrize("value", [None, "", "soon", "-3", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_retry_after_that_asks_for_nothing(value):
    assert download._retry_after(value) == 0


def test_retry_after_as_a_date():
    assert download._retry_after("Wed, 21 Oct 2065 07:28:00 GMT") > 1e8


def test_backoff_doubles_up_to_its_bound(server, tmp_path, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    server.script[GLUE] = [Fault("busy")] * 6
    with pytest.raises(DownloadError, match="HTTP 503"):
        pull([GLUE], tmp_path, limits=Limits(tries=6, backoff=1, longest_wait=5))
    bounds = [(0.5, 1), (1, 2), (2, 4), (4, 5), (5, 5)]
    assert all(low <= wait <= high for wait, (low, high) in zip(waits, bounds, strict=True))


def test_redirect_is_followed_and_keeps_the_range(server, tmp_path):
    server.script[GLUE] = [Fault("drop", after=5), Fault("redirect", to=f"{server.url}/{GLUE}")]
    pull([GLUE], tmp_path, limits=QUICK)
    assert [r.range for r in server.log] == [None, "bytes=5-", "bytes=5-"]


@pytest.mark.parametrize("to", ["ftp://127.0.0.1/x?key=SECRET", "file:///etc/hostname"])
def test_redirect_to_another_scheme_is_refused(server, tmp_path, to):
    server.script[GLUE] = [Fault("redirect", to=to)]
    with pytest.raises(DownloadError, match="not https|HTTP 302") as caught:
        pull([GLUE], tmp_path, limits=QUICK)
    assert "SECRET" not in str(caught.value)


def test_keys_in_the_base_are_used_and_never_shown(server, tmp_path, monkeypatch):
    base = server.url.replace("//", "//user:SECRET@") + "?key=SECRET"
    monkeypatch.setenv("LEANER_DATA_URL", base)
    pull([GLUE], tmp_path, limits=QUICK)
    assert server.log[0].query == "key=SECRET"
    assert (server.log[0].authorization or "").startswith("Basic ")
    del server.files[EVAL]
    with pytest.raises(DownloadError) as caught:
        pull([EVAL], tmp_path, limits=QUICK)
    assert "SECRET" not in str(caught.value) and f"{server.url}/{EVAL}" in str(caught.value)


@pytest.mark.parametrize("base", ["file:///tmp", "/tmp", "http://", "http://h/a b?key=SECRET"])
def test_base_that_is_no_web_address(server, tmp_path, monkeypatch, base):
    monkeypatch.setenv("LEANER_DATA_URL", base)
    with pytest.raises(DownloadError, match="LEANER_DATA_URL") as caught:
        pull([GLUE], tmp_path, limits=QUICK)
    assert "SECRET" not in str(caught.value)


def test_nobody_listens(server, tmp_path, monkeypatch):
    monkeypatch.setenv("LEANER_DATA_URL", "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match="no connection"):
        pull([GLUE], tmp_path, limits=QUICK)


def test_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match="cannot be written"):
        pull([GLUE], tmp_path / "file" / "set", limits=QUICK)


@pytest.mark.parametrize("switch", ["LEANER_OFFLINE", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"])
def test_offline_opens_no_socket(server, tmp_path, monkeypatch, switch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setenv(switch, "1")
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(DownloadError, match="downloads are switched off") as caught:
        pull([GLUE], tmp_path, limits=QUICK)
    assert switch in caught.value.cure and "LEANER_DATA=DIR" in caught.value.cure


def test_offline_is_no_matter_when_all_is_there(server, tmp_path, monkeypatch):
    pull([GLUE], tmp_path, limits=QUICK)
    monkeypatch.setenv("LEANER_OFFLINE", "1")
    assert pull([GLUE], tmp_path, limits=QUICK) == []


def test_without_locks_part_names_differ_by_process(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "fcntl", None)
    server.script[GLUE] = [Fault("drop", after=5)] * 3
    with pytest.raises(DownloadError):
        pull([GLUE], tmp_path, limits=QUICK)
    assert left_over(tmp_path) == [f"cola_test.jsonl.{os.getpid()}.part"]
    pull([GLUE], tmp_path, limits=QUICK)
    assert not left_over(tmp_path)


def test_ensure_glue_downloads_once_and_offline_takes_what_is_there(server, monkeypatch, capsys):
    folder = first_use.ensure_glue()
    assert sorted(p.name for p in folder.iterdir()) == ["cola_test.jsonl", "cola_train.jsonl"]
    assert folder == published.glue_folder() and "Fetching 2" in capsys.readouterr().err
    (folder / "cola_train.jsonl").unlink()
    monkeypatch.setenv("LEANER_OFFLINE", "1")
    assert first_use.ensure_glue() == folder
    (folder / "cola_test.jsonl").unlink()
    with pytest.raises(DownloadError, match="switched off"):
        first_use.ensure_glue()
    assert len(server.log) == 2


def test_ensure_glue_asks_a_dead_server_once(server, monkeypatch):
    monkeypatch.setenv("LEANER_DATA_URL", "http://127.0.0.1:9")
    asked: list[str] = []
    monkeypatch.setattr(time, "sleep", lambda _: asked.append("wait"))
    for _ in range(3):
        with pytest.raises(DownloadError, match="no connection"):
            first_use.ensure_glue()
    assert len(asked) == download.PATIENT.tries - 1


def test_ensure_glue_is_content_with_a_part(server, capsys):
    del server.files[BIG]
    assert (first_use.ensure_glue() / "cola_test.jsonl").is_file()
    assert "HTTP 404" in capsys.readouterr().err


def test_progress_counts_bytes_up_to_the_size(server, tmp_path):
    seen: list[tuple[str, int, int | None]] = []
    pull(
        [GLUE, BIG],
        tmp_path,
        limits=QUICK,
        show=lambda name: lambda done, total: seen.append((name, done, total)),
    )
    assert seen[-1] == ("2/2 leaner/glue/cola_train.jsonl", 300_000, 300_000)
    counts = [done for name, done, _ in seen if name.startswith("2/2")]
    assert counts == sorted(counts)


def test_command_pulls_and_reports_on_standard_output(server, tmp_path, capsys):
    assert main(["data", "pull", "--to", str(tmp_path / "set")]) == 0
    printed = capsys.readouterr()
    assert "3 files fetched, 0 were there; all verified." in printed.out
    assert "LEANER_DATA=" in printed.out and "%" not in printed.err
    del server.files[GLUE]
    assert main(["data", "pull", "glue", "--to", str(tmp_path / "other")]) == 3


def test_bar_is_drawn_on_a_terminal(monkeypatch):
    from rich.console import Console

    from leaner_harness.cli import data

    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(data, "err", console)
    with data._bar() as show:
        show("1/2 glue/cola_test.jsonl")(500, 1000)
    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    assert "1/2 glue/cola_test.jsonl" in drawn and "0.5/1.0 kB" in drawn


def start_pull(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "leaner_harness.cli", "data", "pull", "glue"]
    root = str(Path(__file__).parents[1])
    return subprocess.Popen(
        [*command, "--to", str(folder)],
        env=os.environ | {"PYTHONPATH": root},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_part(part: Path, size: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while not part.exists() or part.stat().st_size < size:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


def test_two_processes_share_the_work(server, tmp_path):
    server.script[BIG] = [Fault("drip", pause=0.02, piece=10_000)]
    processes = [start_pull(tmp_path) for _ in range(2)]
    reports = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], reports
    assert (tmp_path / BIG).read_bytes() == FILES[BIG] and not left_over(tmp_path)
    assert sorted(r.path for r in server.log) == [GLUE, BIG]
    assert all(r.sent == len(FILES[r.path]) for r in server.log)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_killed_pull_goes_on_from_the_last_byte(server, tmp_path, number, code):
    server.script[BIG] = [Fault("drip", pause=0.05, piece=5_000)]
    process = start_pull(tmp_path)
    part = part_of(tmp_path, BIG)
    wait_for_part(part, 20_000, process)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == code
    size = part.stat().st_size
    assert 20_000 <= size < 300_000 and not (tmp_path / BIG).exists()

    again = start_pull(tmp_path)
    output, errors = again.communicate(timeout=60)
    assert again.returncode == 0, errors
    assert server.requests(BIG)[1].range == f"bytes={size}-"
    assert server.requests(BIG)[1].sent == 300_000 - size
    assert (tmp_path / BIG).read_bytes() == FILES[BIG]
    assert not left_over(tmp_path) and "1 files fetched, 1 were there" in output
