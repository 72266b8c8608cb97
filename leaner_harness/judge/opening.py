"""From a judge's name and arguments to a judge that is ready, and what is known of it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from typing import Any

from leaner_harness.judge.verdicts import RUBRIC, Item, Scale, Verdict
from leaner_harness.llm import opening
from leaner_harness.llm.engine import Engine

NAME, ARGUMENTS = "leaner_judge", "leaner_judge_args"
"""Keys of lm-eval's `--metadata`; in the environment they stand in capitals."""


@dataclasses.dataclass(frozen=True)
class Opened:
    """A judge that is ready, and the engine it asks through, if it does."""

    judge: Any
    engine: Engine | None

    @property
    def scale(self) -> Scale:
        """What its grades are called."""
        scale: Scale = getattr(self.judge, "scale", RUBRIC)
        return scale

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What its grades depend on."""
        return dict(self.judge.fingerprint)

    @property
    def ballot_fingerprint(self) -> dict[str, Any]:
        """The same of ballots, where the judge can grade them."""
        return {**getattr(self.judge, "ballot_fingerprint", self.fingerprint), "mode": "paper"}

    def verdicts(self, items: Iterator[Item]) -> Iterator[Verdict]:
        """A verdict for each item."""
        found: Iterator[Verdict] = self.judge.judge(items)
        return found

    def account(self) -> dict[str, Any]:
        """What it took: calls, replies from the cache, and what that cost where prices are set."""
        return opening.account(self.engine)


def open_judge(named: str, arguments: Mapping[str, Any]) -> Opened:
    """The judge `NAME:MODEL`, such as `openai:MODEL` or `hf:PATH`; raises as `open_plugin`."""
    return Opened(*opening.open_plugin("judge", named, arguments))


def asked_for(metadata: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The judge that lm-eval's metadata or the environment names, and its arguments."""
    named = metadata.get(NAME, os.environ.get(NAME.upper(), ""))
    if not named:
        return None
    arguments = metadata.get(ARGUMENTS, os.environ.get(ARGUMENTS.upper(), ""))
    return str(named), opening.parse(arguments)
