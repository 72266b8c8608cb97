"""The lm-eval model types of this package, by name; nothing heavy is imported here."""

from __future__ import annotations

from leaner_harness.contracts import ModelType

MODEL_TYPES = (
    ModelType("leaner", "leaner_harness.models.auto:LeanerLM"),
    ModelType("leaner-causal", "leaner_harness.models.causal:CausalLM"),
    ModelType("leaner-masked", "leaner_harness.models.masked:MaskedLM"),
    ModelType("leaner-permutation", "leaner_harness.models.permutation:PermutationLM"),
    ModelType("leaner-finetune", "leaner_harness.models.finetune.model:FinetuneLM"),
)
