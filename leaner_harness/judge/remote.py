"""The judge `openai:MODEL`: any server that speaks OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from leaner_harness.errors import UsageError
from leaner_harness.judge import ballots, pointwise, rubric
from leaner_harness.judge.ballots import Ballot, Graded
from leaner_harness.judge.verdicts import Item, Verdict
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.records import Request

_ONCE = {"temperature": 0.0}  # the same answer shall get the same grade
_OFTEN = {"temperature": 1.0}  # several samples are drawn from what the model would say


class RemoteJudge:
    """Grades every answer by itself."""

    def __init__(self, model: str, llm: Engine, n: int = 1, digits: bool = False) -> None:
        """`model` is that of the engine's settings.

        `n` samples are drawn of each grade and averaged. With `digits`, a grade is its expected
        value, wherever the server says how probable other digits were. Raises UsageError.
        """
        if type(n) is not int or n < 1:
            raise UsageError(f"A judge's n is {n!r}; it must be a whole number from 1 up.")
        if not isinstance(digits, bool):
            raise UsageError(f"A judge's digits is {digits!r}; it must be true or false.")
        self._engine, self._n, self._digits = llm, n, digits
        self._sampling = _ONCE if n == 1 else _OFTEN

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What its grades depend on; the server's own names of the model once it has replied."""
        settings = self._engine.settings
        return {
            "kind": "openai", "model": settings.model, "endpoint": settings.endpoint,
            "models_seen": sorted(self._engine.models), "prompt_version": rubric.VERSION,
            "prompt_sha256": rubric.prompt_digest(), "sampling": self._sampling,
            "samples": self._n, "digits": self._digits, "mode": "pointwise",
        }  # fmt: skip

    @property
    def ballot_fingerprint(self) -> Mapping[str, Any]:
        """What the grades of a ballot depend on: it is asked about once, in words of its own."""
        return {
            **self.fingerprint, "prompt_version": ballots.VERSION,
            "prompt_sha256": ballots.prompt_digest(), "sampling": _ONCE, "samples": 1,
            "digits": False, "mode": "paper",
        }  # fmt: skip

    def requests(self, item: Item, first: int = 0) -> list[Request]:
        """What is asked about an answer, the samples counted from `first`."""
        return [
            rubric.request(item, self._sampling, sample, digits=self._digits)
            for sample in range(first, first + self._n)
        ]

    def judge(self, items: Iterable[Item]) -> Iterator[Verdict]:
        """A verdict for each item, as they come."""
        return pointwise.judge(items, self._engine, self.requests)

    def retest(self, items: Iterable[Item]) -> Iterator[Verdict]:
        """The same asked anew: what was asked before is not looked up."""
        return pointwise.judge(items, self._engine, lambda item: self.requests(item, self._n))

    def ballot_request(self, ballot: Ballot) -> Request:
        """What is asked about a ballot."""
        return ballots.request(ballot, _ONCE)

    def judge_ballots(self, asked: Iterable[Ballot]) -> Iterator[Graded]:
        """The grades of several answers that share a prompt."""
        return ballots.judge(map(self.ballot_request, asked), self._engine)
