"""The lm-eval model type `leaner`: looks at a checkpoint and hands it to the scorer that fits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval.api.model import LM
from lm_eval.api.registry import get_model, model_registry
from lm_eval.utils import handle_arg_string, simple_parse_args_string

from leaner_harness.errors import CheckpointError, UnknownName, UsageError
from leaner_harness.lm_eval_plugin import install
from leaner_harness.models.loading import load_configuration

_PLUGIN = "install the plugin that brings it, and see what `leaner plugins` says."
_CURE = "Name the scorer: --model leaner-causal, leaner-masked or leaner-permutation."


class Choice(NamedTuple):
    """The model type that scores a checkpoint, and the arguments it comes with."""

    model_type: str
    arguments: dict[str, Any]
    """The checkpoint's place among them, under the name by which the model type knows it."""


class LeanerLM(LM):  # type: ignore[misc]
    """`lm_eval --model leaner --model_args pretrained=DIR`: never an instance, always a scorer."""

    @classmethod
    def create_from_arg_obj(
        cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None
    ) -> LM:
        """The scorer of `arg_dict["pretrained"]`; the arguments given win over the checkpoint's."""
        install()  # makes plugins' model types known to Python users
        given = dict(arg_dict)
        checkpoint = given.pop("pretrained", None)
        if not checkpoint:
            raise UsageError("leaner needs a checkpoint.", "--model_args pretrained=DIR")
        found = choose(str(checkpoint))
        if found.model_type not in model_registry:
            raise UnknownName(
                "model type", found.model_type, model_registry, f"{checkpoint} names it: {_PLUGIN}"
            )
        return get_model(found.model_type).create_from_arg_obj(
            found.arguments | given, additional_config
        )

    @classmethod
    def create_from_arg_string(
        cls, arg_string: str, additional_config: dict[str, Any] | None = None
    ) -> LM:
        """As `create_from_arg_obj`, from `key=value,key=value`."""
        return cls.create_from_arg_obj(simple_parse_args_string(arg_string), additional_config)


def choose(checkpoint: str) -> Choice:
    """The scorer of a folder or hub name: what `leaner.json` says, else what the weights are."""
    path = Path(checkpoint)
    record = path / "leaner.json"
    if not record.is_file():
        return Choice(_by_config(checkpoint), {"pretrained": checkpoint})
    choice = _recorded(record)
    if choice.model_type != "hf":
        return choice
    return choice._replace(model_type=_by_config(checkpoint))


def _recorded(record: Path) -> Choice:
    try:
        said = json.loads(record.read_text(encoding="utf-8"))["lm_eval"]
        named = {key: str(value) for key, value in said["model_args"].items()}
        model_type = str(said["model"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{record} does not say what scores it: {error!r}.", _CURE) from error
    # The path stands as "." under the name its scorer knows it by; other values are spelled as on
    # the command line, where lm-eval makes numbers and truth values of them.
    here = {key: str(record.parent) for key, value in named.items() if value == "."}
    arguments = {key: handle_arg_string(value) for key, value in named.items() if key not in here}
    return Choice(model_type, arguments | (here or {"pretrained": str(record.parent)}))


def _by_config(checkpoint: str) -> str:
    found = scorer_of(load_configuration(checkpoint), checkpoint)
    if not found:
        raise CheckpointError(f"{checkpoint} does not say which head it has.", _CURE)
    return found


def scorer_of(config: Any, checkpoint: str) -> str:
    """The model type for weights of a transformers configuration, by the class they were saved as.

    Empty when that says nothing. Raises UsageError for an encoder-decoder, and CheckpointError for
    a class that has another head than a language model's.
    """
    classes = getattr(config, "architectures", None) or []
    if getattr(config, "is_encoder_decoder", False):
        raise UsageError(f"{checkpoint} is an encoder-decoder.", "Score it with --model hf.")
    if any(name.startswith("XLNet") for name in classes) or config.model_type == "xlnet":
        return "leaner-permutation"
    if any(name.endswith(("ForMaskedLM", "ForPreTraining")) for name in classes):
        return "leaner-masked"
    if any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in classes):
        return "leaner-causal"
    if any(
        name.endswith(("Classification", "QuestionAnswering", "MultipleChoice")) for name in classes
    ):
        raise CheckpointError(
            f"{checkpoint} was saved as {', '.join(classes)}: it has no language-model head.",
            "Score the checkpoint it was made from.",
        )
    return ""
