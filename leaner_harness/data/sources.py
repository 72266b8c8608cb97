"""Where benchmark rows come from: the published set, a local folder, or the embedded mini set.

`load` never raises for missing or damaged rows: what cannot run has a state with the reason and the
cure, because one absent file must not stop the other seven tasks.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leaner_harness.data import first_use, published
from leaner_harness.data.glue import GlueTask, check_split, get_task
from leaner_harness.data.rows import Defects, Row, RowFile, fingerprint, interleave, read_rows
from leaner_harness.errors import DataError

MINI = "mini"
GLUE_FOLDERS = ("data/leaner/glue", "leaner/glue", "glue", "")
_KEPT_FIELDS = ("label", "idx", "part", "tag", "pair_id")


@dataclass(slots=True)
class TaskRows:
    """The rows of one task and split, in evaluation order, and where they came from."""

    task: GlueTask
    split: str
    source: str
    """`official` (every file read has its published id), `local` or `mini`."""
    state: str = "ok"
    """`ok`, or why the task cannot run: `missing_file`, `no_usable_rows`."""
    reason: str = ""
    rows: list[Row] = field(default_factory=list)
    lines: int = 0
    defects: Defects = field(default_factory=Defects)
    files: list[str] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """What a result file says of these rows; holds no row text and no path of this machine."""
        labels = Counter(str(round(row["label"])) for row in self.rows)
        return {
            "task": self.task.name,
            "split": self.split,
            "source": self.source,
            "synthetic": self.source == MINI,
            "state": self.state,
            "reason": self.reason,
            "fingerprint": fingerprint(self.task, self.split, self.rows) if self.rows else "",
            "files": self.files,
            "lines": self.lines,
            "rows": len(self.rows),
            "labels": dict(sorted(labels.items())),
            "defects": self.defects.record(),
        }


def chosen_split(requested: str | None) -> str:
    """The split to report: the argument, else `LEANER_SPLIT`, else test."""
    return check_split(requested or os.environ.get("LEANER_SPLIT") or "test")


def load(
    task_name: str, split: str, *, source: str | None = None, folder: str | None = None
) -> TaskRows:
    """Rows of one task and split.

    `source="mini"` is the embedded set. Otherwise rows come from `folder`, else the folder in
    `LEANER_DATA`, else the published set, downloaded on first use unless the user is offline.
    """
    task = get_task(task_name)
    if source == MINI:
        return _mini(task, split)
    chosen = folder or os.environ.get("LEANER_DATA")
    try:
        glue = _glue_folder(Path(chosen).expanduser()) if chosen else first_use.ensure("glue")
    except DataError as error:
        return TaskRows(task, split, "none", "missing_file", str(error))
    return _from_folder(task, split, glue)


def _mini(task: GlueTask, split: str) -> TaskRows:
    from leaner_harness.data import mini

    found = TaskRows(task, split, MINI)
    for part, stem in task.stems(split).items():
        rows = mini.rows(stem)
        found.files.append(stem)
        found.lines += len(rows)
        found.rows += _canonical(rows, task, part)
    found.rows = interleave(found.rows, task)
    return found


def _glue_folder(folder: Path) -> Path:
    """The folder that holds the task files: the given one, or the published layout inside it."""
    for inner in GLUE_FOLDERS:
        if any((folder / inner).glob("*_*.jsonl")):
            return folder / inner
    raise DataError(
        f"The data folder {folder} holds no LEANER-GLUE files such as cola_validation.jsonl.",
        "Point LEANER_DATA (or --metadata leaner_data=DIR) at a folder in the published layout, "
        "or unset it and run: leaner data pull glue",
    )


def _from_folder(task: GlueTask, split: str, folder: Path) -> TaskRows:
    found = TaskRows(task, split, "official")
    for part, stem in task.stems(split).items():
        path = folder / f"{stem}.jsonl"
        if not path.is_file():
            return _missing(found, path, folder)
        if not published.is_published(path, published.load_manifest(published.PACKAGED)):
            found.source = "local"
        file = read_rows(path, task)
        _add_file(found, file, path.name, part)
        if not file.rows:
            found.state, found.reason = "no_usable_rows", f"No usable row in {path.name}."
    found.rows = interleave(found.rows, task) if found.state == "ok" else []
    return found


def _add_file(found: TaskRows, file: RowFile, name: str, part: str) -> None:
    found.files.append(name)
    found.lines += file.lines
    found.rows += _canonical(file.rows, found.task, part)
    found.defects.counts.update(file.defects.counts)
    for kind, places in file.defects.places.items():
        found.defects.places[kind] += places


def _missing(found: TaskRows, path: Path, folder: Path) -> TaskRows:
    """The state of a task one of whose files is absent, with the cure nearest at hand."""
    others = [
        split
        for split in ("test", "validation")
        if found.split not in ("train", split)
        and all((folder / f"{s}.jsonl").is_file() for s in found.task.stems(split).values())
    ]
    cure = "Fetch the published files: leaner data pull glue"
    for other in others[:1]:
        cure = (
            f"The {other} file is there: LEANER_SPLIT={other}, or --metadata leaner_split={other} "
            f"(leaner-finetune: --model_args pretrained=DIR,leaner_split={other})"
        )
    reason = f"{path.name} is not in the data folder. {cure}"
    return TaskRows(found.task, found.split, "none", "missing_file", reason)


def _canonical(rows: list[Row], task: GlueTask, part: str) -> list[Row]:
    """Rows with the same columns each: the task's fields and what identifies a row."""
    names = [*task.fields, *(name for name in _KEPT_FIELDS if any(name in row for row in rows))]
    return [{name: row.get(name) for name in names} | {"part": part} for row in rows]
