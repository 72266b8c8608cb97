"""A text as the checks read it: its words and runs of words, each made once."""

from __future__ import annotations

from functools import cached_property
from itertools import islice

from leaner_harness.dataset.vocabulary import WORD

Run = tuple[str, ...]


class Reading:
    """A text."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def lower(self) -> str:
        """All in lower case."""
        return self.text.lower()

    @cached_property
    def words(self) -> list[str]:
        """Its words, in lower case."""
        return WORD.findall(self.lower)

    def runs(self, length: int) -> list[Run]:
        """So many words in a row, from each word on."""
        return list(
            zip(*(islice(self.words, start, None) for start in range(length)), strict=False)
        )
