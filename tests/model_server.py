"""A server of chat completions in this process: its replies are a function, its log is at hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Body = dict[str, Any]
JUDGING = "You take a test"
"""How the words begin that a judge of items is told."""


@dataclass
class ModelServer:
    """What it says to a body (a number is a status instead), and all bodies that it got."""

    say: Callable[[Body], str | int]
    bodies: list[Body] = field(default_factory=list)
    url: str = ""

    def asked(self, *, judging: bool) -> list[Body]:
        """The bodies that went to the judge, or to the rewriter."""
        return [body for body in self.bodies if is_judging(body) == judging]


def is_judging(body: Body) -> bool:
    """Whether a body is a judge's."""
    return bool(body["messages"][0]["content"].startswith(JUDGING))


def texts(body: Body) -> dict[str, str]:
    """The item that a body shows."""
    found: dict[str, str] = json.loads(body["messages"][1]["content"])
    return found


class _Handler(BaseHTTPRequestHandler):
    state: ModelServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet

    def handle(self) -> None:
        with suppress(ConnectionError):  # the client was killed
            super().handle()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.state.bodies.append(body)
        said = self.state.say(body)
        status = said if isinstance(said, int) else 200
        message = {"role": "assistant", "content": said}
        found: Any = {
            "id": "1", "object": "chat.completion", "created": 0, "model": f"{body['model']}-v1",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        }  # fmt: skip
        if status != 200:
            found = {"error": {"message": "no", "type": "error"}}
        data = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(say: Callable[[Body], str | int], port: int = 0) -> Iterator[ModelServer]:
    """Run the server on a port of this machine, by default a free one."""
    state = ModelServer(say)
    handler = type("Handler", (_Handler,), {"state": state})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        state.url = f"http://127.0.0.1:{server.server_port}/v1"
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield state
        server.shutdown()
