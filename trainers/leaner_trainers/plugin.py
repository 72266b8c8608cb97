"""What this distribution registers: names and where their code lies. Imports no torch."""

from __future__ import annotations

from leaner_harness import ArchitectureSpec, ModelType, ObjectiveSpec, TrainerSpec, hookimpl

LEANER_API_VERSION = 1


@hookimpl
def register_architectures() -> list[ArchitectureSpec]:
    """The models this distribution builds."""
    return [
        ArchitectureSpec(
            name="llama",
            build="leaner_trainers.architectures.llama:build",
            other_objectives=("sft",),
            sizes=("1M", "14M", "paper"),
            any_size=True,
        ),
        ArchitectureSpec(
            name="qwen3",
            build="leaner_trainers.architectures.qwen3:build",
            other_objectives=("sft",),
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
            other_objectives=("sft",),
            sizes=("1M", "14M", "paper"),
            any_size=True,
        ),
    ]


@hookimpl
def register_objectives() -> list[ObjectiveSpec]:
    """What these models learn to predict."""
    return [
        ObjectiveSpec("clm", *_code("clm"), causal=True),
        ObjectiveSpec("mlm", *_code("mlm")),
        ObjectiveSpec("mntp", *_code("mntp"), model_args={"scoring": "mntp"}),
        ObjectiveSpec("plm", *_code("plm")),
        ObjectiveSpec(
            "sft", *_code("sft"), causal=True, answers=True, options=("prompt_loss_weight",)
        ),
    ]


def _code(objective: str) -> tuple[str, str]:
    """Where the two functions of an objective of ours lie."""
    module = f"leaner_trainers.objectives.{objective}"
    return f"{module}:collate", f"{module}:loss"


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
