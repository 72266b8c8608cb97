"""The stages of a recipe's curriculum, without training: what would be read, and for how long."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from leaner_harness import (
    KEEP,
    CurriculumState,
    Progress,
    Ranking,
    UsageError,
    get_architecture,
    get_objective,
)
from leaner_trainers.curriculum import Chosen, choose
from leaner_trainers.recipe import Recipe
from leaner_trainers.training_text import TrainingText, training_documents, write_text

Loss = Callable[[int], float]


def stages(recipe: Recipe) -> list[dict[str, Any]]:
    """One entry a stage, of a run whose loss always falls, and of one whose loss never does.

    An entry has `stage`, `share`, `documents`, `tokens`, and the steps it lasts: `steps` where the
    loss falls to the end, `steps_at_least` where each evaluation finds a plateau. A pool that the
    model in training chooses has its size here, not its documents. The text is tokenised, and
    scored with the reference if the curriculum has one. Raises UsageError for a recipe without
    curriculum.
    """
    spec = get_architecture(recipe.architecture)
    objective = get_objective(recipe.objective or spec.objective)
    chosen = choose(recipe, objective)
    if chosen is None:
        raise UsageError("This recipe has no curriculum.", "Name one: --set curriculum=iterative")
    with tempfile.TemporaryDirectory() as folder:
        write_text(recipe, spec, objective, Path(folder))
        text = TrainingText.open(recipe, spec, Path(folder))
        scores, _ = chosen.first_scores(training_documents(recipe), text.tokens, text.tokenizer)
        weights = np.diff(text.tokens.offsets)
    ranking = Ranking(scores, weights)
    slow = list(_walk(chosen, recipe, ranking, lambda step: -1e6 * step))
    fast = list(_walk(chosen, recipe, ranking, lambda _: 1.0)) if chosen.watches_loss else []
    per_step = recipe.gradient_accumulation * recipe.batch_size * recipe.block_size
    return [
        {"stage": number, **entry, "passes": entry["steps"] * per_step / entry["tokens"]}
        for number, entry in enumerate(_joined(slow, fast) if fast else _alike(slow))
    ]


def _alike(walk: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pools of a run that takes the same steps whatever its loss."""
    return [entry | {"steps_at_least": entry["steps"]} for entry in walk]


def _joined(slow: list[dict[str, Any]], fast: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pools of two runs, each once, the smallest first: either may skip some of the other's."""
    met: dict[int, dict[str, Any]] = {}
    for key, walk in (("steps", slow), ("steps_at_least", fast)):
        for entry in walk:
            row = met.setdefault(entry["tokens"], entry | {"steps": 0, "steps_at_least": 0})
            row[key] += entry["steps"]
    return [met[tokens] for tokens in sorted(met)]


def _walk(chosen: Chosen, recipe: Recipe, ranking: Ranking, loss: Loss) -> Iterator[dict[str, Any]]:
    """The stages of a run with a given loss after each step."""
    curriculum, weights = chosen.curriculum, ranking.weights
    state = curriculum.start(len(weights), weights, recipe.seed)
    began = 0

    def entry(state: CurriculumState, steps: int) -> dict[str, Any]:
        nonlocal ranking
        pool = curriculum.pool(state, ranking)
        tokens = int(weights[pool].sum())
        ranking = Ranking(ranking.scores, weights, before=pool)
        return {
            "share": tokens / int(weights.sum()),
            "documents": len(pool),
            "tokens": tokens,
            "steps": steps,
        }

    for step in range(1, recipe.steps + 1):
        is_measured = chosen.watches_loss and step % recipe.eval_every == 0
        measured = loss(step) if is_measured else None
        after, wish = curriculum.observe(state, Progress(step, recipe.steps, measured))
        if wish != KEEP:
            yield entry(state, step - began)
            began = step
        state = json.loads(json.dumps(after))
    if began < recipe.steps:
        yield entry(state, recipe.steps - began)
