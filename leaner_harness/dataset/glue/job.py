"""Algorithm 2 as a job in a folder: rewrite items, have them judged, write what is agreed on.

Source of the algorithm: TinyHelen (arXiv 2501.00522). Ours: the judge may be another model, answers
the items of the source, too, and never sees a label; labels stay those of the source.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from leaner_harness.data.glue import SPLITS, GlueTask, get_task
from leaner_harness.dataset import beginning, build
from leaner_harness.dataset.assemble import account
from leaner_harness.dataset.glue import checking, items, rows, wording
from leaner_harness.dataset.glue.judging import Judge
from leaner_harness.dataset.glue.models import Model, about, engine_of, forecast
from leaner_harness.dataset.glue.pages import publish
from leaner_harness.dataset.glue.purse import Purse, check_arguments
from leaner_harness.dataset.glue.report import Report
from leaner_harness.dataset.glue.rewriting import ItemRewriter
from leaner_harness.dataset.glue.verdicts import Outcome, outcomes, texts_to_judge
from leaner_harness.dataset.inspection import allowed_words
from leaner_harness.dataset.ledger import FAILED, KEPT, PENDING, Entry, Ledger
from leaner_harness.dataset.records import Assignment, Finding, Rewrite
from leaner_harness.errors import UsageError
from leaner_harness.provenance import without_paths

TOLERANCE = 0.5
"""How far a judge's score of stsb may be from the people's, by default."""
HIDDEN = ".build"
"""The folder of the ledgers, one for each task, in that of the data set."""
BATCH = 4096
"""Items that are rewritten before they are judged: what is stopped has whole items."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """All that the files of a task depend on. They are kept with the build."""

    task: str
    source: str
    """A folder in the published layout, or `mini`."""
    rewriter: str
    judge: str
    """A rewriter that asks a model: `openai:MODEL`."""
    rewriter_args: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    judge_args: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    splits: str = ""
    """`halve` or `keep`; empty: halve where there is no labelled test file."""
    tolerance: float = TOLERANCE
    """Of scores; classes agree or do not."""
    hide_label: bool = False
    """Whether the rewriter is not told the label."""
    tries: int = build.TRIES
    seed: int = 0
    """Of the halves."""
    vocabulary: str = ""
    """A file of allowed words; empty for the list that ships."""
    licence: str = "unknown"
    replace_names: bool = True

    def __post_init__(self) -> None:
        """Raises UnknownName for a task, UsageError for numbers and limits that cannot be."""
        get_task(self.task)
        if not 0 <= self.tolerance <= 5:
            raise UsageError(f"A tolerance of {self.tolerance} is none.", "Give 0 to 5.")
        if self.tries < 1:
            raise UsageError(f"tries is {self.tries}; it must be 1 or more.")
        check_arguments("rewriter", self.rewriter_args)
        check_arguments("judge", self.judge_args)

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)


def _overwritten(folder: Path, task: GlueTask) -> list[str]:
    """What a build of this task puts in place of what is there, as far as it was not begun."""
    hidden = folder / HIDDEN
    names = [f"{stem}.jsonl" for split in SPLITS for stem in task.stems(split).values()]
    names = [] if (hidden / task.name).is_dir() else names
    return names + ([] if hidden.is_dir() else ["README.md"])


class Job:
    """The build of one task. Close it when done: one process at a time may have it."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Begin in a folder, or go on. Raises UsageError as the ledger does."""
        self.folder, self.settings = folder, settings
        self.task = get_task(settings.task)
        beginning.refuse_existing(folder, _overwritten(folder, self.task))
        self.tolerance = settings.tolerance if self.task.regression else 0.0
        self.rewriter = Model(settings.rewriter, settings.rewriter_args)
        self.model = Model(settings.judge, settings.judge_args)
        self.about = about(self.task, self.rewriter, self.model)
        self.ledger = Ledger(folder / HIDDEN / settings.task)
        try:
            beginning.check_same(self.ledger, settings.record())
            known = {"rewriter": self.about["rewriter"], "judge": self.about["judge"]}
            servers = {role: each.get("endpoint", "") for role, each in known.items()}
            beginning.check_servers(self.ledger, servers)
        except BaseException:
            self.ledger.close()
            raise
        temperature = settings.judge_args.get("temperature", 0.0)
        self.judge = Judge(self.task, self.ledger, temperature)

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *_: object) -> None:
        self.ledger.close()

    def read(self) -> None:
        """Enter the items of the source, unless that is done."""
        if self.ledger.fact("read"):
            return
        source = items.open_source(self.task, self.settings.source, self.settings.splits)
        items.enter(self.ledger, source, self.tolerance)
        self.ledger.set_fact("source", source.record())
        self.ledger.set_fact("splits", source.splits)
        self.ledger.set_fact("read", True)
        self.ledger.commit()

    def retry(self) -> int:
        """Ask again for what failed, be it a rewrite or an answer; returns how many."""
        self.read()
        texts = list(texts_to_judge(self.task, self.ledger, self.ledger.documents()))
        return self.judge.forget_failed(texts) + self.ledger.again([FAILED])

    def run(
        self,
        limit: int | None = None,
        purse: Purse | None = None,
        announce: build.Announce = lambda *_: None,
    ) -> dict[str, Any]:
        """Do all that is left, or so many items of it; returns the manifest, and what it took."""
        self.read()
        purse = purse or Purse()
        self._judge(list(self.ledger.documents()), purse, announce)
        left = self._left(limit)
        while left > 0 and not purse.is_over:
            room = purse.room(self.settings.tries)
            size = min(BATCH, left) if room is None else min(BATCH, left, room)
            if not size:
                break
            batch = self._waiting(size)
            self._rewrite(size, purse, announce)
            self._judge(batch, purse, announce)
            left -= size
        return self.write() | {"took": purse.took}

    def _left(self, limit: int | None) -> int:
        pending = self.ledger.counts("chunks").get(PENDING, 0)
        return pending if limit is None else min(limit, pending)

    def _waiting(self, size: int) -> list[Entry]:
        """The items that are rewritten next: at any try, so many."""
        found = {
            entry.place: entry
            for attempt in range(self.settings.tries)
            for entry, _ in self.ledger.pending(attempt, size)
        }
        return list(found.values())

    def _rewrite(self, size: int, purse: Purse, announce: build.Announce) -> None:
        settings = self.settings
        allowed = allowed_words(settings.vocabulary, replace_names=settings.replace_names)

        def verify(given: Assignment, found: Rewrite) -> Iterable[Finding]:
            return checking.verify(self.task, given.chunk, found.text, allowed)

        model = self.rewriter
        with purse.opened("rewriter", model.named, model.arguments) as (rewriter, _):
            build.rewrite(
                self.ledger,
                self.item_rewriter(rewriter),
                verify,
                limit=size,
                tries=settings.tries,
                announce=announce,
            )

    def item_rewriter(self, rewriter: Any) -> ItemRewriter:
        """A rewriter that is told what items need."""

        def label(item: str) -> str:
            known = items.item_of(self.ledger, item)
            return wording.meaning(self.task, known.label)

        told = (lambda _: "") if self.settings.hide_label else label
        return ItemRewriter(rewriter, self.task, told, replace_names=self.settings.replace_names)

    def _judge(self, entries: Sequence[Entry], purse: Purse, announce: build.Announce) -> None:
        """Have the items of the source and their rewrites answered, all in one stream."""
        if next(self.judge.unasked(texts_to_judge(self.task, self.ledger, entries)), None) is None:
            return
        texts = texts_to_judge(self.task, self.ledger, entries)
        with purse.opened("judge", self.model.named, self.model.arguments) as (_, engine):
            self.judge.ask(engine_of(self.model, engine), texts, announce)

    def dry_run(self, limit: int | None = None) -> dict[str, Any]:
        """What is left to ask, for so many items, and what it may cost."""
        self.read()
        left = self._left(limit)
        waiting = [
            build.assignment(entry, part)
            for attempt in range(self.settings.tries)
            for entry, part in self.ledger.pending(attempt, left)
        ][:left]
        rewritten = texts_to_judge(self.task, self.ledger, self.ledger.documents())
        found = forecast(
            waiting, rewritten, self.rewriter, self.model, self.judge, self.item_rewriter
        )
        return {"items": len(waiting), **found}

    def _outcomes(self) -> Iterable[Outcome]:
        return outcomes(self.judge, self.ledger, self.tolerance)

    def write(self) -> dict[str, Any]:
        """Write files, manifest and card of what there is; returns the manifest."""
        report, halves = Report(self.task, self.tolerance), []
        cut = self.ledger.fact("splits") == items.HALVE
        for found in self._outcomes():
            self.ledger.settle(found.entry.place, found.state, found.reason)
            report.add(found)
            if cut and found.state == KEPT and found.item.split == "validation":
                halves.append(found.item)
        self.ledger.commit()
        moved = rows.halved(halves, self.settings.seed)
        made = {"rewriter": self.about["rewriter"]}
        kept = (found for found in self._outcomes() if found.state == KEPT)
        files = rows.write(self.task, kept, self.folder, moved, made)
        manifest = {
            "settings": without_paths(self.ledger.fact("settings")),
            **self.about,
            "source": self.ledger.fact("source"),
            "splits": self.ledger.fact("splits"),
            "items": account(self.ledger, "documents"),
            "report": report.record(),
            "files": files,
        }
        publish(self.folder, manifest)
        return manifest
