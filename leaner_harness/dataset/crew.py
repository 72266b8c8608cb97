"""A crew: pure work on texts done by several processes, the results in the order of the texts.

Only where processes can be forked and die with the one that forked them, which is Linux; elsewhere,
and for little work, it is done in place. Nothing but texts and findings goes between processes.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import current_process, get_context
from multiprocessing.synchronize import Semaphore
from typing import Any

from leaner_harness.errors import LeanerError

WORTH_IT = 200
"""Texts from which on processes are started."""
_BATCH, _AHEAD = 8, 4
"""Texts that are handed over at once; batches under way for each process."""
_SOON = 10.0
"""Seconds in which a process has begun, unless something is wrong with it."""
_SIGNAL_OF_DEATH = 1  # PR_SET_PDEATHSIG of prctl(2)

Item = tuple[Any, ...]

_worker: Any = None


def one_by_one(work: Callable[..., Any], items: Iterable[Item]) -> Iterator[tuple[Item, Any]]:
    """Each item, and what work on it gave: in place."""
    for item in items:
        yield item, work(*item)


class Crew:
    """Processes that share a worker, an object whose methods are the work. Close it when done."""

    def __init__(self, worker: Any, processes: int | None, not_theirs: Sequence[Any] = ()) -> None:
        """`processes`: None for one a core. `not_theirs` are open files that they close at once,
        such as one that is locked: they must not hold it for longer than this process does.
        """
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
        self._size = min(processes or cores, cores)
        self._worker, self._not_theirs = worker, not_theirs
        self._pool: ProcessPoolExecutor | None = None

    def start(self) -> None:
        """Start the processes, with all that the worker knows by now; call it before threads."""
        may_have_children = not current_process().daemon
        if self._size > 1 and self._pool is None and may_have_children:
            context = get_context("fork")
            begun = context.Semaphore(0)
            begin = (self._worker, tuple(self._not_theirs), os.getpid(), begun)
            self._pool = ProcessPoolExecutor(self._size, context, _begin, begin)
            self._pool.submit(_do, "", []).result()
            for _ in range(self._size):  # one alone may have answered, with the others at its lock
                begun.acquire(timeout=_SOON)

    def close(self) -> None:
        """Let them go."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def map(
        self, work: Callable[..., Any], items: Iterable[Item], starts: bool = False
    ) -> Iterator[tuple[Item, Any]]:
        """Each item, and what a method of the worker gave for it, in order.

        With `starts`, the processes are started once there is enough to do. Raises LeanerError
        where a process died.
        """
        waiting = iter(items)
        if self._pool is None:
            few = itertools.islice(waiting, WORTH_IT) if starts else waiting
            yield from one_by_one(work, few)
            if starts and (first := next(waiting, None)) is not None:
                self.start()
                waiting = itertools.chain([first], waiting)
        if self._pool is None:
            yield from one_by_one(work, waiting)
        else:
            yield from self._spread(self._pool, work.__name__, waiting)

    def _spread(
        self, pool: ProcessPoolExecutor, name: str, items: Iterator[Item]
    ) -> Iterator[tuple[Item, Any]]:
        under_way: deque[tuple[list[Item], Future[list[Any]]]] = deque()
        while batch := list(itertools.islice(items, _BATCH)):
            with _deaths_named():
                under_way.append((batch, pool.submit(_do, name, batch)))
            if len(under_way) >= _AHEAD * self._size:
                yield from _ended(*under_way.popleft())
        while under_way:
            yield from _ended(*under_way.popleft())


def _ended(batch: list[Item], future: Future[list[Any]]) -> Iterator[tuple[Item, Any]]:
    with _deaths_named():
        found = future.result()
    yield from zip(batch, found, strict=True)


@contextmanager
def _deaths_named() -> Iterator[None]:
    """Raise LeanerError for a process that died, noticed as work was given or as it was awaited."""
    try:
        yield
    except BrokenProcessPool as error:
        raise LeanerError(
            "A process that checked texts died, most likely for lack of memory.",
            "The same command goes on; --processes 1 needs less.",
        ) from error


def _begin(worker: Any, not_theirs: Sequence[Any], master: int, begun: Semaphore) -> None:
    """In a new process: what it works with, and how it ends."""
    global _worker
    _worker = worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that forked it says when to stop
    ctypes.CDLL(None).prctl(_SIGNAL_OF_DEATH, signal.SIGKILL)
    if os.getppid() != master:  # it died before, and no signal will come
        os._exit(1)
    for file in not_theirs:
        file.close()
    begun.release()


def _do(name: str, batch: list[Item]) -> list[Any]:
    return [getattr(_worker, name)(*item) for item in batch]
