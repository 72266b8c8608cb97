"""Who starts a download: tasks that need it, `leaner data pull`, several processes at once."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from fault_server import Fault
from processes import ended
from small_published import BIG, FILES, GLUE, QUICK, left_over, part_of

from leaner_harness.cli import main
from leaner_harness.data import download, first_use, published
from leaner_harness.data.download import pull
from leaner_harness.errors import DownloadError


def test_ensure_glue_downloads_once_and_offline_takes_what_is_there(server, monkeypatch, capsys):
    folder = first_use.ensure("glue")
    assert sorted(p.name for p in folder.iterdir()) == ["cola_test.jsonl", "cola_train.jsonl"]
    assert folder == published.glue_folder() and "Fetching 2" in capsys.readouterr().err
    (folder / "cola_train.jsonl").unlink()
    monkeypatch.setenv("LEANER_OFFLINE", "1")
    assert first_use.ensure("glue") == folder
    (folder / "cola_test.jsonl").unlink()
    with pytest.raises(DownloadError, match="switched off"):
        first_use.ensure("glue")
    assert len(server.log) == 2


def test_ensure_glue_asks_a_dead_server_once(server, monkeypatch):
    monkeypatch.setenv("LEANER_DATA_URL", "http://127.0.0.1:9")
    asked: list[str] = []
    monkeypatch.setattr(time, "sleep", lambda _: asked.append("wait"))
    for _ in range(3):
        with pytest.raises(DownloadError, match="no connection"):
            first_use.ensure("glue")
    assert len(asked) == download.PATIENT.tries - 1


def test_ensure_glue_is_content_with_a_part(server, capsys):
    del server.files[BIG]
    assert (first_use.ensure("glue") / "cola_test.jsonl").is_file()
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


def start_pull(folder: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "leaner_harness.cli", "data", "pull", "glue"]
    root = str(Path(__file__).parents[1])
    process = subprocess.Popen(
        [*command, "--to", str(folder)],
        env=os.environ | {"PYTHONPATH": root},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return ended(process)


def wait_for_part(part: Path, size: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while not part.exists() or part.stat().st_size < size:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


def test_two_processes_share_the_work(server, tmp_path):
    server.script[BIG] = [Fault("drip", pause=0.02, piece=10_000)]
    with ExitStack() as stack:
        processes = [stack.enter_context(start_pull(tmp_path)) for _ in range(2)]
        reports = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], reports
    assert (tmp_path / BIG).read_bytes() == FILES[BIG] and not left_over(tmp_path)
    assert sorted(r.path for r in server.log) == [GLUE, BIG]
    assert all(r.sent == len(FILES[r.path]) for r in server.log)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_killed_pull_goes_on_from_the_last_byte(server, tmp_path, number, code):
    server.script[BIG] = [Fault("drip", pause=0.05, piece=5_000)]
    part = part_of(tmp_path, BIG)
    with start_pull(tmp_path) as process:
        wait_for_part(part, 20_000, process)
        process.send_signal(number)
        process.communicate(timeout=30)
    assert process.returncode == code
    size = part.stat().st_size
    assert 20_000 <= size < 300_000 and not (tmp_path / BIG).exists()

    with start_pull(tmp_path) as again:
        output, errors = again.communicate(timeout=60)
    assert again.returncode == 0, errors
    assert server.requests(BIG)[1].range == f"bytes={size}-"
    assert server.requests(BIG)[1].sent == 300_000 - size
    assert (tmp_path / BIG).read_bytes() == FILES[BIG]
    assert not left_over(tmp_path) and "1 files fetched, 1 were there" in output
