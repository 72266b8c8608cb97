"""What goes wrong on the way: silence, waits, redirects, dead servers, no network allowed."""

from __future__ import annotations

import socket
import time

import pytest
from fault_server import Fault
from small_published import EVAL, FILES, GLUE, QUICK, part_of

from leaner_harness.data import download
from leaner_harness.data.download import Limits, pull
from leaner_harness.errors import DownloadError


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
    server.script[GLUE] = [Fault("silent", pause=20)]
    started = time.monotonic()
    pull([GLUE], tmp_path, limits=Limits(tries=2, timeout=1.0, backoff=0.01))
    assert time.monotonic() - started < 10


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
