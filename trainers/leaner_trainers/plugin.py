"""What this distribution registers: names and where their code lies. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping

from leaner_harness import ArchitectureSpec, ModelType, ObjectiveSpec, TrainerSpec, hookimpl

LEANER_API_VERSION = 1


@hookimpl
def register_architectures() -> list[ArchitectureSpec]:
    """The models this distribution builds."""
    return [
        ArchitectureSpec(
            name="llama",
            build="leaner_trainers.architectures.llama:build",
            sizes=("1M", "14M", "paper"),
            any_size=True,
        ),
        ArchitectureSpec(
            name="qwen3",
            build="leaner_trainers.architectures.qwen3:build",
            sizes=("1M", "14M", "paper"),
            any_size=True,
        ),
        ArchitectureSpec(
            name="bert",
            build="leaner_trainers.architectures.bert:build",
            objective="mlm",
            other_objectives=("mntp",),
            tokenizer="byte-bpe-mask",
            model_type=ModelType("leaner-masked"),
            sizes=("1M", "14M", "paper"),
            any_size=True,
        ),
        ArchitectureSpec(
            name="xlnet",
            build="leaner_trainers.architectures.xlnet:build",
            objective="plm",
            tokenizer="byte-bpe-mask",
            model_type=ModelType("leaner-permutation"),
            sizes=("1M", "14M", "paper"),
            any_size=True,
        ),
        ArchitectureSpec(
            name="mamba2",
            build="leaner_trainers.architectures.mamba2:build",
            sizes=("1M", "14M", "paper"),
            any_size=True,
        ),
    ]


@hookimpl
def register_objectives() -> list[ObjectiveSpec]:
    """What these models learn to predict."""
    return [
        _objective("clm", causal=True),
        _objective("mlm"),
        _objective("mntp", model_args={"scoring": "mntp"}),
        _objective("plm"),
    ]


def _objective(
    name: str, *, causal: bool = False, model_args: Mapping[str, str] | None = None
) -> ObjectiveSpec:
    module = f"leaner_trainers.objectives.{name}"
    return ObjectiveSpec(name, f"{module}:collate", f"{module}:loss", causal, model_args or {})


@hookimpl
def register_trainers() -> list[TrainerSpec]:
    """The training loop and its ready recipes."""
    return [
        TrainerSpec(
            name="accelerate",
            train="leaner_trainers.loop:train",
            recipe="leaner_trainers.recipe:Recipe",
            recipes="leaner_trainers:recipes",
        )
    ]
