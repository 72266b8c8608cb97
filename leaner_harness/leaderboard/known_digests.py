"""What was found good before, by digest of the content and of the code that judged it.

It lies in the user's cache, never beside the results: a result cannot vouch for itself. A cache
that cannot be read or written costs time and nothing else.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import numpy as np

from leaner_harness import files

_KEPT = 20_000


@functools.cache
def _code() -> str:
    """Digest of this package's modules that have a say in a score, and of what computes it."""
    root = Path(__file__).parent.parent
    results = root / "results"
    sources = [*root.glob("*.py"), *results.glob("*.py"), results / "result.schema.json"]
    sources.append(root / "data" / "glue.py")
    sources += [root / "judge" / name for name in ("verdicts.py", "surface.py")]
    digests = [files.sha256_file(path) for path in sorted(sources)]
    return hashlib.sha256("\n".join([np.__version__, *digests]).encode()).hexdigest()


def key(*contents: bytes) -> str:
    """The digest of contents under the present code; other ways to divide them are others."""
    found = hashlib.sha256(_code().encode())
    for content in contents:
        found.update(hashlib.sha256(content).digest())
    return found.hexdigest()


class KnownDigests:
    """A set of keys on disk; `save` keeps what was added."""

    def __init__(self) -> None:
        self._path = files.home() / "verified-results.txt"
        self._known = self._read()
        self._added: list[str] = []

    def __contains__(self, found: str) -> bool:
        return found in self._known

    def add(self, found: str) -> None:
        """Remember a key."""
        self._known[found] = None
        self._added.append(found)

    def save(self) -> None:
        """Write what is new; what another process wrote meanwhile stays."""
        if not self._added:
            return
        kept = [*self._read(), *self._added][-_KEPT:]
        try:
            files.write_atomic(self._path, "".join(f"{found}\n" for found in kept))
        except OSError:
            return
        self._added.clear()

    def _read(self) -> dict[str, None]:
        try:
            return dict.fromkeys(self._path.read_text(encoding="ascii").split())
        except (OSError, ValueError):
            return {}
