"""Kept items as files in the published layout: `TASK_SPLIT.jsonl`, ready for `leaner_glue_TASK`."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from leaner_harness.data.glue import SPLITS, GlueTask
from leaner_harness.dataset.glue.items import Item, read_text
from leaner_harness.dataset.glue.verdicts import Outcome
from leaner_harness.files import sha256_file

MADE = "made"
"""The key of a row that says how it came about; readers of the layout pass over it."""


def label_bin(label: float) -> int:
    """The class of a label; of a scale, the nearest whole number."""
    return round(label)


def halved(kept: Iterable[Item], seed: int) -> dict[str, str]:
    """Id of each kept item of validation -> `validation` or `test`, label by label in halves.

    The order within a label is a hash of seed and id. Counts of a label differ by one at most, and
    those of the halves too, for labels with an odd count take turns.
    """
    groups: dict[tuple[str, int], list[str]] = defaultdict(list)
    for item in kept:
        groups[item.part, label_bin(item.label)].append(item.id)
    found: dict[str, str] = {}
    turns: dict[str, int] = defaultdict(int)
    for (part, _), names in sorted(groups.items()):
        names.sort(key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
        for name in names:
            found[name] = ("validation", "test")[turns[part] % 2]
            turns[part] += 1
    return found


def write(
    task: GlueTask,
    kept: Iterable[Outcome],
    folder: Path,
    moved: Mapping[str, str],
    made: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Write the kept items, and take away files of the task that hold none; says what is in each.

    `moved` has the split of items that leave that of their source, by id; `made` goes into every
    row. All files are written aside first, and then take the place of older ones.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".rows-") as aside:
        files: dict[str, TextIO] = {}
        counts: dict[str, dict[int, int]] = {}
        for each in kept:
            split = moved.get(each.item.id, each.item.split)
            stem = task.stems(split)["" if split == "train" else each.item.part]
            if stem not in files:
                files[stem] = (Path(aside) / stem).open("w", encoding="utf-8")
                counts[stem] = defaultdict(int)
            files[stem].write(json.dumps(row_of(task, each, made), ensure_ascii=False) + "\n")
            counts[stem][label_bin(each.item.label)] += 1
        for file in files.values():
            file.close()
        return [
            _place(Path(aside), folder, stem, counts.get(stem, {}))
            for split in SPLITS
            for stem in task.stems(split).values()
            if stem in files or _take_away(folder / f"{stem}.jsonl")
        ]


def _take_away(path: Path) -> bool:
    path.unlink(missing_ok=True)
    return False


def _place(aside: Path, folder: Path, stem: str, labels: Mapping[int, int]) -> dict[str, Any]:
    path = folder / f"{stem}.jsonl"
    (aside / stem).replace(path)
    return {
        "file": path.name,
        "rows": sum(labels.values()),
        "labels": {str(label): count for label, count in sorted(labels.items())},
        "sha256": sha256_file(path),
    }


def row_of(task: GlueTask, kept: Outcome, made: Mapping[str, Any]) -> dict[str, Any]:
    """A row: the new texts, the label and number of the source, and how it came about.

    Nothing of when, how often or at what cost: the same build gives the same row.
    """
    part, item = kept.part, kept.item
    assert part is not None and kept.after is not None, "it was rewritten and judged"
    texts = read_text(part.rewritten, task.fields) or {}
    judged = {
        "original": None if kept.before is None else kept.before.value,
        "rewrite": kept.after.value,
        "model": kept.after.model,
        "prompt_sha256": kept.after.prompt_sha256,
    }
    about = {
        "source": item.id,
        "hash": kept.entry.hash,
        **made,
        "model": part.record.get("model", ""),
        "prompt_sha256": part.record.get("prompt_sha256", ""),
        "judge": judged,
        "checks": {each["check"]: each["value"] for each in part.findings},
    }
    return {**texts, "label": item.label, "idx": item.idx, **item.more, MADE: about}
