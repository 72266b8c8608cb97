"""Scores of documents by their text or a reference's loss: made once, and kept by digest.

The digest is of the text, the tokenizer, the reference's weights and settings, and the code that
scores.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import itertools
import pkgutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from leaner_harness import (
    DataError,
    DifficultySpec,
    Document,
    Examples,
    PluginError,
    Reference,
    home,
    write_atomic,
)
from leaner_trainers.progress import track
from leaner_trainers.tokenizers import end_token, tokenizer_digest
from leaner_trainers.tokens import Tokens

Scores = NDArray[np.float32]

_AT_ONCE = 512  # documents handed to a difficulty
_FORMAT = 2


class Scored(NamedTuple):
    """Scores of all documents, and what they took when they were made."""

    scores: Scores
    """(n,)"""
    seconds: float


def static_scores(
    spec: DifficultySpec,
    documents: Iterable[Document],
    tokens: Tokens,
    tokenizer: PreTrainedTokenizerFast,
    reference: Reference | None,
) -> Scored:
    """Scores that do not depend on the model in training; from the cache where they are there.

    `documents` are those that `tokens` were made from. Raises DataError where there are more or
    fewer of them, PluginError for scores that are no numbers.
    """
    path = _place(spec, tokens, tokenizer_digest(tokenizer), reference)
    n = len(tokens.offsets) - 1
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            return Scored(kept["scores"], float(kept["seconds"]))
    began = time.monotonic()
    parts, first = [], 0
    # A reference scores the text alone: neither where it begins nor, with a mask token, its end.
    marks = 1 if end_token(tokenizer) is None else 2
    lengths = np.maximum(np.diff(tokens.offsets) - marks, 1)
    for batch in track(_batches(documents), f"scoring {spec.name}", -(-n // _AT_ONCE)):
        examples = Examples(documents=batch)
        if reference is not None:
            nats = np.array(reference.nats([document.text for document in batch]))
            examples = Examples(nats=nats, tokens=lengths[first : first + len(batch)])
        parts.append(score(spec, examples, len(batch)))
        first += len(batch)
    if first != n:
        raise DataError(f"The text to score has {first} documents, that to train on has {n}.")
    found = Scored(np.concatenate(parts), time.monotonic() - began)
    buffer = io.BytesIO()
    np.savez(buffer, scores=found.scores, seconds=found.seconds)
    write_atomic(path, buffer.getvalue())
    return found


def score(spec: DifficultySpec, examples: Examples, n: int) -> Scores:
    """What a difficulty says of some documents, (n,). Raises PluginError where that is no score."""
    found = np.asarray(pkgutil.resolve_name(spec.score)(examples))
    if found.shape != (n,) or not np.issubdtype(found.dtype, np.floating):
        raise PluginError(
            f"Difficulty {spec.name!r} gave {found.dtype} {found.shape} for {n} documents; "
            f"it must give float32 ({n},)."
        )
    if not np.isfinite(found).all():
        raise PluginError(f"Difficulty {spec.name!r} gave a score that is no finite number.")
    return found.astype(np.float32)


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    rest = iter(documents)
    while batch := list(itertools.islice(rest, _AT_ONCE)):
        yield batch


def _code(function: object) -> str:
    """The module that a difficulty is written in; empty where its source is not at hand."""
    try:
        module = inspect.getmodule(function)
        return inspect.getsource(module) if module else ""
    except OSError:
        return ""


def _place(
    spec: DifficultySpec, tokens: Tokens, tokenizer_digest: str, reference: Reference | None
) -> Path:
    """The file that holds these scores."""
    code = _code(pkgutil.resolve_name(spec.score))
    parts = [str(_FORMAT), spec.score, code, tokens.digest, str(len(tokens.offsets))]
    if reference is not None:  # its nats are divided by our tokens
        parts += [reference.digest, reference.settings_digest, tokenizer_digest]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return home() / "scores" / f"{digest}.npz"
