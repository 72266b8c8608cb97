"""What the nine tasks of GLUE ask, and what their labels mean. All words are our own.

Rewriter and judge are told the same: they must not disagree for reading different rules.
"""

from __future__ import annotations

from dataclasses import dataclass

from leaner_harness.data.glue import GlueTask


@dataclass(frozen=True, slots=True)
class Told:
    """What a model is told of a task."""

    asks: str
    labels: tuple[str, ...]
    """What each label means, from 0 up; of a scale, what its whole numbers mean."""
    keep: str = ""
    """What a rewriter must take care of, beside what all tasks need."""


TOLD = {
    "cola": Told(
        "Is the sentence one that a speaker of English would accept?",
        ("no, it breaks a rule of grammar", "yes, it is sound English"),
        "A sentence that breaks a rule must break the same rule in simple words: exchange rare "
        "words for common ones, and leave the build of the sentence, sound or not, as it is.",
    ),
    "sst2": Told(
        "Do these words from a review of a film blame it or praise it?",
        ("they blame it", "they praise it"),
        "It may be a part of a sentence: it stays one.",
    ),
    "mrpc": Told(
        "Do the two sentences say the same, in all that matters?",
        ("no, they differ in something that matters", "yes, they say the same"),
    ),
    "qqp": Told(
        "Do the two questions ask for the same, so that one answer serves both?",
        ("no, they ask for different things", "yes, they ask for the same"),
        "A question stays a question.",
    ),
    "stsb": Told(
        "How near are the two sentences in meaning, from 0 to 5? Parts of a number are allowed.",
        (
            "nothing in common",
            "other things, of the same subject",
            "other things, with some details in common",
            "much the same, but something that matters differs or is missing",
            "the same, but for details that do not matter",
            "just the same",
        ),
    ),
    "mnli": Told(
        "If the premise is so, what of the hypothesis?",
        ("it is so, too", "it may be so or not: the premise does not say", "it is not so"),
    ),
    "qnli": Told(
        "Does the sentence hold the answer to the question?",
        ("yes, it holds the answer", "no, it does not"),
        "The question stays a question.",
    ),
    "rte": Told(
        "If sentence1 is so, must sentence2 be so?",
        ("yes, sentence2 follows", "no, sentence2 does not follow, or is denied"),
    ),
    "wnli": Told(
        "sentence2 says who or what a word such as `it` or `they` in sentence1 stands for. Is that "
        "right?",
        ("no, the word stands for something else", "yes, that is what it stands for"),
        "sentence1 keeps the word, and what is said of it; sentence2 says it with the name.",
    ),
}


def scale(task: GlueTask) -> str:
    """All labels and their meanings, a line each."""
    return "\n".join(f"{number}: {means}" for number, means in enumerate(TOLD[task.name].labels))


def meaning(task: GlueTask, label: float) -> str:
    """What one label of an item says."""
    if task.regression:
        return f"{label:g} of 5, as people judged it. The scale is\n{scale(task)}"
    return f"{label:g}: {TOLD[task.name].labels[int(label)]}"


def for_rewriters(task: GlueTask) -> str:
    """What a rewriter is told of all items of a task."""
    told = TOLD[task.name]
    return f"What is asked about an item: {told.asks}\nThe answers:\n{scale(task)}\n{told.keep}"
