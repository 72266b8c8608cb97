"""Valid replies on disk: sqlite, each committed as it arrives, shared by processes."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

from leaner_harness.errors import DataError
from leaner_harness.llm.records import OK, InvalidReply, Reply, Request, Usage

_TABLE = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, text TEXT NOT NULL, model TEXT NOT NULL, format TEXT NOT NULL,
    digits TEXT NOT NULL, prompt INTEGER, completion INTEGER, made REAL NOT NULL
) WITHOUT ROWID
"""
_WAIT = 60.0  # seconds for another process to finish its commit


class Cache:
    """Replies by the digest of their whole request. Holds no key and no prompt."""

    def __init__(self, path: Path) -> None:
        """Open, or make, the file. Raises DataError where it is no cache."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        try:
            # Every statement is its own transaction: what was put in is there after a kill.
            self._base = sqlite3.connect(
                path, timeout=_WAIT, isolation_level=None, check_same_thread=False
            )
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=NORMAL")
            self._base.execute(_TABLE)
        except sqlite3.DatabaseError as error:
            raise DataError(
                f"{path} is no cache of replies: {error}.", "Move it away, or name another file."
            ) from error

    def get(self, key: str, request: Request) -> Reply | None:
        """The reply to a request, as this request's `read` would have it; None where there is none.

        The value is read from the text anew, so that a stricter reading is never passed over.
        """
        row = self._run(
            "SELECT text, model, format, digits, prompt, completion FROM replies WHERE key = ?", key
        ).fetchone()
        if row is None:
            return None
        text, model, form, digits, prompt, completion = row
        try:
            value = request.read(text)
        except InvalidReply:
            return None
        usage = Usage(prompt, completion)
        known = tuple(json.loads(digits))
        return Reply(
            request.id, OK, value, text, model=model, format=form, digits=known, usage=usage
        )

    def put(self, key: str, reply: Reply) -> None:
        """Keep a valid reply; it is on its way to the disk when this returns."""
        assert reply.state == OK, "only valid replies are kept"
        usage = reply.usage
        self._run(
            "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            key,
            reply.text,
            reply.model,
            reply.format,
            json.dumps(reply.digits),
            usage.prompt,
            usage.completion,
            time.time(),
        )

    def _run(self, statement: str, *values: object) -> sqlite3.Cursor:
        """Raises DataError where the disk is full, or the file damaged or not to be written."""
        try:
            return self._base.execute(statement, values)
        except sqlite3.Error as error:
            raise DataError(
                f"The cache of replies {self.path} cannot be used: {error}.",
                "Make room for it, or name another place: LEANER_HOME=DIR",
            ) from error

    def __len__(self) -> int:
        (count,) = self._base.execute("SELECT count(*) FROM replies").fetchone()
        return int(count)

    def close(self) -> None:
        """Close the file."""
        self._base.close()
