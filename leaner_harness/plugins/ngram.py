"""A word n-gram model with modified Kneser-Ney smoothing: a floor for every board, no torch needed.

A token is a word or a sign with the space before it, so tokens joined give the text back. A token
that is not in the vocabulary costs P(unknown) times the probability of its bytes under a second,
byte-level model of the same kind: every string has a probability above zero.
Source of the smoothing: Chen and Goodman 1998, "An Empirical Study of Smoothing Techniques".
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import platform
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from leaner_harness import (
    RESUME,
    Checkpoint,
    CheckpointError,
    DataError,
    Document,
    UsageError,
    default_words,
    held_out_documents,
    read_documents,
    write_atomic,
    write_json,
)
from leaner_harness.plugins.kneser_ney import END, Floats, Ints, KneserNey

UNKNOWN = 1  # the id after END
_FORMAT = 1
_SPELLING_ORDER = 5  # bytes; longer contexts of single words are not seen again


def split(text: str) -> list[str]:
    """Tokens of a text: words and single signs, each with one space before it if there is one."""
    return re.findall(r" ?\w+| ?[^\w\s]|\s", text)


class NgramModel:
    """The word model, its vocabulary, and the byte model that spells what is not in it."""

    def __init__(self, vocabulary: list[str], words: KneserNey, spelling: KneserNey) -> None:
        """`vocabulary[0]` and `[1]` stand for the end of a document and the unknown token."""
        self.vocabulary = vocabulary
        self.words = words
        self.spelling = spelling
        self._ids = {token: i for i, token in enumerate(vocabulary) if i > UNKNOWN}
        self._spelled: dict[str, float] = {}

    @classmethod
    def train(cls, texts: Iterable[str], order: int, min_count: int) -> NgramModel:
        """Count documents; tokens seen less than `min_count` times are unknown.

        Raises DataError when there is no text.
        """
        met: dict[str, int] = {"<end>": END}  # number of each token, in the order they are met
        parts = [np.array([END])]
        for text in texts:
            numbers = [met.setdefault(token, len(met)) for token in split(text)]
            parts.append(np.array([*numbers, END], dtype=np.int64))
        if len(met) == 1:
            raise DataError("There is no training text.", "Check `data`, `genres` and `words`.")
        stream = np.concatenate(parts)
        counts = np.bincount(stream)
        del met["<end>"]
        kept = sorted(token for token, number in met.items() if counts[number] >= min_count)
        ids = np.full(len(counts), UNKNOWN)
        ids[END] = END
        ids[[met[token] for token in kept]] = np.arange(len(kept)) + UNKNOWN + 1
        # Each kind of token once: unknown tokens look like rare ones, not like frequent ones.
        spelled = np.concatenate([[END], *(_spell(token) for token in sorted(met))])
        words = KneserNey.count(ids[stream], len(kept) + 2, order)
        spelling = KneserNey.count(spelled, 257, _SPELLING_ORDER)
        return cls(["<end>", "<unknown>", *kept], words, spelling)

    def ids(self, tokens: list[str]) -> Ints:
        """The id of each token; those outside the vocabulary share one."""
        return np.array([self._ids.get(token, UNKNOWN) for token in tokens], dtype=np.int64)

    def log_likelihood(self, context: str, continuation: str) -> tuple[float, bool]:
        """Natural log-probability of a continuation, and whether it is the likeliest at each token.

        The context begins a document. Both are split into tokens by themselves, after spaces at
        the end of the context have moved to the continuation.
        """
        before = context.rstrip()
        tokens = split(context[len(before) :] + continuation)
        if not tokens:
            return 0.0, True
        known = self.ids(split(before))
        ids = np.concatenate([[END], known, self.ids(tokens)])
        total = float(self.words.score(ids)[len(known) :].sum())
        total += sum(self._spelling(t) for t in tokens if t not in self._ids)
        return total, self._is_greedy(ids, len(known) + 1)

    def _is_greedy(self, ids: Ints, start: int) -> bool:
        if UNKNOWN in ids[start:]:
            return False
        places = range(start, len(ids))
        return all(int(np.argmax(self._next(ids[:place]))) == ids[place] for place in places)

    def _next(self, ids: Ints) -> Floats:
        """Probabilities of the next id as a text can go on: the unknown token cannot be written."""
        chances = self.words.chances(ids)
        chances[UNKNOWN] = 0.0
        return chances

    def _spelling(self, token: str) -> float:
        if token not in self._spelled:
            score = self.spelling.score(np.concatenate([[END], _spell(token)]))
            self._spelled[token] = float(score.sum())
        return self._spelled[token]

    def bits_per_byte(self, texts: Iterable[str]) -> float:
        """Negative log2-likelihood of some documents, over their length in bytes."""
        nats, n_bytes = 0.0, 0
        for text in texts:
            nats -= self.log_likelihood("", text)[0]
            n_bytes += len(text.encode())
        if not n_bytes:
            raise DataError(
                "The validation text is empty.",
                "Check `data` and `genres`; a file of one's own keeps every 50th document for it.",
            )
        return nats / math.log(2) / n_bytes

    def generate(
        self, prompt: str, max_new_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> Iterator[str]:
        """Yield tokens that go on from a prompt, until a document ends; temperature 0 is greedy."""
        ids = np.concatenate([[END], self.ids(split(prompt))])
        random = np.random.Generator(np.random.PCG64(seed))
        for _ in range(max_new_tokens):
            chances = self._next(ids)
            if temperature == 0:
                chosen = int(np.argmax(chances))
            else:
                scaled = (chances / chances.max()) ** (1 / temperature)
                chosen = int(random.choice(len(scaled), p=scaled / scaled.sum()))
            if chosen == END:
                return
            ids = np.append(ids, chosen)
            yield self.vocabulary[chosen]

    def save(self, folder: Path) -> None:
        """Write `ngram.npz` and then `ngram.json`; the same model gives the same bytes."""
        arrays = {}
        for name, model in (("words", self.words), ("spelling", self.spelling)):
            for level, (key, count) in enumerate(zip(model.keys, model.counts, strict=True)):
                arrays[f"{name}.{level}.keys"], arrays[f"{name}.{level}.counts"] = key, count
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        write_atomic(folder / "ngram.npz", buffer.getvalue())
        orders = {"words": len(self.words.keys), "spelling": len(self.spelling.keys)}
        content = {"format": _FORMAT, "orders": orders, "vocabulary": self.vocabulary}
        write_json(folder / "ngram.json", content)

    @classmethod
    def load(cls, folder: Path) -> NgramModel:
        """Read what `save` wrote. Raises CheckpointError when it is missing or damaged."""
        try:
            content = json.loads((folder / "ngram.json").read_text())
            if content["format"] != _FORMAT:
                raise ValueError(f"format {content['format']}, this version reads {_FORMAT}")
            vocabulary, models = content["vocabulary"], []
            with np.load(folder / "ngram.npz", allow_pickle=False) as arrays:
                for name, size in (("words", len(vocabulary)), ("spelling", 257)):
                    levels = range(content["orders"][name])
                    keys = [arrays[f"{name}.{level}.keys"] for level in levels]
                    counts = [arrays[f"{name}.{level}.counts"] for level in levels]
                    models.append(KneserNey(size, keys, counts))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{folder} holds no n-gram model: {error}.", "Make one: leaner train ngram."
            ) from error
        return cls(vocabulary, *models)


def _spell(token: str) -> Ints:
    """The bytes of a token, from 1 up, and the sign that it ends."""
    return np.array(
        [byte + 1 for byte in token.encode("utf-8", "surrogatepass")] + [END], dtype=np.int64
    )


@dataclass(frozen=True)
class NgramRecipe:
    """All that decides a run. Raises UsageError, naming the key, for a value that cannot work."""

    data: str = "mini"
    """Training text: `mini`, `mini-harder`, `mini-instruct`, `mini-instruct-harder`, or a path."""
    genres: tuple[str, ...] = ()
    """Genres of the text to use; empty for all."""
    words: int | None = None
    """How many words of text to read; empty for all, or for a million of the endless mini text."""
    validation_words: int = 10_000
    """How many words of the validation split to score at the end, the genres sharing."""
    order: int = 3
    """Tokens in the longest n-gram."""
    min_count: int = 2
    """A token seen less often than this is unknown, and spelled byte by byte."""
    seed: int = 0
    """Recorded only: counting leaves nothing to chance."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "genres", _genres(self.genres))
        if not isinstance(self.data, str):
            raise _wrong("data", self.data, "a string")
        if self.words is None:
            object.__setattr__(self, "words", default_words(self.data))
        least = {"words": 1, "validation_words": 1, "order": 1, "min_count": 1, "seed": 0}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in least or (field.name == "words" and value is None):
                continue
            if type(value) is not int or value < least[field.name]:
                raise _wrong(field.name, value, f"a whole number of at least {least[field.name]}")


def _genres(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise _wrong("genres", value, "a list of strings")
    return tuple(value)


def _wrong(key: str, value: object, wanted: str) -> UsageError:
    return UsageError(f"Recipe key {key!r} is {value!r}; it must be {wanted}.")


def train(recipe: NgramRecipe, out: Path) -> Checkpoint:
    """Count the n-grams of the recipe's text and leave the model in `out`.

    Raises DataError when there is no text to train on or to score, and UsageError for a folder in
    which another trainer's run was stopped.
    """
    if (out / RESUME).is_dir():
        raise UsageError(f"{out} holds a run that was stopped.", "Give another folder: --out DIR")
    began = time.monotonic()
    reading = _Reading()
    documents = read_documents(recipe.data, "train", recipe.genres, recipe.words)
    model = NgramModel.train(reading.texts(documents), recipe.order, recipe.min_count)
    held_out = held_out_documents(recipe.data, recipe.genres, recipe.validation_words)
    bits = model.bits_per_byte(document.text for document in held_out)
    (out / "leaner.json").unlink(missing_ok=True)  # of an older checkpoint
    model.save(out)
    record: Mapping[str, Any] = {
        "tokens_seen": reading.tokens,
        "words_seen": reading.words,
        "data": reading.record(),
        "vocab_size": len(model.vocabulary),
        # What a stored count is to this model, a weight is to another.
        "parameters": {"total": sum(map(len, model.words.keys + model.spelling.keys))},
        "seconds": round(time.monotonic() - began, 1),
        "validation_bits_per_byte": bits,
        "hardware": f"cpu ({platform.machine()}), numpy {np.__version__}",
    }
    return Checkpoint(out, "leaner-ngram", {}, path_arg="path", record=record)


class _Reading:
    """Counts and digests documents as they pass by."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._documents = self._blank = self.words = self.tokens = 0

    def texts(self, documents: Iterable[Document]) -> Iterator[str]:
        for document in documents:
            if not document.text.strip():  # it would teach that nothing follows the beginning
                self._blank += 1
                continue
            self._digest.update(document.text.encode() + b"\0")
            self._documents += 1
            self.words += len(document.text.split())
            self.tokens += len(split(document.text)) + 1
            yield document.text

    def record(self) -> dict[str, Any]:
        return {
            "digest": self._digest.hexdigest(),
            "documents": self._documents,
            "words": self.words,
            "tokens": self.tokens,
            **({"dropped_blank": self._blank} if self._blank else {}),
        }
