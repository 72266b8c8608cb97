"""A server that rewrites, and fails in a way that each text has drawn: while it is told to.

`python tests/rewrite_server.py PORT_FILE [LATENCY]` in a process of its own; `/faulty?500,hang` and
`/sound` turn faults on and off. A sound reply is the text that was given, with a mark more.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp import web
from llm_server import asked, completion, cut_body, error, hang, in_flight, reset, serve

from leaner_harness.dataset.prompts import system_prompt

ILL = 75
"""Texts in a hundred that have drawn a fault."""

state: dict[str, Any] = {"faults": [], "latency": 0.0}
attempts: Counter[str] = Counter()
"""By text, since the server became faulty."""

Reply = web.StreamResponse


def rewritten(text: str) -> str:
    """What a sound server makes of a text."""
    return f"{text}!"


def says(content: Any, finish: str = "stop", **message: Any) -> Any:
    """A fault that is in the reply."""
    return lambda text: web.json_response(completion(content, finish, message=message))


def says_of(make: Any) -> Any:
    """A fault that is in a reply to this text."""
    return lambda text: web.json_response(completion(make(text)))


def as_long(words: str, text: str) -> str:
    """Words, cut or said again until they are as many as those of a text, and some at least."""
    count = max(len(text.split()), 60)
    return " ".join(itertools.islice(itertools.cycle(words.split()), count))


def page(status: int) -> Any:
    return lambda text: web.Response(
        status=status, text="<html>Bad gateway</html>", content_type="text/html"
    )


def busy(text: str) -> Reply:
    return error(429, "slow down", **{"Retry-After": "0.2"})


def cut_json(text: str) -> Reply:
    return web.Response(text='{"choices": [{"mess', content_type="application/json")


PASSING = {
    "429": busy,
    "500": lambda text: error(500, "oops"),
    "html-502": page(502),
    "html-200": page(200),
    "cut-json": cut_json,
    "no-choices": lambda text: web.json_response({"id": "1", "choices": []}),
    "prose-once": says("Gladly!"),
}
"""Only at the first attempt: the chunk is kept."""
LASTING = {
    "500-always": lambda text: error(500, "oops"),
    "html-502-always": page(502),
    "empty": says(""),
    "empty-text": says('{"text": " "}'),
    "null": says(None),
    "prose": says("Here is a text that is simpler."),
    "number": says('{"text": 3}'),
    "list": says('["a", "b"]'),
    "other-key": says('{"txt": "a"}'),
    "cut-off": says('{"text": "And then', "length"),
    "filtered": says('{"text": "And', "content_filter"),
    "refusal": says(None, refusal="I will not."),
    "prose-refusal": says("I'm sorry, but I can't rewrite that."),
    "megabyte-of-prose": says("All of it. " * 100_000),
    "megabyte-of-braces": says('{"a" ' * 200_000),
}
"""At every attempt: the chunk fails."""
ODD = {
    "other-ids": says_of(
        lambda text: json.dumps(
            {"id": "web0000.jsonl:1#0", "document": 0, "text": rewritten(text), "number": 7}
        )
    ),
    "fence": says_of(lambda text: f"Here:\n```json\n{json.dumps({'text': rewritten(text)})}\n```"),
    "twice": says_of(
        lambda text: f'{{"text": "Of another.", "text": {json.dumps(rewritten(text))}}}'
    ),
}
"""The text is there, among other things: the chunk is kept."""
WRONG = {
    "megabyte": says(json.dumps({"text": "All of it is so. " * 62_500})),
    "echo": says_of(lambda text: json.dumps({"text": as_long(system_prompt("web"), text)})),
    "markers": says_of(lambda text: json.dumps({"text": f"EDITED: {text} <end>"})),
    "loop": says_of(lambda text: json.dumps({"text": as_long("And so it goes on.", text)})),
}
"""A text in the right form that no check lets pass: the chunk is rejected."""
BROKEN = {"cut-body": cut_body, "hang": hang, "reset": reset}
"""The connection's: the chunk fails."""


def fault_of(text: str, names: Sequence[str]) -> str:
    """Which of some faults a text has drawn; empty for none."""
    drawn = zlib.crc32(text.encode())
    return names[(drawn >> 16) % len(names)] if names and drawn % 100 < ILL else ""


async def chat(request: web.Request) -> Reply:
    body = await request.json()
    (given,) = json.loads(body["messages"][1]["content"]).values()
    asked[given] += 1
    in_flight["now"] += 1
    in_flight["most"] = max(in_flight.values())
    try:
        await asyncio.sleep(state["latency"])
        return await answer(request, body, given)
    finally:
        in_flight["now"] -= 1


async def answer(request: web.Request, body: Any, text: str) -> Reply:
    name = fault_of(text, state["faults"])
    attempts[text] += 1
    if name in BROKEN:
        return await BROKEN[name](request, body, attempts[text])
    fault = {**LASTING, **ODD, **WRONG}.get(name) or (attempts[text] == 1 and PASSING.get(name))
    if fault:
        return fault(text)
    return web.json_response(completion(json.dumps({"text": rewritten(text)})))


async def turn(request: web.Request) -> Reply:
    state["faults"] = [name for name in request.query_string.split(",") if name]
    attempts.clear()
    return web.json_response(state)


if __name__ == "__main__":
    state["latency"] = float((sys.argv[2:] or ["0"])[0])
    turns = [web.get(path, turn) for path in ("/faulty", "/sound")]
    asyncio.run(serve(Path(sys.argv[1]), *turns, chat=chat))
