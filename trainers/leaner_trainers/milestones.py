"""Milestones: points of a run, counted in words, tokens or steps, whose checkpoints are kept."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from leaner_harness import UsageError

_TIMES = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9}
_UNITS = ("words", "tokens", "steps")


class Milestone(NamedTuple):
    """So much seen in training, passes over the same text included."""

    amount: float
    unit: str
    """`words`, `tokens` or `steps`."""
    name: str
    """The folder of its checkpoint, such as `10M-words`."""


def parse_milestone(text: str) -> Milestone:
    """`10M words`, `500k tokens`, `2000 steps`. Raises UsageError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kMB]?) (words|tokens|steps)", text)
    if match is None or not float(match[1]):
        raise UsageError(
            f"Recipe key 'checkpoint_at' holds {text!r}, which is no milestone.",
            f'Write a number and one of {", ".join(_UNITS)}, such as "10M words".',
        )
    number, times, unit = match.groups()
    return Milestone(float(number) * _TIMES[times], unit, text.replace(" ", "-"))


def milestone_steps(
    texts: Iterable[str], tokens_per_step: int, words_per_token: float, steps: int
) -> dict[int, list[str]]:
    """The milestones' names by the step after which each is reached.

    Words are those that stand, on average, in as many tokens of the training text. Raises
    UsageError for a milestone that a run of `steps` does not reach.
    """
    per_step = {
        "steps": 1.0,
        "tokens": float(tokens_per_step),
        "words": tokens_per_step * words_per_token,
    }
    found: dict[int, list[str]] = {}
    for milestone in map(parse_milestone, texts):
        # A hair less: 1,000 tokens at 100 a step are ten steps, whatever a float makes of it.
        step = math.ceil(milestone.amount / per_step[milestone.unit] - 1e-9)
        if step > steps:
            end = f"{steps * per_step[milestone.unit]:,.0f} {milestone.unit}"
            raise UsageError(
                f"The milestone {milestone.name} lies beyond the end of the run, {end}.",
                "Raise `steps`, or take it out of `checkpoint_at`.",
            )
        found.setdefault(max(step, 1), []).append(milestone.name)
    return found


def missed(milestones: Mapping[int, Sequence[str]], step: int) -> str:
    """What to say of milestones that a run did not reach which ended after a step; empty else."""
    names = [name for at, names in milestones.items() if at > step for name in names]
    return f"The time was up before {', '.join(names)}: not kept." if names else ""
