"""What this distribution registers: names and where their code lies. Imports no torch."""

from __future__ import annotations

from leaner_harness import ArchitectureSpec, TrainerSpec, hookimpl

LEANER_API_VERSION = 1


@hookimpl
def register_architectures() -> list[ArchitectureSpec]:
    """The models this distribution builds."""
    return [
        ArchitectureSpec(
            name="llama",
            build="leaner_trainers.architectures.llama:build",
            sizes=("1M", "14M"),
        )
    ]


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
