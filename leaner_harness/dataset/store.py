"""A file of sqlite that one process at a time may write, and that says what it lost.

Changes are committed together, at most 50 ms after the first of them, so that a kill costs no more
than that.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from leaner_harness.errors import DataError, UsageError

_AT_RISK = 0.05  # seconds


class Store:
    """A data base in a folder, which is locked as long as it is open."""

    def __init__(self, folder: Path, tables: str) -> None:
        """Open or make it. Raises UsageError while another process has it, DataError for none."""
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.lock.close()
            raise UsageError(
                f"Another process works on {folder}.", "Wait for it, or name another --out."
            ) from None
        path = folder / "ledger.sqlite"
        self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=NORMAL")
            self._base.executescript(tables)
        except sqlite3.DatabaseError as error:
            self._base.close()
            self.lock.close()
            if isinstance(error, sqlite3.OperationalError):
                cure = "See that the disk has room and the folder may be written to."
                raise DataError(f"{path} cannot be used: {error}.", cure) from error
            cure = "Move it away and begin again: replies of a model are kept elsewhere."
            raise DataError(f"{path} is damaged: {error}.", cure) from error
        self._guard = threading.Lock()
        self._timer: threading.Timer | None = None
        self._lost: sqlite3.Error | None = None
        """Why changes could not be committed: from then on none is taken."""

    def close(self) -> None:
        """Commit, and let others in."""
        try:
            self.commit()
        finally:
            self._base.close()
            self.lock.close()

    def commit(self) -> None:
        """Put all changes on disk now. Raises DataError where that fails, or failed before."""
        with self._guard:
            self._commit()
            self._refuse_lost()

    def _commit_later(self) -> None:
        with self._guard:
            self._commit()

    def _commit(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            try:
                self._base.execute("COMMIT")
            except sqlite3.Error as error:  # what was changed is lost: nothing may build on it
                self._lost = self._lost or error

    def _refuse_lost(self) -> None:
        if self._lost is not None:
            folder = Path(self.lock.name).parent
            raise DataError(
                f"What was done could not be written to {folder}: {self._lost}.",
                "See that the disk has room, and run the same again: it goes on from what is kept.",
            ) from self._lost

    def _change(self, statement: str, values: Iterable[Any]) -> None:
        """Raises DataError where a change is lost, now or before, or a document is there."""
        with self._guard:
            self._refuse_lost()
            try:
                if self._timer is None:
                    self._base.execute("BEGIN")
                    self._timer = threading.Timer(_AT_RISK, self._commit_later)
                    self._timer.daemon = True
                    self._timer.start()
                self._base.execute(statement, tuple(values))
            except sqlite3.IntegrityError as error:
                raise DataError(
                    f"A document is here already: {error}.",
                    "Give every document an id of its own.",
                ) from error
            except sqlite3.Error as error:  # such as a disk that is full
                self._lost = error
                self._refuse_lost()

    def _rows(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        with self._guard:
            found = self._base.execute(query, values).fetchall()
        yield from found
