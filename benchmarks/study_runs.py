"""The runs of the studies: `leaner train` with keys of a recipe, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def train(
    folder: Path, recipe: str, settings: Mapping[str, Any]
) -> subprocess.CompletedProcess[str]:
    """Train into a folder; a run that was stopped there goes on."""
    words = [word for item in settings.items() for word in ("--set", "=".join(map(str, item)))]
    command = [sys.executable, "-m", "leaner_harness.cli", "train", recipe, "--out", str(folder)]
    return subprocess.run([*command, *words], capture_output=True, text=True)


def is_done(folder: Path) -> bool:
    """Whether a run came to its end."""
    return (folder / "leaner.json").exists()


def read(folder: Path) -> dict[str, Any]:
    """What a run that is done says of itself."""
    found: dict[str, Any] = json.loads((folder / "leaner.json").read_text(encoding="utf-8"))
    return found
