"""Tokenizers: train the byte-level BPE, or load any that has the special tokens of its kind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from leaner_harness import CheckpointError, UnknownName, UsageError

END = "<|endoftext|>"
SEPARATOR, CLASS, MASK, PADDING = "[SEP]", "[CLS]", "[MASK]", "[PAD]"

KINDS: dict[str, dict[str, str]] = {
    "byte-bpe": {"bos_token": END, "eos_token": END, "pad_token": END},
    "byte-bpe-mask": {
        "bos_token": SEPARATOR,
        "eos_token": SEPARATOR,
        "sep_token": SEPARATOR,
        "cls_token": CLASS,
        "mask_token": MASK,
        "pad_token": PADDING,
    },
}
"""Kinds of tokenizers, and what their special tokens are for. Id 0 ends every document.
A tokenizer of the second kind writes `[CLS] a [SEP]`, and for a pair `[CLS] a [SEP] b [SEP]`."""

_MOST_TEXT = 32_000_000  # characters that a tokenizer is trained on

_TOKEN_OF = {
    "byte-bpe": {"bos_token": "eos_token", "pad_token": "eos_token"},
    "byte-bpe-mask": {"bos_token": "sep_token", "eos_token": "sep_token"},
}
"""By kind, roles that share the token of another, whatever a loaded tokenizer calls them: the token
that ends a document in training has to be the one that a model is scored and stopped with."""


def train_tokenizer(
    texts: Iterable[str], vocab_size: int, kind: str = "byte-bpe"
) -> PreTrainedTokenizerFast:
    """A byte-level BPE of at most `vocab_size` entries; any text round-trips through it exactly.

    It learns from all texts up to 32 MB; of more, from every second, or fourth, ... of them, since
    what it holds in memory grows with the different words it meets. The same texts give the same
    tokenizer. Raises UsageError for a vocabulary without room for the 256 bytes and the special
    tokens.
    """
    roles = KINDS[kind]
    special = list(dict.fromkeys(roles.values()))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    if vocab_size < len(special) + len(alphabet):
        least = len(special) + len(alphabet)
        raise UsageError(f"vocab_size is {vocab_size}; this kind of tokenizer has {least} or more.")
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=special,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    backend.train_from_iterator(_sample(texts), trainer)
    return _wrapped(backend, roles)


def _sample(texts: Iterable[str]) -> list[str]:
    """Every n-th text, for the smallest power of two with which they are not too many."""
    kept: list[str] = []
    size, step = 0, 1
    for number, text in enumerate(texts):
        if number % step:
            continue
        kept.append(text)
        size += len(text)
        while size > _MOST_TEXT and len(kept) > 1:
            kept, step = kept[::2], 2 * step
            size = sum(map(len, kept))
    return kept


def check_kind(kind: str) -> None:
    """Raise UnknownName for a kind of tokenizer that is none of ours."""
    if kind not in KINDS:
        raise UnknownName("kind of tokenizer", kind, KINDS)


def load_tokenizer(path: Path, kind: str = "byte-bpe") -> PreTrainedTokenizerFast:
    """The tokenizer in a folder, with the roles of special tokens that its kind has.

    What the folder calls its class is not asked: some classes add tokens to a published vocabulary
    or cannot be made from it. Neither cuts nor pads texts. Raises CheckpointError when the folder
    has no tokenizer, or one without the special tokens of the kind.
    """
    if not (path / "tokenizer.json").is_file():
        raise CheckpointError(
            f"{path} holds no tokenizer: tokenizer.json is missing.",
            'Write tokenizer = "train" in the recipe, or the path of a folder with one.',
        )
    try:
        backend = Tokenizer.from_file(str(path / "tokenizer.json"))
        named = _named_tokens(path)
    except Exception as error:  # the Rust side raises nothing narrower
        raise CheckpointError(f"The tokenizer in {path} is damaged: {error}.") from error
    sources = {role: _TOKEN_OF[kind].get(role, role) for role in KINDS[kind]}
    missing = {
        name for name in sources.values() if backend.token_to_id(named.get(name, "")) is None
    }
    if missing:
        which = ", ".join(sorted(missing))
        raise CheckpointError(f"The tokenizer in {path} has no {which}, which training needs.")
    roles = {role: named[source] for role, source in sources.items()}
    backend.no_truncation()
    backend.no_padding()
    return _wrapped(backend, roles)


def _named_tokens(path: Path) -> dict[str, str]:
    """Role -> special token, as the files beside tokenizer.json say."""
    named: dict[str, str] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if not (path / name).is_file():
            continue
        for role, token in json.loads((path / name).read_text(encoding="utf-8")).items():
            if role.endswith("_token") and token is not None:
                named[role] = token["content"] if isinstance(token, dict) else token
    return named


def _wrapped(backend: Tokenizer, roles: dict[str, str]) -> PreTrainedTokenizerFast:
    options: dict[str, Any] = {}
    if "cls_token" in roles:
        first, last = roles["cls_token"], roles["sep_token"]
        backend.post_processor = processors.TemplateProcessing(
            single=f"{first} $A {last}",
            pair=f"{first} $A {last} $B:1 {last}:1",
            special_tokens=[(token, backend.token_to_id(token)) for token in (first, last)],
        )
        options = {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}
    elif backend.num_special_tokens_to_add(False):
        # A token that training never shows, such as LLaMA's <s>, would begin every text scored.
        backend.post_processor = processors.Sequence([])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        **roles,
        **options,
        clean_up_tokenization_spaces=False,  # would remove the space before a full stop
    )


def tokenizer_digest(tokenizer: PreTrainedTokenizerFast) -> str:
    """Hex sha256 of the tokenizer's definition."""
    return hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest()


def start_token(tokenizer: PreTrainedTokenizerFast) -> int:
    """The id that begins every document: the class token, else the one that also ends them."""
    found: int | None = tokenizer.cls_token_id
    return tokenizer.eos_token_id if found is None else found


def end_token(tokenizer: PreTrainedTokenizerFast) -> int | None:
    """The id that ends a document, or None where the start of the next one does."""
    return None if tokenizer.cls_token_id is None else tokenizer.eos_token_id
