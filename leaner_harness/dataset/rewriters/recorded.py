"""The rewriters `replay:FILE` and `echo`: what was said before, and what was there before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from leaner_harness.data.json_rows import read_rows
from leaner_harness.dataset.records import Assignment, Rewrite
from leaner_harness.errors import DataError
from leaner_harness.files import sha256_file
from leaner_harness.llm.records import OK, TRANSPORT


def key(assignment: Assignment) -> str:
    """Digest of all that a recorded text depends on."""
    whole = [assignment.chunk.genre, assignment.chunk.text, assignment.complaint]
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


class Replay:
    """Texts from a file of rows `{"key": ..., "text": ...}`; see `key`."""

    def __init__(self, argument: str, llm: object) -> None:
        """Raises DataError for a file that is none."""
        path = Path(argument)
        if not path.is_file():
            raise DataError(f"There are no recorded texts at {argument!r}.", "replay:FILE.jsonl")
        try:
            self._texts = {str(row["key"]): str(row["text"]) for _, row in read_rows(path)}
        except (KeyError, TypeError) as error:
            raise DataError(f"{path} holds no recorded texts: {error!r}.") from error
        self.fingerprint: Mapping[str, Any] = {"kind": "replay", "sha256": sha256_file(path)}

    def rewrite(self, assignments: Iterable[Assignment]) -> Iterator[Rewrite]:
        """The recorded text of each chunk; `transport` for one that was not recorded."""
        for assignment in assignments:
            text = self._texts.get(key(assignment))
            if text is None:
                yield Rewrite(assignment.chunk.id, TRANSPORT, reason="this text was not recorded")
            else:
                yield Rewrite(assignment.chunk.id, OK, text)


class Echo:
    """Every text as it is: a baseline, and a trial of all that is around a rewriter."""

    fingerprint: Mapping[str, Any] = {"kind": "echo"}

    def __init__(self, argument: str, llm: object) -> None:
        """There is nothing to choose."""

    def rewrite(self, assignments: Iterable[Assignment]) -> Iterator[Rewrite]:
        """The text of each chunk."""
        for assignment in assignments:
            yield Rewrite(assignment.chunk.id, OK, assignment.chunk.text)
