"""What an experiment keeps of its training runs: records and thinned curves, no weights, no text.

Checkpoints are large and stay where they were made; a report is made from these alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leaner_harness.curriculum_report.runs import milestone_folders
from leaner_harness.experiments.drive import Place
from leaner_harness.experiments.grid import Cell, checkpoint
from leaner_harness.files import write_atomic, write_json
from leaner_harness.learning_curve import MEASURES
from leaner_harness.provenance import weights_digest, without_paths

FOLDER = "training"
RECORD, LOG = "leaner.json", "log.jsonl"
_MOST = 200
"""Measurements of a curve that are kept: more than any preset makes."""
_OF_A_POINT = ("step", "tokens_seen", "pool_share", *MEASURES)


def gather(cells: Sequence[Cell], marks: Path, kept: Path) -> None:
    """Copy what a report needs of every training run that is done from its checkpoint's folder.

    Runs whose checkpoints are gone keep the record they have.
    """
    place = Place(marks)
    for cell in cells:
        if cell.command[0] == "train" and place.is_done(cell):
            source = checkpoint(cell)
            if (source / RECORD).is_file():
                _copy(source, kept / FOLDER / source.name)


def _copy(source: Path, target: Path) -> None:
    record = json.loads((source / RECORD).read_text(encoding="utf-8"))
    weights = {name: weights_digest(path) for name, path in milestone_folders(source).items()}
    write_json(target / RECORD, {**without_paths(record), "weights": weights})
    if (source / LOG).is_file():  # what is counted, as an n-gram model, has no curve
        lines = (source / LOG).read_text(encoding="utf-8").splitlines()
        write_atomic(target / LOG, _thinned(lines))


def _thinned(lines: Sequence[str]) -> str:
    """The measurements on the validation text, at most so many, the last among them."""
    entries: list[dict[str, Any]] = [
        {key: entry[key] for key in _OF_A_POINT if key in entry}
        for entry in map(json.loads, lines)
        if any(key in entry for key in MEASURES)
    ]
    stride = -(-len(entries) // _MOST) or 1
    chosen = entries[::-1][::stride][::-1]
    return "".join(json.dumps(entry) + "\n" for entry in chosen)
