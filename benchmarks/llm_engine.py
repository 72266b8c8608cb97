"""The engine against a bare AsyncOpenAI loop: the same requests to a real local HTTP server.

    python benchmarks/llm_engine.py [--requests 2000] [--concurrency 64] [--latency 0.2]

The peer is what one writes by hand: a semaphore and `asyncio.gather` around
`chat.completions.create`, with openai's default transport or its faster one. Ours also keeps every
reply in its cache, reads it and counts it. Each server and each side has a process of its own; wall
time of the asking alone, rounds interleaved. Then the whole once more from the cache, and the most
memory that many judgements from it need.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from small_llm import request, running

from leaner_harness.llm.cache import Cache
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.records import Request
from leaner_harness.llm.settings import Settings

MEGABYTE = 2**20 / 1024  # of what getrusage counts in kibibytes


def requests(count: int, latency: float, name: str) -> Iterator[Request]:
    return (request(f"latency={latency} {name} n={number}") for number in range(count))


def bare(url: str, options: argparse.Namespace, name: str, path: Path) -> dict[str, Any]:
    from openai import AsyncOpenAI, DefaultAioHttpClient

    async def run() -> float:
        transport = DefaultAioHttpClient() if options.aiohttp else None
        client = AsyncOpenAI(
            base_url=url, api_key="none", max_retries=2, timeout=60, http_client=transport
        )
        slots = asyncio.Semaphore(options.concurrency)

        async def one(each: Request) -> str:
            async with slots:
                reply = await client.chat.completions.create(
                    model="test-model", messages=list(each.messages), max_tokens=each.max_tokens
                )
                return reply.choices[0].message.content or ""

        began = time.perf_counter()
        await asyncio.gather(*map(one, requests(options.requests, options.latency, name)))
        return time.perf_counter() - began

    return {"seconds": asyncio.run(run())}


def ours(url: str, options: argparse.Namespace, name: str, path: Path) -> dict[str, Any]:
    engine = Engine(Settings("test-model", url, concurrency=options.concurrency), Cache(path))
    import openai  # noqa: F401  not a part of asking

    began = time.perf_counter()
    states = {
        reply.state for reply in engine.ask(requests(options.requests, options.latency, name))
    }
    seconds = time.perf_counter() - began
    assert states == {"ok"}, states
    return {"seconds": seconds, "calls": engine.budget.requests, "hits": engine.hits}


def memory(url: str, options: argparse.Namespace, name: str, path: Path) -> dict[str, Any]:
    """The most memory after a tenth of many judgements from the cache, and after all of them."""
    engine, most = Engine(Settings("test-model", url), Cache(path)), []
    many = 50 * options.requests
    endless = (
        each for _ in range(50) for each in requests(options.requests, options.latency, name)
    )
    for number, _ in enumerate(engine.ask(endless), start=1):
        if number in (many // 10, many):
            most.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE)
    return {"judgements": many, "megabytes": most, "calls": engine.budget.requests}


def in_process(way: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """What a way returns, from a new process; with `whole`, the seconds of the process."""
    context = multiprocessing.get_context("spawn")
    began = time.perf_counter()
    with ProcessPoolExecutor(1, context) as pool:  # what runs in it may fork processes of its own
        found = pool.submit(way, *arguments).result()
    return found | {"whole": time.perf_counter() - began}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--aiohttp", action="store_true", help="give the peer aiohttp, which ours has anyway"
    )
    options = parser.parse_args()
    os.environ.pop("OPENAI_API_KEY", None)
    ratios, rates = [], []
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        url, path = server.settings().base_url, Path(folder) / "replies.sqlite"
        for number in range(options.rounds):
            peer = in_process(bare, url, options, f"bare{number}", path)
            own = in_process(ours, url, options, f"ours{number}", path)
            ratios.append(peer["seconds"] / own["seconds"])
            rates.append(options.requests / own["seconds"])
            print(f"bare {peer['seconds']:.2f} s, ours {own['seconds']:.2f} s", file=sys.stderr)
        again = in_process(ours, url, options, "ours0", path)
        much = in_process(memory, url, options, "ours0", path)
    ideal = options.concurrency / options.latency
    result = {
        "throughput_of_bare": [min(ratios), statistics.median(ratios), max(ratios)],
        "requests_per_second": statistics.median(rates),
        "share_of_ideal": statistics.median(rates) / ideal,
        "again": {key: again[key] for key in ("calls", "hits", "seconds", "whole")},
        "memory": much,
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
