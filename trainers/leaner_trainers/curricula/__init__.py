"""What a model is shown, and when: each a frozen dataclass of options with three pure functions."""

from __future__ import annotations

from typing import Any

from leaner_harness import UsageError


def check(name: str, options: dict[str, Any], rules: dict[str, tuple[bool, str]]) -> None:
    """Raise UsageError for the first option whose rule does not hold.

    `rules` say, by option, whether its value can be, and what it must be.
    """
    for option, (holds, wanted) in rules.items():
        if not holds:
            raise UsageError(
                f"Curriculum {name!r} has {option} = {options[option]!r}; it must be {wanted}."
            )
