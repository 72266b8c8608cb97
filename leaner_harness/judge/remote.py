"""The judge `openai:MODEL`: any server that speaks OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from leaner_harness.judge import pointwise, rubric
from leaner_harness.judge.verdicts import Item, Verdict
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.records import Request

SAMPLING = {"temperature": 0.0}
"""Sent where the model has it: the same answer shall get the same grade."""


class RemoteJudge:
    """Grades every answer by itself."""

    def __init__(self, model: str, llm: Engine) -> None:
        """`model` is that of the engine's settings."""
        self._engine = llm

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What its grades depend on; the server's own names of the model once it has replied."""
        settings = self._engine.settings
        return {
            "kind": "openai", "model": settings.model, "endpoint": settings.endpoint,
            "models_seen": sorted(self._engine.models), "prompt_version": rubric.VERSION,
            "prompt_sha256": rubric.prompt_digest(), "sampling": SAMPLING, "samples": 1,
            "mode": "pointwise",
        }  # fmt: skip

    def request(self, item: Item) -> Request:
        """What is asked about an answer: for an estimate, before anything is."""
        return rubric.request(item, SAMPLING)

    def judge(self, items: Iterable[Item]) -> Iterator[Verdict]:
        """A verdict for each item, as they come."""
        return pointwise.judge(items, self._engine, SAMPLING)
