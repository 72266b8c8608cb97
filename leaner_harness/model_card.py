"""The model card of a checkpoint: what it was trained on, how far it came, and how to score it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from leaner_harness.contracts import Checkpoint

CARD = "README.md"
_BARE = re.compile(r"[A-Za-z0-9_-]+")  # a key that TOML takes without quotes

_TASK = {"hf": "text-generation", "leaner-causal": "text-generation", "leaner-masked": "fill-mask"}
_KNOWS = (
    "It knows the text below and nothing else",
    "It knows the text below, and what the checkpoint knew that it began with",
)
_FACTS = {
    "tokens_seen": "tokens seen",
    "targets_seen": "tokens predicted",
    "words_seen": "words seen, passes over the same text included",
    "steps": "steps",
    "seconds": "seconds",
    "flops": "floating-point operations, estimated",
    "train_loss": "training loss, nats per target",
    "validation_bits_per_byte": "validation, bits per byte",
    "validation_loss": "validation, nats per target",
}


def model_card(checkpoint: Checkpoint, record: Mapping[str, Any], tasks: str) -> str:
    """The card of a checkpoint, from what its `leaner.json` says."""
    recipe = record["recipe"]
    return "\n".join(
        [
            *_front_matter(checkpoint),
            f"# {record['recipe_name']}",
            "",
            f"A small language model, trained by leaner-harness {record['harness']} with the "
            f"trainer `{recipe['trainer']}`. {_KNOWS[bool(recipe.get('init_from'))]}: it is meant "
            "for studying how language models learn, not for answering questions.",
            "",
            "| | |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in _rows(record)),
            "",
            "Score it:",
            "",
            "```bash",
            shlex.join(score_command(checkpoint, tasks, path=".")),
            "```",
            "",
            "Train it again:",
            "",
            "```toml",
            *_lines(recipe),
            "```",
            "",
        ]
    )


def score_command(checkpoint: Checkpoint, tasks: str, path: str = "") -> list[str]:
    """The stock lm_eval command that scores a checkpoint, at its path or another."""
    arguments = {checkpoint.path_arg: path or str(checkpoint.path), **checkpoint.model_args}
    joined = ",".join(f"{key}={value}" for key, value in arguments.items())
    command = ["lm_eval", "--model", checkpoint.model_type, "--model_args", joined]
    return [*command, "--tasks", tasks, "--output_path", "lm_eval_output", "--log_samples"]


def _front_matter(checkpoint: Checkpoint) -> Iterator[str]:
    """What the hub's model pages read."""
    yield from ("---", "library_name: transformers")
    if checkpoint.model_type in _TASK:
        yield f"pipeline_tag: {_TASK[checkpoint.model_type]}"
    yield from ("tags:", "- leaner-harness", "---", "")


def _rows(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    recipe = record["recipe"]
    if "architecture" in recipe:
        yield "architecture", f"{recipe['architecture']} {recipe['size']}"
    for kind, count in record.get("parameters", {}).items():
        yield f"parameters, {kind.replace('_', '-')}", f"{count:,}"
    if shape := record.get("shape"):
        yield "layers x width", f"{shape['depth']} x {shape['width']}"
    data = record.get("data", {})
    if "data" in recipe:
        genres = ", ".join(recipe.get("genres") or ()) or "all genres"
        yield "text", f"{recipe['data']} ({genres})"
    if data:
        yield "text, words", f"{data['words']:,}"
        yield "text, sha256", f"`{data['digest']}`"
    if data.get("tokens") and "tokens_seen" in record:
        yield "passes over the text", f"{record['tokens_seen'] / data['tokens']:.2f}"
    for key, name in _FACTS.items():
        if key in record:
            yield name, _number(record[key])
        for genre, value in record.get(f"{key}_by_genre", {}).items():
            yield f"{name}, {genre}", _number(value)
    yield from _before(record)
    yield "hardware", str(record["hardware"])


def _before(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the training began with, and what had been spent on that."""
    if start := record["recipe"].get("init_from"):
        yield "began with", str(start)
    for key, value in record.get("began_with", {}).items():
        if key in _FACTS and value is not None:
            yield f"{_FACTS[key]}, before it began", _number(value)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"


def _toml(value: Any) -> str:
    """JSON is TOML, for strings, numbers and booleans; a table is written inline."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(_lines(value))}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)  # half a surrogate pair is no TOML


def _lines(table: Mapping[str, Any]) -> Iterator[str]:
    """A key and its value each; what is None is left out, as TOML has nothing for it."""
    for key, value in table.items():
        if value is not None:
            yield f"{key if _BARE.fullmatch(key) else json.dumps(key)} = {_toml(value)}"
