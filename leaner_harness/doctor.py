"""Say what is installed, what works and what does not: one finding per line, with its cure."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from leaner_harness.data import published
from leaner_harness.errors import LeanerError
from leaner_harness.files import home, offline
from leaner_harness.provenance import versions
from leaner_harness.registry import load_registry

BRIDGE = "leaner_lm_eval_bridge"


class Finding(NamedTuple):
    """One line of the report."""

    state: str
    """`ok`, `note` or `fault`."""
    subject: str
    text: str


def examine() -> list[Finding]:
    """Look at versions, the lm_eval start-up file, plugins and data; imports nothing heavy."""
    return [*_versions(), *_bridge(), *_said("plugins", _plugins), *_said("data", _data)]


def _said(subject: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What a look finds; what ends it is a finding, too."""
    try:
        yield from look()
    except LeanerError as error:
        yield Finding("fault", subject, f"{error.message} {error.cure}".strip())


def _versions() -> Iterator[Finding]:
    found = versions()
    for name, version in found.items():
        yield Finding("ok", name, version)
    if "leaner-trainers" not in found:
        cure = "Models are trained by it: pip install leaner-trainers"
        yield Finding("note", "leaner-trainers", f"not installed. {cure}")


def _bridge() -> Iterator[Finding]:
    ran = getattr(sys.modules.get(BRIDGE), "__file__", None)
    site = Path(ran).parent if ran else Path(sysconfig.get_path("purelib"))
    installed = [path.name for path in sorted(site.glob(f"{BRIDGE}.*"))]
    by_hand = 'Use `leaner lm-eval`, or lm_eval --include_path "$(leaner tasks-path)"'
    if f"{BRIDGE}.py" not in installed:
        yield Finding("fault", "start-up file", f"not in {site}. {by_hand}")
    elif os.environ.get("LEANER_LM_EVAL") == "0":
        yield Finding("note", "start-up file", f"turned off by LEANER_LM_EVAL=0. {by_hand}")
    elif BRIDGE not in sys.modules:
        yield Finding("fault", "start-up file", f"installed, but Python did not run it. {by_hand}")
    else:
        yield Finding("ok", "start-up file", f"active: {', '.join(installed)}")


def _plugins() -> Iterator[Finding]:
    registry = load_registry()
    for failure in registry.failures:
        yield Finding("fault", "plugin", str(failure))
    for loser, winner in registry.shadowed():
        text = f"{loser.full_name} must be asked for in full; {winner.full_name} has the name too"
        yield Finding("note", "plugin", text)
    yield Finding("ok", "plugins", f"{len(registry.entries)} specs loaded")


def _data() -> Iterator[Finding]:
    if chosen := os.environ.get("LEANER_DATA"):
        exists = Path(chosen).expanduser().is_dir()
        yield Finding("ok" if exists else "fault", "LEANER_DATA", chosen)
    elif any(published.glue_folder().glob("*_*.jsonl")):
        yield Finding("ok", "published data", str(home()))
    else:
        text = "not downloaded; leaner_glue downloads them on first use, or: leaner data pull"
        yield Finding("note", "published data", text)
    if offline():
        yield Finding("note", "network", "off: an offline switch is set")
