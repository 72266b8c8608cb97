"""Answers as lm-eval saved them: questions and what a model said, to be judged later, elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from leaner_harness.data.json_rows import read_rows
from leaner_harness.errors import DataError, UsageError
from leaner_harness.judge.rubric import plain
from leaner_harness.judge.verdicts import Item

_CURE = (
    "Give a file or a folder that lm_eval wrote with --log_samples, of leaner_eval or "
    "leaner_eval_mini."
)


PLAIN = "none"
"""lm-eval's name of the filter that leaves an answer as it is."""
_RESULT, _SAMPLES = "results_", "samples_leaner_eval"


class Answered(NamedTuple):
    """An item, and what its question is counted under."""

    item: Item
    kind: str


def sample_files(place: Path) -> list[Path]:
    """The newest samples of each LEANER-Eval task at a place.

    That is a file of samples, an lm-eval result whose samples lie beside it, or an output folder.
    Raises DataError where there are none.
    """
    if place.is_file() and not place.name.startswith(_RESULT):
        return [place]
    stamp = place.stem.removeprefix(_RESULT) if place.is_file() else ""
    newest = {}
    for path in sorted((place.parent if stamp else place).rglob(f"{_SAMPLES}*{stamp}.jsonl")):
        # Names end in a time, so the last of a task's in order is its newest.
        newest[path.parent, path.name.rsplit("_", 1)[0]] = path
    if not newest:
        raise DataError(f"There are no samples of LEANER-Eval in {place}.", _CURE)
    return list(newest.values())


def summary_place(samples: Path) -> Path:
    """Where the summary of a file's grades goes: beside the samples, never over them."""
    name = f"judged_{samples.name.removeprefix('samples_')}"
    return samples.with_name(name).with_suffix(".json")


def read_samples(path: Path) -> Iterator[Answered]:
    """The answers of a samples file, one at a time. Raises DataError for a line that is none."""
    for number, row in read_rows(path):
        try:
            if row.get("filter", PLAIN) == PLAIN:  # a judge's filter logs each answer once more
                yield _answered(row)
        except (AttributeError, KeyError, TypeError, IndexError) as error:
            raise DataError(f"{path}:{number} is no sample: {error!r}.", _CURE) from error


def by_id(answers: Iterable[Answered]) -> dict[str, Answered]:
    """Answers by their questions' ids. Raises UsageError where one stands on two."""
    found: dict[str, Answered] = {}
    for each in answers:
        if found.setdefault(each.item.id, each) is not each:
            raise UsageError(f"The id {each.item.id!r} stands on two samples.")
    return found


def _answered(row: dict[str, Any]) -> Answered:
    doc, answers = row["doc"], row["filtered_resps"]
    answer = answers[0] if isinstance(answers, list) else answers
    if not isinstance(doc["question"], str) or not isinstance(answer, str):
        raise TypeError("question and answer must be strings")
    name, kind = plain(str(doc["id"])), plain(str(doc.get("kind", "")))
    return Answered(Item(name, doc["question"], answer), kind)


def digest(path: Path) -> str:
    """Digest of the answers of a samples file, and of what they answer, in whatever order."""
    total = 0
    for item, _ in read_samples(path):
        line = json.dumps([item.id, item.question, item.answer]).encode()
        total += int.from_bytes(hashlib.sha256(line).digest())
    return f"{total % (1 << 256):064x}"
