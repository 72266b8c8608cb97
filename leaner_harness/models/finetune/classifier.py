"""A classifier on a language model's body: pool its last hidden states, one linear head.

The head is the same for every architecture, so that a difference between two checkpoints is not
one of two heads. (transformers' own differ: BERT has a pooler, XLNet a summary layer, Mamba none.)
"""

from __future__ import annotations

import functools
import inspect
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from leaner_harness.compiling import compiled
from leaner_harness.contracts import ArchitectureSpec, resolve
from leaner_harness.errors import CheckpointError, LeanerError, PluginError
from leaner_harness.models.auto import choose
from leaner_harness.models.finetune.encoding import Batch
from leaner_harness.models.loading import Checked, weight_names
from leaner_harness.registry import get_objective, load_registry

_DROPOUT = 0.1
_HEAD_STD = 0.02
_AUTO_CLASSES = {
    "leaner-causal": "AutoModelForCausalLM",
    "leaner-masked": "AutoModelForMaskedLM",
    "leaner-permutation": "AutoModelForCausalLM",
}


class Classifier(nn.Module):
    """Body, pooling, dropout and a linear head. Shapes: B rows, T tokens, D hidden units."""

    def __init__(
        self,
        body: nn.Module,
        width: int,
        outputs: int,
        *,
        causal: bool,
        compile_on: torch.device | None = None,
    ) -> None:
        super().__init__()
        self.body = body
        self.dropout = nn.Dropout(_DROPOUT)
        self.head = nn.Linear(width, outputs)
        nn.init.normal_(self.head.weight, std=_HEAD_STD)
        nn.init.zeros_(self.head.bias)
        self.causal = causal
        self._segments = _tells_sentences(body)
        self._pool = Classifier.pool if compile_on is None else _compiled_pool(compile_on)

    def forward(self, batch: Batch) -> torch.Tensor:
        """(B, outputs), float32."""
        # To a compiler, one row is a shape of its own. Predictions are computed as ever.
        pool = self._pool if self.training and len(batch.ids) > 1 else Classifier.pool
        pooled = pool(self, batch)
        logits: torch.Tensor = self.head(self.dropout(pooled)).float()
        return logits

    def pool(self, batch: Batch) -> torch.Tensor:
        """(B, D): the last token of a causal body, the mean over the tokens of others.

        A causal body sees no padding on the right, so it needs no mask.
        """
        inputs = {} if self.causal else {"attention_mask": batch.mask}
        if self._segments:
            inputs["token_type_ids"] = batch.segments
        hidden: torch.Tensor = self.body(input_ids=batch.ids, **inputs)[0]  # (B, T, D)
        if self.causal:
            last = batch.mask.sum(1) - 1
            return hidden[torch.arange(len(last), device=last.device), last]
        weights = batch.mask[:, :, None].to(hidden.dtype)
        return (hidden * weights).sum(1) / weights.sum(1)


@functools.cache
def _compiled_pool(device: torch.device) -> Callable[[Classifier, Batch], torch.Tensor]:
    """One for all runs of a process, which have the same body, and heads of several widths."""
    return compiled(Classifier.pool, device, any_shape=True)


def _tells_sentences(body: nn.Module) -> bool:
    """Whether a body has an embedding for the first and one for the second of two sentences.

    GPT-2 and its like take `token_type_ids`, too, and look them up among the embeddings of tokens.
    """
    config: Any = body.config
    kinds = 2 if config.model_type == "xlnet" else getattr(config, "type_vocab_size", 0)
    return kinds > 1 and "token_type_ids" in inspect.signature(body.forward).parameters


class _Own(nn.Module):
    """A plugin's own sequence classifier, called as `Classifier` is."""

    def __init__(self, model: nn.Module, name: str, outputs: int) -> None:
        super().__init__()
        self.model, self._name, self._outputs = model, name, outputs

    def forward(self, batch: Batch) -> torch.Tensor:
        """(B, outputs); raises PluginError where the plugin's class gives anything else."""
        answer = self.model(input_ids=batch.ids, attention_mask=batch.mask)
        logits = getattr(answer, "logits", None)
        asked = (len(batch.ids), self._outputs)
        if logits is None or tuple(logits.shape) != asked:
            found = "no logits" if logits is None else f"logits of the shape {tuple(logits.shape)}"
            raise PluginError(
                f"{self._name!r} gives {found}, not of the shape {asked}.",
                "Of a batch of rows it returns an object with `logits` (rows, num_labels).",
            )
        return torch.as_tensor(logits).float()


def build_classifier(
    checkpoint: str,
    outputs: int,
    *,
    from_scratch: bool,
    spec: ArchitectureSpec | None = None,
    plain_attention: bool = False,
    compile_on: torch.device | None = None,
) -> nn.Module:
    """A classifier on the checkpoint's body, in float32; with `from_scratch` on random weights.

    `spec` is its architecture, by default the one that its `leaner.json` names, if any; it may name
    a class to load the model with, or a classifier. `plain_attention` computes attention as
    products of matrices and not by torch's fused kernel; with `compile_on` a device, training steps
    there run the body compiled, unless the whole classifier is the architecture's own. Raises
    CheckpointError for what transformers cannot load, PluginError for what the architecture's own
    class cannot.
    """
    spec = spec or _architecture_of(checkpoint)
    if spec is not None and spec.sequence_classifier:
        name = spec.sequence_classifier
        model = _load_named(name, checkpoint, from_scratch, num_labels=outputs)
        return _Own(model, name, outputs)
    if spec is not None and spec.model_class:
        model = _load_named(spec.model_class, checkpoint, from_scratch)
        causal = get_objective(spec.objective).causal
    else:
        model, causal = _load_found(checkpoint, from_scratch)
    model.config.use_cache = False
    if hasattr(model.base_model, "bi_data"):  # XLNet's would read half of each batch backwards
        model.base_model.bi_data = False
    if plain_attention:
        model.set_attn_implementation("eager")
    width = model.get_input_embeddings().weight.shape[1]
    width = getattr(model.config, "hidden_size", None) or width
    return Classifier(model.base_model, width, outputs, causal=causal, compile_on=compile_on)


def _load_found(checkpoint: str, from_scratch: bool) -> tuple[Any, bool]:
    """With transformers' class for the kind of model that it is, and whether that is causal."""
    import transformers

    try:
        scorer = choose(checkpoint).model_type
    except CheckpointError as error:
        raise CheckpointError(
            error.message, "Save it with its language-model head: AutoModelForCausalLM or another."
        ) from error
    if scorer not in _AUTO_CLASSES:
        raise CheckpointError(
            f"{checkpoint} is scored by {scorer}; fine-tuning finds no body in it.",
            "Its architecture names the class that loads it, as model_class, or a whole "
            "classifier, as sequence_classifier: docs/hooks.md.",
        )
    model = _load(getattr(transformers, _AUTO_CLASSES[scorer]), checkpoint, from_scratch)
    return model, scorer == "leaner-causal"


def _load_named(name: str, checkpoint: str, from_scratch: bool, **options: Any) -> Any:
    """With the class that an architecture names."""
    try:
        return _load(resolve(name), checkpoint, from_scratch, **options)
    except LeanerError:
        raise
    except Exception as error:  # a stranger's code: anything
        raise PluginError(
            f"{name!r} cannot be loaded from {checkpoint}: {error!r}.",
            "It is called as transformers' classes are: from_pretrained(FOLDER, dtype=...), for a "
            "classifier with num_labels=N; and from_config, or the class, with a configuration.",
        ) from error


def _load(auto_class: Any, checkpoint: str, from_scratch: bool, **options: Any) -> Any:
    if not from_scratch and options:
        return _load_classifier(auto_class, checkpoint, options)
    if not from_scratch:
        return Checked(auto_class).from_pretrained(checkpoint, dtype=torch.float32)
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(checkpoint, **options)
    config.dtype = torch.float32
    build = getattr(auto_class, "from_config", auto_class)
    return build(config).to(torch.float32)


def _load_classifier(kind: Any, checkpoint: str, options: Mapping[str, Any]) -> Any:
    """A classifier whose head is new; raises PluginError where its body would be, too."""
    from transformers import PreTrainedModel

    is_transformers = inspect.isclass(kind) and issubclass(kind, PreTrainedModel)
    if not is_transformers:
        return kind.from_pretrained(checkpoint, dtype=torch.float32, **options)
    model, found = kind.from_pretrained(
        checkpoint, dtype=torch.float32, output_loading_info=True, **options
    )
    places = Counter(name.split(".")[0] for name in weight_names(Path(checkpoint)))
    body = places.most_common(1)[0][0]
    lost = sorted(key for key in found["unexpected_keys"] if key.split(".")[0] == body)
    if lost:
        raise PluginError(
            f"{kind.__name__} has no place for {len(lost)} weights of the body in {checkpoint}, "
            f"the first is {lost[0]}; its own would be random.",
            "Its body has the name that it has in the model, transformers' base_model_prefix.",
        )
    return model


def _architecture_of(checkpoint: str) -> ArchitectureSpec | None:
    """The architecture that the checkpoint says it has, where a plugin registers one so named."""
    record = Path(checkpoint) / "leaner.json"
    if not record.is_file():
        return None
    try:
        said = json.loads(record.read_text(encoding="utf-8"))
        name = said.get("recipe", {}).get("architecture", "")
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"{record} cannot be read: {error!r}.",
            "Copy or train the checkpoint again, or remove that file: the weights are elsewhere.",
        ) from error
    specs = [entry.spec for entry in load_registry().of_kind("architecture")]
    return next((spec for spec in specs if spec.name == name), None)
