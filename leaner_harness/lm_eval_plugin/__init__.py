"""How lm_eval finds our tasks and model types; importing this module is enough.

The start-up file imports it in every `lm_eval` process; Python users import it themselves. lm-eval
0.4.12 and 0.4.13 discover no plugins; where a later one does, what it has found already is left
alone. A plugin that is broken is named on standard error, and lm_eval goes on without it.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leaner_harness.models import MODEL_TYPES
from leaner_harness.registry import Registry, load_registry

_installed = False


def install() -> None:
    """Register model types and task folders with lm_eval, once; never raises into lm_eval."""
    global _installed
    if _installed:
        return
    _installed = True
    try:
        registry = load_registry()
        for failure in registry.failures:
            print(f"leaner-harness: {failure}", file=sys.stderr)
        _add_models(registry)
        _add_task_folders(registry)
    except Exception as error:
        print(f"leaner-harness is not available in lm_eval: {error!r}", file=sys.stderr)


def _add_models(registry: Registry) -> None:
    import lm_eval.models  # noqa: F401  fills the registry first: it must not look populated by us
    from lm_eval.api.registry import model_registry

    for model_type in (*MODEL_TYPES, *registry.model_types()):
        if model_type.target and model_type.name not in model_registry:
            model_registry.register(model_type.name, target=model_type.target)


def _add_task_folders(registry: Registry) -> None:
    from lm_eval.tasks import manager

    # A later lm_eval that reads entry points itself needs no help with folders.
    if "entry_points" in inspect.getsource(manager):
        return
    folders = registry.task_folders()
    manager.TaskManager.__init__ = _with_folders(manager.TaskManager.__init__, folders)


def _with_folders(init: Callable[..., None], folders: list[Path]) -> Callable[..., None]:
    """TaskManager.__init__ with our folders after lm-eval's own and before the user's."""

    @functools.wraps(init)
    def with_folders(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = inspect.signature(init).bind(self, *args, **kwargs)
        if bound.arguments.get("include_defaults", True):
            theirs = bound.arguments.get("include_path") or []
            theirs = list(theirs) if isinstance(theirs, list | tuple) else [theirs]
            bound.arguments["include_path"] = [*folders, *theirs]
        init(*bound.args, **bound.kwargs)

    return with_folders


install()
