"""Published configurations: a JSON file that gives an architecture its shape in place of a size.

The file decides the shape, dropout and spread of the first weights. It does not decide what must
fit our tokenizers and loop, which is overridden: the ids of special tokens, and the number format
(TinyHelen's LLaMA says bfloat16, but master weights are float32).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import PretrainedConfig

from leaner_harness import DataError, UnknownName, UsageError


def is_published(size: str) -> bool:
    """Whether a size is the path of a configuration."""
    return size.endswith(".json")


def read_config(
    path: str, kind: type[PretrainedConfig], vocab_size: int, **ours: Any
) -> PretrainedConfig:
    """The configuration in a file, with `ours` in place of what it says.

    Raises UnknownName when there is no such file; DataError when it is no configuration of
    transformers; UsageError when it is another architecture's, or its vocabulary is below
    `vocab_size`. A larger one stays as it is.
    """
    values = _read(Path(path).expanduser())
    found = values.get("model_type")
    if found != kind.model_type:
        raise _of_another(path, values, kind.model_type)
    fitting = {key: value for key, value in values.items() if key not in ("dtype", "torch_dtype")}
    try:
        config = kind.from_dict(fitting | ours)
    except Exception as error:  # of many kinds: transformers checks each value in its own way
        raise DataError(f"{path} is no valid configuration: {error}") from error
    if config.vocab_size < vocab_size:
        raise UsageError(
            f"{path} has a vocabulary of {config.vocab_size}; the tokenizer has {vocab_size} "
            "entries, which do not fit.",
            "Take the tokenizer that was published with it, or a smaller vocab_size.",
        )
    return config


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        beside = sorted(str(other) for other in path.parent.glob("*.json"))
        raise UnknownName("configuration", str(path), beside)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is no JSON: {error}.") from error
    if not isinstance(values, dict):
        raise DataError(f"{path} is no configuration: it holds a {type(values).__name__}.")
    return values


def _of_another(path: str, values: dict[str, Any], wanted: str) -> UsageError | DataError:
    found = values.get("model_type")
    if found is not None:
        return UsageError(
            f"{path} configures {found!r}, not {wanted!r}.",
            f"Take architecture = {found!r}, if there is one, or another file.",
        )
    if "ssm_cfg" in values:
        return UsageError(
            f"{path} is a configuration of the package mamba_ssm: {values.get('n_layer')} blocks "
            "with gated MLPs between them, which no class of transformers has.",
            'The nearest is architecture = "mamba2" with size = "paper": as many parameters, but '
            "more layers and no MLP.",
        )
    return DataError(
        f"{path} names no model_type.", f'A configuration of {wanted!r} says "model_type".'
    )
