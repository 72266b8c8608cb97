"""Devices and processes: what a run computes on, checked against what was asked for."""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from datetime import timedelta

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType, GradientAccumulationPlugin, InitProcessGroupKwargs

from leaner_harness import UsageError, has_bfloat16_units
from leaner_trainers.recipe import Recipe

_LAUNCH = "Start them with: torchrun --nproc-per-node N -m leaner_harness.cli train ..."
_SHARDED = (DistributedType.DEEPSPEED, DistributedType.FSDP, DistributedType.MEGATRON_LM)


def make_accelerator(recipe: Recipe) -> Accelerator:
    """The device and the processes of a run.

    Raises UsageError where they are not those the recipe, or the launcher, asked for.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(recipe.device, True):
        raise UsageError(f"device is {recipe.device!r}, but torch finds none.", "Use 'auto'.")
    # What `accelerate config` wrote is the launcher's, not the recipe's: mixed precision would
    # compute in another format than is recorded, or scale the gradient that the loop clips, as
    # steps of accumulation would.
    accelerator = Accelerator(
        cpu=recipe.device == "cpu",
        mixed_precision="no",
        gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
        dynamo_backend="no",
        # All wait while the first of them writes or scores the text; torch ends that wait after ten
        # minutes on GPUs. Where a process dies, the launcher ends the others.
        kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(days=1))],
    )
    if accelerator.distributed_type in _SHARDED:
        raise UsageError(
            f"accelerate was told to share the weights out ({accelerator.distributed_type.value}); "
            "here each process has them all.",
            _LAUNCH,
        )
    if recipe.device not in ("auto", accelerator.device.type):
        raise UsageError(
            f"device is {recipe.device!r}, but accelerate takes {accelerator.device.type!r}."
        )
    _check_processes(recipe, accelerator.num_processes)
    return accelerator


def _check_processes(recipe: Recipe, found: int) -> None:
    # `accelerate launch --cpu --num_processes 2` starts one process; this is how it shows.
    if found == 1 and "MASTER_ADDR" in os.environ and "WORLD_SIZE" not in os.environ:
        raise UsageError("The launcher was asked for several processes and started one.", _LAUNCH)
    if recipe.processes not in (None, found):
        raise UsageError(f"processes is {recipe.processes}, but there are {found}.", _LAUNCH)
    if recipe.batch_size % found:
        raise UsageError(
            f"batch_size is {recipe.batch_size}, shared by {found} processes.",
            "Choose a multiple of the number of processes.",
        )
    if recipe.minutes and found > 1:
        raise UsageError("`minutes` works with one process only: clocks differ.", "Use `steps`.")


def settled(recipe: Recipe, device: torch.device) -> Recipe:
    """The recipe with what it leaves to the machine: `bf16 = "auto"` becomes true or false."""
    return replace(recipe, bf16=has_bfloat16_units(device)) if recipe.bf16 == "auto" else recipe


def bfloat16_warning(recipe: Recipe, device: torch.device) -> str:
    """What to say of a recipe that asks for bfloat16 where it is emulated; empty elsewhere."""
    if not recipe.bf16 or device.type != "cpu" or has_bfloat16_units(device):
        return ""
    return "This processor emulates bfloat16, many times slower: --set bf16=false"


def hardware(accelerator: Accelerator, recipe: Recipe) -> str:
    """The machine, and what it computes in, in a line."""
    if accelerator.device.type == "cuda":
        name = torch.cuda.get_device_name(accelerator.device)
    else:
        name = (
            f"{accelerator.device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"
        )
    form = "bfloat16" if recipe.bf16 else "float32"
    return f"{accelerator.num_processes} x {name}, {form}, torch {torch.__version__}"
