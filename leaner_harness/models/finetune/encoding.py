"""Rows as token ids: separated, cut to length, in batches of like length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from leaner_harness.data.glue import GlueTask
from leaner_harness.data.rows import Row
from leaner_harness.errors import CheckpointError

_WINDOW = 50
"""Batches whose rows are sorted by length together: this spares padding and still shuffles."""
_WIDTH_BITS = 4
"""A batch's width has so many significant bits: a processor prepares its bfloat16 products anew for
each width, and forgets them when there are many. These are few, and pad by some hundredths."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Tokenised rows of one task."""

    ids: list[list[int]]
    segments: list[list[int]]
    """0 for the first sentence and its special tokens, 1 for the second."""
    labels: list[float]
    truncated: int
    """Rows that were cut to length."""
    room: int
    """The most tokens a row may have."""

    def lengths(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(n,) tokens per row."""
        return np.array(list(map(len, self.ids)), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded rows on a device. Shapes: B rows, T tokens."""

    ids: torch.Tensor
    """(B, T)"""
    mask: torch.Tensor
    """(B, T) 1 for a token, 0 for padding."""
    segments: torch.Tensor
    """(B, T)"""
    labels: torch.Tensor
    """(B,) float32"""


def encode_rows(rows: Sequence[Row], task: GlueTask, tokenizer: Any, max_length: int) -> Encoded:
    """Encode the text fields of rows as the tokenizer's own template says, or as `bos a sep b sep`.

    A tokenizer without a template (LLaMA's and GPT's here) gets its separator, or its end-of-text
    token, after each sentence: the published recipe ran the sentences together.
    """
    columns = [[str(row[name]) for row in rows] for name in task.fields]
    if _has_template(tokenizer, len(columns)):
        found = tokenizer(
            *columns, truncation=True, max_length=max_length, return_token_type_ids=True
        )
        # Not verbose: what is too long is cut and counted here, and no cause for a warning.
        full = tokenizer(*columns, verbose=False)["input_ids"] if columns[0] else []
        truncated = sum(len(a) > len(b) for a, b in zip(full, found["input_ids"], strict=True))
        ids, segments = found["input_ids"], found["token_type_ids"]
    else:
        ids, segments, truncated = _plain(columns, tokenizer, max_length)
    return Encoded(ids, segments, [float(row["label"]) for row in rows], truncated, max_length)


def _has_template(tokenizer: Any, sentences: int) -> bool:
    return bool(tokenizer.num_special_tokens_to_add(pair=sentences > 1) >= sentences)


def _separator(tokenizer: Any) -> int | None:
    found: int | None = tokenizer.sep_token_id
    if found is None:
        found = tokenizer.eos_token_id
    return found


def check_separator(tokenizer: Any, where: str) -> None:
    """Raise CheckpointError for a tokenizer that cannot say where a sentence ends."""
    if _separator(tokenizer) is None and not all(_has_template(tokenizer, n) for n in (1, 2)):
        raise CheckpointError(
            f"The tokenizer of {where} has no token that ends a sentence: neither sep nor eos, and "
            "no template that adds one.",
            'Name one of its tokens: tokenizer.eos_token = "..."; tokenizer.save_pretrained(DIR)',
        )


def _plain(
    columns: list[list[str]], tokenizer: Any, max_length: int
) -> tuple[list[list[int]], list[list[int]], int]:
    begin, separator = tokenizer.bos_token_id, _separator(tokenizer)
    plain = {"add_special_tokens": False, "verbose": False}
    encoded = [tokenizer(column, **plain)["input_ids"] for column in columns]
    room = max_length - len(columns) - (begin is not None)
    ids, segments, truncated = [], [], 0
    for sentences in zip(*encoded, strict=True):
        kept = _cut([list(sentence) for sentence in sentences], room)
        truncated += sum(map(len, kept)) < sum(map(len, sentences))
        row, segment = ([] if begin is None else [begin]), ([] if begin is None else [0])
        for number, sentence in enumerate(kept):
            row += [*sentence, separator]
            segment += [number] * (len(sentence) + 1)
        ids.append(row)
        segments.append(segment)
    return ids, segments, truncated


def _cut(sentences: list[list[int]], room: int) -> list[list[int]]:
    """Shorten the longest sentence, token by token from its end, until all fit."""
    while sum(map(len, sentences)) > room:
        max(sentences, key=len).pop()
    return sentences


def shuffled_batches(
    encoded: Encoded, batch_size: int, generator: np.random.Generator
) -> Iterator[np.ndarray[Any, np.dtype[np.int64]]]:
    """Row numbers of each batch of a pass: like lengths together, batches in random order."""
    order = generator.permutation(len(encoded.ids))
    lengths = encoded.lengths()
    window = _WINDOW * batch_size
    batches = []
    for start in range(0, len(order), window):
        part = order[start : start + window]
        part = part[np.argsort(-lengths[part], kind="stable")]
        batches += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
    for number in generator.permutation(len(batches)):
        yield batches[number]


def sorted_batches(
    encoded: Encoded, batch_size: int
) -> Iterator[np.ndarray[Any, np.dtype[np.int64]]]:
    """Row numbers of batches for prediction, longest first."""
    order = np.argsort(-encoded.lengths(), kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def collate(
    encoded: Encoded, rows: np.ndarray[Any, np.dtype[np.int64]], pad: int, device: torch.device
) -> Batch:
    """The rows as one right-padded batch."""
    longest = max(len(encoded.ids[i]) for i in rows)
    unit = 1 << max(longest.bit_length() - _WIDTH_BITS, 0)
    width = min(-(-longest // unit) * unit, encoded.room)
    ids = np.full((len(rows), width), pad, dtype=np.int64)
    mask, segments = np.zeros_like(ids), np.zeros_like(ids)
    for place, i in enumerate(rows):
        n = len(encoded.ids[i])
        ids[place, :n], segments[place, :n], mask[place, :n] = (
            encoded.ids[i],
            encoded.segments[i],
            1,
        )
    labels = torch.tensor([encoded.labels[i] for i in rows], dtype=torch.float32)
    return Batch(
        torch.from_numpy(ids).to(device),
        torch.from_numpy(mask).to(device),
        torch.from_numpy(segments).to(device),
        labels.to(device),
    )
