"""Build: source texts -> a simpler data set, in stages that can be stopped at any moment.

Read, filter and chunk; rewrite and verify; assemble. Each stage goes on from what the ledger knows,
and the data set is a function of the ledger alone: however often a build was killed, it comes out
the same.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from leaner_harness.contracts import Document
from leaner_harness.data.text import default_words, read_documents
from leaner_harness.dataset import maths, prompts
from leaner_harness.dataset.chunk import chunks
from leaner_harness.dataset.crew import one_by_one
from leaner_harness.dataset.ledger import (
    DUPLICATE,
    FAILED,
    KEPT,
    PENDING,
    REJECTED,
    Entry,
    Ledger,
    Part,
)
from leaner_harness.dataset.records import FAIL, Assignment, Chunk, Finding, Rewrite
from leaner_harness.errors import UsageError
from leaner_harness.llm.records import OK, UNASKED

TRIES = 2
"""How often a rewriter is asked about a chunk whose text is not accepted."""

Many = Callable[[Callable[..., Any], Iterable[tuple[Any, ...]]], Iterator[tuple[Any, Any]]]
"""Work on many items: each item, and what came of it, in order."""
Verify = Callable[[Assignment, Rewrite], Iterable[Finding]]
"""What speaks against a rewrite of a chunk; of maths, which is not rewritten, against the chunk."""
Tried = Callable[[Chunk, Rewrite, int, str, str], None]
"""Called with what a rewriter gave for a chunk, at which attempt, the state it led to, and why."""
Announce = Callable[[str, int], None]
"""Called with a stage and by how much it went on."""


@dataclass(frozen=True)
class Source:
    """Which text is rewritten."""

    sources: tuple[str, ...]
    split: str = "train"
    genres: tuple[str, ...] = ()
    words: int | None = None

    def documents(self) -> Iterator[Document]:
        """All documents; their ids differ, for each begins with the number of its source."""
        for number, source in enumerate(self.sources):
            words = self.words or default_words(source)
            for document in read_documents(source, self.split, self.genres, words):
                name = f"{number}:{document.id}" if len(self.sources) > 1 else document.id
                yield Document(name, document.genre, document.text, document.prompt)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a document found."""

    reason: str = ""
    """The check that keeps it out; empty for none."""
    parts: tuple[Chunk, ...] = ()
    wording: str = ""
    """What a rewriter is told about its names and places."""


def read(
    ledger: Ledger,
    documents: Iterable[Document],
    look: Callable[[Document], Look],
    announce: Announce = lambda *_: None,
    places: Iterable[int] | None = None,
    many: Many = one_by_one,
) -> None:
    """Enter all documents and their chunks, but for what is rejected, once.

    A reading that was stopped begins again: nothing has been paid for it. `places` are those of
    documents that are a part of the source. `many` does the looking.
    """
    if ledger.fact("read"):
        return
    ledger.clear()
    seen: set[bytes] = set()
    looked = many(look, ((document,) for document in documents))
    for place, ((document,), found) in zip(places or itertools.count(), looked, strict=False):
        digest = hashlib.sha256(document.text.encode("utf-8", "replace"))
        if digest.digest() in seen:
            found = Look(DUPLICATE)
        elif not found.reason and not found.parts:
            found = Look("empty")
        seen.add(digest.digest())
        state = REJECTED if found.reason else PENDING
        ledger.add(
            Entry(
                place, document.id, document.genre, digest.hexdigest(), state, found.reason,
                found.wording,
            ),
            found.parts,
        )  # fmt: skip
        announce("read", 1)
    ledger.set_fact("read", True)
    ledger.commit()


def chunks_of(document: Document) -> Iterator[Chunk]:
    """A document's chunks; maths, and what has a prompt and an answer, is one."""
    if document.genre == maths.GENRE:
        yield Chunk(document.id, 0, document.genre, document.text)
        return
    if document.genre not in prompts.PAIRS:
        yield from chunks(document)
        return
    pair = prompts.pair_of(document)
    if pair["response"]:
        yield Chunk(document.id, 0, document.genre, json.dumps(pair, ensure_ascii=False))


def rewrite(
    ledger: Ledger,
    rewriter: Any,
    verify: Verify,
    *,
    limit: int | None = None,
    tries: int = TRIES,
    tried: Tried = lambda *_: None,
    many: Many = one_by_one,
    announce: Announce = lambda *_: None,
) -> None:
    """Have what is pending rewritten and verified; what is not accepted is asked for once more.

    A chunk ends as kept, rejected (by which check) or failed (in which state), or stays pending
    beyond the `limit` of chunks. Maths is graded by a rewriter that says that it `grades`, else by
    rules, and never rewritten.
    """
    for attempt in range(1, tries + 1):
        one = _Try(ledger, rewriter, verify, tried, announce, attempt, is_last=attempt == tries)
        for (given, found), findings in many(verify, one.texts(limit)):
            one.settle(given, found, list(findings))
        ledger.commit()
        if one.waiting:
            lost = ", ".join(sorted(one.waiting)[:3])
            raise UsageError(f"The rewriter gave nothing for {len(one.waiting)} chunks, as {lost}.")


@dataclass(slots=True)
class _Try:
    """One try at all chunks that wait for it."""

    ledger: Ledger
    rewriter: Any
    verify: Verify
    tried: Tried
    announce: Announce
    attempt: int
    _: KW_ONLY
    is_last: bool
    waiting: dict[str, tuple[int, Assignment]] = field(default_factory=dict)
    """By id, the places of documents, and what was given."""

    def texts(self, limit: int | None) -> Iterator[tuple[Assignment, Rewrite]]:
        """What there is to be verified, as it comes; all else is settled on the way."""
        for found in self.rewriter.rewrite(self._assignments(limit)):
            given = self.waiting[found.id][1]
            if found.state == OK:
                yield given, _as_it_is(given, found)
            else:
                self.settle(given, found, [])

    def _assignments(self, limit: int | None) -> Iterator[Assignment]:
        grades = getattr(self.rewriter, "grades", False)
        for entry, part in self.ledger.pending(self.attempt - 1, limit):
            given = assignment(entry, part)
            self.waiting[part.chunk.id] = entry.place, given
            if part.chunk.genre == maths.GENRE and not grades:
                found = _as_it_is(given, Rewrite(part.chunk.id, OK))
                self.settle(given, found, list(self.verify(given, found)))
            else:
                yield given

    def settle(self, given: Assignment, found: Rewrite, findings: list[Finding]) -> None:
        """Note what became of a chunk."""
        place, _ = self.waiting.pop(given.chunk.id)
        end = _settle(self.ledger, place, given, found, findings, is_last=self.is_last)
        if found.state not in UNASKED or found.took.get("calls"):
            self.tried(given.chunk, found, self.attempt, *end)
        self.announce("rewritten", 1)


def _as_it_is(given: Assignment, found: Rewrite) -> Rewrite:
    """Maths stays what it was, whatever a rewriter made of it; the rest can be written down.

    JSON can spell half a surrogate pair, which no file holds.
    """
    is_maths = given.chunk.genre == maths.GENRE
    text = given.chunk.text if is_maths else found.text
    return dataclasses.replace(found, text=text.encode("utf-8", "replace").decode())


def assignment(entry: Entry, part: Part) -> Assignment:
    """What a rewriter is given of a chunk that waits."""
    return Assignment(part.chunk, entry.wording, part.complaint, sample=part.rounds)


def _settle(
    ledger: Ledger,
    place: int,
    given: Assignment,
    found: Rewrite,
    findings: list[Finding],
    *,
    is_last: bool,
) -> tuple[str, str]:
    """Note what became of one try; returns the state, and the reason for it.

    What was left out, for want of money or because the run had ended, waits for the next one.
    """
    if found.state in UNASKED:
        return PENDING, found.state
    chunk = given.chunk
    if found.state != OK:
        reason = f"{found.state}: {found.reason}" if found.reason else found.state
        ledger.write(place, chunk.number, FAILED, reason=reason[:200], record=found.record)
        return FAILED, reason[:200]
    is_last |= chunk.genre == maths.GENRE  # asked for again, it would get the same grade
    failed = [each for each in findings if each.verdict == FAIL]
    state = KEPT if not failed else REJECTED if is_last else PENDING
    reason = failed[0].check if failed else ""
    ledger.write(
        place,
        chunk.number,
        state,
        reason=reason if is_last else "",
        complaint="\n".join(_complaint(each) for each in failed),
        rewritten=found.text,
        findings=findings,
        record=found.record,
    )
    return state, reason


def _complaint(finding: Finding) -> str:
    held = "" if finding.threshold is None else f", where {finding.threshold:g} is the border"
    note = f": {finding.note}" if finding.note else ""
    return f"{finding.check} was {finding.value:.3g}{held}{note}"


def assembled(ledger: Ledger) -> Iterator[tuple[Entry, Sequence[Any]]]:
    """Documents all of whose chunks were kept, with them; the state of the others is noted.

    A document that lacks a part is not kept: a text with a hole says something else.
    """
    for entry in ledger.documents():
        if entry.state == REJECTED and not ledger.parts(entry):
            continue
        parts = ledger.parts(entry)
        states = {part.state for part in parts}
        if states == {KEPT}:
            yield entry, parts
        elif FAILED in states:
            reason = next(part.reason for part in parts if part.state == FAILED)
            ledger.settle(entry.place, FAILED, reason.partition(":")[0])
        elif PENDING in states:
            ledger.settle(entry.place, PENDING, "")
        else:
            reason = next(part.reason for part in parts if part.state == REJECTED)
            ledger.settle(entry.place, REJECTED, reason)
