"""Where verbs print: results to standard output, progress and warnings to standard error."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print one JSON value for machines: no colour, no wrapping."""
    print(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False))
