"""The conformance kit's part for curricula and difficulties: pools, states, scores."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from leaner_harness.conformance.invariance import Step
from leaner_harness.contracts import (
    ADVANCE,
    KEEP,
    RESCORE,
    CurriculumSpec,
    DifficultySpec,
    Document,
    Examples,
    Progress,
    resolve,
)
from leaner_harness.ranking import Ranking

_DOCUMENTS, _STEPS, _EVERY = 200, 1000, 10
_TEXTS = (
    "The cat sat. It was glad.",
    "A dog ran to the old house, and the boy who lived there opened the door at once.",
    "one two three",
    "The sun is a star.\n\nStars are far away.",
)


def difficulty_steps(spec: DifficultySpec, folder: Path) -> Iterator[Step]:
    """Scores are finite float32 numbers, the same every time, each document's its own."""
    count = len(_TEXTS)
    nats, tokens = np.array([9.0, 40.5, 6.25, 20.0]), np.array([7, 20, 4, 11])

    def examples(places: list[int]) -> Examples:
        if spec.sees == "text":
            return Examples(
                documents=[Document(str(place), "wiki", _TEXTS[place]) for place in places]
            )
        return Examples(nats=nats[places], tokens=tokens[places])

    def scores() -> str:
        assert spec.sees in ("text", "self", "reference"), f"it sees {spec.sees!r}"
        found = resolve(spec.score)(examples(list(range(count))))
        assert getattr(found, "dtype", None) == np.float32, f"scores must be float32: {found!r}"
        assert found.shape == (count,), f"{count} documents, scores of shape {found.shape}"
        assert np.isfinite(found).all(), f"a score is no finite number: {found}"
        return ", ".join(f"{value:.3g}" for value in found)

    def repeats() -> str:
        score = resolve(spec.score)
        whole = score(examples(list(range(count))))
        alone = np.concatenate([score(examples([place])) for place in reversed(range(count))])
        assert (whole == alone[::-1]).all(), f"{whole} together, {alone[::-1]} one by one"
        return "the same one by one"

    yield "scores", scores
    yield "scores each document by itself", repeats


def curriculum_steps(spec: CurriculumSpec, folder: Path) -> Iterator[Step]:
    """Pools are ids, states are JSON, nothing depends on chance, and all is read in the end."""

    def importable() -> str:
        found: Any = resolve(spec.curriculum)
        assert dataclasses.is_dataclass(found), f"{spec.curriculum} is no dataclass"
        frozen = getattr(found, "__dataclass_params__").frozen  # noqa: B009  no typed way to ask
        assert frozen, f"{spec.curriculum} must be frozen: nothing is kept but the state"
        made = resolve(spec.curriculum)()
        parts = [getattr(made, name, None) for name in ("start", "pool", "observe")]
        assert all(map(callable, parts)), "it needs the methods start, pool and observe"
        return spec.curriculum

    def life(loss: Callable[[int], float]) -> Callable[[], str]:
        def run() -> str:
            pools = _pools(spec, loss)
            assert spec.subset or len(pools[-1]) == _DOCUMENTS, (
                f"the last pool has {len(pools[-1])} of {_DOCUMENTS} documents; "
                "a spec that ends with less says subset=True"
            )
            return f"{len(pools)} stages, {len(pools[0])} to {len(pools[-1])} documents"

        return run

    yield "imports", importable
    yield "goes through its stages while the loss falls", life(lambda step: 1 / step)
    yield "goes through its stages while it does not", life(lambda step: 1.0)


def _pools(spec: CurriculumSpec, loss: Callable[[int], float]) -> list[Any]:
    """The pools of a simulated run. Every call goes to an instance of its own, and twice."""
    chance = np.random.Generator(np.random.PCG64(0))
    weights = chance.integers(1, 500, _DOCUMENTS)
    scores = chance.integers(0, 50, _DOCUMENTS).astype(np.float32)  # with ties
    make = resolve(spec.curriculum)
    watches = getattr(make(), "watches_loss", False)
    answers = (KEEP, ADVANCE, RESCORE) if spec.rescores else (KEEP, ADVANCE)
    state = make().start(_DOCUMENTS, weights, 0)
    pools = [_pool(make, state, Ranking(scores, weights))]
    for step in range(1, _STEPS + 1):
        measured = loss(step) if watches and step % _EVERY == 0 else None
        progress = Progress(step, _STEPS, measured)
        after, wish = make().observe(state, progress)
        again = make().observe(_through_json(state), progress)
        assert (after, wish) == tuple(again), f"step {step}: another answer the second time"
        assert wish in answers, f"step {step}: it answered {wish!r}, not one of {answers}"
        state = after
        if wish != KEEP:
            pools.append(_pool(make, state, Ranking(scores, weights, before=pools[-1])))
    return pools


def _pool(make: Callable[[], Any], state: Any, ranking: Ranking) -> Any:
    found = np.asarray(make().pool(state, ranking))
    assert np.issubdtype(found.dtype, np.integer), f"a pool has ids, found {found.dtype}"
    assert len(found) and found.min() >= 0 and found.max() < _DOCUMENTS, "ids lie in 0 ... n - 1"
    assert (np.diff(found) > 0).all(), "ids must ascend, each once"
    same = np.asarray(make().pool(_through_json(state), ranking))
    assert np.array_equal(found, same), "another pool the second time"
    return found


def _through_json(state: Any) -> Any:
    after = json.loads(json.dumps(state))
    assert after == state, f"JSON makes {after!r} of the state {state!r}"
    return after
