"""Drive an experiment: run the commands of its cells, several at once, each until it is done once.

A cell that is done leaves a mark, so that an experiment that was stopped or killed goes on with the
others; the commands themselves go on where they were stopped. What was done before something that
it needs was done again is done again, too. A command that outlived its driver still holds its
cell's lock: it is waited for, and leaves its own mark.
"""

from __future__ import annotations

import fcntl
import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from leaner_harness.commands import environment
from leaner_harness.errors import UsageError
from leaner_harness.experiments.grid import Cell

DONE, FAILED, BLOCKED = "done", "failed", "blocked"
"""`blocked`: a cell it needs failed."""
LEANER = (sys.executable, "-m", "leaner_harness.cli")
ONE_CELL = (sys.executable, "-m", "leaner_harness.experiments.one_cell")
"""It leaves the mark, so that what outlives a driver that is killed is not done again."""

Announce = Callable[[Cell, str], None]
"""Called with a cell and `started`, or how it ended."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the marks, locks and logs of an experiment are."""

    folder: Path

    def mark(self, cell: Cell) -> Path:
        """The mark of a cell that is done."""
        return self._mark(cell.name)

    def log(self, cell: Cell) -> Path:
        """What the command printed."""
        return self.folder / "logs" / f"{cell.name}.log"

    def is_done(self, cell: Cell) -> bool:
        """Whether it was done, by this command and after all that it needs.

        Raises UsageError for another command.
        """
        known = self._known(cell.name)
        if known is None:
            return False
        if known.get("digest") != cell.digest:
            raise UsageError(
                f"{cell.name} was done with another command{_change(known, cell)}.",
                "Give the options it was done with, or another --out; or remove its mark to do it "
                f"again: {self.mark(cell)}. All of this step's are in {self.mark(cell).parent}.",
            )
        needed = [self._known(name) for name in cell.needs]
        return all(each is not None and _ended(each) <= _ended(known) for each in needed)

    def seconds(self, cell: Cell) -> float | None:
        """How long the last try of a cell that is done took."""
        known = self._known(cell.name)
        return None if known is None else float(known["seconds"])

    def _mark(self, name: str) -> Path:
        return self.folder / "done" / f"{name}.json"

    def _known(self, name: str) -> Mapping[str, Any] | None:
        path = self._mark(name)
        try:
            known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise UsageError(f"{path} is no mark: {error}.", "Remove it.") from error
        return known


def _ended(known: Mapping[str, Any]) -> float:
    """When a cell was done; marks of earlier versions do not say, and are the older ones."""
    return float(known.get("ended", 0.0))


def _change(known: Mapping[str, Any], cell: Cell) -> str:
    """The words in which a cell's command was another."""
    before, now = known.get("command", []), cell.command
    words = (
        [word for word in before if word not in now],
        [word for word in now if word not in before],
    )
    if not any(words):
        return ""
    return f": then {shlex.join(words[0]) or 'without'}, now {shlex.join(words[1]) or 'without'}"


def run(
    cells: Sequence[Cell],
    folder: Path,
    *,
    workers: int = 1,
    announce: Announce = lambda *_: None,
    program: Sequence[str] = LEANER,
) -> dict[str, str]:
    """Do all cells that are not done; returns how each ended.

    A failure leaves out what needs it, and nothing else. Raises UsageError where a cell was done
    with another command.
    """
    place = Place(folder)
    for cell in cells:
        place.is_done(cell)
    ended: dict[str, str] = {}
    events = {cell.name: threading.Event() for cell in cells}
    stopped = threading.Event()

    def one(cell: Cell) -> None:
        try:
            for name in cell.needs:  # they stand earlier in the queue, so waiting ends
                events[name].wait()
            if stopped.is_set():
                return
            is_free = all(ended.get(name) == DONE for name in cell.needs)
            ended[cell.name] = _one(cell, place, program, announce) if is_free else BLOCKED
            announce(cell, ended[cell.name])
        finally:
            events[cell.name].set()

    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(one, cell) for cell in cells]
        try:
            for each in waiting:
                each.result()
        except BaseException:  # Ctrl-C reaches the commands, too: they end by themselves
            stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return ended


def _one(cell: Cell, place: Place, program: Sequence[str], announce: Announce) -> str:
    with _locked(place.folder / "locks" / f"{cell.name}.lock") as lock:
        if place.is_done(cell):
            return DONE
        announce(cell, "started")
        log = place.log(cell)
        log.parent.mkdir(parents=True, exist_ok=True)
        mark, said = place.mark(cell), {"command": list(cell.command), "digest": cell.digest}
        words = [str(mark.absolute()), json.dumps(said), str(lock.fileno())]
        with log.open("ab") as file:
            code = subprocess.run(
                [*ONE_CELL, *words, *program, *cell.command],
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=environment(),
                pass_fds=[lock.fileno()],  # it keeps the lock if this process is killed
            ).returncode
        return FAILED if code else DONE


@contextmanager
def _locked(path: Path) -> Iterator[IO[str]]:
    """Hold a lock; waits for whoever has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def done(cells: Sequence[Cell], folder: Path) -> set[str]:
    """Names of the cells that `run` would not do again: done, and all that they rest on, too."""
    place = Place(folder)
    found: set[str] = set()
    for cell in cells:  # in their order: what is needed comes first
        if place.is_done(cell) and found.issuperset(cell.needs):
            found.add(cell.name)
    return found


def state(cells: Sequence[Cell], folder: Path) -> Mapping[str, int]:
    """How many cells are done, and left."""
    count = len(done(cells, folder))
    return {"cells": len(cells), "done": count, "left": len(cells) - count}
