"""Requests for a grade, and the test server in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from leaner_harness.llm.reading import read_object
from leaner_harness.llm.records import OUT_OF_RANGE, UNPARSABLE, InvalidReply, Request
from leaner_harness.llm.settings import Settings

SCHEMA = {"type": "object", "properties": {"grade": {"type": "integer"}}, "required": ["grade"]}
KEY = "sk-very-secret-0123456789"


def read_grade(text: str) -> int:
    grade = read_object(text).get("grade")
    if type(grade) is not int:
        raise InvalidReply(UNPARSABLE, "`grade` is no whole number")
    if not 0 <= grade <= 5:
        raise InvalidReply(OUT_OF_RANGE, "`grade` is not from 0 to 5")
    return grade


def request(question: str, **changes: Any) -> Request:
    message = {"role": "user", "content": question}
    return Request(question, (message,), read_grade, **{"schema": SCHEMA, **changes})


class Server:
    """The test server's address, and what it was asked."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"

    def settings(self, **changes: Any) -> Settings:
        return Settings("test-model", f"{self.root}/v1", **{"timeout": 2.0, **changes})

    def report(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.root}/asked") as response:
            found: dict[str, Any] = json.load(response)
        return found


@contextmanager
def running(folder: Path, script: str = "llm_server.py", *options: str) -> Iterator[Server]:
    """One of the test servers, until the end of the block."""
    port_file = folder / "port"
    command = [sys.executable, str(Path(__file__).parent / script), str(port_file), *options]
    process = subprocess.Popen(command)
    try:
        end = time.monotonic() + 30
        while not port_file.exists():
            assert time.monotonic() < end and process.poll() is None, "the server did not start"
            time.sleep(0.02)
        yield Server(int(port_file.read_text()))
    finally:
        process.kill()
        process.wait()
