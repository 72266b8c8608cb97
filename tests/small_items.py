"""Items whose number tells them apart, and models that answer by it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from model_server import Body, is_judging, texts

from leaner_harness.data.glue import get_task
from leaner_harness.dataset.glue.job import Settings

BEASTS = ("dog", "cat")


def item(task: str, number: int, label: float) -> dict[str, Any]:
    """A row; each of its fields says its number."""
    fields = get_task(task).fields
    said = {name: f"The {BEASTS[n]} has {number} red balls." for n, name in enumerate(fields)}
    return {**said, "label": label, "idx": number}


def write_source(folder: Path, **files: Iterable[dict[str, Any]]) -> Path:
    """Files of rows by their stem."""
    folder.mkdir(parents=True, exist_ok=True)
    for stem, rows in files.items():
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{stem}.jsonl").write_text(lines)
    return folder


def number_of(fields: dict[str, str]) -> int:
    """The number of an item."""
    found = re.search(r"\d+", " ".join(fields.values()))
    assert found is not None
    return int(found[0])


def is_new(fields: dict[str, str]) -> bool:
    """Whether `rewritten` made it."""
    return "now" in " ".join(fields.values())


def rewritten(fields: dict[str, str]) -> dict[str, str]:
    """What the rewriter of these tests makes of an item."""
    return {name: text.replace(" has ", " now has ") for name, text in fields.items()}


def models(
    answer: Callable[[int, bool], Any],
    rewrite: Callable[[dict[str, str]], Any] = rewritten,
) -> Callable[[Body], str | int]:
    """What a server says: `answer(number, is_new)` as judge, `rewrite(fields)` as rewriter.

    Texts and statuses are sent as they are, anything else as JSON.
    """

    def say(body: Body) -> str | int:
        fields = texts(body)
        if is_judging(body):
            said = answer(number_of(fields), is_new(fields))
            return said if isinstance(said, str) else json.dumps({"answer": said})
        made = rewrite(fields)
        return made if isinstance(made, str | int) else json.dumps(made)

    return say


def settings(task: str, source: Path | str, url: str, **changes: Any) -> Settings:
    """Rewriter and judge on one server, as two models; replies are not waited for long."""
    within = {"base_url": url, "retries": 0, "timeout": 10.0, "concurrency": 8}
    usual = {
        "rewriter": "openai:writer", "judge": "openai:judge",
        "rewriter_args": within, "judge_args": within,
    }  # fmt: skip
    return Settings(task, str(source), **{**usual, **changes})


def rows(folder: Path, stem: str) -> list[dict[str, Any]]:
    """The rows of a file; none where there is no file."""
    path = folder / f"{stem}.jsonl"
    return [json.loads(line) for line in path.open()] if path.is_file() else []
