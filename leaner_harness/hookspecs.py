"""The hooks a plugin may implement, on one screen: each returns a list of frozen specs.

Stable: tasks, architectures, curricula, difficulties. Provisional: objectives, trainers, judges,
rewriters: they may change before 1.0, with a changelog line.
"""

from __future__ import annotations

import pluggy

from leaner_harness.contracts import (
    ArchitectureSpec,
    CurriculumSpec,
    DifficultySpec,
    JudgeSpec,
    ObjectiveSpec,
    RewriterSpec,
    TaskFolder,
    TrainerSpec,
)

PROJECT = "leaner_harness"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_architectures() -> list[ArchitectureSpec]:  # type: ignore[empty-body]
    """Models a trainer can build, and the lm-eval model type that scores each."""


@hookspec
def register_objectives() -> list[ObjectiveSpec]:  # type: ignore[empty-body]
    """What models learn to predict: how blocks of text become a batch, and the loss on it."""


@hookspec
def register_difficulties() -> list[DifficultySpec]:  # type: ignore[empty-body]
    """Ways to tell easy documents from hard ones."""


@hookspec
def register_curricula() -> list[CurriculumSpec]:  # type: ignore[empty-body]
    """What a model is shown, and when: pools of documents that follow one another."""


@hookspec
def register_judges() -> list[JudgeSpec]:  # type: ignore[empty-body]
    """Ways to grade answers: grammar, coherence and specificity, from 0 to 5 each."""


@hookspec
def register_rewriters() -> list[RewriterSpec]:  # type: ignore[empty-body]
    """Ways to make a text simpler, chunk by chunk."""


@hookspec
def register_tasks() -> list[TaskFolder]:  # type: ignore[empty-body]
    """Folders of lm-eval task YAML; stock `lm_eval --tasks` finds every task in them."""


@hookspec
def register_trainers() -> list[TrainerSpec]:  # type: ignore[empty-body]
    """Ways to turn a recipe into a checkpoint, and the recipes that come with them."""
