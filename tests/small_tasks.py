"""An index of our own tasks alone: lm-eval's 14,000 take a test many seconds."""

from __future__ import annotations

from typing import Any

from leaner_harness.registry import load_registry


def manager(**metadata: Any) -> Any:
    """lm-eval's task manager, with what `--metadata` would say."""
    from lm_eval.tasks import TaskManager

    folders = [str(path) for path in load_registry().task_folders()]
    return TaskManager(include_path=folders, include_defaults=False, metadata=metadata or None)
