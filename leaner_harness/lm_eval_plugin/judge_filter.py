"""A filter of lm-eval that has all answers of a task judged at once.

lm-eval applies a filter to the answers of a whole task, so calls are concurrent, and hands what it
gives to the task one by one, so grades are ordinary metrics with errors.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from lm_eval.api.filter import Filter, FilterEnsemble
from tqdm import tqdm

from leaner_harness.judge import verb
from leaner_harness.judge.opening import Opened
from leaner_harness.judge.samples import Answered
from leaner_harness.judge.verdicts import COMPLETE, Item, Verdict, row_of

NAME = "judge"
"""The filter's name, as in the metric `grammar,judge`."""

log = logging.getLogger("lm_eval.leaner_harness")


class Judged(str):
    """A verdict as lm-eval logs it. A type of its own: no answer can pass for one."""

    verdict: Verdict

    def __new__(cls, verdict: Verdict, kind: str) -> Judged:
        """The verdict's row as JSON."""
        text = super().__new__(cls, json.dumps(row_of(verdict, kind), ensure_ascii=False))
        text.verdict = verdict
        return text


class JudgeFilter(Filter):  # type: ignore[misc]
    """Answers -> verdicts."""

    def __init__(self, opened: Opened, found: dict[str, Any]) -> None:
        """`found` is where the summary goes, when there is one."""
        self._opened, self._found = opened, found

    def apply(
        self, resps: Iterable[Sequence[str]], docs: Iterable[dict[str, Any]]
    ) -> list[Judged | str]:
        """A verdict for each answer; a task's placeholder stays as it is."""
        report, judged = verb.Report(self._opened), {}
        pairs = [(doc, str(answers[0])) for doc, answers in zip(docs, resps, strict=True)]
        asked = [
            Answered(Item(doc["id"], doc["question"], answer), doc["kind"])
            for doc, answer in pairs
            if doc["question"]
        ]
        for verdict, kind in tqdm(
            verb.judge(asked, self._opened), desc="Judging", total=len(asked), disable=not asked
        ):
            judged[verdict.id] = Judged(verdict, kind)
            report.add(verdict, kind)
        self._found |= report.record()
        if asked and self._found["coverage"] < COMPLETE:
            states = ", ".join(f"{state} {n}" for state, n in self._found["states"].items())
            log.warning(
                "INCOMPLETE: %.1f %% of the answers could be judged (%s): no headline. To ask "
                "again for what is missing: leaner judge OUTPUT",
                100 * self._found["coverage"],
                states,
            )
        return [judged.get(doc["id"], answer) for doc, answer in pairs]


def judge_filter(opened: Opened, found: dict[str, Any]) -> FilterEnsemble:
    """The filter as a task holds it."""
    return FilterEnsemble(name=NAME, filters=[partial(JudgeFilter, opened, found)])
