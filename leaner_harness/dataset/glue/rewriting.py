"""A rewriter as items need it: told what their labels mean, and prose by prose where it knows none.

It stands between the build's own loop and any rewriter, so that plugins get items through the hook
that they have.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from leaner_harness.data.glue import GlueTask
from leaner_harness.dataset import policy
from leaner_harness.dataset.glue.items import as_text, read_text
from leaner_harness.dataset.records import Assignment, Chunk, Rewrite
from leaner_harness.llm.records import OK, UNASKED

OF_PROSE = ("rules",)
"""Kinds of rewriters that read prose alone: they are given each text field by itself."""


class ItemRewriter:
    """Hands items on to a rewriter; what comes back belongs to the item it was asked for."""

    def __init__(
        self,
        rewriter: Any,
        task: GlueTask,
        label: Callable[[str], str],
        *,
        replace_names: bool = True,
    ) -> None:
        """`label` says what the label of an item means, by the item's id; empty hides it.

        `replace_names`: whether names are replaced by the policy, the same in all of an item.
        """
        self._rewriter, self._task, self._label = rewriter, task, label
        self._replace_names = replace_names
        self._spent = False

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """The rewriter's own."""
        found: Mapping[str, Any] = self._rewriter.fingerprint
        return found

    def told(self, assignment: Assignment) -> Assignment:
        """The assignment with what its label means, and what becomes of its names."""
        label = self._label(assignment.chunk.document)
        return dataclasses.replace(assignment, label=label, wording=self._wording(assignment.chunk))

    def _wording(self, chunk: Chunk) -> str:
        texts = read_text(chunk.text, self._task.fields) or {}
        whole = "\n".join(texts.values())
        return policy.wording(policy.derive(whole)) if self._replace_names else ""

    def rewrite(self, assignments: Iterable[Assignment]) -> Iterator[Rewrite]:
        """A rewrite of each item, as they come."""
        if self.fingerprint.get("kind") in OF_PROSE:
            yield from (self._by_field(self.told(each)) for each in assignments)
            return
        for found in self._rewriter.rewrite(self._while_paid(assignments)):
            self._spent |= found.state in UNASKED
            yield found

    def _while_paid(self, assignments: Iterable[Assignment]) -> Iterator[Assignment]:
        """Assignments as long as the budget lasts: the others stay pending."""
        waiting = iter(assignments)
        while not self._spent and (each := next(waiting, None)) is not None:
            yield self.told(each)

    def _by_field(self, assignment: Assignment) -> Rewrite:
        chunk = assignment.chunk
        texts = read_text(chunk.text, self._task.fields) or {}
        parts = [
            dataclasses.replace(assignment, chunk=Chunk(chunk.document, number, "web", text))
            for number, text in enumerate(texts.values())
        ]
        found = {each.id: each for each in self._rewriter.rewrite(parts)}
        done = [found[part.chunk.id] for part in parts]
        failed = [each for each in done if each.state != OK]
        if failed:
            return Rewrite(chunk.id, failed[0].state, reason=failed[0].reason)
        new = {name: each.text for name, each in zip(texts, done, strict=True)}
        return Rewrite(chunk.id, OK, as_text(new))
