"""The blocks: documents of a source, their rewriting by a rank, the assembly of all ranks."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.logging import logger

from leaner_harness import contracts
from leaner_harness.data.text import GENRES
from leaner_harness.dataset import build, runlog, shards
from leaner_harness.dataset.chunk import joined
from leaner_harness.dataset.ledger import FAILED, KEPT, PENDING, REJECTED, Entry, Ledger, Part
from leaner_harness.dataset.pretrain import Job, Settings
from leaner_harness.dataset.scale.ranks import begun_with, check_tasks, rank_folder
from leaner_harness.errors import DataError, UnknownName, UsageError

_PROMPT = "prompt_characters"
_GENRE = "web"
"""Of documents whose metadata name none."""


class ReadBlock(PipelineStep):  # type: ignore[misc]
    """Every `world_size`-th document of a source, so that places are those of one process.

    Every rank reads the whole source. A large one is better read by one of datatrove's readers,
    which give each rank files of its own.
    """

    name, type = "documents of a source", "leaner"

    def __init__(self, source: build.Source) -> None:
        super().__init__()
        self.source = source

    def run(
        self, data: Iterable[Document] | None = None, rank: int = 0, world_size: int = 1
    ) -> Iterator[Document]:
        """The rank's documents, after those that come in."""
        yield from data or ()
        for found in itertools.islice(self.source.documents(), rank, None, world_size):
            self.stat_update("documents")
            about = {"genre": found.genre, _PROMPT: found.prompt}
            yield Document(found.text, found.id, metadata=about)


_GO_ON = "Run the rewriting again: each rank goes on where it stopped."


class RewriteBlock(PipelineStep):  # type: ignore[misc]
    """A rank's documents, filtered, cut into chunks, rewritten and verified.

    It hands on the rewrites of documents that were kept as a whole, with their rows of the data
    set as metadata; near-duplicates among them and texts of benchmarks go when all is assembled.
    """

    name, type = "rewrite", "leaner"

    def __init__(
        self,
        settings: Settings,
        folder: Path | str,
        overrides: Mapping[str, Any] | None = None,
        *,
        own_replies: bool = False,
    ) -> None:
        """`overrides` are arguments of the rewriter for this time alone, such as `max_cost`.

        With `own_replies` a model's replies are kept in the rank's folder: ranks on several hosts
        cannot share one file of them.
        """
        super().__init__()
        self.settings, self.folder = settings, Path(folder)
        self.overrides, self.own_replies = dict(overrides or {}), own_replies

    def run(
        self, data: Iterable[Document] | None = None, rank: int = 0, world_size: int = 1
    ) -> Iterator[Document]:
        """Go on with the rank's ledger, to its end.

        Raises UsageError where it was begun with other settings or by another number of ranks, and
        while another process works on it; UnknownName for a genre that there is not; DataError
        where chunks are left, as after the end of a quota.
        """
        check_tasks(self.folder, world_size)
        own = rank_folder(self.folder, rank)
        with Job(own, self.settings, processes=1) as job:
            places = itertools.count(rank, world_size)
            job.read(documents=map(_taken, data or ()), places=places)
            replies = own / "replies.sqlite" if self.own_replies else None
            rewriter, _ = job.rewrite(overrides=self.overrides, replies=replies)
            counts = job.ledger.counts("chunks")
            for state, count in counts.items():
                self.stat_update(f"chunks {state}", value=count, unit="rank")
            if waiting := counts.get(PENDING):  # else datatrove would count the rank as done
                why = job.why() or "the budget is used up"
                raise DataError(f"{own} is not at its end, {waiting} chunks wait: {why}.", _GO_ON)
            for entry, parts in build.assembled(job.ledger):
                yield _given(entry, parts, rewriter.fingerprint)


def _taken(given: Document) -> contracts.Document:
    """A document of datatrove's as one of ours."""
    genre = given.metadata.get("genre", _GENRE)
    if genre not in GENRES:
        raise UnknownName("genre", str(genre), GENRES, f"The metadata of {given.id} name it.")
    text = given.text.encode("utf-8", "replace").decode()  # half a surrogate pair is no text
    return contracts.Document(str(given.id), genre, text, given.metadata.get(_PROMPT, 0))


def _given(entry: Entry, parts: Sequence[Part], fingerprint: Mapping[str, Any]) -> Document:
    """The rewrite of a document of ours as one of datatrove's."""
    about = {"genre": entry.genre, **shards.row_of(entry, parts, fingerprint)}
    about.pop("text", None)
    text = joined([(part.chunk, part.rewritten) for part in parts])
    return Document(text, entry.id, metadata=about)


class AssembleBlock(PipelineStep):  # type: ignore[misc]
    """The ledgers of all ranks become one, and the data set is assembled from it, in one task."""

    name, type = "assemble", "leaner"

    def __init__(self, settings: Settings, folder: Path | str) -> None:
        super().__init__()
        self.settings, self.folder = settings, Path(folder)

    def run(
        self, data: Iterable[Document] | None = None, rank: int = 0, world_size: int = 1
    ) -> Iterator[Document]:
        """Hands on what comes in. Raises UsageError where a rank is not at its end."""
        yield from data or ()
        with Job(self.folder, self.settings) as job:
            if not job.ledger.fact("read"):
                self._merge(job.ledger)
            documents = job.run()["documents"]
        for state in (KEPT, REJECTED, FAILED, PENDING):
            self.stat_update(f"documents {state}", value=documents[state], unit="build")
        if documents[FAILED]:
            cure = f"leaner build retry-failed {self.folder}"
            logger.warning(f"{documents[FAILED]} documents failed. To ask again: {cure}")

    def _merge(self, ledger: Ledger) -> None:
        """Fill the ledger. A merging that was stopped begins again."""
        ranks = [rank_folder(self.folder, rank) for rank in range(begun_with(self.folder) or 0)]
        ledger.clear()
        for own in ranks:
            self._check_ended(own)
            ledger.take(own / "ledger.sqlite")
        ledger.reject_duplicates()
        with (self.folder / runlog.NAME).open("wb") as log:
            for own in ranks:
                with (own / runlog.NAME).open("rb") as file:
                    shutil.copyfileobj(file, log)
        ledger.set_fact("read", True)
        ledger.commit()

    def _check_ended(self, own: Path) -> None:
        with Job(own, self.settings, processes=1) as job:
            if not job.ledger.fact("read") or job.ledger.counts("chunks").get(PENDING):
                raise UsageError(f"{own} is not at its end.", _GO_ON)
