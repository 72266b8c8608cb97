"""Every request ends in the right state, whatever a real server does."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from dataclasses import replace

import pytest
from small_llm import KEY, request, running

from leaner_harness import DataError, UsageError
from leaner_harness.llm.cache import Cache
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.records import InvalidReply, Usage
from leaner_harness.llm.settings import Settings


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture
def cache(tmp_path):
    found = Cache(tmp_path / "replies.sqlite")
    yield found
    found.close()


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


unique = map("n={}".format, itertools.count())


def ask_one(server, cache, question, keys=None, **settings):
    engine = Engine(server.settings(**settings), cache)
    (reply,) = engine.ask([request(f"{question} {next(unique)}", **(keys or {}))])
    return reply, engine


@pytest.mark.parametrize(
    ("fault", "state", "value", "calls"),
    [
        ("none", "ok", 3, 1),
        ("429", "ok", 3, 3),
        ("429-ms", "ok", 3, 2),
        ("429-soon", "ok", 3, 2),
        ("429-date", "ok", 3, 2),
        ("429-long", "transport", None, 1),
        ("quota", "transport", None, 1),
        ("500", "ok", 3, 3),
        ("500-always", "transport", None, 3),
        ("html-503", "ok", 3, 2),
        ("html-200", "ok", 3, 2),
        ("no-retry", "transport", None, 1),
        ("401", "transport", None, 1),
        ("error-200", "ok", 3, 2),
        ("cut-json", "ok", 3, 2),
        ("cut-body", "transport", None, 3),
        ("reset", "transport", None, 3),
        ("hang", "transport", None, 3),
        ("drip", "transport", None, 3),
        ("refusal", "refused", None, 1),
        ("prose-refusal", "refused", None, 1),
        ("filtered", "filtered", None, 1),
        ("schema", "unparsable", None, 2),
        ("range", "out_of_range", None, 2),
        ("type", "unparsable", None, 2),
        ("fence", "ok", 4, 1),
        ("think", "ok", 5, 1),
        ("think-cut", "truncated", None, 2),
        ("no-usage", "ok", 3, 1),
        ("empty-choices", "transport", None, 3),
        ("null-content", "unparsable", None, 2),
        ("repaired", "ok", 3, 2),
        ("length", "truncated", None, 2),
        ("longer", "ok", 3, 2),
        ("no-schema", "ok", 3, 2),
        ("plain", "ok", 3, 4),
    ],
)
def test_every_fault_has_its_state(server, cache, fault, state, value, calls):
    keys = {"sampling": {"temperature": 0.0}} if fault == "plain" else None
    timeout = 0.7 if fault in ("hang", "drip") else 30.0
    waits = {"timeout": timeout, "retries": 2, "longest_wait": 5.0}
    reply, engine = ask_one(server, cache, f"fault={fault}", keys, **waits)
    assert (reply.state, reply.value, reply.calls) == (state, value, calls), reply
    assert engine.budget.requests == calls and engine.states == Counter({state: 1})
    assert (reply.reason == "") == (state == "ok")
    assert len(cache) == (state == "ok")
    assert KEY not in str(reply)


def test_the_key_is_not_repeated_from_an_error(server, cache):
    reply, _ = ask_one(server, cache, "fault=echo-key")
    assert reply.state == "transport" and "[key]" in reply.reason and KEY not in str(reply)
    assert KEY.encode() not in cache.path.read_bytes()


@pytest.mark.parametrize("fault", ["key-everywhere", "long-error"])
def test_the_key_is_not_kept_from_a_reply(server, cache, fault):
    reply, _ = ask_one(server, cache, f"fault={fault}", retries=0)
    assert reply.state == ("ok" if fault == "key-everywhere" else "transport")
    assert KEY[:9] not in str(reply)
    written = [each.read_bytes() for each in cache.path.parent.iterdir()]
    assert KEY.encode() not in b"".join(written)


def test_white_space_is_no_part_of_a_key(server, cache, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
    reply, _ = ask_one(server, cache, "white space", retries=0)
    assert reply.state == "ok"


def test_replies_are_made_once(server, cache):
    requests = [request(f"again n={number}") for number in range(30)]
    engine = Engine(server.settings(), cache)
    first = {reply.id: reply.value for reply in engine.ask(requests)}
    again = Engine(server.settings(), cache)
    assert {reply.id: reply.value for reply in again.ask(requests)} == first
    assert (again.hits, again.budget.requests) == (30, 0) and len(first) == 30
    asked = server.report()["asked"]
    assert {asked[one.id] for one in requests} == {1}
    # Another model, another sample, other tokens: other replies.
    changed = [request("again n=0", sample=1), request("again n=0", max_tokens=7)]
    engine = Engine(server.settings(), cache)
    assert len(list(engine.ask(changed))) == 2 and engine.budget.requests == 2


def test_a_stricter_reading_is_asked_anew(server, cache):
    question = request(f'strict {next(unique)} reply={{"grade":5}}')
    (first,) = Engine(server.settings(), cache).ask([question])
    assert first.value == 5

    def strict(text):
        raise InvalidReply("out_of_range", "too good")

    (second,) = Engine(server.settings(), cache).ask([replace(question, read=strict)])
    assert second.state == "out_of_range" and second.calls == 2


def test_many_at_once_and_no_more_than_allowed(server, cache):
    count, latency = 200, 0.1
    requests = (request(f"latency={latency} many n={number}") for number in range(count))
    began = time.monotonic()
    replies = list(Engine(server.settings(concurrency=20), cache).ask(requests))
    seconds = time.monotonic() - began
    assert Counter(reply.state for reply in replies) == {"ok": count}
    assert {reply.id for reply in replies} == {
        f"latency={latency} many n={n}" for n in range(count)
    }
    assert seconds < 0.5 * count * latency
    assert 10 <= server.report()["most"] <= 20


def test_requests_are_taken_as_they_are_needed(server, cache):
    taken = itertools.count()
    requests = (request(f"endless n={next(taken)}") for _ in itertools.count())
    replies = Engine(server.settings(concurrency=2), cache).ask(requests)
    for _ in range(5):
        assert next(replies).state == "ok"
    replies.close()
    assert next(taken) <= 5 + 2 * 5


def test_the_budget_is_held(server, cache):
    requests = [request(f"budget n={number}") for number in range(10)]
    engine = Engine(server.settings(max_requests=4), cache)
    states = Counter(reply.state for reply in engine.ask(requests))
    assert states == {"ok": 4, "skipped_budget": 6} and engine.budget.requests == 4
    # 10 and 5 tokens a call, 1 and 2 a token; what a call may cost at most is set aside.
    prices = (1e6, 2e6)
    engine = Engine(server.settings(max_cost=100.0, prices=prices, concurrency=1), cache)
    costly = [request(f"cost n={number}", max_tokens=20) for number in range(10)]
    states = Counter(reply.state for reply in engine.ask(costly))
    assert states["ok"] == 3 and states["skipped_budget"] == 7  # 20 + 20 + 20, then 50 is too much
    assert engine.budget.spent == 60.0


@pytest.mark.parametrize(
    ("fault", "spent"), [("hang", 60), ("empty-choices", 60), ("500-always", 0), ("reset", 0)]
)
@pytest.mark.slow
def test_what_may_have_cost_something_is_counted(server, cache, fault, spent):
    """A server that gave no reply in time may have written one, and ask money for it."""
    settings = {"max_cost": 65.0, "prices": (0.0, 1e6), "retries": 5}
    settings["timeout"] = 0.3 if fault == "hang" else 30.0
    reply, engine = ask_one(server, cache, f"fault={fault}", {"max_tokens": 20}, **settings)
    assert engine.budget.spent == spent
    assert (reply.state, reply.calls) == (("skipped_budget", 3) if spent else ("transport", 6))


def test_a_second_try_is_set_aside_for_with_all_that_it_sends(server, cache):
    """First reply and complaint go along: 20 tokens and more at a million a million each."""
    engine = Engine(server.settings(max_cost=1e9, prices=(1e6, 0.0)), cache)
    taken = []
    real = engine.budget.take
    engine.budget.take = lambda messages, n: taken.append(len(messages)) or real(messages, n)
    list(engine.ask([request("fault=range twice")]))
    assert taken == [1, 3]


@pytest.mark.slow
def test_what_a_call_without_a_reply_cost_is_unknown_and_not_nothing(server, cache):
    reply, _ = ask_one(server, cache, "fault=hang", timeout=0.2, retries=0)
    assert reply.usage == Usage(None, None)
    reply, _ = ask_one(server, cache, "fault=reset", retries=0)
    assert reply.usage == Usage()


def test_one_text_that_is_refused_ends_no_run(server, cache):
    """Some gateways answer 403 for a text that they flag."""
    texts = [f"flagged n={n} {'fault=403' if n == 3 else ''}" for n in range(8)]
    engine = Engine(server.settings(), cache)
    states = Counter(reply.state for reply in engine.ask(map(request, texts)))
    assert states == {"ok": 7, "transport": 1}


def test_a_used_up_quota_stops_the_run(server, cache):
    requests = [request(f"fault=quota stop n={number}") for number in range(50)]
    engine = Engine(server.settings(concurrency=4), cache)
    replies = list(engine.ask(requests))
    assert len(replies) == 50 and set(engine.states) == {"transport", "not_asked"}
    assert engine.budget.requests <= 4 and engine.states["not_asked"] >= 46
    assert all("the quota is used up" in reply.reason for reply in replies)


def test_a_run_of_failures_opens_the_circuit(server, cache):
    requests = [request(f"fault=500-always circuit n={number}") for number in range(60)]
    engine = Engine(server.settings(concurrency=4, retries=0, failures_in_a_row=10), cache)
    replies = list(engine.ask(requests))
    assert engine.states.total() == 60 and engine.states["transport"] == engine.budget.requests
    assert engine.budget.requests <= 14 and engine.states["not_asked"] >= 46
    assert "10 requests failed in a row" in replies[-1].reason


def test_requests_that_are_never_right_open_it_too(server, cache):
    requests = [request(f"fault=echo-key never n={number}") for number in range(30)]
    engine = Engine(server.settings(concurrency=2, failures_in_a_row=5), cache)
    assert {reply.state for reply in engine.ask(requests)} == {"transport", "not_asked"}
    assert engine.states.total() == 30 and engine.budget.requests <= 7


def test_a_cache_that_cannot_be_written_is_named(server, cache):
    cache._base.execute("PRAGMA query_only = ON")  # as on a disk that is full or not writable
    with pytest.raises(DataError, match="cannot be used: attempt to write a readonly database"):
        ask_one(server, cache, "read-only")


def test_an_error_of_the_requests_reaches_the_caller(server, cache):
    def broken():
        yield request(f"fine {next(unique)}")
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        list(Engine(server.settings(concurrency=1), cache).ask(broken()))


def test_a_key_is_needed_for_openai_alone(monkeypatch, cache):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UsageError, match="OPENAI_API_KEY is not set"):
        list(Engine(Settings("gpt"), cache).ask([request("hello")]))
    assert Settings("m", "http://localhost:1/v1").key() == "none"


def test_settings_are_checked_and_name_no_secret():
    with pytest.raises(UsageError, match="concurrency is 0"):
        Settings("m", concurrency=0)
    with pytest.raises(UsageError, match="must begin with http"):
        Settings("m", "localhost:8000")
    with pytest.raises(UsageError, match="max_cost needs prices"):
        Settings("m", max_cost=1.0)
    assert Settings("m", "http://user:pw@host:8000/v1?key=x").endpoint == "http://host:8000/v1"
