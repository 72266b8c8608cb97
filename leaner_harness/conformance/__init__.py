"""The conformance kit: does a plugin keep its contract? Each check is run, named and reported."""

from __future__ import annotations

import dataclasses
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from leaner_harness.conformance.architecture import (
    architecture_steps,
    collated,
    objective_loss,
)
from leaner_harness.conformance.curriculum import curriculum_steps, difficulty_steps
from leaner_harness.conformance.invariance import Step
from leaner_harness.contracts import (
    ArchitectureSpec,
    CurriculumSpec,
    DifficultySpec,
    JudgeSpec,
    ObjectiveSpec,
    RewriterSpec,
    TaskFolder,
    TrainerSpec,
    resolve,
    resolve_folder,
)
from leaner_harness.errors import UnknownName
from leaner_harness.registry import Entry, Registry


class Check(NamedTuple):
    """One check of one spec."""

    spec: str
    name: str
    passed: bool
    detail: str


def check_plugin(registry: Registry, name: str) -> Iterator[Check]:
    """Check every spec of a distribution, or the one spec of that name, yielding as they finish.

    Raises UnknownName when neither exists.
    """
    entries = [
        entry
        for entry in registry.entries
        if name in (entry.distribution, entry.full_name, entry.spec.name)
    ]
    failures = [f for f in registry.failures if name in (f.distribution, f.entry_point)]
    if not entries and not failures:
        known = {e.distribution for e in registry.entries} | {e.full_name for e in registry.entries}
        raise UnknownName("plugin", name, known, "See what is installed: leaner plugins")
    for failure in failures:
        yield Check(failure.distribution, "loads", False, failure.reason)
    for entry in entries:
        yield from _check_entry(entry)


def _check_entry(entry: Entry) -> Iterator[Check]:
    by_kind: dict[type, Callable[[Any, Path], Iterator[Step]]] = {
        ArchitectureSpec: architecture_steps,
        ObjectiveSpec: _objective_steps,
        DifficultySpec: difficulty_steps,
        CurriculumSpec: curriculum_steps,
        JudgeSpec: _opener_steps,
        RewriterSpec: _opener_steps,
        TaskFolder: _task_steps,
        TrainerSpec: _trainer_steps,
    }
    steps = by_kind[type(entry.spec)]
    with tempfile.TemporaryDirectory() as folder:
        for name, step in steps(entry.spec, Path(folder)):
            try:
                detail = step()
            except Exception as error:  # whatever a stranger's code raises is the finding
                yield Check(entry.full_name, name, False, f"{type(error).__name__}: {error}")
                return  # later steps stand on this one
            yield Check(entry.full_name, name, True, detail)


def _objective_steps(spec: ObjectiveSpec, folder: Path) -> Iterator[Step]:
    """It imports, makes the same batch twice from the same random numbers, and sums a loss."""

    def importable() -> str:
        assert callable(resolve(spec.loss)), f"{spec.loss} cannot be called"
        assert callable(resolve(spec.collate)), f"{spec.collate} cannot be called"
        return f"{spec.collate}, {spec.loss}"

    def repeats() -> str:
        first, second = collated(spec), collated(spec)
        assert set(first) == set(second)
        differing = [name for name in first if not bool((first[name] == second[name]).all())]
        assert not differing, f"{', '.join(differing)} differ from one time to the next"
        return ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in first.items())

    yield "imports", importable
    yield "repeats a batch", repeats
    yield "sums a loss", lambda: objective_loss(spec)


def _opener_steps(spec: JudgeSpec | RewriterSpec, folder: Path) -> Iterator[Step]:
    """It imports: what it does needs a model, which only its user has."""

    def importable() -> str:
        assert callable(resolve(spec.open)), f"{spec.open} cannot be called"
        return spec.open

    yield "imports", importable


def _task_steps(spec: TaskFolder, folder: Path) -> Iterator[Step]:
    """The folder is there, lm-eval indexes it, and every task in it builds a prompt."""
    state: dict[str, Any] = {}

    def index() -> str:
        from lm_eval.tasks import TaskManager

        path = resolve_folder(spec.path)
        state["manager"] = TaskManager(include_path=str(path), include_defaults=False)
        names = state["manager"].all_subtasks
        assert names, f"lm_eval finds no task in {path}"
        return ", ".join(names)

    def prompts() -> str:
        manager = state["manager"]
        loaded = manager.load(manager.all_subtasks)["tasks"]
        for name, task in loaded.items():
            doc = task.eval_docs[0]
            assert task.doc_to_text(doc), f"{name}: the first prompt is empty"
        return f"{len(loaded)} tasks build a prompt"

    yield "is indexed", index
    yield "builds prompts", prompts


def _trainer_steps(spec: TrainerSpec, folder: Path) -> Iterator[Step]:
    """The trainer imports, its recipe class is a frozen dataclass, its ready recipes are valid."""

    def importable() -> str:
        assert callable(resolve(spec.train)), f"{spec.train} cannot be called"
        return spec.train

    def recipe() -> str:
        found = resolve(spec.recipe)
        assert dataclasses.is_dataclass(found), f"{spec.recipe} is no dataclass"
        frozen = getattr(found, "__dataclass_params__").frozen  # noqa: B009  no typed way to ask
        assert frozen, f"{spec.recipe} must be frozen"
        return ", ".join(field.name for field in dataclasses.fields(found))

    def recipes() -> str:
        found = sorted(resolve_folder(spec.recipes).glob("*.toml"))
        for path in found:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
            values.pop("trainer", None)
            resolve(spec.recipe)(**values)
        return ", ".join(path.stem for path in found)

    yield "imports", importable
    yield "has a recipe class", recipe
    if spec.recipes:
        yield "ships valid recipes", recipes
