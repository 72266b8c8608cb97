"""From a judge's name and arguments to a judge that is ready, and what is known of it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from typing import Any

from leaner_harness.contracts import JudgeSpec, resolve
from leaner_harness.errors import UnknownName, UsageError
from leaner_harness.files import home
from leaner_harness.judge.verdicts import RUBRIC, Item, Scale, Verdict
from leaner_harness.llm.cache import Cache
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.settings import Settings
from leaner_harness.registry import load_registry

NAME, ARGUMENTS = "leaner_judge", "leaner_judge_args"
"""Keys of lm-eval's `--metadata`; in the environment they stand in capitals."""

_ENGINE = tuple(f.name for f in dataclasses.fields(Settings) if f.name != "model")


@dataclasses.dataclass(frozen=True)
class Opened:
    """A judge that is ready, and the engine it asks through, if it does."""

    judge: Any
    engine: Engine | None

    @property
    def scale(self) -> Scale:
        """What its grades are called."""
        scale: Scale = getattr(self.judge, "scale", RUBRIC)
        return scale

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What its grades depend on."""
        return dict(self.judge.fingerprint)

    def verdicts(self, items: Iterator[Item]) -> Iterator[Verdict]:
        """A verdict for each item."""
        found: Iterator[Verdict] = self.judge.judge(items)
        return found

    def account(self) -> dict[str, Any]:
        """What it took: calls, replies from the cache, and what that cost where prices are set."""
        engine = self.engine
        if engine is None:
            return {"calls": 0, "cached": 0, "cost": None}
        cost = engine.budget.spent if engine.settings.prices else None
        return {"calls": engine.budget.requests, "cached": engine.hits, "cost": cost}


def open_judge(named: str, arguments: Mapping[str, Any]) -> Opened:
    """The judge `NAME:MODEL`, such as `openai:MODEL` or `hf:PATH`.

    `arguments` are settings of the engine, for a judge that asks over HTTP, and options of the
    judge. Raises UnknownName, or UsageError where the model or a key is missing.
    """
    name, _, argument = named.partition(":")
    spec: JudgeSpec = load_registry().get("judge", name)
    if not argument and spec.argument:
        raise UsageError(f"The judge {name!r} needs to know which: {name}:{spec.argument}.")
    known = (*spec.options, *(_ENGINE if spec.llm else ()))
    for key in arguments:
        if key not in known:
            raise UnknownName(f"argument of the judge {name!r}", key, known)
    engine = None
    if spec.llm:
        settings = {key: arguments[key] for key in _ENGINE if key in arguments}
        if "prices" in settings:
            settings["prices"] = _prices(settings["prices"])
        settings.setdefault("base_url", os.environ.get("OPENAI_BASE_URL") or Settings.base_url)
        engine = Engine(Settings(argument, **settings), Cache(home() / "llm" / "replies.sqlite"))
    options = {key: arguments[key] for key in spec.options if key in arguments}
    return Opened(resolve(spec.open)(argument, engine, **options), engine)


def asked_for(metadata: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The judge that lm-eval's metadata or the environment names, and its arguments."""
    named = metadata.get(NAME, os.environ.get(NAME.upper(), ""))
    if not named:
        return None
    return str(named), parse(metadata.get(ARGUMENTS, os.environ.get(ARGUMENTS.upper(), "")))


def parse(arguments: Any) -> dict[str, Any]:
    """Arguments from a mapping, or from `key=value,key=value`. Raises UsageError."""
    if isinstance(arguments, Mapping):
        return dict(arguments)
    found = {}
    for pair in filter(None, str(arguments).split(",")):
        key, sign, value = pair.partition("=")
        if not sign:
            raise UsageError(f"A judge's arguments are key=value,key=value, not {arguments!r}.")
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
