"""torch.compile as training and fine-tuning use it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from typing import TypeVar, cast

import torch

from leaner_harness.errors import UsageError

_Function = TypeVar("_Function", bound=Callable[..., object])


def compiled(
    function: _Function, device: torch.device, *, any_shape: bool | None = None
) -> _Function:
    """The function, compiled when it is first called, for a minute or so.

    With `any_shape` one compilation is for batches of every shape. Raises UsageError where that
    takes a C++ compiler and there is none.
    """
    on_cpu = device.type == "cpu"
    if on_cpu and shutil.which(_compiler()) is None:
        raise UsageError(
            f"compile = true needs a C++ compiler, and {_compiler()} is not on the PATH.",
            "Install one, name another as CXX, or leave compile out.",
        )
    # Compiled, a processor draws dropout's numbers three times as slowly as torch itself does.
    options: dict[str, str | int | bool | Callable[..., object]] = {"fallback_random": on_cpu}
    return cast(_Function, torch.compile(function, dynamic=any_shape, options=options))


def _compiler() -> str:
    """The one that torch calls."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    return os.environ.get("CXX", usual)
