"""Lists of words, written for this package, and how they are read."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def lines(name: str) -> tuple[str, ...]:
    """The lines of a list, without blank ones and remarks (`#`)."""
    text = resources.files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8")
    found = (line.strip() for line in text.splitlines())
    return tuple(line for line in found if line and not line.startswith("#"))


@cache
def groups(name: str) -> dict[str, tuple[str, ...]]:
    """A list of `name: word word ...` lines by name; a name may have several lines."""
    found: dict[str, tuple[str, ...]] = {}
    for line in lines(name):
        group, _, words = line.partition(":")
        found[group] = found.get(group, ()) + tuple(words.split())
    return found
