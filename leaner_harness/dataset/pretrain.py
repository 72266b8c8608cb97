"""Algorithm 1: a user's texts, chunk by chunk rewritten, become text to train on.

Source of the algorithm: TinyHelen (arXiv 2501.00522); the remedies for what it loses are ours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from leaner_harness.contracts import Document
from leaner_harness.dataset import beginning, build, checks, maths
from leaner_harness.dataset.assemble import CONTAMINATED, MANIFEST, NEAR_DUPLICATE, assemble
from leaner_harness.dataset.assemble import account as counted
from leaner_harness.dataset.card import card
from leaner_harness.dataset.comparison import compare
from leaner_harness.dataset.crew import WORTH_IT, Crew
from leaner_harness.dataset.duplicates import Seen
from leaner_harness.dataset.inspection import Inspector
from leaner_harness.dataset.ledger import FAILED, PENDING, REJECTED, Ledger
from leaner_harness.dataset.runlog import RunLog, total
from leaner_harness.dataset.shards import SPLITS
from leaner_harness.errors import UsageError
from leaner_harness.files import write_atomic
from leaner_harness.llm.bill import bill
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.opening import account, open_plugin, refuse_secrets


@dataclasses.dataclass(frozen=True)
class Settings:
    """All that a data set depends on. It is kept with the build, which then goes on by itself."""

    source: build.Source
    rewriter: str
    rewriter_args: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    tries: int = build.TRIES
    seed: int = 0
    vocabulary: str = ""
    """A file of allowed words; empty for the list that ships."""
    licence: str = "unknown"
    replace_names: bool = True
    """Whether names, places, times and works are replaced by the policy."""
    grades: tuple[str, ...] = maths.KEPT_GRADES
    """Grades of maths that are kept."""
    coverage: float = checks.DEFAULT.coverage_fail
    """Share of a text's words that must be in the vocabulary, at least."""

    def __post_init__(self) -> None:
        """Raises UsageError for numbers that cannot be, and for what must not be written down."""
        if not 0 <= self.coverage <= 1:
            raise UsageError(f"A coverage of {self.coverage} is none.", "Give a share: 0 to 1.")
        if self.tries < 1:
            raise UsageError(f"tries is {self.tries}; it must be 1 or more.")
        refuse_secrets(self.rewriter_args)

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)

    def inspector(self) -> Inspector:
        """Who looks at texts by these settings."""
        return Inspector(self.vocabulary, self.coverage, self.grades, self.replace_names)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Settings:
        """From what `record` gave."""
        source = dict(record["source"])
        source |= {key: tuple(source[key]) for key in ("sources", "genres")}
        grades = tuple(record["grades"])
        return cls(**{**record, "source": build.Source(**source), "grades": grades})


CARD = "README.md"


def is_begun(folder: Path) -> bool:
    """Whether there is a build in a folder."""
    return (folder / "ledger.sqlite").is_file()


class Job:
    """One build in its folder. Close it when done: one process at a time may have it."""

    def __init__(
        self, folder: Path, settings: Settings | None = None, processes: int | None = None
    ) -> None:
        """Go on with the build of a folder, or begin it with settings.

        `processes` look at texts, where there are many; None for one a core.

        Raises UsageError where there is none to go on with, where it was begun with other
        settings, and while another process works on it.
        """
        if settings is None and not is_begun(folder):
            raise UsageError(
                f"There is no build in {folder}.", "Begin one: leaner build pretrain SOURCE --out"
            )
        if not is_begun(folder):
            beginning.refuse_existing(folder, (*SPLITS, CARD, MANIFEST))
        self.folder, self.ledger = folder, Ledger(folder)
        try:
            if settings is not None:
                beginning.check_same(self.ledger, settings.record(), while_untried=True)
            known = self.ledger.fact("settings")
            if known is None:
                raise UsageError(f"The build in {folder} was never begun.", "Remove the folder.")
            self.settings = Settings.of(known)
            self.inspector = self.settings.inspector()
            self.crew = Crew(self.inspector, processes, [self.ledger.lock])
        except BaseException:
            self.ledger.close()
            raise

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *_: object) -> None:
        self.crew.close()
        self.ledger.close()

    def read(
        self,
        announce: build.Announce = lambda *_: None,
        documents: Iterable[Document] | None = None,
        places: Iterable[int] | None = None,
    ) -> None:
        """Filter and chunk the source, or a part of it with its places, unless that is done."""
        if self.ledger.fact("read"):
            return
        self.inspector.allowed  # noqa: B018 (a list that cannot be read is named before any work)
        if documents is None:
            documents = self.settings.source.documents()
        many = partial(self.crew.map, starts=True)
        build.read(self.ledger, documents, self.inspector.look, announce, places, many)

    def run(
        self,
        limit: int | None = None,
        overrides: Mapping[str, Any] | None = None,
        announce: build.Announce = lambda *_: None,
    ) -> dict[str, Any]:
        """Do all that is left to do, or so many chunks of it; returns the manifest.

        `overrides` are arguments of the rewriter for this time alone, such as `max_requests`.
        """
        self.read(announce)
        rewriter, engine = self.rewrite(limit, overrides, announce)

        settings, about = self.settings, rewriter.fingerprint
        known = self.inspector.index.record()
        manifest = assemble(self.ledger, self.folder, about, self._sift, settings.seed, known)
        self._write_card(manifest)
        return manifest | {"took": account(engine)}

    def rewrite(
        self,
        limit: int | None = None,
        overrides: Mapping[str, Any] | None = None,
        announce: build.Announce = lambda *_: None,
        replies: Path | None = None,
    ) -> tuple[Any, Engine | None]:
        """Have what is pending rewritten and verified; returns the rewriter and its engine.

        `replies` is the file that keeps a model's replies, where it is not the usual one.
        """
        if self.ledger.counts("chunks").get(PENDING, 0) > WORTH_IT:
            self.crew.start()
        rewriter, engine = self._rewriter(overrides, replies)
        log = RunLog(self.folder)
        log.begin({"limit": limit, **(overrides or {})})
        try:
            build.rewrite(
                self.ledger, rewriter, self.inspector.verify, limit=limit,
                tries=self.settings.tries, tried=log.tried, many=self.crew.map, announce=announce,
            )  # fmt: skip
            log.end(account(engine))
        finally:
            log.close()
        return rewriter, engine

    def plan(
        self, limit: int | None = None, overrides: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """What `run` would ask and cost if every text is accepted at once; nothing is asked."""
        self.read()
        rewriter, engine = self._rewriter(overrides)
        requests = getattr(rewriter, "request", None) if engine is not None else None
        if engine is not None and requests is None:
            raise UsageError("This rewriter does not say beforehand what it would ask.")
        waiting = (
            build.assignment(entry, part)
            for attempt in range(self.settings.tries)
            for entry, part in self.ledger.pending(attempt, limit)
        )
        asked = bill(map(requests, waiting), engine) if requests else bill((), None)
        return self.status() | asked

    def _rewriter(
        self, overrides: Mapping[str, Any] | None, replies: Path | None = None
    ) -> tuple[Any, Engine | None]:
        arguments = {**self.settings.rewriter_args, **(overrides or {})}
        rewriter, engine = open_plugin("rewriter", self.settings.rewriter, arguments, replies)
        if engine is not None:
            beginning.check_servers(self.ledger, {"rewriter": engine.settings.endpoint})
        return rewriter, engine

    def _sift(self, texts: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Near-duplicates of texts that came before, and what holds a benchmark row."""
        seen = Seen()
        out: dict[str, str] = {}
        for (name, _), (sketch, row) in self.crew.map(self.inspector.measure, texts):
            if seen.add(name, sketch) is not None:
                out[name] = NEAR_DUPLICATE
            elif row:
                out[name] = CONTAMINATED
        return out

    def _write_card(self, manifest: Mapping[str, Any]) -> None:
        """The card, and the pictures in it."""
        found = compare(self.ledger, self.inspector.allowed)
        for name, drawn in found.pictures.items():
            write_atomic(self.folder / name, drawn)
        write_atomic(self.folder / CARD, card(manifest, found))

    def retry(self, *, rejected: bool = False) -> int:
        """Make pending again what failed, and perhaps what was rejected; returns how many chunks.

        Not maths that has its grade: asked again, it would get the same. What was rejected is asked
        for anew, and paid for.
        """
        states = [FAILED, REJECTED] if rejected else [FAILED]
        return self.ledger.again(states, final=maths.CHECK)

    def status(self) -> dict[str, Any]:
        """What there is, what became of it, what that took, and why chunks failed."""
        counts = {name: counted(self.ledger, name) for name in ("documents", "chunks")}
        return counts | {"log": total(self.folder), "why": self.why()}

    def why(self) -> str:
        """Why most of the chunks that failed did; empty where none has."""
        found = self.ledger.reasons("chunks")
        return next((reason for state, reason, _ in found if state == FAILED), "")
