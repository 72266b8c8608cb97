"""A real HTTP server of a few little files that misbehaves as its script says, and keeps a log."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

COMMIT = "f" * 40


@dataclass(frozen=True)
class Fault:
    """How one request is answered: `kind` is the name of a method of the handler."""

    kind: str
    after: int = 0
    """Body bytes sent before the fault."""
    pause: float = 0.0
    """Seconds between pieces."""
    piece: int = 1
    """Bytes in a piece."""
    to: str = ""
    """Where a redirect points; the value of a Retry-After."""


@dataclass
class Answered:
    """One line of the log; `sent` is the number of body bytes handed to the socket."""

    path: str
    range: str | None
    authorization: str | None
    query: str
    status: int = 0
    sent: int = 0


@dataclass
class FaultServer:
    """Files by published path; the n-th request for a path gets the n-th fault of its script."""

    files: dict[str, bytes]
    script: dict[str, list[Fault]] = field(default_factory=dict)
    log: list[Answered] = field(default_factory=list)
    url: str = ""

    def manifest(self, path: Path) -> Path:
        """Write the manifest of these files, ids by a formula of our own."""
        ids = {
            name: hashlib.sha1(f"blob {len(data)}".encode() + b"\0" + data).hexdigest()
            for name, data in self.files.items()
        }
        content = {"repository": "test/set", "commit": COMMIT, "licence": "MIT", "files": ids}
        path.write_text(json.dumps(content))
        return path

    def requests(self, path: str) -> list[Answered]:
        """The log of one path, in order."""
        return [line for line in self.log if line.path == path]


class _Handler(BaseHTTPRequestHandler):
    state: FaultServer

    def do_GET(self) -> None:
        path, _, query = self.path.lstrip("/").partition("?")
        self.line = Answered(
            path, self.headers.get("Range"), self.headers.get("Authorization"), query
        )
        self.state.log.append(self.line)
        script = self.state.script.get(path, [])
        fault = script.pop(0) if script else Fault("correct")
        if path not in self.state.files:
            fault = Fault("missing")
        try:
            getattr(self, fault.kind)(fault, self.state.files.get(path, b""))
        except OSError:
            pass  # the client left
        self.close_connection = True

    def correct(self, _fault: Fault, data: bytes) -> None:
        start = self._start(data)
        if start is not None:
            self._head(206 if start else 200, len(data) - start, start, len(data))
            self._body(data[start:])

    def missing(self, _fault: Fault, _data: bytes) -> None:
        self._head(404, 0)

    def drop(self, fault: Fault, data: bytes) -> None:
        """Announce everything, send some, close."""
        start = self._start(data) or 0
        self._head(206 if start else 200, len(data) - start, start, len(data))
        self._body(data[start : start + fault.after])

    def drip(self, fault: Fault, data: bytes) -> None:
        start = self._start(data) or 0
        self._head(206 if start else 200, len(data) - start, start, len(data))
        for at in range(start, len(data), fault.piece):
            self._body(data[at : at + fault.piece])
            time.sleep(fault.pause)

    def silent(self, fault: Fault, data: bytes) -> None:
        self._head(200, len(data))
        time.sleep(fault.pause)

    def wrong(self, _fault: Fault, data: bytes) -> None:
        other = bytes(byte ^ 1 for byte in data)
        self._head(200, len(other))
        self._body(other)

    def too_short(self, fault: Fault, data: bytes) -> None:
        """A body cut off, with a Content-Length that agrees with it."""
        self._head(200, fault.after)
        self._body(data[: fault.after])

    def ignores_range(self, _fault: Fault, data: bytes) -> None:
        self._head(200, len(data))
        self._body(data)

    def wrong_range(self, _fault: Fault, data: bytes) -> None:
        self._head(206, len(data) - 1, 1, len(data))
        self._body(data[1:])

    def busy(self, fault: Fault, _data: bytes) -> None:
        self._head(503, 0, extra={"Retry-After": fault.to} if fault.to else None)

    def redirect(self, fault: Fault, _data: bytes) -> None:
        self._head(302, 0, extra={"Location": fault.to})

    def _start(self, data: bytes) -> int | None:
        """The first byte asked for; None after an answer 416."""
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        if start and start >= len(data):
            self._head(416, 0)
            return None
        return start

    def _head(
        self,
        status: int,
        length: int,
        start: int = 0,
        size: int = 0,
        extra: dict[str, str] | None = None,
    ) -> None:
        self.line.status = status
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def _body(self, data: bytes) -> None:
        self.line.sent += len(data)  # before: who has read it all may look at once
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            self.line.sent -= len(data)
            raise

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve(files: dict[str, bytes]) -> Iterator[FaultServer]:
    """Run the server on a free port of this machine."""
    state = FaultServer(files)
    handler = type("Handler", (_Handler,), {"state": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield state
        server.shutdown()
