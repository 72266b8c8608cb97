"""Load plugins, isolate the broken ones, and look names up.

A name is `distribution/name`; the bare name works while one spec has it. Built-ins (the two
distributions of this project) keep their bare names whatever else is installed.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from leaner_harness import hookspecs
from leaner_harness.contracts import (
    API_VERSION,
    ArchitectureSpec,
    CurriculumSpec,
    DifficultySpec,
    JudgeSpec,
    ModelType,
    ObjectiveSpec,
    RewriterSpec,
    TaskFolder,
    TrainerSpec,
    resolve_folder,
)
from leaner_harness.errors import PluginError, UnknownName, near_miss

GROUP = "leaner_harness"
BUILT_IN = ("leaner-harness", "leaner-trainers")

KINDS: dict[str, tuple[str, type]] = {
    "architecture": ("register_architectures", ArchitectureSpec),
    "objective": ("register_objectives", ObjectiveSpec),
    "difficulty": ("register_difficulties", DifficultySpec),
    "curriculum": ("register_curricula", CurriculumSpec),
    "judge": ("register_judges", JudgeSpec),
    "rewriter": ("register_rewriters", RewriterSpec),
    "tasks": ("register_tasks", TaskFolder),
    "trainer": ("register_trainers", TrainerSpec),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A plugin that could not be used, and why."""

    distribution: str
    version: str
    entry_point: str
    reason: str

    def __str__(self) -> str:
        return (
            f"plugin {self.entry_point!r} of {self.distribution} {self.version} failed: "
            f"{self.reason}"
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered spec and the distribution it came from."""

    kind: str
    distribution: str
    version: str
    spec: Any

    @property
    def full_name(self) -> str:
        """`distribution/name`."""
        return f"{self.distribution}/{self.spec.name}"

    @property
    def built_in(self) -> bool:
        """Whether it ships with this project."""
        return self.distribution in BUILT_IN


@dataclass(slots=True)
class Registry:
    """What all loaded plugins registered."""

    entries: list[Entry] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def of_kind(self, kind: str) -> list[Entry]:
        """The entries of one kind, in loading order."""
        return [entry for entry in self.entries if entry.kind == kind]

    def get(self, kind: str, name: str) -> Any:
        """The spec of that name.

        Raises UnknownName, or PluginError when the name is ambiguous or may live in a plugin that
        failed to load.
        """
        found = [e for e in self.of_kind(kind) if name in (e.full_name, e.spec.name)]
        built_in = [entry for entry in found if entry.built_in]
        if len(found) == 1 or built_in:
            return (built_in or found)[0].spec
        if found:
            names = " or ".join(entry.full_name for entry in found)
            raise PluginError(f"{kind} {name!r} is registered twice.", f"Ask for {names}.")
        choices = [entry.spec.name for entry in self.of_kind(kind)]
        if self.failures:
            causes = "\n  ".join(map(str, self.failures))
            raise PluginError(
                f"Unknown {kind} {name!r}.{near_miss(name, choices)}",
                f"It may live in a plugin that failed to load:\n  {causes}",
            )
        raise UnknownName(kind, name, choices, "See what is installed: leaner plugins")

    def shadowed(self) -> Iterator[tuple[Entry, Entry]]:
        """Pairs (entry that lost its bare name, entry that has it or shares the loss)."""
        for kind in KINDS:
            entries = self.of_kind(kind)
            for entry in entries:
                rivals = [e for e in entries if e.spec.name == entry.spec.name and e is not entry]
                if rivals and not entry.built_in:
                    yield entry, next((rival for rival in rivals if rival.built_in), rivals[0])

    def task_folders(self) -> list[Path]:
        """Every registered folder of lm-eval YAML; a folder that is not there is a failure."""
        folders = []
        for entry in self.of_kind("tasks"):
            try:
                folders.append(resolve_folder(entry.spec.path))
            except PluginError as error:
                self._fail(entry, error.message)
        return folders

    def model_types(self) -> list[ModelType]:
        """The lm-eval model types plugins bring, built-ins first, each name once."""
        found: dict[str, ModelType] = {}
        for entry in sorted(self.entries, key=lambda entry: not entry.built_in):
            for model_type in _model_types(entry.spec):
                found.setdefault(model_type.name, model_type)
        return list(found.values())

    def _fail(self, entry: Entry, reason: str) -> None:
        failure = Failure(entry.distribution, entry.version, entry.spec.name, reason)
        if failure not in self.failures:
            self.failures.append(failure)


def _model_types(spec: Any) -> tuple[ModelType, ...]:
    if isinstance(spec, ArchitectureSpec):
        return (spec.model_type,)
    return spec.model_types if isinstance(spec, TrainerSpec) else ()


@functools.cache
def load_registry() -> Registry:
    """The registry of this environment's plugins, loaded once.

    With `LEANER_STRICT_PLUGINS=1` any failure raises PluginError.
    """
    registry = build_registry(entry_points(group=GROUP))
    if registry.failures and os.environ.get("LEANER_STRICT_PLUGINS", "0") not in ("", "0"):
        raise PluginError("\n  ".join(map(str, registry.failures)), "Run: leaner plugins")
    return registry


def get_architecture(name: str) -> ArchitectureSpec:
    """The architecture of that name; raises UnknownName with the near miss."""
    spec: ArchitectureSpec = load_registry().get("architecture", name)
    return spec


def get_objective(name: str) -> ObjectiveSpec:
    """The training objective of that name; raises UnknownName with the near miss."""
    spec: ObjectiveSpec = load_registry().get("objective", name)
    return spec


def get_difficulty(name: str) -> DifficultySpec:
    """The difficulty of that name; raises UnknownName with the near miss."""
    spec: DifficultySpec = load_registry().get("difficulty", name)
    return spec


def get_curriculum(name: str) -> CurriculumSpec:
    """The curriculum of that name; raises UnknownName with the near miss."""
    spec: CurriculumSpec = load_registry().get("curriculum", name)
    return spec


def build_registry(points: Iterable[EntryPoint]) -> Registry:
    """Load entry points one by one, built-ins first; a plugin that fails does not stop the rest."""
    registry = Registry()
    for point in sorted(points, key=lambda p: (_distribution(p) not in BUILT_IN, _distribution(p))):
        try:
            registry.entries += _load(point)
        except Exception as error:
            reason = str(error) if isinstance(error, PluginError) else repr(error)
            registry.failures.append(
                Failure(_distribution(point), _version(point), point.name, reason)
            )
    registry.task_folders()  # one that is not there is a failure like the others
    return registry


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "unknown"


def _version(point: EntryPoint) -> str:
    return point.dist.version if point.dist else "?"


def _load(point: EntryPoint) -> list[Entry]:
    """The entries of one plugin. Each plugin gets its own manager, so none can disturb another."""
    module = point.load()
    if not isinstance(module, ModuleType):
        raise PluginError(f"entry point {point.value!r} is no module")
    _check_version(module)
    _check_hook_names(module)
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    manager.check_pending()
    entries = []
    for kind, (hook, expected) in KINDS.items():
        for specs in getattr(manager.hook, hook)():
            entries += [_entry(point, kind, spec, expected) for spec in specs]
    return entries


def _entry(point: EntryPoint, kind: str, spec: Any, expected: type) -> Entry:
    if not isinstance(spec, expected):
        raise PluginError(f"{KINDS[kind][0]} returned {spec!r}, which is no {expected.__name__}")
    return Entry(kind, _distribution(point), _version(point), spec)


def _check_version(module: ModuleType) -> None:
    version = getattr(module, "LEANER_API_VERSION", API_VERSION)
    if version != API_VERSION:
        raise PluginError(
            f"it was written for plugin API version {version}; this version has {API_VERSION}"
        )


def _check_hook_names(module: ModuleType) -> None:
    """A near miss deserves a better message than pluggy's."""
    hooks = {name for name, _ in inspect.getmembers(hookspecs, inspect.isfunction)}
    hooks = {name for name in hooks if name.startswith("register_")}
    for name, member in vars(module).items():
        if hasattr(member, f"{hookspecs.PROJECT}_impl") and name not in hooks:
            raise PluginError(f"it implements an unknown hook {name!r}.{near_miss(name, hooks)}")
