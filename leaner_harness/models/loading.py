"""Load a checkpoint, or say what is wrong with it: no half-loaded model ever gives a score."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from leaner_harness.errors import CheckpointError, UsageError
from leaner_harness.files import sha256_file

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
)
TOKENIZER_SETTINGS = (
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "merges.txt",
)
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".msgpack", ".h5")


def check_files(path: Path, tokenizer: Any = None) -> None:
    """Raise CheckpointError unless a folder holds a configuration, a tokenizer and safetensors.

    `tokenizer` is what is used in place of the folder's own: another folder is looked into, a hub
    name or a tokenizer that is loaded already is taken as it is.
    """
    if not (path / "config.json").is_file():
        raise CheckpointError(
            f"{path} is no checkpoint: it holds no config.json.",
            "Point at the folder that save_pretrained (or leaner train) wrote.",
        )
    folder = path if tokenizer is None else tokenizer
    known = isinstance(folder, str | Path) and Path(folder).is_dir()
    if known and not any(Path(folder, name).is_file() for name in TOKENIZER_FILES):
        raise CheckpointError(
            f"{folder} holds no tokenizer.",
            "Save it beside the weights: tokenizer.save_pretrained(DIR), or name its folder: "
            "--model_args pretrained=DIR,tokenizer=FOLDER",
        )
    weights = sorted(path.glob("*.safetensors"))
    if not weights:
        _refuse_without_safetensors(path)
    for file in weights:
        _check_safetensors(file)


def _refuse_without_safetensors(path: Path) -> None:
    pickles = sorted(file.name for file in path.iterdir() if file.suffix in PICKLES)
    if not pickles:
        raise CheckpointError(f"{path} holds no weights (*.safetensors).")
    raise CheckpointError(
        f"{path} holds its weights as {pickles[0]}: loading a pickle can run any code.",
        "If you trust it, convert it once: AutoModel.from_pretrained(DIR).save_pretrained(DIR), "
        "with the class of your model.",
    )


def _check_safetensors(file: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as opened:
            opened.keys()
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{file} is damaged: {error}.", "Copy or train the checkpoint again."
        ) from error


def weight_names(path: Path) -> list[str]:
    """The names of all weights in a checkpoint's folder."""
    from safetensors import safe_open

    found: list[str] = []
    for file in sorted(path.glob("*.safetensors")):
        with safe_open(file, framework="numpy") as opened:
            found += opened.keys()
    return found


def configuration_fault(name: str, error: Exception) -> CheckpointError:
    """What to raise where transformers makes nothing of a config.json."""
    return CheckpointError(
        f"{name} has no configuration we know: {error}",
        "Point at the folder that save_pretrained (or leaner train) wrote.",
    )


def tokenizer_fault(name: Any, error: Exception) -> CheckpointError:
    """What to raise where transformers makes nothing of a tokenizer's files."""
    return CheckpointError(
        f"The tokenizer of {name} cannot be loaded: {error}",
        "Save it again: tokenizer.save_pretrained(DIR)",
    )


def load_configuration(name: str) -> Any:
    """A checkpoint's configuration; raises CheckpointError."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise configuration_fault(name, error) from error


def load_tokenizer(name: str) -> Any:
    """The tokenizer of a folder or hub name; raises CheckpointError."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name)
    except Exception as error:  # the tokenizers package raises nothing more special
        raise tokenizer_fault(name, error) from error


class Checked:
    """An AutoModel class whose `from_pretrained` refuses to invent weights or run pickles."""

    def __init__(self, auto_class: Any) -> None:
        self._auto_class = auto_class

    def from_pretrained(self, name: str, **options: Any) -> Any:
        """Load; raises CheckpointError when the weights lack a part of the model."""
        from transformers.utils import logging

        options = {"use_safetensors": True} | options
        logging.disable_progress_bar()  # a tiny model loads at once
        try:
            model, found = self._auto_class.from_pretrained(
                name, output_loading_info=True, **options
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"{name} cannot be loaded: {error}") from error
        except TypeError as error:
            _refuse_unknown(error)
            raise
        missing = sorted(found["missing_keys"]) + sorted(map(str, found["mismatched_keys"]))
        if missing:
            kind = type(model).__name__
            raise CheckpointError(
                f"{name} has no weights for {len(missing)} parts of {kind}, the first is "
                f"{missing[0]}; they would be random.",
                "Score a checkpoint that was saved with its language-model head.",
            )
        return model


def _refuse_unknown(error: TypeError) -> None:
    """Raise UsageError for an argument that neither the scorer nor the model's class takes."""
    found = re.search(r"unexpected keyword argument '(\w+)'", str(error))
    if found:
        raise UsageError(
            f"Neither the scorer nor the model's class has an argument {found[1]!r}.",
            "docs/scoring.md lists those of our scorers; the others are lm-eval's for `hf`.",
        ) from error


def check_vocabulary(tokenizer: Any, embeddings: int, where: str) -> None:
    """Raise CheckpointError when the tokenizer has an id that the model has no embedding for."""
    highest = max(tokenizer.get_vocab().values())
    if highest >= embeddings:
        culprit = tokenizer.convert_ids_to_tokens(highest)
        raise CheckpointError(
            f"The tokenizer of {where} has ids up to {highest} ({culprit!r}); the model has "
            f"embeddings for {embeddings} only.",
            "Score it with the tokenizer it was trained with.",
        )


def positions_of(model: Any) -> int | None:
    """How many positions a model has, where that is fewer than its configuration states."""
    for name, module in model.named_modules():
        start = getattr(module, "padding_idx", None)
        if name.endswith("position_embeddings") and start is not None:
            return int(module.num_embeddings - start - 1)  # RoBERTa counts on from its padding id
    return None


def tokenizer_digest(folder: str) -> str:
    """sha256 over its files, special tokens included; a name on the hub stands for itself."""
    files = [Path(folder, name) for name in (*TOKENIZER_FILES, *TOKENIZER_SETTINGS)]
    lines = [f"{file.name} {sha256_file(file)}" for file in files if file.is_file()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest() if lines else folder


def settings_digest(folder: Path) -> str:
    """sha256 of what decides a checkpoint's scores besides its weights: its small files."""
    names = ("config.json", *TOKENIZER_FILES, *TOKENIZER_SETTINGS)
    files = [path for name in names if (path := folder / name).is_file()]
    lines = [f"{path.name} {sha256_file(path)}" for path in files]
    record = folder / "leaner.json"
    content = record.read_bytes() if record.is_file() else b"{}"
    try:  # of a long account, how lm-eval is to call it
        lines.append(json.dumps(json.loads(content)["lm_eval"], sort_keys=True))
    except (ValueError, TypeError, KeyError):
        lines.append(hashlib.sha256(content).hexdigest())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
