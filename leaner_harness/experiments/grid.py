"""An experiment: a TOML file whose steps, over axes, become cells; a cell is one `leaner` command.

A step names the axes it goes `over`, a `command` with `{axis}` and `{axis.key}` in its words, and
tables of the preset whose entries are handed on as `--set KEY=VALUE`. `{ words = "key" }` in a
command stands for a list of the preset, left out `if` what it names was not given. A cell comes
`after` those cells of an earlier step that agree with it on every axis they share (of trainings,
if its command names their folders, only those that it names), or `after_all` of them. No cell is
made `unless` its place differs from the one given: another step has it already. What the two sides
have in common is chosen by `equal`: numbers of a step that is `equal_by` an axis are multiplied by
that side's factors.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaner_harness.errors import UnknownName, UsageError

HERE = Path(__file__).parent
EQUAL = "steps"
"""What is equal on both sides, unless another is asked for."""
_STEP = {"name", "over", "command", "set", "after", "after_all", "unless", "equal_by"}

Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """One command of an experiment."""

    name: str
    """`step/value-value-...`, which is a path, too."""
    step: str
    at: Mapping[str, str]
    """Its place: axis -> value."""
    command: tuple[str, ...]
    """The words after `leaner`."""
    needs: tuple[str, ...] = ()
    """Cells that must be done before."""

    @property
    def digest(self) -> str:
        """Of the command: a cell that was done with another one is not this cell."""
        return hashlib.sha256(json.dumps(self.command).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Experiment:
    """What an experiment asks, and its cells for a preset and folders."""

    name: str
    preset: str
    title: str
    asks: str
    paper: Sequence[Table]
    """Figures of the paper that its report stands beside."""
    cells: tuple[Cell, ...]
    values: Table
    """The preset, as it is."""
    report: str
    """The kind of report that is made of it."""
    equal: str
    """What both sides have in common."""
    equal_means: str
    """The same in words; empty where there are no two sides."""

    def takes(self, name: str) -> bool:
        """Whether the preset has a use for a folder or judge that commands call `{name}`."""
        return f"{{{name}}}" in json.dumps(self.values)

    @property
    def folder(self) -> str:
        """The name of its folders."""
        return "-".join((self.name, self.preset, *(["equal", self.equal] * (self.equal != EQUAL))))


class _Named(str):
    """A value of an axis, with the entries of its table in the preset as attributes."""

    __slots__ = ("table",)

    def __new__(cls, name: str, table: Table) -> _Named:
        made = super().__new__(cls, name)
        made.table = table  # type: ignore[attr-defined]
        return made

    def __getattr__(self, key: str) -> Any:
        table: Table = object.__getattribute__(self, "table")
        if key not in table:
            raise UsageError(f"{str(self)!r} has no {key!r} in the preset.")
        return table[key]


class _Texts(dict[str, Any]):
    """What a command may name: folders and axes, and texts of the preset that may name these."""

    def __init__(self, known: Mapping[str, Any], plain: Table) -> None:
        super().__init__(known)
        self._plain = plain

    def __missing__(self, key: str) -> Any:
        value = self._plain[key]
        return value.format_map(dict(self)) if isinstance(value, str) else value


def names() -> dict[str, Path]:
    """The experiments that ship, by name."""
    return {path.stem: path for path in sorted(HERE.glob("*.toml"))}


def read(
    source: str, preset: str, folders: Mapping[str, Path | str], equal: str = EQUAL
) -> Experiment:
    """An experiment by name, or from a TOML file, with its cells.

    `folders` are what commands call `{runs}` and `{results}`. Raises UnknownName, or UsageError for
    a file that is none.
    """
    path = Path(source) if source.endswith(".toml") else names().get(source)
    if path is None or not path.is_file():
        raise UnknownName("experiment", source, names(), "Or give the path of a TOML file.")
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}.") from error
    presets = found.get("preset", {})
    if preset not in presets:
        raise UnknownName("preset", preset, presets)
    values = presets[preset]
    means = found.get("equal", {})
    if equal not in (means or {EQUAL: ""}):
        raise UnknownName("setting of --equal", equal, means or [EQUAL])
    try:
        cells = tuple(_cells(found["step"], values, folders, equal))
        _check(cells)
        return Experiment(
            path.stem,
            preset,
            found["title"],
            found["asks"],
            found.get("paper", []),
            cells,
            values,
            found.get("report", ""),
            equal,
            means.get(equal, ""),
        )
    except KeyError as error:
        raise UsageError(f"{path} lacks {error}.") from error


def _check(cells: Sequence[Cell]) -> None:
    """Raise UsageError where two cells are one, or a training leaves nobody knows what where."""
    cells_seen: set[str] = set()
    folders: set[str] = set()
    for cell in cells:
        if cell.name in cells_seen:
            raise UsageError(
                f"Two cells are called {cell.name}.",
                "Give each value of an axis once, and no two steps one name.",
            )
        cells_seen.add(cell.name)
        if cell.command[:1] == ("train",):
            folder = checkpoint(cell).name
            if folder in folders:  # their records are kept by this name
                raise UsageError(
                    f"Two trainings leave a folder called {folder}, {cell.name} among them.",
                    "Name every axis of the step in the last part of --out.",
                )
            folders.add(folder)


def checkpoint(cell: Cell) -> Path:
    """The folder a training leaves its checkpoint in; raises UsageError without --out."""
    if "--out" not in cell.command[2:-1]:
        raise UsageError(
            f"The step {cell.step!r} trains without --out.",
            'Name a folder that differs by cell: "--out", "{runs}/..."',
        )
    return Path(cell.command[cell.command.index("--out") + 1])


def _cells(
    steps: Sequence[Table], values: Table, folders: Mapping[str, Path | str], equal: str
) -> Iterator[Cell]:
    made: dict[str, list[Cell]] = {}
    for step in steps:
        for key in step.keys() - _STEP:
            raise UnknownName(f"key of the step {step.get('name')!r}", key, _STEP)
        made[step["name"]] = []
        for at in _places(step, values):
            name = "/".join((step["name"], "-".join(at.values()) or "all"))
            command = tuple(_command(step, at, values, folders, equal))
            cell = Cell(name, step["name"], at, command, tuple(_needs(step, at, command, made)))
            made[step["name"]].append(cell)
            yield cell


def _needs(
    step: Table, at: Mapping[str, str], command: Sequence[str], made: Mapping[str, Sequence[Cell]]
) -> list[str]:
    """Earlier cells that agree with a place; if its command names trainings, no others of these."""
    agree = [
        cell
        for earlier in step.get("after", ())
        for cell in made[earlier]
        if all(at.get(axis, value) == value for axis, value in cell.at.items())
    ]
    trained = {cell.name: checkpoint(cell) for cell in agree if cell.command[:1] == ("train",)}
    paths = [Path(word.rpartition("=")[2]) for word in command]  # also in an option's value
    named = {n for n, folder in trained.items() if any(p.is_relative_to(folder) for p in paths)}
    found = [
        cell.name for cell in agree if cell.name in named or not (named and cell.name in trained)
    ]
    return found + [cell.name for earlier in step.get("after_all", ()) for cell in made[earlier]]


def _places(step: Table, values: Table) -> Iterator[dict[str, str]]:
    """All combinations of the values of the step's axes, but the one that is left out."""
    axes = [_axis(axis, values[axis]) for axis in step["over"]]
    known = {axis: str(values[key]) for axis, key in step.get("unless", {}).items()}
    for combination in itertools.product(*axes):
        place = dict(zip(step["over"], combination, strict=True))
        if not known or any(place[axis] != value for axis, value in known.items()):
            yield place


def _axis(name: str, found: Any) -> list[str]:
    if not isinstance(found, list):
        raise UsageError(f"{name} is {found!r}; what a step goes over is a list: [{found!r}].")
    return [str(value) for value in found]


def _command(
    step: Table,
    at: Mapping[str, str],
    values: Table,
    folders: Mapping[str, Path | str],
    equal: str,
) -> Iterator[str]:
    tables = values.get("at", {})
    named = {name: _Named(value, tables.get(name, {}).get(value, {})) for name, value in at.items()}
    known = {**named, **{name: str(value) for name, value in folders.items()}}
    plain = {key: value for key, value in values.items() if isinstance(value, str | int | float)}
    texts = _Texts(known, plain)
    side = at.get(step.get("equal_by", ""), "")
    factors = values.get("equal", {}).get(equal, {}).get(side, {})

    def filled(word: str) -> str:
        try:
            return word.format_map(texts)
        except KeyError as error:
            raise UsageError(f"The step {step['name']!r} uses {error}, which is not set.") from None
        except (AttributeError, IndexError, TypeError, ValueError):
            raise UsageError(
                f"The step {step['name']!r} has a brace in {word!r} that names nothing.",
                "Write {{ and }} for braces that shall stay.",
            ) from None

    for word in step["command"]:
        # A word alone may stand for several, as in the options of a judge that may not be there.
        if isinstance(word, str):
            yield filled(word)
        elif "if" not in word or str(folders.get(word["if"], "")):
            yield from (filled(each) for each in values.get(word["words"], ()))
    for name in step.get("set", ()):
        axis, _, rest = name.partition(".")
        table = getattr(named[axis], rest) if rest else values[axis]
        if not isinstance(table, Mapping):
            raise UsageError(
                f"The step {step['name']!r} sets {name!r}, which is {table!r} and no table.",
                "Write a table of recipe keys: { steps = 100, ... }",
            )
        for key, each in table.items():
            value = round(each * factors[key]) if key in factors else each
            shown = json.dumps(value) if not isinstance(value, str) else filled(value)
            yield "--set"
            yield f"{key}={shown}"
