"""The loss on a fixed text, whole and by genre: bits per byte, or nats per target.

Bits per byte are those of causal models, whatever their tokenizer; nats per target those of others.
"""

from __future__ import annotations

import math
import pkgutil
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from transformers import PreTrainedTokenizerFast

from leaner_harness import (
    Blocks,
    DataError,
    Document,
    ObjectiveSpec,
)
from leaner_trainers.attention import fused_attention
from leaner_trainers.blocks import places_in_order, read_blocks
from leaner_trainers.encoding import encode
from leaner_trainers.order import RowRandom
from leaner_trainers.tokenizers import end_token, start_token

_BATCH = 16  # windows or blocks scored in one forward pass
_SEED = 0  # of the masks, which are the same in every run

Sums = dict[str, tuple[float, int]]
"""By genre: nats, and what they are divided by, which is bytes or targets."""


class Measure:
    """What validation texts have in common: a key for the log, a unit, and sums by genre."""

    key: ClassVar[str]
    unit: ClassVar[str]
    nats_in_unit: ClassVar[float] = 1.0

    def sums(self, model: torch.nn.Module, device: torch.device) -> Sums:
        """Nats by genre, and what they are divided by."""
        raise NotImplementedError

    @property
    def tokens(self) -> int:
        """How many the model reads at each measurement."""
        raise NotImplementedError

    @property
    def warning(self) -> str:
        """What of the text is not measured; empty where all is."""
        return ""

    def loss(self, model: torch.nn.Module, device: torch.device) -> float:
        """The loss on the whole text, in this measure's unit."""
        return float(self.entry(model, device)[self.key])

    @torch.no_grad()
    def entry(self, model: torch.nn.Module, device: torch.device) -> dict[str, Any]:
        """What the log gets: the loss under `key`, and by genre where there are several."""
        was_training = model.training
        model.eval()
        with fused_attention(model):
            sums = self.sums(model, device)
        model.train(was_training)
        nats, counts = (sum(column) for column in zip(*sums.values(), strict=True))
        found: dict[str, Any] = {self.key: nats / self.nats_in_unit / max(counts, 1)}
        if len(sums) > 1:
            found[f"{self.key}_by_genre"] = {
                genre: nats / self.nats_in_unit / max(count, 1)
                for genre, (nats, count) in sorted(sums.items())
            }
        return found


def read_validation(
    documents: Iterable[Document],
    tokenizer: PreTrainedTokenizerFast,
    block_size: int,
    objective: ObjectiveSpec,
    options: dict[str, Any] | None = None,
    apart: bool = True,
) -> Measure:
    """Tokenise the text that is to be measured on.

    `options` are what the objective's batches depend on besides; `apart` says whether documents of
    a block are trained not to see each other. Raises DataError when there is too little text.
    """
    documents = [document for document in documents if document.text.strip()]
    if not documents:
        raise DataError(
            "The validation text is empty.",
            "Check `data` and `genres`; a file of one's own keeps every 50th document for it (in a "
            ".txt file a blank line ends a document).",
        )
    if objective.causal:
        return ValidationText.of(documents, tokenizer, block_size, objective.answers)
    return ValidationBlocks.of(documents, tokenizer, block_size, objective, options or {}, apart)


class Window(NamedTuple):
    """A piece of a document, as long as the model sees at once."""

    ids: list[int]
    """At most block_size + 1: the first is context, the others are predicted."""
    first: int
    """The first that counts: what comes before it is a prompt."""
    genre: str


@dataclass(frozen=True)
class ValidationText(Measure):
    """Documents cut into windows; each token is predicted once, as in lm-eval's rolling form.

    A document begins after its start token, and each later window after the last token of the one
    before. (lm-eval gives the last window as much context as fits: its bits per byte of documents
    longer than a block are lower.)
    """

    key: ClassVar[str] = "validation_bits_per_byte"
    unit: ClassVar[str] = "bits/byte"
    nats_in_unit: ClassVar[float] = math.log(2)

    windows: list[Window]
    n_bytes: dict[str, int]
    """UTF-8 length of the text by genre, or of the answers in it."""
    altered: int
    """How many documents the tokenizer does not give back as they are."""

    @property
    def warning(self) -> str:
        """Says where the bits are not those of the text, but of what a tokenizer leaves of it."""
        if not self.altered:
            return ""
        return (
            f"The tokenizer does not give back {self.altered:,} of the validation documents as "
            "they are: bits per byte are too low to compare with those of other tokenizers."
        )

    @classmethod
    def of(
        cls,
        documents: Iterable[Document],
        tokenizer: PreTrainedTokenizerFast,
        block_size: int,
        answers: bool = False,
    ) -> ValidationText:
        """Cut up some documents; with `answers` prompts are context only.

        Raises DataError where no answer has any text.
        """
        documents = list(documents)
        cuts = [document.prompt if answers else 0 for document in documents]
        prompts = [document.text[:cut] for document, cut in zip(documents, cuts, strict=True)]
        texts = [document.text[cut:] for document, cut in zip(documents, cuts, strict=True)]
        encoded = zip(documents, encode(tokenizer, prompts), encode(tokenizer, texts), strict=True)
        windows, altered = [], 0
        for (document, prompt, answer), whole in zip(encoded, texts, strict=True):
            altered += str(tokenizer.decode(answer)).strip() != whole.strip()
            ids = [start_token(tokenizer), *prompt, *answer]
            for start in range(0, len(ids) - 1, block_size):
                first = max(1, 1 + len(prompt) - start)
                if first <= block_size:
                    piece = ids[start : start + block_size + 1]
                    windows.append(Window(piece, first, document.genre))
        n_bytes: dict[str, int] = defaultdict(int)
        for document, text in zip(documents, texts, strict=True):
            n_bytes[document.genre] += len(text.encode())
        if not sum(n_bytes.values()):
            raise DataError("The validation text has prompts alone.", "Check `data` and `genres`.")
        # Like lengths together: less padding. A stable sort, so the order is always the same.
        windows.sort(key=lambda window: len(window.ids))
        return cls(windows, dict(n_bytes), altered)

    @property
    def tokens(self) -> int:
        """All that are predicted."""
        return sum(len(window.ids) - 1 for window in self.windows)

    def sums(self, model: torch.nn.Module, device: torch.device) -> Sums:
        """Negative log-likelihood of the text, and its length in bytes."""
        nats = dict.fromkeys(self.n_bytes, 0.0)
        for start in range(0, len(self.windows), _BATCH):
            batch = self.windows[start : start + _BATCH]
            width = max(len(window.ids) for window in batch)
            padded = [window.ids + [0] * (width - len(window.ids)) for window in batch]
            ids = torch.tensor(padded, device=device)  # (B, T + 1)
            # Padding lies to the right, where a causal model does not look.
            logits = model(input_ids=ids[:, :-1], use_cache=False).logits  # (B, T, V)
            losses = F.cross_entropy(
                logits.float().flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
            )
            # Summed in float64 on the CPU: not every device has that.
            rows = losses.view(len(batch), -1).cpu().double().numpy()  # (B, T)
            for window, row in zip(batch, rows, strict=True):
                nats[window.genre] += float(row[window.first - 1 : len(window.ids) - 1].sum())
        return {genre: (nats[genre], self.n_bytes[genre]) for genre in nats}


@dataclass(frozen=True)
class ValidationBlocks(Measure):
    """Documents cut into blocks as in training, with targets that are always the same.

    Their loss depends on the tokenizer: it compares runs that share one.
    """

    key: ClassVar[str] = "validation_loss"
    unit: ClassVar[str] = "nats/target"

    blocks: dict[str, Blocks]
    """By genre."""
    left_out: tuple[str, ...]
    """Genres whose text is shorter than a block."""
    tokenizer: PreTrainedTokenizerFast
    objective: ObjectiveSpec
    options: dict[str, Any]

    @classmethod
    def of(
        cls,
        documents: Iterable[Document],
        tokenizer: PreTrainedTokenizerFast,
        block_size: int,
        objective: ObjectiveSpec,
        options: dict[str, Any],
        apart: bool,
    ) -> ValidationBlocks:
        """Cut up some documents. Raises DataError when those of no genre fill a block."""
        documents, start, end = list(documents), start_token(tokenizer), end_token(tokenizer)
        ids_of: dict[str, list[int]] = defaultdict(list)
        texts = [document.text for document in documents]
        for document, ids in zip(documents, encode(tokenizer, texts), strict=True):
            ids_of[document.genre] += [start, *ids, *([] if end is None else [end])]
        blocks = {}
        for genre, ids in ids_of.items():
            n_blocks = (len(ids) - 1) // block_size
            if n_blocks:
                stored = np.array(ids, dtype=np.uint16)
                places = places_in_order(np.arange(n_blocks), block_size)
                blocks[genre] = read_blocks(stored, places, start if apart else None)
        if not blocks:
            raise DataError(
                f"The validation text has {sum(map(len, ids_of.values()))} tokens, and of no genre "
                f"as many as one block.",
                f"Raise validation_words, or give a block_size below {block_size}.",
            )
        left_out = tuple(genre for genre in ids_of if genre not in blocks)
        return cls(blocks, left_out, tokenizer, objective, options)

    @property
    def tokens(self) -> int:
        """All that are read."""
        return sum(int(blocks.ids[:, :-1].numel()) for blocks in self.blocks.values())

    @property
    def warning(self) -> str:
        """Names the genres that fill no block."""
        if not self.left_out:
            return ""
        named = ", ".join(self.left_out)
        return f"Not measured: validation text of {named}, less than a block. Give more of it."

    def sums(self, model: torch.nn.Module, device: torch.device) -> Sums:
        """The sum of the targets' losses, and their number."""
        return {genre: self._sum(model, device, blocks) for genre, blocks in self.blocks.items()}

    def _sum(
        self, model: torch.nn.Module, device: torch.device, blocks: Blocks
    ) -> tuple[float, int]:
        collate, loss_of = map(pkgutil.resolve_name, (self.objective.collate, self.objective.loss))
        nats, n_targets = 0.0, 0
        for start in range(0, len(blocks.ids), _BATCH):
            rows = slice(start, start + _BATCH)
            apart = None if blocks.documents is None else blocks.documents[rows]
            part = Blocks(blocks.ids[rows], apart, blocks.kinds[rows])
            rng = RowRandom(np.arange(start, start + len(part.ids)), _SEED)
            batch = collate(part, self.tokenizer, rng, **self.options)
            total, count = loss_of(model, {key: value.to(device) for key, value in batch.items()})
            nats += float(total)
            n_targets += int(count)
        return nats, n_targets
