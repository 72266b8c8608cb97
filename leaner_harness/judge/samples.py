"""Answers as lm-eval saved them: questions and what a model said, to be judged later, elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from leaner_harness.data.json_rows import read_rows
from leaner_harness.errors import DataError
from leaner_harness.judge.verdicts import Item

_CURE = (
    "Give a file or a folder that lm_eval wrote with --log_samples, of leaner_eval or "
    "leaner_eval_mini."
)


class Answered(NamedTuple):
    """An item, and what its question is counted under."""

    item: Item
    kind: str


def sample_files(place: Path) -> list[Path]:
    """The newest samples of each LEANER-Eval task at a place: a file, or an lm-eval output folder.

    Raises DataError where there are none.
    """
    if place.is_file():
        return [place]
    newest = {}
    for path in sorted(place.rglob("samples_leaner_eval*.jsonl")):
        # Names end in a time, so the last of a task's in order is its newest.
        newest[path.parent, path.name.rsplit("_", 1)[0]] = path
    if not newest:
        raise DataError(f"There are no samples of LEANER-Eval in {place}.", _CURE)
    return list(newest.values())


def read_samples(path: Path) -> Iterator[Answered]:
    """The answers of a samples file, one at a time. Raises DataError for a line that is none."""
    for number, row in read_rows(path):
        try:
            yield _answered(row)
        except (KeyError, TypeError, IndexError) as error:
            raise DataError(f"{path}:{number} is no sample: {error!r}.", _CURE) from error


def _answered(row: dict[str, Any]) -> Answered:
    doc, answers = row["doc"], row["filtered_resps"]
    answer = answers[0] if isinstance(answers, list) else answers
    if not isinstance(doc["question"], str) or not isinstance(answer, str):
        raise TypeError("question and answer must be strings")
    return Answered(Item(str(doc["id"]), doc["question"], answer), str(doc.get("kind", "")))
