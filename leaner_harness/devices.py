"""What torch computes on here: a GPU if there is one, and whether bfloat16 is quicker there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def usual_device() -> torch.device:
    """A GPU, if torch finds one."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_bfloat16_units(device: torch.device) -> bool:
    """Whether bfloat16 is quicker there than float32: processors without units emulate it."""
    import torch

    if device.type != "cpu":
        return device.type == "cuda"
    found: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(found.get("amx_bf16"))
