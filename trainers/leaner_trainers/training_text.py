"""The text of a run: its tokenizer, and its tokens on disk, which a resumed run finds again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from leaner_harness import (
    ArchitectureSpec,
    Blocks,
    DataError,
    Document,
    ObjectiveSpec,
    read_documents,
)
from leaner_trainers.blocks import places_in_order, read_blocks
from leaner_trainers.order import block_numbers
from leaner_trainers.recipe import Recipe
from leaner_trainers.tokenizers import load_tokenizer, start_token, train_tokenizer
from leaner_trainers.tokens import Tokens, read_tokens, write_tokens


def training_documents(recipe: Recipe) -> Iterable[Document]:
    """The text a recipe trains on, read anew; without blank documents, as it is written down."""
    return (document for document in _all_documents(recipe) if document.text.strip())


def _all_documents(recipe: Recipe) -> Iterable[Document]:
    return read_documents(recipe.data, "train", recipe.genres, recipe.words)


def write_text(
    recipe: Recipe, spec: ArchitectureSpec, objective: ObjectiveSpec, folder: Path
) -> None:
    """Make or load the tokenizer, and tokenise the training text with it."""
    given = recipe.init_from if recipe.tokenizer == "train" else recipe.tokenizer
    if given:
        tokenizer = load_tokenizer(Path(given).expanduser(), spec.tokenizer)
    else:
        texts = (document.text for document in training_documents(recipe))
        tokenizer = train_tokenizer(texts, recipe.vocab_size, spec.tokenizer)
    fit = recipe.block_size if objective.answers else None
    write_tokens(_all_documents(recipe), tokenizer, folder / "tokens", fit=fit)
    tokenizer.save_pretrained(folder / "tokenizer")


@dataclass(frozen=True)
class TrainingText:
    """Tokens cut into blocks, in an order that depends on the seed alone."""

    tokens: Tokens
    tokenizer: PreTrainedTokenizerFast
    block_size: int
    seed: int
    start: int | None
    """The token that begins a document; None where documents may see each other."""

    @classmethod
    def open(cls, recipe: Recipe, spec: ArchitectureSpec, folder: Path) -> TrainingText:
        """What `write_text` wrote. Raises DataError where it is not a block."""
        tokenizer = load_tokenizer(folder / "tokenizer", spec.tokenizer)
        tokens = read_tokens(folder / "tokens")
        if len(tokens.ids) <= recipe.block_size:
            raise DataError(
                f"The training text has {len(tokens.ids)} tokens, less than one block.",
                f"Give more text, or a block_size below {recipe.block_size}.",
            )
        separate = recipe.separate_documents and spec.packs
        start = start_token(tokenizer) if separate else None
        return cls(tokens, tokenizer, recipe.block_size, recipe.seed, start)

    @property
    def words_per_token(self) -> float:
        """Words that stand, on average, in a token."""
        return self.tokens.words / len(self.tokens.ids)

    def blocks(self, places: NDArray[np.int64]) -> Blocks:
        """The blocks at some places (B,) of an endless row of shuffled epochs."""
        n_blocks = (len(self.tokens.ids) - 1) // self.block_size
        numbers = block_numbers(places, n_blocks, self.seed)
        return self.read(places_in_order(numbers, self.block_size))

    def read(self, places: NDArray[np.int64]) -> Blocks:
        """The blocks whose tokens lie at some places of the file, (B, T + 1)."""
        return read_blocks(self.tokens.ids, places, self.start, self.tokens.kinds)
