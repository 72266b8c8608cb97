"""Values of recipes: whether one has the kind that its dataclass field is annotated with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args

from leaner_harness import PluginError, UnknownName, UsageError

KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a string"),
    "bool": ((bool,), "true or false"),
    "bool | str": ((bool, str), "true, false or a word"),
    "int": ((int,), "a whole number"),
    "int | None": ((int, type(None)), "a whole number"),
    "float": ((float, int), "a number"),
    "float | None": ((float, int, type(None)), "a number"),
    "tuple[str, ...]": ((tuple,), "a list of strings"),
    "tuple[int, ...]": ((tuple,), "a list of whole numbers"),
    "tuple[float, ...]": ((tuple,), "a list of numbers"),
    "Mapping[str, Any]": ((dict,), "a table"),
}
"""By annotation, the types a value may have, and what a user is told."""


def wrong_value(key: str, value: object, wanted: str) -> UsageError:
    """What is raised for a value that cannot be."""
    return UsageError(f"Recipe key {key!r} is {value!r}; it must be {wanted}.")


def check_kind(key: str, annotation: str, value: object) -> None:
    """Raise UsageError where a value has not the kind of its annotation, if that is a known one."""
    if annotation not in KINDS:
        return
    types, wanted = KINDS[annotation]
    is_flag_for_number = isinstance(value, bool) and bool not in types
    if not isinstance(value, types) or is_flag_for_number:
        raise wrong_value(key, value, wanted)
    if isinstance(value, tuple):
        inner = annotation.removeprefix("tuple[").removesuffix(", ...]")
        for item in value:
            if not isinstance(item, KINDS[inner][0]) or isinstance(item, bool):
                raise wrong_value(key, value, wanted)


def make_options(options_class: Any, options: Mapping[str, Any], key: str) -> Any:
    """An instance of a dataclass from the table under a recipe's key.

    Raises UnknownName for an option it has not, UsageError for a value that cannot be, PluginError
    where the class is no dataclass.
    """
    if not is_dataclass(options_class):
        raise PluginError(f"{options_class!r} must be a dataclass: its fields are options.")
    annotations = _annotations(options_class)
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in options.items()}
    for name, value in values.items():
        if name not in annotations:
            raise UnknownName(f"option in {key},", name, annotations)
        check_kind(f"{key}.{name}", annotations[name], value)
    return options_class(**values)


def _annotations(options_class: Any) -> dict[str, str]:
    """What each field is annotated with, as it is written, whether as a type or as a string."""
    names = {}
    for each in fields(options_class):
        plain = isinstance(each.type, type) and not get_args(each.type)
        names[each.name] = each.type.__name__ if plain else str(each.type)  # type: ignore[union-attr]
    return names
