"""Arguments of lm-eval's model types that a result may name: it ends up in a command to copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leaner_harness.results.untrusted import shown

# An allow-list: others hold paths and keys, which are nobody's business, or run a stranger's code.
MODEL_ARGUMENTS = (
    "dtype", "revision", "max_length", "add_bos_token", "prefix_token_id", "truncation",
    "attn_implementation", "backend", "softmax_dtype", "scoring", "from_scratch",
    "scratch_seed",
    "mixed_precision_dtype", "load_in_4bit", "load_in_8bit", "subfolder",
    "enable_thinking", "think_end_token",
)  # fmt: skip
_DIGESTS = ("tokenizer",)
"""Arguments that a result names by a digest."""


def faults(arguments: Mapping[str, Any]) -> Iterator[str]:
    """What a result may not say; each argument is one `key=value`, and no two in one."""
    for name, value in arguments.items():
        if name not in (*MODEL_ARGUMENTS, *_DIGESTS):
            yield f"model.model_args holds {shown(name)}, which no result names."
        elif isinstance(value, dict | list) or "," in str(value):
            yield f"model.model_args.{name} must be one value; it is {shown(value)}."
