"""Killed fifty times, a run asks for no committed reply again, and loses none."""

from __future__ import annotations

import random
import time

import pytest
from killed import counter, kill, start, wait_until
from small_llm import request, running

from leaner_harness.llm.cache import Cache
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.settings import Settings

N_KILLS, N_REQUESTS, CONCURRENCY = 50, 6000, 8


def requests():
    return [request(f"latency=0.05 n={number}") for number in range(N_REQUESTS)]


def ask(url, path, calls) -> None:
    """What each process does: ask for all that is not there yet, and say how often it called."""
    engine = Engine(Settings("test-model", url, concurrency=CONCURRENCY), Cache(path))
    for _ in engine.ask(requests()):
        calls.value = engine.budget.requests


def reached(calls, count) -> bool:
    return calls.value >= count


def committed(path, settings) -> set[str]:
    """The questions whose replies are on the disk."""
    cache = Cache(path)
    found = {
        each.id
        for each in requests()
        if cache.get(each.key(settings.endpoint, settings.model), each) is not None
    }
    cache.close()
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kill_9_at_fifty_moments(tmp_path):
    path, draw = tmp_path / "replies.sqlite", random.Random(0)
    with running(tmp_path) as server:
        settings = server.settings()
        safe: dict[str, int] = {}  # how often a question was asked when its reply was first seen
        before = known = grew = 0
        for _ in range(N_KILLS):
            calls = counter()
            child = start(ask, settings.base_url, path, calls)
            wait_until(child, reached, calls, draw.randint(1, 100))
            time.sleep(draw.uniform(0, 0.05))
            assert kill(child), "the run ended before it was killed"
            time.sleep(0.2)  # what was in flight reaches the server's count
            asked, there = server.report()["asked"], committed(path, settings)
            assert set(safe) <= there, "a committed reply was lost"
            for question in there:
                safe.setdefault(question, asked[question])
                assert asked[question] == safe[question], "a committed reply was asked for again"
            lost = sum(asked.values()) - before - (len(there) - known)
            assert 0 <= lost <= CONCURRENCY, "more was in flight than may be"
            grew += len(there) > known
            before, known = sum(asked.values()), len(there)
        assert grew >= 0.8 * N_KILLS, "most kills were to come after new replies"
        ask(settings.base_url, path, counter())
        asked, there = server.report()["asked"], committed(path, settings)
        assert len(there) == N_REQUESTS
        # Beyond one call for each, no more than were in flight at the kills.
        assert N_REQUESTS <= sum(asked.values()) <= N_REQUESTS + N_KILLS * CONCURRENCY
