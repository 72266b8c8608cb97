"""From `NAME:MODEL` and arguments to a judge or a rewriter, and the engine it asks through."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from leaner_harness.contracts import resolve
from leaner_harness.errors import UnknownName, UsageError
from leaner_harness.files import home
from leaner_harness.llm.cache import Cache
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.settings import Settings
from leaner_harness.registry import load_registry

_ENGINE = tuple(f.name for f in dataclasses.fields(Settings) if f.name != "model")


def open_plugin(
    kind: str, named: str, arguments: Mapping[str, Any], replies: Path | None = None
) -> tuple[Any, Engine | None]:
    """The `judge` or `rewriter` that is named, such as `openai:MODEL`, and its engine if it asks.

    `arguments` are settings of the engine, for one that asks over HTTP, and options of its own.
    `replies` is the file that keeps what a model replied; usually it is one for all builds.
    Raises UnknownName, or UsageError where it is not said which model.
    """
    name, _, argument = named.partition(":")
    spec = load_registry().get(kind, name)
    if not argument and spec.argument:
        raise UsageError(f"The {kind} {name!r} needs to know which: {name}:{spec.argument}.")
    known = (*spec.options, *(_ENGINE if spec.llm else ()))
    for key in arguments:
        if key not in known:
            raise UnknownName(f"argument of the {kind} {name!r}", key, known)
    engine = None
    if spec.llm:
        settings = {key: arguments[key] for key in _ENGINE if key in arguments}
        refuse_secrets(settings)
        if "prices" in settings:
            settings["prices"] = _prices(settings["prices"])
        settings.setdefault("base_url", os.environ.get("OPENAI_BASE_URL") or Settings.base_url)
        cache = Cache(replies or home() / "llm" / "replies.sqlite")
        engine = Engine(Settings(argument, **settings), cache)
    options = {key: arguments[key] for key in spec.options if key in arguments}
    return resolve(spec.open)(argument, engine, **options), engine


def refuse_secrets(arguments: Mapping[str, Any]) -> None:
    """Raise UsageError for arguments that hold what must not be written down."""
    address = urlsplit(str(arguments.get("base_url", "")))
    if "@" in address.netloc or address.query:
        raise UsageError(
            "A base_url with a user name, a password or a query in it would be written down.",
            "Give the address alone; a key belongs into an environment variable: key_variable=NAME"
            if address.query
            else "Put it into the environment: OPENAI_BASE_URL",
        )


def account(engine: Engine | None) -> dict[str, Any]:
    """What it took: calls, replies from the cache, and what that cost where prices are set."""
    if engine is None:
        return {"calls": 0, "cached": 0, "cost": None}
    cost = engine.budget.spent if engine.settings.prices else None
    return {"calls": engine.budget.requests, "cached": engine.hits, "cost": cost}


def parse(arguments: Any) -> dict[str, Any]:
    """Arguments from a mapping, or from `key=value,key=value`. Raises UsageError."""
    if isinstance(arguments, Mapping):
        return dict(arguments)
    found = {}
    for pair in filter(None, str(arguments).split(",")):
        key, sign, value = pair.partition("=")
        if not sign:
            raise UsageError(f"Arguments are key=value,key=value, not {arguments!r}.")
        found[key.strip()] = _value(value.strip())
    return found


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _prices(given: Any) -> tuple[float, float]:
    """Per million prompt tokens, and completion tokens: two numbers, or `0.15/0.60`."""
    parts = str(given).replace(",", "/").split("/") if isinstance(given, str) else given
    try:
        one, other = map(float, parts)
    except (TypeError, ValueError):
        raise UsageError(f"prices are {given!r}; they must be two numbers: 0.15/0.60") from None
    return one, other
