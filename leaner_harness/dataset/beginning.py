"""Whether a folder may hold a build: no files of others, the same settings, the same servers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from leaner_harness.dataset.ledger import Ledger
from leaner_harness.errors import UsageError


def check_same(ledger: Ledger, settings: dict[str, Any], *, while_untried: bool = False) -> None:
    """Raise UsageError where the ledger was begun with other settings; note them in a new one.

    `while_untried`: other settings are taken, and the source read anew, as long as no chunk was
    tried. A mistake in the first command is no reason for another folder.
    """
    known = ledger.fact("settings")
    plain = json.loads(json.dumps(settings))
    if known is None or (known != plain and while_untried and not ledger.is_tried()):
        ledger.clear()
        for name, value in {"settings": plain, "read": False, "servers": None}.items():
            ledger.set_fact(name, value)
        ledger.commit()
    elif known != plain:
        differing = sorted(key for key in plain.keys() | known if plain.get(key) != known.get(key))
        raise UsageError(
            f"This build was begun with other settings: {', '.join(differing)}.",
            "Give the same again, or another --out.",
        )


def refuse_existing(folder: Path, names: Iterable[str]) -> None:
    """Raise UsageError for a folder with something in it whose place a new build's files take."""
    if others := [name for name in names if (folder / name).exists()]:
        raise UsageError(
            f"{folder} holds {others[0]}, which is not of a build: it would be overwritten.",
            "Name another --out, such as a new folder.",
        )


def check_servers(ledger: Ledger, servers: Mapping[str, str]) -> None:
    """Raise UsageError where another server was asked before; note who is in a new build.

    Settings may leave it to the environment, which another shell need not have.
    """
    known = ledger.fact("servers")
    if known is None:
        ledger.set_fact("servers", dict(servers))
        ledger.commit()
        return
    for role, server in servers.items():
        if known.get(role, server) != server:
            raise UsageError(
                f"The {role} of this build was asked at {known[role]}, and would be at {server}.",
                f"export OPENAI_BASE_URL={known[role]}, or begin another build.",
            )
