"""Where judge cards are kept, so that a judge's grades can say whether it has one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leaner_harness.files import home, write_json
from leaner_harness.judge.card import VERSION

_SEEN = "models_seen"


def keep(card: Mapping[str, Any]) -> Path:
    """Keep a card under its judge's fingerprint; returns its path."""
    path = _place(card["judge"])
    write_json(path, dict(card))
    return path


def known(fingerprint: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a result says of the judge's card: its digest, and whether it passed.

    None without one, where it is of an older kind, and where the server has named other models
    since it was made.
    """
    path = _place(fingerprint)
    try:
        content = path.read_bytes()
        card = json.loads(content)
        seen, passed = card["judge"].get(_SEEN), bool(card["passed"])
        version = card["version"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if version != VERSION or seen != fingerprint.get(_SEEN):
        return None
    return {"sha256": hashlib.sha256(content).hexdigest(), "passed": passed}


def _place(fingerprint: Mapping[str, Any]) -> Path:
    """By all that a user chose; what a server calls its model is known only once it has replied."""
    chosen = {key: value for key, value in fingerprint.items() if key != _SEEN}
    digest = hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()
    return home() / "cards" / f"{digest[:24]}.json"
