"""Compute a language-model head at chosen positions only: the head is a large part of a tiny model.

Shapes: B rows, T positions, V entries of the vocabulary, N chosen positions, D hidden units.
"""

from __future__ import annotations

from typing import Any

import torch


@torch.inference_mode()
def logits_at(model: Any, rows: torch.Tensor, columns: torch.Tensor, **inputs: Any) -> torch.Tensor:
    """(N, V) float32 logits: entry i is position `columns[i]` of row `rows[i]`; both are (N,).

    A model whose head reads something else than `last_hidden_state` computes all of its logits.
    """

    def choose(_module: Any, _arguments: Any, output: Any) -> Any:
        if hasattr(output, "last_hidden_state"):
            output.last_hidden_state = output.last_hidden_state[rows, columns][:, None]  # (N, 1, D)
        return output

    handle = model.base_model.register_forward_hook(choose)
    try:
        logits: torch.Tensor = model(**inputs).logits
    finally:
        handle.remove()
    # All logits are (B, T, V), those of the chosen positions (N, 1, V).
    chosen = logits[:, 0] if logits.shape[:2] == (len(rows), 1) else logits[rows, columns]
    return chosen.float()
