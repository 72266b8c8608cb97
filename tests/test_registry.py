"""Plugins load, broken ones are named and survived, names are found or explained."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from leaner_harness import ArchitectureSpec, ObjectiveSpec, TaskFolder, get_objective, hookimpl
from leaner_harness.errors import PluginError, UnknownName
from leaner_harness.registry import build_registry, load_registry


class Distribution:
    """As much of importlib.metadata's distribution as an entry point shows."""

    def __init__(self, name: str) -> None:
        self.name, self.version = name, "1.2"


Point = Callable[..., EntryPoint]


@pytest.fixture
def point(monkeypatch: pytest.MonkeyPatch) -> Point:
    """Make a plugin module and the entry point of its distribution."""

    def make(distribution: str, **members: Any) -> EntryPoint:
        module = types.ModuleType(distribution.replace("-", "_"))
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        entry = EntryPoint("plugin", module.__name__, "leaner_harness")
        vars(entry)["dist"] = Distribution(distribution)
        return entry

    return make


def architectures(*names: str) -> Callable[[], list[ArchitectureSpec]]:
    @hookimpl
    def register_architectures() -> list[ArchitectureSpec]:
        return [ArchitectureSpec(name, build="nowhere:build") for name in names]

    return register_architectures


def test_the_built_ins_come_through_entry_points() -> None:
    registry = load_registry()
    assert not registry.failures
    assert registry.get("trainer", "ngram").name == "ngram"
    assert registry.get("trainer", "leaner-harness/ngram").name == "ngram"
    assert {e.distribution for e in registry.entries} >= {"leaner-harness"}


def test_a_plugin_is_found_by_bare_and_by_full_name(point: Point) -> None:
    registry = build_registry([point("gpt-plugin", register_architectures=architectures("gpt"))])
    assert registry.get("architecture", "gpt") is registry.get("architecture", "gpt-plugin/gpt")
    with pytest.raises(UnknownName, match="Did you mean 'gpt'"):
        registry.get("architecture", "gtp")


def test_an_entry_point_that_raises_is_named_and_survived(
    point: Point, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "exploding.py").write_text("raise RuntimeError('boom')")
    monkeypatch.syspath_prepend(str(tmp_path))
    bad = EntryPoint("bad", "exploding", "leaner_harness")
    vars(bad)["dist"] = Distribution("exploding-plugin")
    registry = build_registry([bad, point("good", register_architectures=architectures("gpt"))])
    (failure,) = registry.failures
    assert "exploding-plugin 1.2" in str(failure) and "boom" in str(failure)
    assert registry.get("architecture", "gpt").name == "gpt"
    with pytest.raises(PluginError, match="boom"):
        registry.get("architecture", "lost")


def test_a_misspelt_hook_is_answered_with_the_near_one(point: Point) -> None:
    registry = build_registry([point("typo", register_architecture=architectures("gpt"))])
    (failure,) = registry.failures
    assert "'register_architecture'" in failure.reason
    assert "'register_architectures'" in failure.reason


def test_another_api_version_is_refused(point: Point) -> None:
    old = point("old", LEANER_API_VERSION=0, register_architectures=architectures("gpt"))
    (failure,) = build_registry([old]).failures
    assert "API version 0" in failure.reason


def test_a_hook_that_returns_something_else_is_named(point: Point) -> None:
    @hookimpl
    def register_architectures() -> list[Any]:
        return ["llama"]

    (failure,) = build_registry(
        [point("odd", register_architectures=register_architectures)]
    ).failures
    assert "'llama'" in failure.reason and "ArchitectureSpec" in failure.reason


def test_two_plugins_with_one_name_must_be_asked_for_in_full(point: Point) -> None:
    registry = build_registry(
        [point(name, register_architectures=architectures("gpt")) for name in ("one", "two")]
    )
    with pytest.raises(PluginError, match="one/gpt or two/gpt"):
        registry.get("architecture", "gpt")
    assert registry.get("architecture", "two/gpt").name == "gpt"
    assert len(list(registry.shadowed())) == 2


def test_nobody_shadows_a_built_in(point: Point) -> None:
    stranger = point("aaa-first", register_architectures=architectures("llama"))
    ours = point("leaner-trainers", register_architectures=architectures("llama"))
    registry = build_registry([stranger, ours])
    entry = next(e for e in registry.of_kind("architecture") if e.built_in)
    assert registry.get("architecture", "llama") is entry.spec
    ((loser, winner),) = registry.shadowed()
    assert loser.full_name == "aaa-first/llama" and winner is entry


def test_objectives_come_through_their_hook(point: Point) -> None:
    @hookimpl
    def register_objectives() -> list[ObjectiveSpec]:
        return [ObjectiveSpec("spans", collate="nowhere:collate", loss="nowhere:loss")]

    registry = build_registry([point("spans-plugin", register_objectives=register_objectives)])
    assert registry.get("objective", "spans-plugin/spans").causal is False
    assert get_objective("clm").causal and not get_objective("mlm").causal
    with pytest.raises(UnknownName, match="objective 'plmm'.*Did you mean 'plm'"):
        get_objective("plmm")


def test_a_task_folder_that_is_not_there_is_a_failure(point: Point) -> None:
    @hookimpl
    def register_tasks() -> list[TaskFolder]:
        return [TaskFolder("lost", "leaner_harness:no_such_folder")]

    registry = build_registry([point("lost", register_tasks=register_tasks)])
    assert "no_such_folder" in registry.failures[0].reason  # which `leaner plugins` shows
    assert registry.task_folders() == [] and len(registry.failures) == 1


def test_a_task_folder_in_a_module_of_one_file_is_a_failure_and_no_crash(point: Point) -> None:
    @hookimpl
    def register_tasks() -> list[TaskFolder]:
        return [TaskFolder("lost", "leaner_lm_eval_bridge:tasks")]

    registry = build_registry([point("lost", register_tasks=register_tasks)])
    assert registry.task_folders() == []
    assert "module of one file" in registry.failures[0].reason


def test_strict_plugins_makes_a_failure_fatal(
    point: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leaner_harness import registry as module

    bad = point("typo", register_architecture=architectures("gpt"))
    monkeypatch.setattr(module, "entry_points", lambda group: [bad])
    module.load_registry.cache_clear()
    try:
        assert module.load_registry().failures
        module.load_registry.cache_clear()
        monkeypatch.setenv("LEANER_STRICT_PLUGINS", "1")
        with pytest.raises(PluginError, match="typo"):
            module.load_registry()
    finally:
        module.load_registry.cache_clear()
