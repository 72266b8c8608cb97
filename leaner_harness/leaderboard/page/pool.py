"""Values that many runs share, kept once: a page of a thousand runs stays small."""

from __future__ import annotations

import json
from typing import Any


class Pool:
    """Values by number, equal ones under the same."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[str, int] = {}

    def add(self, value: Any) -> int:
        """The value's number."""
        key = json.dumps(value)
        if key not in self._numbers:
            self._numbers[key] = len(self.values)
            self.values.append(value)
        return self._numbers[key]
