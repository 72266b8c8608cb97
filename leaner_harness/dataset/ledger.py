"""What a build knows, on disk: every document and chunk, and what became of each."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from leaner_harness.dataset.records import Chunk, Finding
from leaner_harness.dataset.store import Store
from leaner_harness.errors import DataError

PENDING, KEPT, REJECTED, FAILED = "pending", "kept", "rejected", "failed"
"""What may have become of a document or a chunk."""

DUPLICATE = "duplicate"
"""Why a document is rejected whose very text stands earlier in the source."""

_PAGE = 500
"""Rows that are read at once: memory does not grow with a build."""
_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    place INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, genre TEXT NOT NULL, hash TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL, wording TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS chunks (
    document INTEGER NOT NULL REFERENCES documents, number INTEGER NOT NULL, text TEXT NOT NULL,
    joiner TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, complaint TEXT NOT NULL,
    tries INTEGER NOT NULL, rewritten TEXT NOT NULL, findings TEXT NOT NULL, record TEXT NOT NULL,
    rounds INTEGER NOT NULL, PRIMARY KEY (document, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_state ON chunks (state, document, number);
"""


class Entry(NamedTuple):
    """A document as the ledger has it."""

    place: int
    id: str
    genre: str
    hash: str
    """sha256 of the source text."""
    state: str
    reason: str
    wording: str


class Part(NamedTuple):
    """A chunk as the ledger has it."""

    chunk: Chunk
    state: str
    reason: str
    complaint: str
    tries: int
    rewritten: str
    findings: list[dict[str, Any]]
    record: dict[str, Any]
    rounds: int
    """How often it was rejected for good, and asked for again."""


class Ledger(Store):
    """The state of one build. It is closed when done: only then may others have it."""

    def __init__(self, folder: Path) -> None:
        """Open or make it. Raises UsageError while another process has it, DataError for none."""
        super().__init__(folder, _TABLES)

    def fact(self, name: str) -> Any:
        """Something about the whole build; None where it is not known."""
        found = list(self._rows("SELECT value FROM facts WHERE name = ?", name))
        return json.loads(found[0][0]) if found else None

    def set_fact(self, name: str, value: Any) -> None:
        """Note something about the whole build."""
        self._change("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))

    def is_tried(self) -> bool:
        """Whether anything became of a chunk."""
        return bool(list(self._rows("SELECT 1 FROM chunks WHERE tries + rounds > 0 LIMIT 1")))

    def clear(self) -> None:
        """Forget all documents: the reading of the source begins again."""
        self._change("DELETE FROM chunks", ())
        self._change("DELETE FROM documents", ())

    def add(self, entry: Entry, chunks: Iterable[Chunk]) -> None:
        """Enter a document, and its chunks as pending."""
        self._change("INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?)", entry)
        for chunk in chunks:
            row = (entry.place, chunk.number, chunk.text, chunk.joiner, PENDING)
            self._change(
                "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, '', '', 0, '', '[]', '{}', 0)", row
            )

    def take(self, path: Path) -> None:
        """Enter what another ledger knows, about other documents. Raises DataError for the same."""
        self.commit()
        with self._guard:
            self._base.execute("ATTACH ? AS other", (str(path),))
            try:
                self._base.execute("BEGIN")
                for table in ("documents", "chunks"):
                    self._base.execute(f"INSERT INTO {table} SELECT * FROM other.{table}")
                self._base.execute("COMMIT")
            except sqlite3.IntegrityError as error:
                self._base.execute("ROLLBACK")
                raise DataError(
                    f"{path} has a document that is here already: {error}.",
                    "Give every document an id of its own.",
                ) from error
            finally:
                self._base.execute("DETACH other")

    def reject_duplicates(self) -> None:
        """Of documents with the same text the first stays; the others lose their chunks."""
        self._change(
            "UPDATE documents SET state = ?, reason = ?, wording = '' WHERE place NOT IN "
            "(SELECT min(place) FROM documents GROUP BY hash)",
            (REJECTED, DUPLICATE),
        )
        self._change(
            "DELETE FROM chunks WHERE document IN (SELECT place FROM documents WHERE reason = ?)",
            (DUPLICATE,),
        )

    def settle(self, place: int, state: str, reason: str) -> None:
        """Note what became of a document."""
        self._change(
            "UPDATE documents SET state = ?, reason = ? WHERE place = ?", (state, reason, place)
        )

    def write(
        self,
        place: int,
        number: int,
        state: str,
        *,
        reason: str = "",
        complaint: str = "",
        rewritten: str = "",
        findings: Iterable[Finding] = (),
        record: Mapping[str, Any] | None = None,
    ) -> None:
        """Note what became of a try at a chunk."""
        rows = json.dumps([finding.row() for finding in findings])
        values = (state, reason, complaint, rewritten, rows, json.dumps(dict(record or {})))
        self._change(
            "UPDATE chunks SET state = ?, reason = ?, complaint = ?, rewritten = ?, findings = ?, "
            "record = ?, tries = tries + 1 WHERE document = ? AND number = ?",
            (*values, place, number),
        )

    def again(self, states: Iterable[str], final: str = "") -> int:
        """Make chunks in some states pending once more, a round later; returns how many.

        `final` is a reason for which one stays as it is: it would come to the same.
        """
        count = 0
        for state in states:
            chosen = "state = ? AND (reason = '' OR reason != ?)"
            found = self._rows(f"SELECT count(*) FROM chunks WHERE {chosen}", state, final)
            count += next(found)[0]
            self._change(
                "UPDATE chunks SET state = ?, tries = 0, complaint = '', rounds = rounds + ? "
                f"WHERE {chosen}",
                (PENDING, state == REJECTED, state, final),
            )
        self.commit()
        return count

    def pending(self, tries: int, limit: int | None = None) -> Iterator[tuple[Entry, Part]]:
        """Chunks that wait for their first, second, ... try, in the order of the source."""
        place, number, left = -1, -1, limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            rows = list(
                self._rows(
                    f"SELECT {_ENTRY}, {_PART} FROM chunks c JOIN documents d ON "
                    "d.place = c.document WHERE c.state = ? AND c.tries = ? AND "
                    "(c.document, c.number) > (?, ?) ORDER BY c.document, c.number LIMIT ?",
                    PENDING, tries, place, number, size,
                )
            )  # fmt: skip
            for row in rows:
                entry = Entry(*row[:7])
                part = _part(entry, row[7:])
                place, number = entry.place, part.chunk.number
                yield entry, part
            if len(rows) < size:
                return
            left = None if left is None else left - len(rows)

    def documents(self, state: str | None = None) -> Iterator[Entry]:
        """Documents in the order of the source; what changes on the way does no harm."""
        chosen = "" if state is None else "AND state = ?"
        values = () if state is None else (state,)
        query = f"SELECT {_ENTRY} FROM documents d WHERE place > ? {chosen} ORDER BY place LIMIT ?"
        place, count = -1, _PAGE
        while count == _PAGE:
            count = 0
            for row in self._rows(query, place, *values, _PAGE):
                entry = Entry(*row)
                place, count = entry.place, count + 1
                yield entry

    def parts(self, entry: Entry) -> list[Part]:
        """A document's chunks, in their order."""
        query = f"SELECT {_PART} FROM chunks c WHERE document = ? ORDER BY number"
        return [_part(entry, row) for row in self._rows(query, entry.place)]

    def counts(self, table: str) -> dict[str, int]:
        """How many `documents` or `chunks` are in each state."""
        query = f"SELECT state, count(*) FROM {table} GROUP BY state ORDER BY state"
        return {str(state): int(count) for state, count in self._rows(query)}

    def reasons(self, table: str) -> list[tuple[str, str, int]]:
        """State, reason and number of those that were not kept."""
        query = (
            f"SELECT state, reason, count(*) FROM {table} WHERE reason != '' "
            "GROUP BY state, reason ORDER BY state, count(*) DESC, reason"
        )
        return [(str(a), str(b), int(c)) for a, b, c in self._rows(query)]


_ENTRY = "d.place, d.id, d.genre, d.hash, d.state, d.reason, d.wording"
_PART = (
    "c.number, c.text, c.joiner, c.state, c.reason, c.complaint, c.tries, c.rewritten, "
    "c.findings, c.record, c.rounds"
)


def _part(entry: Entry, row: tuple[Any, ...]) -> Part:
    number, text, joiner, state, reason, complaint, tries, rewritten, findings, record, rounds = row
    chunk = Chunk(entry.id, number, entry.genre, text, joiner)
    found = json.loads(findings), json.loads(record)
    return Part(chunk, state, reason, complaint, tries, rewritten, *found, rounds)
