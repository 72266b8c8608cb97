"""The engine: many requests at once, each to an end, replies in the order they come.

The calls run on an event loop in a thread of their own, so a caller that is slow, or stops, or is
interrupted, does not let a reply time out or get lost: what is valid is in the cache by then.
"""

from __future__ import annotations

import asyncio
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from leaner_harness.llm.budget import Budget
from leaner_harness.llm.cache import Cache
from leaner_harness.llm.client import AGAIN, REWORD, STOP, Answer, Client, Failure
from leaner_harness.llm.dialect import Dialect
from leaner_harness.llm.records import (
    FILTERED,
    NOT_ASKED,
    OK,
    REFUSED,
    SKIPPED_BUDGET,
    TRANSPORT,
    TRUNCATED,
    InvalidReply,
    Reply,
    Request,
    Usage,
)
from leaner_harness.llm.settings import Settings

_FIRST_WAIT, _MOST_WAIT = 0.5, 8.0  # seconds before the second attempt, and between later ones
_AHEAD = 4  # replies, times the concurrency, that may wait for the caller: bounds memory
_UNKNOWN = Usage(None, None)
_ASK_AGAIN = (
    "That was not what was asked for: {reason}. Answer the same question again, and give nothing "
    "but the answer in the form that was asked for."
)


class Engine:
    """Asks one model, within its settings."""

    def __init__(self, settings: Settings, cache: Cache) -> None:
        self.settings, self.cache = settings, cache
        self.budget = Budget(settings)
        self.states: Counter[str] = Counter()
        """How many requests ended in each state."""
        self.hits = 0
        """How many of them were in the cache."""
        self.models: set[str] = set()
        """What servers called the models that replied."""

    def ask(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """One reply for each request, as they come; none is lost, whatever the server does.

        `requests` are taken as they are needed. Where the quota is used up, the key refused, or
        request after request fails, the rest end in `not_asked`. Raises
        UsageError where a key is needed and not set, and what the iterable raises.
        """
        run = _Run(self, iter(requests))
        run.start()
        try:
            yield from run.replies()
        finally:
            run.stop()


class _Run:
    """One call of `ask`."""

    def __init__(self, engine: Engine, requests: Iterator[Request]) -> None:
        self._engine, self._settings = engine, engine.settings
        self._requests = requests
        self._out: queue.SimpleQueue[Reply | BaseException | None] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="leaner-llm", daemon=True)
        self._room = asyncio.Semaphore(_AHEAD * engine.settings.concurrency)
        self._client: Client | None = None
        self._stopped = ""
        """Why no more requests are made, if so."""
        self._failed_in_a_row = 0
        self._asked_to_wait = 0.0
        """When, on the monotonic clock, the server wants to be asked again."""

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def replies(self) -> Iterator[Reply]:
        """Hand out what comes."""
        taken, at_once = 0, max(1, self._settings.concurrency // 4)
        while (found := self._out.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            self._engine.states[found.state] += 1
            self._engine.models |= {found.model} if found.model else set()
            taken += 1
            if taken == at_once:  # each waking of the other thread costs as much as a reply
                self._loop.call_soon_threadsafe(self._make_room, taken)
                taken = 0
            yield found

    def _make_room(self, count: int) -> None:
        for _ in range(count):
            self._room.release()

    def stop(self) -> None:
        """Cancel what is under way, and wait for its end."""
        self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join()
        self._loop.close()  # not before: the caller makes room on it for the last replies, too

    def _cancel(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()

    def _work(self) -> None:
        try:
            self._loop.run_until_complete(self._all())
            self._out.put(None)
        except asyncio.CancelledError:
            self._out.put(None)
        except BaseException as error:  # it belongs to the caller's thread
            self._out.put(error)

    async def _all(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._settings.concurrency):
                    group.create_task(self._worker())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            if self._client is not None:
                await self._client.close()

    async def _worker(self) -> None:
        """Take requests one by one, each to its end."""
        while True:
            await self._room.acquire()
            request = next(self._requests, None)
            if request is None:
                return
            key = request.key(self._settings.endpoint, self._settings.model)
            reply = self._engine.cache.get(key, request)
            if reply is not None:
                self._engine.hits += 1
                await asyncio.sleep(0)
            else:
                reply = await self._settle(request)
                if reply.state == OK:
                    self._engine.cache.put(key, reply)
            self._out.put(reply)

    async def _settle(self, request: Request) -> Reply:
        """Ask, and ask once more where the reply is not what was asked for."""
        messages, max_tokens = list(request.messages), request.max_tokens
        calls, usage = 0, Usage()
        reply = Reply(request.id, TRANSPORT)
        for is_second in (False, True):
            try:
                answer, made = await self._answer(request, messages, max_tokens)
            except _NoAnswer as end:
                # What the first reply was wrong in says more than that there was no second.
                if not is_second:
                    reply = Reply(request.id, end.state, reason=end.reason)
                return _with(reply, calls + end.calls, usage + end.usage)
            calls, usage = calls + made, usage + answer.usage
            reply = self._read(request, answer)
            if reply.state in (OK, REFUSED, FILTERED) or is_second:
                break
            if reply.state == TRUNCATED:
                max_tokens *= 2
            else:
                complaint = _ASK_AGAIN.format(reason=reply.reason)
                messages += [
                    {"role": "assistant", "content": answer.text},
                    {"role": "user", "content": complaint},
                ]
        return _with(reply, calls, usage)

    def _read(self, request: Request, answer: Answer) -> Reply:
        """What an answer comes to."""
        state, reason, value = OK, "", None
        if answer.refusal:
            state, reason = REFUSED, answer.refusal
        elif answer.finish == "content_filter":
            state, reason = FILTERED, "the server's content filter cut the reply"
        else:
            try:
                value = request.read(answer.text)
            except InvalidReply as error:
                is_cut = answer.finish == "length"
                state = TRUNCATED if is_cut else error.state
                reason = "the reply was cut off" if is_cut else error.reason
        assert self._client is not None
        form = self._client.dialect.format_of(request)
        return Reply(
            request.id, state, value, answer.text, reason, answer.model, form, answer.digits
        )

    async def _answer(
        self, request: Request, messages: Sequence[Mapping[str, str]], max_tokens: int
    ) -> tuple[Answer, int]:
        """An answer and the HTTP requests it took. Raises _NoAnswer."""
        calls, failures, usage = 0, 0, Usage()
        while True:
            await self._wait_as_asked()
            if self._stopped:
                raise _NoAnswer(NOT_ASKED, self._stopped, calls, usage)
            price = self._engine.budget.take(messages, max_tokens)
            if price is None:
                raise _NoAnswer(SKIPPED_BUDGET, "the budget is used up", calls, usage)
            calls += 1
            if self._client is None:
                self._client = Client(self._settings)
            dialect = self._client.dialect
            spent: Usage | None = None
            try:
                answer = await self._client.call(request, messages, max_tokens)
                spent = answer.usage
                self._failed_in_a_row = 0
                return replace(answer, usage=usage + spent), calls
            except Failure as failure:
                if failure.may_cost:
                    spent = usage = _UNKNOWN
                failures += failure.meaning != REWORD
                if not await self._go_on(failure, failures, dialect, request):
                    raise _NoAnswer(TRANSPORT, failure.reason, calls, usage) from None
            finally:
                self._engine.budget.settle(price, spent)

    async def _go_on(
        self, failure: Failure, failures: int, dialect: Dialect, request: Request
    ) -> bool:
        """Whether to ask again, after the wait that a failure calls for."""
        assert self._client is not None
        if failure.meaning == STOP:
            self._stopped = self._stopped or failure.reason
            return False
        if failure.meaning == REWORD:
            if self._client.dialect is not dialect:
                return True  # in the words that another call has found meanwhile
            if weaker := dialect.weaker(failure.reason, request):
                self._client.dialect = weaker
                return True
        wait = failure.wait
        patient = wait is None or wait <= self._settings.longest_wait
        if failure.meaning == AGAIN and failures <= self._settings.retries and patient:
            if wait is not None:  # for all: a server that is busy is busy for every call
                self._asked_to_wait = max(self._asked_to_wait, time.monotonic() + wait)
            else:
                longest = min(_MOST_WAIT, _FIRST_WAIT * 2 ** (failures - 1))
                await asyncio.sleep(longest * random.uniform(0.5, 1.0))
            return True
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= self._settings.failures_in_a_row:
            failed = f"{self._failed_in_a_row} requests failed in a row, the last: {failure.reason}"
            self._stopped = self._stopped or failed
        return False

    async def _wait_as_asked(self) -> None:
        while not self._stopped and (wait := self._asked_to_wait - time.monotonic()) > 0:
            # Not all at the same moment.
            await asyncio.sleep(wait + random.uniform(0, 0.1))


class _NoAnswer(Exception):
    """A request ends without an answer."""

    def __init__(self, state: str, reason: str, calls: int, usage: Usage) -> None:
        super().__init__(reason)
        self.state, self.reason, self.calls, self.usage = state, reason, calls, usage


def _with(reply: Reply, calls: int, usage: Usage) -> Reply:
    return replace(reply, calls=calls, usage=usage)
