"""Benchmark files on first use: download the absent ones, once, unless the user is offline."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from leaner_harness.data import download
from leaner_harness.data.published import Manifest, folder, load_manifest, select
from leaner_harness.errors import DownloadError
from leaner_harness.files import offline

NAMES = {"glue": "LEANER-GLUE", "eval": "LEANER-Eval"}
"""The groups of published files that are fetched when they are first used."""


def ensure(group: str) -> Path:
    """The folder of a group's files, downloading the absent ones first.

    What can be had is enough: raises DownloadError only when not one file is there in the end.
    """
    manifest = load_manifest()
    root = folder(manifest)
    paths = select([group], manifest=manifest)
    absent = [path for path in paths if not (root / path).is_file()]
    fault = _fetch(absent, root, manifest, NAMES[group]) if absent else None
    if fault and not any((root / path).is_file() for path in paths):
        raise fault
    return (root / paths[0]).parent


_faults: dict[tuple[object, ...], DownloadError] = {}


def _fetch(absent: list[str], root: Path, manifest: Manifest, name: str) -> DownloadError | None:
    """Download, or say why not; a fault is kept, or nine tasks would wait for it one by one."""
    circumstances = (root, *absent, offline(), os.environ.get("LEANER_DATA_URL"))
    if circumstances not in _faults:
        if not offline():
            print(f"Fetching {len(absent)} {name} files into {root}, once.", file=sys.stderr)
        try:
            download.pull(absent, root, manifest)
        except DownloadError as error:
            print(error, file=sys.stderr)
            _faults[circumstances] = error
    return _faults.get(circumstances)
