"""VERB checkpoint, prompt -> text, piece by piece."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaner_harness.errors import CheckpointError, UsageError
from leaner_harness.models.loading import check_files

if TYPE_CHECKING:
    import torch

_NGRAM = "leaner-ngram"


def generate(
    checkpoint: Path,
    prompt: str,
    *,
    max_new_tokens: int = 100,
    temperature: float = 0.8,
    seed: int = 0,
    device: str = "cpu",
) -> Iterator[str]:
    """Yield the text a checkpoint writes after `prompt`, in pieces as they come.

    Ends with the document, or after `max_new_tokens` (at least 1). Temperature 0 always takes the
    likeliest token; above it, the same seed gives the same text on the same machine. `device` is
    torch's name of one.
    Raises CheckpointError, before the first piece, for a folder that is no causal checkpoint;
    UsageError for a number out of range.
    """
    if max_new_tokens < 1:
        raise UsageError(f"max_new_tokens is {max_new_tokens}; it must be at least 1.")
    if not 0 <= temperature < float("inf"):
        raise UsageError(f"temperature is {temperature}; it must be 0 or above.")
    if seed < 0:
        raise UsageError(f"seed is {seed}; it must be 0 or above.")
    if _model_type(checkpoint) == _NGRAM:
        from leaner_harness.plugins.ngram import NgramModel

        return NgramModel.load(checkpoint).generate(prompt, max_new_tokens, temperature, seed)
    model, tokenizer = _load(checkpoint, device)
    ids = _prompt_ids(tokenizer, prompt)
    return _decode(tokenizer, _sample(model, tokenizer, ids, max_new_tokens, temperature, seed))


def _model_type(checkpoint: Path) -> str:
    """The lm-eval model type a checkpoint names in its `leaner.json`, or that its files show."""
    if not checkpoint.is_dir():
        what = "is a file, not a folder" if checkpoint.exists() else "does not exist"
        raise CheckpointError(f"Checkpoint {str(checkpoint)!r} {what}.", "Give a local folder.")
    record = checkpoint / "leaner.json"
    if record.is_file():
        try:
            return str(json.loads(record.read_text())["lm_eval"]["model"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{record} cannot be read: {error!r}.") from error
    return _NGRAM if (checkpoint / "ngram.json").is_file() else "hf"


def _load(checkpoint: Path, device: str) -> tuple[Any, Any]:
    """Model and tokenizer of a transformers folder; runs no code and no pickle from it."""
    _refuse_what_is_no_causal_model(checkpoint)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            checkpoint, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    except Exception as error:  # transformers raises whatever lay at the bottom of a bad file
        raise CheckpointError(f"{checkpoint} cannot be loaded: {error}") from error
    try:
        return model.eval().to(device), tokenizer
    except (RuntimeError, AssertionError) as error:  # torch's way to say that there is none
        raise UsageError(f"The device {device!r} cannot be used: {error}") from error


def _refuse_what_is_no_causal_model(checkpoint: Path) -> None:
    check_files(checkpoint)
    try:
        config = json.loads((checkpoint / "config.json").read_text())
        kinds = config.get("architectures") or ["ForCausalLM"]
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{checkpoint / 'config.json'} cannot be read: {error}.") from error
    # transformers would load BERT and XLNet as causal models, which write nonsense: both were
    # trained to look to the right as well.
    if kinds[0].startswith("XLNet") or not kinds[0].endswith(("ForCausalLM", "LMHeadModel")):
        raise CheckpointError(f"{checkpoint} is a {kinds[0]}; only causal models write text.")


def _prompt_ids(tokenizer: Any, prompt: str) -> list[int]:
    ids: list[int] = tokenizer.encode(prompt)
    # Where one token begins and ends documents, tokenizers do not add it; the prompt begins one.
    separates = tokenizer.bos_token_id is not None and (
        tokenizer.bos_token_id == tokenizer.eos_token_id
    )
    begin = tokenizer.bos_token_id if separates else None
    if begin is not None and ids[:1] != [begin]:
        return [begin, *ids]
    if not ids:
        raise UsageError("The prompt is empty, and the model has no token to begin with.")
    return ids


def _sample(
    model: Any, tokenizer: Any, ids: list[int], max_new_tokens: int, temperature: float, seed: int
) -> Iterator[int]:
    """Yield the ids that follow, the end-of-text token excluded."""
    import torch

    random = torch.Generator().manual_seed(seed)
    # Beyond the length it was trained on, which our tokenizers name, a model only guesses.
    positions = getattr(model.config, "max_position_embeddings", None)
    context = min(positions or sys.maxsize, int(tokenizer.model_max_length))
    ends = model.generation_config.eos_token_id
    ends = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
    cache: dict[str, Any] = {}
    for _ in range(max_new_tokens):
        if len(ids) > context:
            cache = {}  # the oldest tokens fall out, so all positions change
        shown = ids[-1:] if cache else ids[-context:]
        row = torch.tensor([shown], device=model.device)  # (1, T)
        with torch.no_grad():
            found = model(input_ids=row, use_cache=len(ids) < context, **cache)
        kept = getattr(found, "past_key_values", None)  # state-space models keep none we can use
        cache = {"past_key_values": kept} if kept is not None else {}
        chosen = _choose(found.logits[0, -1].float().cpu(), temperature, random)
        if chosen in ends:
            return
        ids = [*ids, chosen]
        yield chosen


def _choose(logits: torch.Tensor, temperature: float, random: torch.Generator) -> int:
    """One id from logits of shape (V,)."""
    import torch

    if temperature == 0:
        return int(logits.argmax())
    chances = torch.softmax(logits / temperature, dim=0)
    return int(torch.multinomial(chances, 1, generator=random))


def _decode(tokenizer: Any, ids: Iterator[int]) -> Iterator[str]:
    """Yield text as soon as it is whole: a character may need several tokens."""
    seen: list[int] = []
    shown = ""
    for token in ids:
        seen.append(token)
        text = tokenizer.decode(seen, skip_special_tokens=True)
        if not text.endswith("\N{REPLACEMENT CHARACTER}") and len(text) > len(shown):
            yield text[len(shown) :]
            shown = text
    rest = tokenizer.decode(seen, skip_special_tokens=True)[len(shown) :]
    if rest:
        yield rest
