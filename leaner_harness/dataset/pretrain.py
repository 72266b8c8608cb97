"""Algorithm 1: a user's texts, chunk by chunk rewritten, become text to train on.

Source of the algorithm: TinyHelen (arXiv 2501.00522); the remedies for what it loses are ours.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from leaner_harness.contracts import Document
from leaner_harness.dataset import build, checks, maths, noise, policy, prompts
from leaner_harness.dataset.assemble import account as counted
from leaner_harness.dataset.assemble import assemble
from leaner_harness.dataset.card import card
from leaner_harness.dataset.comparison import compare
from leaner_harness.dataset.contamination import Index, benchmarks
from leaner_harness.dataset.duplicates import find_repeats
from leaner_harness.dataset.ledger import FAILED, REJECTED, Ledger
from leaner_harness.dataset.names import FEMALE, MALE, stand_ins
from leaner_harness.dataset.records import Assignment, Finding, Rewrite
from leaner_harness.dataset.runlog import RunLog, total
from leaner_harness.dataset.vocabulary import Vocabulary, load, packaged
from leaner_harness.errors import UsageError
from leaner_harness.files import write_atomic
from leaner_harness.llm.bill import bill
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.opening import account, open_plugin


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

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Settings:
        """From what `record` gave."""
        source = dict(record["source"])
        source |= {key: tuple(source[key]) for key in ("sources", "genres")}
        grades = tuple(record["grades"])
        return cls(**{**record, "source": build.Source(**source), "grades": grades})


def is_begun(folder: Path) -> bool:
    """Whether there is a build in a folder."""
    return (folder / "ledger.sqlite").is_file()


class Job:
    """One build in its folder. Close it when done: one process at a time may have it."""

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        """Go on with the build of a folder, or begin it with settings.

        Raises UsageError where there is none to go on with, where it was begun with other
        settings, and while another process works on it.
        """
        if settings is None and not is_begun(folder):
            raise UsageError(
                f"There is no build in {folder}.", "Begin one: leaner build pretrain SOURCE --out"
            )
        self.folder, self.ledger = folder, Ledger(folder)
        try:
            if settings is not None:
                build.check_same(self.ledger, settings.record())
            known = self.ledger.fact("settings")
            if known is None:
                raise UsageError(f"The build in {folder} was never begun.", "Remove the folder.")
            self.settings = Settings.of(known)
        except BaseException:
            self.ledger.close()
            raise

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *_: object) -> None:
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
        index = self._index

        def filters(document: Document) -> Iterable[Finding]:
            yield from noise.judge_source(document)
            yield index.finding(document.text)

        told = _wording if self.settings.replace_names else _nothing_told
        if documents is None:
            documents = self.settings.source.documents()
        build.read(self.ledger, documents, filters, told, announce, places)

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

        def contaminated(text: str) -> str:
            return self._index.finding(text).note

        manifest = assemble(
            self.ledger, self.folder, rewriter.fingerprint, _repeats, contaminated,
            self.settings.seed,
        )  # fmt: skip
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
        settings = self.settings
        rewriter, engine = self._rewriter(overrides, replies)
        log = RunLog(self.folder)
        log.begin({"limit": limit, **(overrides or {})})
        try:
            build.rewrite(
                self.ledger, rewriter, self._verify,
                limit=limit, tries=settings.tries, tried=log.tried, announce=announce,
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
        return open_plugin("rewriter", self.settings.rewriter, arguments, replies)

    def _verify(self, assignment: Assignment, found: Rewrite) -> Iterable[Finding]:
        chunk, settings = assignment.chunk, self.settings
        if chunk.genre == maths.GENRE:
            yield maths.finding(chunk.text, found.record.get("grade"), settings.grades)
            return
        before, after = chunk.text, found.text
        if chunk.genre in prompts.PAIRS:  # prompt and answer together
            before, after = ("\n\n".join(json.loads(each).values()) for each in (before, after))
            chunk = dataclasses.replace(chunk, text=before)
        told = prompts.system_prompt(chunk.genre)
        limits = checks.Thresholds(coverage_fail=settings.coverage)
        yield from checks.verify(chunk, after, self._allowed, told, limits)
        if chunk.genre not in prompts.PAIRS:
            known = policy.read_wording(assignment.wording) if settings.replace_names else None
            yield from policy.comply(before, after, known)

    @cached_property
    def _allowed(self) -> Vocabulary:
        """The words that are allowed; names that the policy puts in are, wherever they stand."""
        named = self.settings.vocabulary
        allowed = load(Path(named)) if named else packaged()
        if self.settings.replace_names:
            allowed = dataclasses.replace(allowed, names=_stand_ins())
        return allowed

    @cached_property
    def _index(self) -> Index:
        """The benchmarks that no text may hold."""
        return Index(benchmarks())

    def _write_card(self, manifest: Mapping[str, Any]) -> None:
        """The card, and the pictures in it."""
        found = compare(self.ledger, self._allowed)
        for name, drawn in found.pictures.items():
            write_atomic(self.folder / name, drawn)
        write_atomic(self.folder / "README.md", card(manifest, found))

    def retry(self) -> int:
        """Make pending again what failed or was rejected; returns how many chunks."""
        return self.ledger.again([FAILED, REJECTED])

    def status(self) -> dict[str, Any]:
        """What there is, what became of it, and what that took."""
        counts = {name: counted(self.ledger, name) for name in ("documents", "chunks")}
        return counts | {"log": total(self.folder)}


def _nothing_told(_: Document) -> str:
    return ""


def _repeats(texts: Iterable[tuple[str, str]]) -> dict[str, str]:
    names: list[str] = []

    def noted() -> Iterator[tuple[str, str]]:
        for name, text in texts:
            names.append(name)
            yield name, text

    found = enumerate(find_repeats(noted()))
    return {names[number]: repeat.of for number, repeat in found if repeat is not None}


def _wording(document: Document) -> str:
    """What a rewriter is told about the names of a document; nothing about those of code."""
    if document.genre in prompts.PAIRS:
        return ""
    return policy.wording(policy.derive(document.text))


def _stand_ins() -> frozenset[str]:
    """Names that the policy puts in: they are allowed wherever they stand."""
    return frozenset((*stand_ins(MALE), *stand_ins(FEMALE)))
