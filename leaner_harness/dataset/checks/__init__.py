"""Checks of a rewrite against its source: a value each, held against a threshold."""

from __future__ import annotations

from leaner_harness.dataset.checks import content, form
from leaner_harness.dataset.checks.grading import DEFAULT, Thresholds
from leaner_harness.dataset.checks.reading import Reading
from leaner_harness.dataset.records import Chunk, Finding
from leaner_harness.dataset.vocabulary import Vocabulary

__all__ = ["DEFAULT", "Thresholds", "verify"]


def verify(
    chunk: Chunk,
    text: str,
    vocabulary: Vocabulary,
    prompt: str = "",
    thresholds: Thresholds = DEFAULT,
) -> list[Finding]:
    """All checks of the rewrite `text` of a chunk, in a fixed order; never raises on any text.

    `prompt` is what the model was told, the chunk's own text in it or not.
    """
    source, new, genre = Reading(chunk.text), Reading(text), chunk.genre
    return [
        content.vocabulary(text, genre, vocabulary, thresholds),
        content.length_ratio(source, new, genre, thresholds),
        content.numbers_kept(source, new, thresholds),
        content.negation_kept(source, new, thresholds),
        form.refusal(source, new),
        form.prompt_echo(source, new, prompt, thresholds),
        form.leftover_markers(chunk.text, text, genre),
        form.genre_markers(chunk.text, text, genre, thresholds),
        form.repetition(source, new, thresholds),
        form.ascii_share(text, thresholds),
    ]
