"""What torch computes on here: a GPU if there is one, and whether bfloat16 is quicker there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaner_harness.errors import UsageError

if TYPE_CHECKING:
    import torch


def usual_device() -> torch.device:
    """A GPU, if torch finds one."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def refuse_absent(device: str | None) -> None:
    """Raise UsageError where a GPU is asked for and torch finds none."""
    import torch

    # Stock lm_eval says cuda:0 where nobody asked, and means a GPU if there is one.
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            "--device cuda: torch finds no GPU here.",
            "Leave --device out, or install a torch that was built for your GPU.",
        )


def use_bfloat16(asked: bool | str, device: str) -> bool:
    """What `bf16` comes to on a device: `auto` is true where it is quicker; else a truth value.

    Raises UsageError for another word.
    """
    import torch

    if isinstance(asked, str) and asked != "auto":
        raise UsageError(f"bf16={asked} is none of true, false and auto.")
    return has_bfloat16_units(torch.device(device)) if asked == "auto" else bool(asked)


def has_bfloat16_units(device: torch.device) -> bool:
    """Whether bfloat16 is quicker there than float32: processors without units emulate it."""
    import torch

    if device.type != "cpu":
        return device.type == "cuda"
    found: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(found.get(units) for units in ("amx_bf16", "avx512_bf16"))
