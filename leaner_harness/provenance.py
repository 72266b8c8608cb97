"""Where a number comes from: versions, hardware, and digests of weights."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from leaner_harness.files import sha256_file

PACKAGES = ("leaner-harness", "leaner-trainers", "lm_eval", "torch", "transformers", "accelerate")
_WEIGHTS = ("*.safetensors", "ngram*")


def versions() -> dict[str, str]:
    """Python and package versions; a package that is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> str:
    """Processor and core count, as in `x86_64, 2 cores`; no host name."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def weights_digest(checkpoint: Path) -> str:
    """sha256 over the names and digests of a checkpoint's weight files; empty if it has none."""
    files = _weight_files(checkpoint)
    if not files:
        return ""
    lines = [f"{path.name} {sha256_file(path)}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def weights_changed(checkpoint: Path) -> float:
    """When a checkpoint's weight files were last written, in seconds since 1970; 0 without any."""
    return max((path.stat().st_mtime for path in _weight_files(checkpoint)), default=0.0)


def _weight_files(checkpoint: Path) -> list[Path]:
    return sorted(path for pattern in _WEIGHTS for path in checkpoint.glob(pattern))


_PATH = re.compile(r"(?<![\w/])(?<!:(?=//))(?:~|\.{1,2}|[A-Za-z]:)?[/\\](?=\S)(?:[^\s/\\]+[/\\])*")


def without_paths(value: Any) -> Any:
    """The value, absolute paths in its strings cut to their last part: they tell of a machine."""
    if isinstance(value, dict):
        return {key: without_paths(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_paths(item) for item in value]
    if not isinstance(value, str):
        return value
    home = str(Path.home())  # whose name may have a space in it, where the pattern would stop
    value = value.replace(home, "~") if len(home) > 1 else value
    return _PATH.sub("", value.replace("file://", ""))
