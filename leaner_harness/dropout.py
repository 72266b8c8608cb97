"""Dropout that draws sixteen bits an element: on a processor, torch's own takes a fifth of a step.

torch draws a floating-point number for each element. Whether an element is kept needs no more than
some bits of one; the probability is met to within 2^-17.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

_BITS = 16
_PER_DRAW = 64 // _BITS


def quick_dropout(model: nn.Module, device: torch.device) -> AbstractContextManager[Any]:
    """Within it every dropout on a processor draws sixteen bits an element; elsewhere no change.

    Nor for a model without a module that drops: looking at each call of torch takes time, too. It
    follows torch's seed, and draws other numbers from it than torch's own dropout does.
    """
    drops = any(isinstance(each, nn.Dropout) and each.p > 0 for each in model.modules())
    return _QuickDropout() if drops and device.type == "cpu" else nullcontext()


class _QuickDropout(TorchFunctionMode):
    """Answers calls of `torch.nn.functional.dropout`, by modules or by functions of attention."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is F.dropout:
            return _dropout(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _dropout(
    input: torch.Tensor,  # noqa: A002 (torch's name)
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
) -> torch.Tensor:
    """As torch.nn.functional.dropout (Srivastava et al., 2014), of any shape."""
    if not training or not 0 < p < 1 or input.device.type != "cpu":
        return F.dropout(input, p, training, inplace)
    count = input.numel()
    drawn = torch.empty(-(-count // _PER_DRAW), dtype=torch.int64).random_(-(2**63), None)
    bits = drawn.view(torch.int16)[:count].view(input.shape)
    least = -(2 ** (_BITS - 1))
    scale = (bits >= least + round(p * 2**_BITS)).to(input.dtype).div_(1 - p)
    return input.mul_(scale) if inplace else input * scale
