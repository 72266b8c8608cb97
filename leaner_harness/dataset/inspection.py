"""What is looked at in a document before anything is paid for it, and in a rewrite after."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from leaner_harness.contracts import Document
from leaner_harness.dataset import checks, maths, noise, policy, prompts
from leaner_harness.dataset.build import Look, chunks_of
from leaner_harness.dataset.contamination import Index, benchmarks
from leaner_harness.dataset.duplicates import Settings as Nearness
from leaner_harness.dataset.duplicates import Sketch, sketch
from leaner_harness.dataset.policy.names import all_stand_ins
from leaner_harness.dataset.records import FAIL, Assignment, Finding, Rewrite
from leaner_harness.dataset.vocabulary import Vocabulary, load, packaged


@dataclasses.dataclass(frozen=True)
class Inspector:
    """Looks at texts: pure functions of a text and of what is set here."""

    vocabulary: str
    """A file of allowed words; empty for the list that ships."""
    coverage: float
    grades: tuple[str, ...]
    replace_names: bool

    def look(self, document: Document) -> Look:
        """What speaks against a document, its chunks, and what becomes of its names."""
        prose = document.text
        if document.genre in prompts.PAIRS:
            prose = prompts.together(prompts.pair_of(document))
        found = [*noise.judge_source(prose, document.genre), self.index.finding(document.text)]
        failed = [each.check for each in found if each.verdict == FAIL]
        if failed:
            return Look(failed[0])
        is_prose = self.replace_names and document.genre not in prompts.PAIRS
        told = policy.wording(policy.derive(document.text)) if is_prose else ""
        return Look("", tuple(chunks_of(document)), told)

    def verify(self, given: Assignment, found: Rewrite) -> list[Finding]:
        """The checks of a rewrite, or the grade of a text that is none."""
        chunk = given.chunk
        if chunk.genre == maths.GENRE:
            return [maths.finding(chunk.text, _grade(found.record), self.grades)]
        before, after = chunk.text, found.text
        if chunk.genre in prompts.PAIRS:  # prompt and answer together
            before, after = prompts.pair_text(before), prompts.pair_text(after)
            chunk = dataclasses.replace(chunk, text=before)
        told = prompts.system_prompt(chunk.genre)
        limits = checks.Thresholds(coverage_fail=self.coverage)
        findings = checks.verify(chunk, after, self.allowed, told, limits)
        if chunk.genre in prompts.PAIRS:
            return findings
        known = policy.read_wording(given.wording) if self.replace_names else None
        return [*findings, *policy.comply(before, after, known)]

    def measure(self, name: str, text: str) -> tuple[Sketch, str]:
        """What near-duplicates are found by, and the benchmark row that a text holds, if any."""
        return sketch(text, Nearness()), self.index.finding(text).note

    @cached_property
    def index(self) -> Index:
        """The benchmarks that no text may hold."""
        return Index(benchmarks())

    @cached_property
    def allowed(self) -> Vocabulary:
        """The words that are allowed."""
        return allowed_words(self.vocabulary, replace_names=self.replace_names)


def allowed_words(vocabulary: str, *, replace_names: bool) -> Vocabulary:
    """Those of a file, or of the list that ships.

    Where names are replaced, those that the policy puts in are allowed wherever they stand.
    """
    found = load(Path(vocabulary)) if vocabulary else packaged()
    if not replace_names:
        return found
    return dataclasses.replace(found, names=all_stand_ins())


def _grade(record: Mapping[str, object]) -> str | None:
    """What a rewriter that grades said."""
    found = record.get("grade")
    return None if found is None else str(found)
