"""What this distribution registers: names and where their code lies. Imports no torch."""

from __future__ import annotations

from leaner_harness import (
    ArchitectureSpec,
    CurriculumSpec,
    DifficultySpec,
    ModelType,
    ObjectiveSpec,
    TrainerSpec,
    hookimpl,
)

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
            model_class="leaner_trainers.architectures.mamba2:Mamba2ForCausalLM",
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
def register_difficulties() -> list[DifficultySpec]:
    """What tells easy documents from hard ones: the paper's three, and two more of the text."""
    readability, losses = (f"leaner_trainers.difficulties.{m}" for m in ("readability", "losses"))
    return [
        DifficultySpec("sentence_length", f"{readability}:sentence_length"),
        DifficultySpec("flesch", f"{readability}:flesch"),
        DifficultySpec("compression", "leaner_trainers.difficulties.compression:compression"),
        DifficultySpec("self_loss", f"{losses}:mean_loss", sees="self"),
        DifficultySpec("lm_loss", f"{losses}:mean_loss", sees="reference"),
    ]


@hookimpl
def register_curricula() -> list[CurriculumSpec]:
    """What is shown when, and the order without any, which they are compared with."""
    home = "leaner_trainers.curricula"
    return [
        CurriculumSpec("random", f"{home}.random:Random", ranks=False),
        CurriculumSpec("sorted", f"{home}.paced:Sorted", rescores=True),
        CurriculumSpec("competence", f"{home}.paced:Competence", rescores=True),
        CurriculumSpec("iterative", f"{home}.iterative:Iterative", rescores=True),
        CurriculumSpec("subset", f"{home}.subset:Subset", subset=True),
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
            stages="leaner_trainers.plan:stages",
        )
    ]
