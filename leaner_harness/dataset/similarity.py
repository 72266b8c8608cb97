"""How like questions are to one another, and to training instructions by a measure with a name.

Every figure belongs to its measure. The published bins come from a measure that was never named,
most likely of sentence embeddings: a question's bin under one measure says nothing of its bin under
another, and figures in bins are to be compared only where the measure is the same.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leaner_harness.data.questions import BINS
from leaner_harness.dataset.contamination import words
from leaner_harness.errors import UnknownName, UsageError

EDGES = (0.7, 0.8, 0.9)
"""Where each bin but the first begins."""
LEXICAL, EMBEDDED = "tfidf", "sentence-transformers"
EMBEDDER = "sentence-transformers/all-MiniLM-L6-v2"
"""The model that is taken where none is named."""

Vectors = npt.NDArray[np.float64]
_FEATURES = 1 << 22  # word hashes: 32 MB, and few words that share one
_BLOCK = 256  # questions that are compared at once: bounds memory


@dataclass(frozen=True, slots=True)
class Measure:
    """Similarity of questions to the nearest of some instructions."""

    name: str
    """With all it depends on, as a manifest says it."""
    of: Callable[[Sequence[str]], Vectors]
    """Questions -> the highest similarity of each, from 0 to 1, whatever the others are."""


def measure(name: str, instructions: Sequence[str]) -> Measure:
    """`tfidf`, or `sentence-transformers` with `:MODEL` where another model is wanted.

    Raises UnknownName for another name, UsageError without instructions or without the package.
    """
    if not any(text.strip() for text in instructions):
        raise UsageError(
            "There are no training instructions to compare questions with.",
            "Name a source that has some, such as mini-instruct.",
        )
    kind, _, model = name.partition(":")
    if kind == EMBEDDED:
        return _embedded(model or EMBEDDER, instructions)
    if name != LEXICAL:
        raise UnknownName("similarity measure", name, (LEXICAL, EMBEDDED))
    return _lexical(instructions)


def bins(similarities: Sequence[float] | Vectors) -> list[str]:
    """The published bin of each similarity: up to .7, .8, .9, 1; an edge belongs to the upper."""
    values = np.asarray(similarities, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("a similarity is no number")
    return [BINS[place] for place in np.searchsorted(EDGES, values, side="right")]


class Alike:
    """Texts, and whether another has nearly the same words: exact, and without all comparisons."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._sets: list[frozenset[str]] = []
        self._with: dict[str, list[int]] = {}

    def add(self, text: str) -> None:
        """Know a text."""
        found = frozenset(words(text))
        for word in self._telling(found):
            self._with.setdefault(word, []).append(len(self._sets))
        self._sets.append(found)

    def has(self, text: str) -> bool:
        """Whether a known text has a share of words in common, of those of both, that is enough."""
        found = frozenset(words(text))
        near = {number for word in self._telling(found) for number in self._with.get(word, ())}
        return any(
            len(found & self._sets[number]) / len(found | self._sets[number]) >= self._least
            for number in near
        )

    def _telling(self, found: frozenset[str]) -> Iterator[str]:
        """Words of which two texts that are alike share one: the first ones, longest first.

        Two that share none of them have too few others left (Bayardo et al. 2007, prefix filter).
        """
        ordered = sorted(found, key=lambda word: (-len(word), word))
        shared = int(self._least * len(ordered))  # rounded down: rather one word too many
        yield from ordered[: len(ordered) - max(shared, 1) + 1]


def _lexical(instructions: Sequence[str]) -> Measure:
    """Cosine of TF-IDF vectors over single words and pairs, in lower case.

    How rare a word is comes from the instructions alone. A word that none of them has is the rarest
    there is, so a question of such words is near to none of them.
    """
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    counts = HashingVectorizer(
        n_features=_FEATURES,
        ngram_range=(1, 2),
        token_pattern=r"[^\W_]+",
        alternate_sign=False,
        norm=None,
    )
    weights = TfidfTransformer(sublinear_tf=True)
    known = weights.fit_transform(counts.transform(instructions)).T.tocsr()

    def of(questions: Sequence[str]) -> Vectors:
        asked = weights.transform(counts.transform(questions))
        nearest: Vectors = (asked @ known).max(axis=1).toarray().ravel()
        return nearest

    return Measure("tfidf cosine, words and pairs of words, version 1", _by_blocks(of))


def _embedded(model: str, instructions: Sequence[str]) -> Measure:
    """Cosine of sentence embeddings."""
    try:
        package = importlib.import_module("sentence_transformers")
    except ImportError as error:
        raise UsageError(
            f"The measure {EMBEDDED} needs a package that is not installed.",
            f"pip install 'leaner-harness[embeddings]'; or take the measure {LEXICAL}",
        ) from error
    encoder = package.SentenceTransformer(model, trust_remote_code=False)

    def encode(texts: Sequence[str]) -> Any:
        return encoder.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)

    known = encode(instructions).T

    def of(questions: Sequence[str]) -> Vectors:
        nearest: Vectors = (encode(questions) @ known).max(axis=1)
        return nearest

    return Measure(f"cosine of sentence embeddings by {model}, version 1", _by_blocks(of))


def _by_blocks(of: Callable[[Sequence[str]], Vectors]) -> Callable[[Sequence[str]], Vectors]:
    """The same for any number of questions, none too, in little memory; from 0 to 1."""

    def all_of(questions: Sequence[str]) -> Vectors:
        found = [of(questions[i : i + _BLOCK]) for i in range(0, len(questions), _BLOCK)]
        values: Vectors = np.concatenate([np.zeros(0), *found])
        return values.clip(0.0, 1.0)

    return all_of
