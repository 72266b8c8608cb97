"""Devices and processes are those that were asked for, or the run does not begin."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
import torch
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import DistributedType, DynamoBackend
from leaner_trainers.devices import bfloat16_warning, hardware, make_accelerator, settled
from leaner_trainers.recipe import Recipe

from leaner_harness import UsageError, has_bfloat16_units


def test_a_device_that_is_not_there(monkeypatch):
    for kind in ("cuda", "mps"):
        module = torch.cuda if kind == "cuda" else torch.backends.mps
        monkeypatch.setattr(module, "is_available", lambda: False)
        with pytest.raises(UsageError, match=f"device is '{kind}', but torch finds none"):
            make_accelerator(Recipe(device=kind))


def test_a_launcher_that_started_one_of_several(monkeypatch):
    """`accelerate launch --cpu --num_processes 2` sets an address, and starts one process."""
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with pytest.raises(UsageError, match="asked for several processes and started one"):
        make_accelerator(Recipe(device="cpu"))


def test_a_number_of_processes_that_was_promised():
    with pytest.raises(UsageError, match="processes is 2, but there are 1"):
        make_accelerator(Recipe(device="cpu", processes=2))
    accelerator = make_accelerator(Recipe(device="cpu", processes=1))
    assert hardware(accelerator, Recipe()).startswith("1 x cpu")


@pytest.fixture
def no_accelerator():
    """Accelerate keeps its first answers for the whole process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    yield
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


@pytest.mark.usefixtures("no_accelerator")
def test_what_accelerate_was_configured_for_changes_no_gradient(monkeypatch):
    """`accelerate launch` hands on what `accelerate config` once asked for, by these variables."""
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    monkeypatch.setenv("ACCELERATE_DYNAMO_BACKEND", "INDUCTOR")
    accelerator = make_accelerator(Recipe(device="cpu"))
    assert accelerator.mixed_precision == "no" and accelerator.scaler is None
    assert accelerator.state.dynamo_plugin.backend == DynamoBackend.NO
    # Others wait as long as the first needs to write the text: longer than torch's ten minutes.
    assert accelerator.init_handler.timeout >= timedelta(hours=12)
    weight = torch.ones(1, requires_grad=True)
    accelerator.backward(3 * weight.sum())
    assert weight.grad.item() == 3


def test_weights_that_are_shared_out_are_refused(monkeypatch):
    sharded = SimpleNamespace(distributed_type=DistributedType.FSDP, device=torch.device("cpu"))
    monkeypatch.setattr("leaner_trainers.devices.Accelerator", lambda **_: sharded)
    with pytest.raises(UsageError, match="to share the weights out"):
        make_accelerator(Recipe(device="cpu"))


def test_bfloat16_units_are_those_the_processor_names(monkeypatch):
    cpu = torch.device("cpu")
    for found, expected in (
        ({"amx_bf16": True}, True),
        ({"amx_bf16": False, "avx512_bf16": True}, True),
        ({"amx_bf16": False, "avx512_f": True}, False),
        ({}, False),
    ):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=found: found, raising=False)
        assert has_bfloat16_units(cpu) is expected
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # older versions of torch lack it
    assert not has_bfloat16_units(cpu)
    assert has_bfloat16_units(torch.device("cuda")) and not has_bfloat16_units(torch.device("mps"))


def test_auto_is_bfloat16_where_there_are_units(monkeypatch):
    cpu = torch.device("cpu")
    for has_units in (True, False):
        monkeypatch.setattr(
            "leaner_trainers.devices.has_bfloat16_units", lambda _, it=has_units: it
        )
        assert settled(Recipe(bf16="auto"), cpu).bf16 is has_units
        assert settled(Recipe(bf16=True), cpu).bf16 is True
        assert settled(Recipe(), cpu).bf16 is False
    with pytest.raises(UsageError, match="true, false or 'auto'"):
        Recipe(bf16="sometimes")
    with pytest.raises(UsageError, match="true, false or a word"):
        Recipe(bf16=1)


def test_emulated_bfloat16_is_warned_of(monkeypatch):
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    monkeypatch.setattr("leaner_trainers.devices.has_bfloat16_units", lambda device: False)
    assert "bf16=false" in bfloat16_warning(Recipe(bf16=True), cpu)
    assert not bfloat16_warning(Recipe(), cpu) and not bfloat16_warning(Recipe(bf16=True), cuda)
    monkeypatch.setattr("leaner_trainers.devices.has_bfloat16_units", lambda device: True)
    assert not bfloat16_warning(Recipe(bf16=True), cpu)
