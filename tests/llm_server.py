"""A server that speaks OpenAI's chat completions, and fails in the way that a question asks for.

`python tests/llm_server.py PORT_FILE` in a process of its own. A question is the user's first
message; words in it such as `fault=429` name the fault, `latency=0.2` how long a reply takes. What
was asked, and how often, is at `/asked`.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import re
import string
import sys
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

from aiohttp import web

asked: Counter[str] = Counter()
in_flight: dict[str, int] = {"now": 0, "most": 0}
formats: list[str] = []
VALID = '{"grade": 3}'


def completion(content: Any, finish: str = "stop", **changes: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **changes.pop("message", {})}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "test-model-v1",
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    } | changes


def valid(body: Any) -> str:
    """What the schema asks for, a 3 wherever it wants a number."""
    form = body.get("response_format", {})
    schema = form.get("json_schema", {}).get("schema")
    return json.dumps(_instance(schema)) if schema else VALID


def _instance(schema: Any, grade: int = 3) -> Any:
    if schema["type"] == "integer":
        return grade
    return {name: _instance(part, grade) for name, part in schema["properties"].items()}


def error(status: int, message: str, code: str = "", **headers: str) -> web.Response:
    body = {"error": {"message": message, "type": "error", "code": code, "param": None}}
    return web.json_response(body, status=status, headers=headers)


async def chat(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    question = next(m["content"] for m in body["messages"] if m["role"] == "user")
    counted = "latency" in question  # a handler that hangs does so when its client is gone, too
    in_flight["now"] += counted
    in_flight["most"] = max(in_flight.values())
    try:
        return await answer(request, body, question)
    finally:
        in_flight["now"] -= counted


async def answer(request: web.Request, body: Any, question: str) -> web.StreamResponse:
    asked[question] += 1
    formats.append(body.get("response_format", {}).get("type", "text"))
    found = dict(re.findall(r"(\w+)=(\{[^}]*\}|[^\s\",]+)", question))
    await asyncio.sleep(float(found.get("latency", 0)))
    fault = FAULTS.get(found.get("fault", ""))
    if fault is None:
        return web.json_response(completion(found.get("reply", valid(body))))
    return await fault(request, body, asked[question])


def content(text: Any, finish: str = "stop", **changes: Any) -> Any:
    """The same reply each time."""

    async def fault(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
        return web.json_response(completion(text, finish, **changes))

    return fault


def first(times: int, response: Any) -> Any:
    """A response so many times, and then a valid reply."""

    async def fault(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
        return response() if attempt <= times else web.json_response(completion(VALID))

    return fault


async def hang(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
    await asyncio.sleep(3600)
    return web.Response()


async def drip(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for letter in json.dumps(completion(VALID)):
        await response.write(letter.encode())
        await asyncio.sleep(0.05)
    return response


async def reset(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def cut_body(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "5000"})
    await response.prepare(request)
    await response.write(b'{"choices": [')
    assert request.transport is not None
    request.transport.close()
    return response


async def no_schema(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
    """A server that knows `json_object` alone, and not the new name of a parameter."""
    kind = body.get("response_format", {}).get("type", "text")
    if kind == "json_schema":
        return error(400, "response_format of type json_schema is not supported")
    return web.json_response(completion(VALID))


async def plain(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
    if "response_format" in body:
        return error(422, "unknown field: response_format")
    if "temperature" in body:
        return error(400, "Unsupported value: 'temperature' does not support 0")
    return web.json_response(completion(VALID))


async def repaired(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
    """Nonsense, until it is asked again with a complaint."""
    text = VALID if "not what was asked for" in body["messages"][-1]["content"] else "three?"
    return web.json_response(completion(text))


async def longer(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
    tokens = body.get("max_tokens") or body["max_completion_tokens"]
    cut = completion('{"grade"', "length")
    return web.json_response(completion(VALID) if tokens > 600 else cut)


async def first_best(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
    """Of several answers, the first shown has 5 and the others 2."""
    labels = body["response_format"]["json_schema"]["schema"]["properties"]
    found = {
        label: _instance(grades, 2 if number else 5)
        for number, (label, grades) in enumerate(labels.items())
    }
    return web.json_response(completion(json.dumps(found)))


async def digits(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
    """Grades 3, 2 and 1, and how probable other digits were where that is asked for."""
    text = '{"grammar": 3, "coherence": 2, "specificity": 1}'
    reply = completion(text)
    if body.get("logprobs"):
        tokens = [{"token": "{", "top_logprobs": []}]
        for digit, other in (("3", "4"), ("2", "1"), ("1", "9")):
            shares = (
                [(digit, 0.75), (other, 0.25)] if other != "9" else [(digit, 0.5), (other, 0.5)]
            )
            if "certain" in body["messages"][1]["content"]:
                shares = [(digit, 0.75), ("0", 0.25)]
            top = [{"token": token, "logprob": math.log(share)} for token, share in shares]
            tokens.append({"token": digit, "top_logprobs": top})
        reply["choices"][0]["logprobs"] = {"content": tokens}
    return web.json_response(reply)


async def no_logprobs(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
    if "logprobs" in body:
        return error(400, "logprobs are not supported by this model")
    return await digits(request, body, attempt)


async def questions(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
    """As many as are asked for; three are no new questions, the fourth is always the same."""
    asked = json.loads(body["messages"][-1]["content"])
    dice = random.Random(zlib.crc32(json.dumps(asked).encode()))
    await asyncio.sleep(dice.random() / 50)  # replies come in another order than requests
    form = "Where does the {} {} go with {} {}?"
    letters = [dice.sample(string.ascii_lowercase, 4) for _ in range(asked["count"] - 4)]
    again = "1. Why do the big red dogs like the small cat so much?"
    found = [3, " ", asked["examples"][0].upper(), again, *(form.format(*x) for x in letters)]
    return web.json_response(completion(json.dumps({"questions": found})))


async def echo_key(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
    return error(400, f"bad header: {request.headers['Authorization']}")


async def key_everywhere(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
    """The key in a valid reply, and letters that no file can hold."""
    said = request.headers["Authorization"] + "\ud800"
    return web.json_response(completion(VALID + said, model=said))


async def long_error(request: web.Request, body: Any, attempt: int) -> web.StreamResponse:
    """The key where an error is cut off."""
    return web.json_response({"error": "x" * 70 + request.headers["Authorization"]})


FAULTS: dict[str, Any] = {
    "429": first(2, lambda: error(429, "slow down", **{"Retry-After": "0.2"})),
    "429-ms": first(1, lambda: error(429, "slow down", **{"retry-after-ms": "150"})),
    "429-long": first(99, lambda: error(429, "slow down", **{"Retry-After": "3000"})),
    "429-soon": first(1, lambda: error(429, "slow down", **{"Retry-After": "soon"})),
    "429-date": first(1, lambda: error(429, "slow", **{"Retry-After": "Wed, 99 Foo 2026"})),
    "quota": first(99, lambda: error(429, "You exceeded your quota", "insufficient_quota")),
    "500": first(2, lambda: error(500, "oops")),
    "500-always": first(99, lambda: error(500, "oops")),
    "html-503": first(1, lambda: web.Response(status=503, text="<html>busy</html>")),
    "html-200": first(1, lambda: web.Response(text="<html>hi</html>", content_type="text/html")),
    "no-retry": first(99, lambda: error(500, "no", **{"x-should-retry": "false"})),
    "403": first(99, lambda: error(403, "flagged by moderation")),
    "401": first(99, lambda: error(401, "Incorrect API key provided")),
    "error-200": first(1, lambda: web.json_response({"error": {"message": "overloaded"}})),
    "cut-json": first(
        1, lambda: web.Response(text='{"choices": [{"mess', content_type="application/json")
    ),
    "cut-body": cut_body,
    "hang": hang,
    "drip": drip,
    "reset": reset,
    "refusal": content(None, message={"refusal": "I will not."}),
    "prose-refusal": content("I'm sorry, but I can't grade that."),
    "filtered": content('{"gra', "content_filter"),
    "schema": content('{"mark": 3}'),
    "range": content('{"grade": 9}'),
    "type": content('{"grade": "three"}'),
    "grades": content('{"grammar": 3, "coherence": 2, "specificity": 1}'),
    "float-grades": content('{"grammar": 3.0, "coherence": 2.0, "specificity": 1}'),
    "fence": content('Here it is:\n```json\n{"grade": 4}\n```\nDone.'),
    "think": content('<think>{"grade": 0} or so?</think>{"grade": 5}'),
    "think-cut": content('<think>{"grade": 0} or so? But', "length"),
    "no-usage": content(VALID, usage=None),
    "empty-choices": content(VALID, choices=[]),
    "null-content": content(None),
    "repaired": repaired,
    "length": content('{"grade', "length"),
    "longer": longer,
    "no-schema": no_schema,
    "plain": plain,
    "echo-key": echo_key,
    "key-everywhere": key_everywhere,
    "long-error": long_error,
    "first-best": first_best,
    "digits": digits,
    "no-logprobs": no_logprobs,
    "questions": questions,
}


async def report(request: web.Request) -> web.StreamResponse:
    return web.json_response({"asked": asked, "most": in_flight["most"], "formats": formats[-5:]})


async def serve(port_file: Path, *more: web.RouteDef, chat: Any = chat) -> None:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_get("/asked", report)
    app.router.add_routes(more)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    part = port_file.with_suffix(".part")
    part.write_text(str(port))
    part.rename(port_file)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
