"""Fetch published files over HTTP: resumed where they broke off, verified, moved in whole.

A file grows as `<name>.part` beside its place and is renamed only when its git blob id is right:
nobody meets half a file, and a killed run goes on from the last byte.
"""

from __future__ import annotations

import base64
import http.client
import os
import random
import re
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from leaner_harness import __version__
from leaner_harness.data import published
from leaner_harness.data.published import Manifest, shown
from leaner_harness.errors import DownloadError
from leaner_harness.files import offline

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_BLOCK = 1 << 16
_WORTH_RETRYING = {408, 425, 429, 500, 502, 503, 504}

Observe = Callable[[int, int | None], None]
"""Called with the bytes of a file so far, and its size or None."""
Show = Callable[[str], Observe]
"""Called with the name of the next file; its progress goes to what it returns."""


def silent(_name: str) -> Observe:
    """Show nothing."""
    return lambda _done, _total: None


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient a download is: times in seconds, rates in bytes per second."""

    tries: int = 6
    timeout: float = 30.0
    """The longest silence of the server."""
    stall: float = 30.0
    """A server slower than `min_rate` for this long is dropped and asked again."""
    min_rate: float = 1024.0
    backoff: float = 1.0
    """The first wait; each next one is twice as long, less a random part."""
    longest_wait: float = 120.0
    """A server that asks for a longer wait (Retry-After) ends the pull."""


PATIENT = Limits()


class _Interrupted(Exception):
    """A fault another try may mend; `wait` is how many seconds the server asked for."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


def pull(
    paths: Sequence[str],
    folder: Path,
    manifest: Manifest | None = None,
    *,
    limits: Limits = PATIENT,
    show: Show = silent,
) -> list[str]:
    """Bring published `paths` into `folder`; returns those fetched, the others were there.

    Raises DownloadError when offline, or when a file cannot be fetched, verified or written.
    """
    files = (manifest := manifest or published.load_manifest()).files
    absent = [path for path in paths if not published.verified(folder / path, files[path])]
    if not absent:
        return []
    _refuse_offline(absent, folder)
    fetched: list[str] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".pull.lock").open("w") as lock:
            alone = _locked(lock, folder)
            for i, path in enumerate(absent, start=1):
                # Another process may have brought it while we waited for the lock.
                if not published.verified(folder / path, files[path]):
                    observe = show(f"{i}/{len(absent)} {path.removeprefix('data/')}")
                    _fetch(path, folder, manifest, alone, limits, observe)
                    fetched.append(path)
    except OSError as error:
        cure = "Free some space, or choose another folder: --to DIR, or LEANER_HOME=DIR."
        raise DownloadError(f"{folder} cannot be written: {error}.", cure) from error
    return fetched


def _refuse_offline(absent: Sequence[str], folder: Path) -> None:
    if offline():
        raise DownloadError(
            f"{len(absent)} published files are not in {folder}, {absent[0]} for one, "
            "and downloads are switched off.",
            "Unset LEANER_OFFLINE, HF_HUB_OFFLINE and HF_DATASETS_OFFLINE, "
            "or set LEANER_DATA=DIR to a folder that holds the files.",
        )


def _fetch(
    path: str, folder: Path, manifest: Manifest, alone: bool, limits: Limits, observe: Observe
) -> None:
    """Download one file, verify it and move it in; a wrong copy gets one fresh start."""
    target, want, url = folder / path, manifest.files[path], published.file_url(path, manifest)
    part = target.with_name(target.name + (".part" if alone else f".{os.getpid()}.part"))
    target.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(2):
        # A run killed after the last byte leaves a whole part: nothing to ask the server for.
        if not published.verified(part, want):
            _download(url, part, limits, observe)
        got = published.git_blob_id(part)
        if got == want:
            with part.open("rb+") as file:
                os.fsync(file.fileno())  # before the rename: a power cut must not leave half a file
            part.replace(target)
            return
        part.unlink()
    raise DownloadError(
        f"{path}: the server sent other content than was published, twice: expected git blob id "
        f"{want}, got {got}, from {shown(url)}.",
        "Something between here and the server changes files. Fetch it from elsewhere "
        "(LEANER_DATA_URL=URL), or set LEANER_DATA=DIR to a checkout of the repository.",
    )


def _download(url: str, part: Path, limits: Limits, observe: Observe) -> None:
    """Fill `part`, trying again after faults that pass."""
    for attempt in range(1, limits.tries + 1):
        try:
            return _attempt(url, part, limits, observe)
        except _Interrupted as fault:
            reason, asked = str(fault), fault.wait
        if attempt == limits.tries or asked > limits.longest_wait:
            break
        # Random, so that many clients of a server that fell over do not return together.
        wait = limits.backoff * 2 ** (attempt - 1) * random.uniform(0.5, 1.0)
        time.sleep(max(asked, min(wait, limits.longest_wait)))
    raise DownloadError(
        f"{shown(url)}: {reason} (try {attempt} of {limits.tries}).",
        f"Run the command again in {asked:.0f} s or later: it goes on where it stopped.",
    )


def _attempt(url: str, part: Path, limits: Limits, observe: Observe) -> None:
    """One request: append to `part` what it lacks, or all of it if the server starts over."""
    have = part.stat().st_size if part.exists() else 0
    with _open(url, part, have, limits) as response:
        start = _first_byte(response)
        if start not in (0, have):
            part.unlink()
            raise _Interrupted(f"the server resumed at byte {start}, not at {have}")
        length = response.headers.get("Content-Length") or ""
        end = start + int(length) if length.isdecimal() else None
        with part.open("ab" if start else "wb") as file:
            done = start
            observe(done, end)
            for block in _blocks(response, limits):
                file.write(block)
                file.flush()
                done += len(block)
                observe(done, end)
    if end is not None and done < end:
        raise _Interrupted(f"the connection broke off after {done} of {end} bytes")


def _open(url: str, part: Path, start: int, limits: Limits) -> Any:
    try:
        return build_opener(_GuardedRedirects).open(_request(url, start), timeout=limits.timeout)
    except HTTPError as error:
        with error:
            raise _refusal(error, url, part) from None
    except http.client.InvalidURL:
        # Its own message may quote a key from the query.
        raise DownloadError(f"{shown(url)} is no valid URL.", "Correct LEANER_DATA_URL.") from None
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            cure = "Name a bundle of certificate authorities in SSL_CERT_FILE."
            raise DownloadError(f"{shown(url)}: {reason}.", cure) from error
        raise _Interrupted(f"no connection ({reason})") from error


def _request(url: str, start: int) -> Request:
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    request = Request(parts._replace(netloc=host).geturl())
    request.add_header("User-Agent", f"leaner-harness/{__version__}")
    request.add_header("Accept-Encoding", "identity")
    if start:
        request.add_header("Range", f"bytes={start}-")
    if at:
        secret = base64.b64encode(unquote(user).encode()).decode()
        # Unredirected: another host must not see the password of this one.
        request.add_unredirected_header("Authorization", f"Basic {secret}")
    return request


class _GuardedRedirects(HTTPRedirectHandler):
    """Follows a redirect to https, and to http only from http."""

    def redirect_request(self, req: Request, *details: Any) -> Request | None:
        target = urlsplit(details[-1])
        if target.scheme not in ("https", urlsplit(req.full_url).scheme):
            raise DownloadError(
                f"{shown(req.full_url)} redirects to {shown(details[-1])}, which is not https.",
                "Correct LEANER_DATA_URL, or unset it to fetch from GitHub.",
            )
        return super().redirect_request(req, *details)


def _refusal(error: HTTPError, url: str, part: Path) -> Exception:
    """What an HTTP error status means: try again, or give up at once."""
    status = f"HTTP {error.code} {http.client.responses.get(error.code, '')}".rstrip()
    if error.code == 416:
        part.unlink(missing_ok=True)
        return _Interrupted(f"{status}: the part did not fit the file")
    if error.code in _WORTH_RETRYING:
        return _Interrupted(status, _retry_after(error.headers.get("Retry-After")))
    return DownloadError(
        f"{shown(url)}: {status}.",
        "Fetch from elsewhere (LEANER_DATA_URL=URL; unset, it is GitHub), "
        "or set LEANER_DATA=DIR to a folder that holds the files.",
    )


def _retry_after(value: str | None) -> float:
    """Seconds a Retry-After header asks for, given as seconds or as a date; 0 without one."""
    if value and value.strip().isdecimal():
        return float(value)
    try:
        date = parsedate_to_datetime(value or "")
        return max(0.0, (date - datetime.now(date.tzinfo or UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _first_byte(response: Any) -> int:
    """Where the body starts in the file: 0 unless the server answered 206 Partial Content."""
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range") or "")
    return int(match[1]) if response.status == 206 and match else 0


def _blocks(response: Any, limits: Limits) -> Iterator[bytes]:
    """The body as it comes in; a server that goes silent or drips is an interruption."""
    since, count = time.monotonic(), 0
    while True:
        try:
            # read1 hands over what one packet brought; read would wait for a whole block.
            block = response.read1(_BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise _Interrupted(f"the connection broke off ({error})") from error
        if not block:
            return
        yield block
        count += len(block)
        elapsed = time.monotonic() - since
        if elapsed >= limits.stall:
            if count < limits.min_rate * elapsed:
                raise _Interrupted(f"the server stalled: {count} bytes in {elapsed:.1f} s")
            since, count = time.monotonic(), 0


def _locked(file: IO[str], folder: Path) -> bool:
    """Be the only process that pulls into `folder`; waits for another one to end.

    False where there are no such locks: then part names must differ by process.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"Waiting for another pull into {folder} to end.", file=sys.stderr)
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:  # a file system without locks
        return False
    return True
