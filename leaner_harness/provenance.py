"""Where a number comes from: versions, hardware, and digests of weights."""

from __future__ import annotations

import hashlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

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
    files = sorted(path for pattern in _WEIGHTS for path in checkpoint.glob(pattern))
    if not files:
        return ""
    lines = [f"{path.name} {sha256_file(path)}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
