"""lm_eval finds our tasks and models, keeps its own, and what the user includes wins."""

from __future__ import annotations

from pathlib import Path

import pytest
from lm_eval.api.registry import model_registry
from lm_eval.tasks import manager

from leaner_harness import lm_eval_plugin
from leaner_harness.contracts import ModelType, resolve_folder
from leaner_harness.registry import Failure, Registry

TASKS = resolve_folder("leaner_harness:tasks")


class Manager:
    """The part of TaskManager that the wrapper stands on."""

    def __init__(
        self,
        verbosity: str | None = None,
        include_path: str | Path | list[str | Path] | None = None,
        include_defaults: bool = True,
        metadata: dict[str, str] | None = None,
    ) -> None:
        self.include_path = include_path


@pytest.fixture
def wrapped(monkeypatch: pytest.MonkeyPatch) -> type[Manager]:
    init = lm_eval_plugin._with_folders(Manager.__init__, [TASKS])
    monkeypatch.setattr(Manager, "__init__", init)
    return Manager


def test_our_folder_comes_before_the_users(wrapped: type[Manager]) -> None:
    assert wrapped().include_path == [TASKS]
    assert wrapped(include_path="mine").include_path == [TASKS, "mine"]
    assert wrapped(None, ["a", "b"]).include_path == [TASKS, "a", "b"]


def test_without_defaults_the_user_gets_just_what_was_asked_for(wrapped: type[Manager]) -> None:
    assert wrapped(include_path="mine", include_defaults=False).include_path == "mine"


def test_stock_models_stay_and_ours_are_added() -> None:
    assert {"hf", "dummy", "vllm", "leaner-ngram"} <= set(model_registry.keys())
    assert model_registry.get("leaner-ngram").__name__ == "NgramLM"


def test_a_stock_model_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry()
    monkeypatch.setattr(Registry, "model_types", lambda self: [ModelType("hf", "nowhere:HF")])
    lm_eval_plugin._add_models(registry)
    assert model_registry.get("hf").__name__ == "HFLM"


def test_it_leaves_folders_alone_once_lm_eval_reads_entry_points(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = manager.TaskManager.__init__
    monkeypatch.setattr(lm_eval_plugin.inspect, "getsource", lambda _: "entry_points(group=...)")
    lm_eval_plugin._add_task_folders(Registry())
    assert manager.TaskManager.__init__ is before


def test_a_failing_plugin_is_named_and_lm_eval_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Registry(failures=[Failure("bad-plugin", "1.0", "bad", "boom")])
    monkeypatch.setattr(lm_eval_plugin, "load_registry", lambda: broken)
    monkeypatch.setattr(lm_eval_plugin, "_add_task_folders", lambda registry: None)
    monkeypatch.setattr(lm_eval_plugin, "_installed", False)
    lm_eval_plugin.install()
    assert "bad-plugin 1.0" in capsys.readouterr().err


def test_nothing_is_raised_into_lm_eval(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def explode() -> Registry:
        raise RuntimeError("boom")

    monkeypatch.setattr(lm_eval_plugin, "load_registry", explode)
    monkeypatch.setattr(lm_eval_plugin, "_installed", False)
    lm_eval_plugin.install()
    assert "boom" in capsys.readouterr().err
