"""Muon: steps along the nearest orthogonal matrix of the momentum (Jordan et al. 2024).

https://kellerjordan.github.io/posts/muon/. torch's own class works matrix by matrix in bfloat16,
which on processors without bfloat16 units costs more than the model's pass. Here matrices of one
shape are made orthogonal together, in bfloat16 where there are units for it, else in float32.

The step of an (m, n) matrix is 0.2 sqrt(max(m, n)) x rate long in root mean square, as AdamW's
steps are (Liu et al. 2025, arXiv:2502.16982, section 2.2): one rate and one decay suit both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from leaner_harness import has_bfloat16_units

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration: steepest at zero, so that five rounds bring all singular values near
one (the post, section "Tuning the coefficients")."""
_ROUNDS = 5


class Muon(torch.optim.Optimizer):
    """Momentum, Nesterov's, orthogonalised; decoupled weight decay.

    Tensors of more than two dimensions are matrices of (first dimension) x (all others).
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, weight_decay: float = 0.1,
        momentum: float = 0.95,
    ) -> None:  # fmt: skip
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step for every parameter with a gradient; takes no closure."""
        if closure is not None:
            raise ValueError("Muon takes no closure.")
        for group in self.param_groups:
            by_shape: dict[tuple[int, int], list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    rows = parameter.shape[0]
                    by_shape[rows, parameter.numel() // rows].append(parameter)
            for shape, parameters in by_shape.items():
                self._step(parameters, shape, group)

    def _step(self, parameters: list[Tensor], shape: tuple[int, int], group: Any) -> None:
        gradients = [parameter.grad for parameter in parameters]
        states = [self.state[parameter] for parameter in parameters]
        for parameter, state in zip(parameters, states, strict=True):
            if not state:
                state["momentum_buffer"] = torch.zeros_like(parameter)
        buffers = [state["momentum_buffer"] for state in states]
        torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
        ahead = torch._foreach_lerp(gradients, buffers, group["momentum"])
        steps = orthogonal(torch.stack([step.view(shape) for step in ahead]))
        length = -group["lr"] * 0.2 * max(shape) ** 0.5
        torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        directions = [s.view_as(p) for s, p in zip(steps, parameters, strict=True)]
        torch._foreach_add_(parameters, directions, alpha=length)


def orthogonal(matrices: Tensor) -> Tensor:
    """(N, m, n) matrices U S V^T to about U V^T each: singular values between .7 and 1.2."""
    a, b, c = _COEFFICIENTS
    kind = torch.bfloat16 if has_bfloat16_units(matrices.device) else torch.float32
    x = matrices.to(kind)
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(_ROUNDS):
        gram = x @ x.mT  # (N, m, m)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype)
