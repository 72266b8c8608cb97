"""Manifests, pictures and the card of a folder, in which several tasks may have been built."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leaner_harness.data.glue import TASKS
from leaner_harness.dataset.glue.card import card
from leaner_harness.dataset.glue.picture import picture
from leaner_harness.files import write_atomic, write_json

ABOUT = "about"
"""The folder of manifests and pictures, in that of the data set."""


def publish(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest and the picture of a task, and the card of all tasks in the folder."""
    task = manifest["settings"]["task"]
    write_json(folder / ABOUT / f"{task}.json", manifest)
    write_atomic(folder / ABOUT / f"{task}.svg", picture(manifest))
    paths = {name: folder / ABOUT / f"{name}.json" for name in TASKS}
    known = [json.loads(path.read_text("utf-8")) for path in paths.values() if path.is_file()]
    write_atomic(folder / "README.md", card(known, ABOUT))
