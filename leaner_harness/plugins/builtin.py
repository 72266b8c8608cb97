"""What ships with the harness, registered as any other plugin would."""

from __future__ import annotations

from leaner_harness import JudgeSpec, ModelType, RewriterSpec, TaskFolder, TrainerSpec, hookimpl


@hookimpl
def register_tasks() -> list[TaskFolder]:
    """LEANER-GLUE on published rows, and on the embedded mini set."""
    return [TaskFolder("leaner", "leaner_harness:tasks")]


@hookimpl
def register_judges() -> list[JudgeSpec]:
    """A model over HTTP, one on this machine, and checks that need none."""
    return [
        JudgeSpec(
            "openai", "leaner_harness.judge.remote:RemoteJudge", llm=True, options=("n", "digits")
        ),
        JudgeSpec("hf", "leaner_harness.judge.local:open_judge", argument="PATH"),
        JudgeSpec("surface", "leaner_harness.judge.surface:open_judge", argument=""),
    ]


@hookimpl
def register_rewriters() -> list[RewriterSpec]:
    """A model over HTTP, rules that need none, recorded texts, and the text as it is."""
    rewriters = "leaner_harness.dataset.rewriters"
    return [
        RewriterSpec(
            "openai", f"{rewriters}.remote:RemoteRewriter", llm=True,
            options=("temperature", "top_p"),
        ),
        RewriterSpec("rules", "leaner_harness.dataset.rewriters.rules:Rules", argument=""),
        RewriterSpec("replay", f"{rewriters}.recorded:Replay", argument="FILE"),
        RewriterSpec("echo", f"{rewriters}.recorded:Echo", argument=""),
    ]  # fmt: skip


@hookimpl
def register_trainers() -> list[TrainerSpec]:
    """The torch-free n-gram model: a floor row for every board."""
    return [
        TrainerSpec(
            name="ngram",
            train="leaner_harness.plugins.ngram:train",
            recipe="leaner_harness.plugins.ngram:NgramRecipe",
            recipes="leaner_harness:recipes",
            model_types=(ModelType("leaner-ngram", "leaner_harness.plugins.ngram_lm:NgramLM"),),
        )
    ]
