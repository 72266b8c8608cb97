"""The rows a task is fine-tuned with: training, selection, and those that are reported."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leaner_harness.data import sources
from leaner_harness.data.glue import TASKS, GlueTask
from leaner_harness.data.rows import Row, fingerprint
from leaner_harness.data.sources import MINI, TaskRows
from leaner_harness.errors import UsageError

_PREFIXES = {"leaner_glue_mini_": MINI, "leaner_glue_": None}
_SHARE = 0.1
_LEAST, _MOST = 100, 1000


@dataclass(frozen=True, slots=True)
class TaskData:
    """What one task is trained on, chosen by and reported on."""

    task: GlueTask
    split: str
    """The reported split."""
    train: list[Row]
    selection: list[Row]
    """Rows that choose rate and pass; never the reported ones."""
    selection_from: str
    """`validation`, the published file, or `train`, from which they were cut."""
    reported: list[Row]
    state: str = "ok"
    """`ok`, `no_train_file`, `few_train_rows`, or the state of the reported rows."""
    reason: str = ""
    source: str = ""
    """`official`, `local` or `mini`, as in `TaskRows`: `local` if any of its files is."""
    defects: Mapping[str, Any] = field(default_factory=dict)
    """Split -> what is wrong with the rows that train and select (`Defects.record`)."""

    def record(self) -> dict[str, Any]:
        """Sizes, fingerprints, source and defects, for a result."""
        if self.state != "ok":
            return {"state": self.state, "reason": self.reason}
        about = {"source": self.source, "defects": dict(self.defects)}
        return {"state": "ok"} | self._seen() | about

    def _seen(self) -> dict[str, Any]:
        return {
            "train_rows": len(self.train),
            "train_fingerprint": fingerprint(self.task, "train", self.train),
            "selection_rows": len(self.selection),
            "selection_from": self.selection_from,
            "selection_fingerprint": fingerprint(self.task, "selection", self.selection),
        }

    def digest(self) -> str:
        """sha256 of what training sees: the same digest gives the same weights."""
        return hashlib.sha256(json.dumps(self._seen(), sort_keys=True).encode()).hexdigest()


def task_of(lm_eval_name: str) -> tuple[GlueTask, str | None]:
    """The LEANER-GLUE task behind an lm-eval task name, and its source of rows.

    Raises UsageError for any other task: fine-tuning needs its training rows and labels.
    """
    for prefix, source in _PREFIXES.items():
        name = lm_eval_name.removeprefix(prefix)
        if name != lm_eval_name and name in TASKS:
            return TASKS[name], source
    raise UsageError(
        f"leaner-finetune cannot answer the task {lm_eval_name!r}: it knows the training rows of "
        "leaner_glue and leaner_glue_mini only.",
        "Score other tasks with --model leaner.",
    )


def load_task(lm_eval_name: str, split: str, folder: str | None) -> TaskData:
    """Read a task's rows; a missing file is a state, not an error."""
    task, source = task_of(lm_eval_name)
    reported = sources.load(task.name, split, source=source, folder=folder)
    if reported.state != "ok":
        return TaskData(task, split, [], [], "", [], reported.state, reported.reason)
    train = sources.load(task.name, "train", source=source, folder=folder)
    if train.state != "ok" or split == "train":
        reason = train.reason or "The training rows are the reported ones."
        return TaskData(task, split, [], [], "", reported.rows, "no_train_file", reason)
    if split == "test":
        selection = sources.load(task.name, "validation", source=source, folder=folder)
        if selection.state == "ok":
            return _data(reported, train.rows, selection.rows, [train, selection])
    rest, cut = cut_selection(train.rows, task)
    if not rest or not cut:
        few = f"{train.files[0]} has {len(train.rows)} usable rows: too few to train and to select."
        return TaskData(task, split, [], [], "", reported.rows, "few_train_rows", few)
    return _data(reported, rest, cut, [train])


def _data(
    reported: TaskRows, train: list[Row], selection: list[Row], read: list[TaskRows]
) -> TaskData:
    """A task's rows, and what is known of those that were `read` to train and to select."""
    local = any(rows.source == "local" for rows in [reported, *read])
    return TaskData(
        reported.task, reported.split, train, selection, read[-1].split, reported.rows,
        source="local" if local else reported.source,
        defects={rows.split: rows.defects.record() for rows in read if rows.defects.counts},
    )  # fmt: skip


def cut_selection(rows: list[Row], task: GlueTask) -> tuple[list[Row], list[Row]]:
    """(the rest, a tenth of the rows in proportion to the classes); the same cut every time.

    Pairs of rows that differ in one place (`pair_id`) stay on one side.
    """
    wanted = min(max(round(_SHARE * len(rows)), _LEAST), _MOST, len(rows) // 2)
    groups: dict[int, list[list[Row]]] = defaultdict(list)
    for together in _pairs(rows):
        groups[round(together[0]["label"])].append(together)
    cut: list[Row] = []
    for members in groups.values():
        share = wanted * sum(map(len, members)) / len(rows)
        taken = 0
        for together in sorted(members, key=_shuffled):
            if taken + len(together) / 2 > share:
                break
            cut += together
            taken += len(together)
    chosen = {id(row) for row in cut}
    return [row for row in rows if id(row) not in chosen], cut


def _pairs(rows: Iterable[Row]) -> list[list[Row]]:
    found: dict[Any, list[Row]] = {}
    for number, row in enumerate(rows):
        found.setdefault(row.get("pair_id") or number, []).append(row)
    return list(found.values())


def _shuffled(rows: list[Row]) -> str:
    text = json.dumps(rows[0], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(f"leaner-selection-1 {text}".encode()).hexdigest()


def positions(data: TaskData, docs: Iterable[Mapping[str, Any]]) -> list[int]:
    """Where each doc stands among the reported rows.

    Raises UsageError when the task serves other rows than the model loaded: a wrong folder or split
    would let the reported rows choose the model.
    """
    names = ("part", "idx", "label", *data.task.fields)
    places = {tuple(row[name] for name in names): i for i, row in enumerate(data.reported)}
    found = []
    for doc in docs:
        place = places.get(tuple(doc[name] for name in names))
        if place is None:
            raise UsageError(
                f"leaner-finetune read {len(data.reported)} {data.split} rows of "
                f"{data.task.name}, but the task asks about others.",
                "Give both the same rows: --model_args pretrained=DIR,leaner_split=SPLIT,"
                "leaner_data=FOLDER (tasks read these too), or set LEANER_SPLIT and LEANER_DATA.",
            )
        found.append(place)
    return found
