"""Effects of a choice on answers: LEANER less original, paired by question, over training seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from leaner_harness import paired
from leaner_harness.compare import answers
from leaner_harness.experiments.report.files import Scored, files_of
from leaner_harness.experiments.report.names import NAMES, SIDES
from leaner_harness.experiments.report.scores import PERMUTATIONS
from leaner_harness.paired import Columns, Difference
from leaner_harness.results import Record, recompute

Ways = dict[tuple[str, str], dict[str, Scored]]
"""(pre-trained on, instructed with) -> seed -> result."""


Pairs = Sequence[Sequence[tuple[Scored, Scored]]]
"""For each seed the pairs of results whose mean difference is the effect."""


class Effect(NamedTuple):
    """A difference that is asked for."""

    name: str
    pairs: Pairs
    by_seed: bool
    """Whether both of a pair began with the same weights."""

    @property
    def files(self) -> list[str]:
        """Of all results in it."""
        return files_of([each for pairs in self.pairs for pair in pairs for each in pair])


class Found(NamedTuple):
    """An effect on one metric, over all questions or those of a kind."""

    effect: Effect
    metric: str
    kind: str
    questions: int
    found: Difference


def samples(source: Scored) -> list[Record]:
    """The answers of a result, in the order of their questions."""
    found = recompute.read_samples(source.result, source.path)
    return sorted(found, key=lambda sample: str(sample["id"]))


def effects_of(ways: Ways) -> list[Effect]:
    """What can be asked: each choice with the other held, and over both of the other."""
    found = []
    for number, what in enumerate(("pre-training", "instructions")):
        held = "instructions" if number == 0 else "pre-training"
        both: dict[str, list[tuple[Scored, Scored]]] = {}
        for other in SIDES:
            one, two = (_way(number, side, other) for side in SIDES)
            shared = [s for s in ways.get(one, {}) if s in ways.get(two, {})]
            pairs = {seed: (ways[one][seed], ways[two][seed]) for seed in shared}
            for seed, pair in pairs.items():
                both.setdefault(seed, []).append(pair)
            if pairs:
                name = f"{what}, {NAMES[other]} {held}"
                found.append(Effect(name, [[pair] for pair in pairs.values()], number == 1))
        whole = [pairs for pairs in both.values() if len(pairs) == len(SIDES)]
        if whole:
            found.append(Effect(f"{what}, both", whole, number == 1))
    return found


def _way(number: int, side: str, other: str) -> tuple[str, str]:
    return (side, other) if number == 0 else (other, side)


def measure(effect: Effect, kind: str = "") -> list[Found]:
    """LEANER - original of an effect on every metric, of all questions or those of a kind."""
    by_seed = [[_columns(*pair, kind) for pair in pairs] for pairs in effect.pairs]
    found = []
    for metric in by_seed[0][0][1]:
        some = [[columns[metric] for _, columns in pairs if metric in columns] for pairs in by_seed]
        if all(len(each) == len(pairs) for each, pairs in zip(some, by_seed, strict=True)):
            joined = _joined([_averaged(each) for each in some], by_seed=effect.by_seed)
            n = by_seed[0][0][0]
            found.append(Found(effect, metric, kind, n, paired.difference(joined)))
    return found


def _columns(one: Scored, other: Scored, kind: str) -> tuple[int, dict[str, Columns]]:
    """How many questions, and the columns of each metric."""
    both = samples(one), samples(other)
    answers.check_questions(both[0], both[1], (one.files[0], other.files[0]))
    first, second = ([s for s in each if not kind or s["kind"] == kind] for each in both)
    found = answers.columns([first], [second], PERMUTATIONS)
    return len(first), {metric: cols for name, (metric, cols) in found.items() if name == metric}


def _averaged(some: Sequence[Columns]) -> Columns:
    """The mean of pairs of one seed: the same questions are drawn, and exchanged, in each."""
    exchanged = [each.exchanged for each in some if each.exchanged is not None]
    return Columns(
        np.mean([each.values for each in some], axis=0),
        np.mean([each.draws for each in some], axis=0),
        np.mean(exchanged, axis=0) if len(exchanged) == len(some) else None,
        1,
        min(each.units for each in some),
    )


def _joined(seeds: Sequence[Columns], *, by_seed: bool) -> Columns:
    """All seeds: the first side's columns, then the second's."""
    if len(seeds) == 1:
        return seeds[0]
    values = np.stack([each.values for each in seeds], axis=1).ravel()
    draws = np.concatenate(
        [np.stack([e.draws[:, side] for e in seeds], axis=1) for side in (0, 1)], axis=1
    )
    units = min(each.units for each in seeds)
    return Columns(values, draws, None, len(seeds), units, by_seed)
