"""The endless stream of pre-training documents: numbered, interleaved by genre, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from leaner_harness.contracts import Document
from leaner_harness.data.mini.draw import Dice
from leaner_harness.data.mini.genres.formal import code, math
from leaner_harness.data.mini.genres.prose import book, web, wiki
from leaner_harness.data.mini.genres.taught import conversation, textbook
from leaner_harness.data.mini.harder import roughen
from leaner_harness.data.mini.world import SEED, VERSION
from leaner_harness.errors import UnknownName

GENRES: dict[str, Callable[[Dice], str]] = {
    "web": web,
    "book": book,
    "wiki": wiki,
    "textbook": textbook,
    "conversation": conversation,
    "code": code,
    "math": math,
}
SIDES = ("simple", "harder")
TEXT_SPLITS = ("train", "validation")


def documents(
    side: str = "simple", split: str = "train", words: int | None = None, seed: int = SEED
) -> Iterator[Document]:
    """Documents without end, or until they hold about `words` words.

    Both sides hold the same documents under the same ids: "harder" says the same at greater
    length, in rarer words and with noise. Raises UnknownName for another side or split.
    """
    if side not in SIDES:
        raise UnknownName("side", side, SIDES)
    if split not in TEXT_SPLITS:
        raise UnknownName("text split", split, TEXT_SPLITS)
    return _stream(side, split, words, seed)


def _stream(side: str, split: str, words: int | None, seed: int) -> Iterator[Document]:
    told = number = 0
    while words is None or told < words:
        document = _document(side, split, number, seed)
        told += len(document.text.split())
        number += 1
        yield document


def _document(side: str, split: str, number: int, seed: int) -> Document:
    """Any one document; each has its own dice, so none depends on those before it."""
    genre = tuple(GENRES)[number % len(GENRES)]
    text = GENRES[genre](Dice(VERSION, seed, split, number))
    if side == "harder":
        text = roughen(text, genre, Dice(VERSION, seed, split, number, "harder"))
    return Document(f"mini-{split}-{number:08d}", genre, text)
