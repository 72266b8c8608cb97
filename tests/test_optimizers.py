"""Optimisers: Muon against torch's own, who holds which parameter, and names that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from leaner_trainers.architectures import bert, llama, mamba2, xlnet
from leaner_trainers.optimizers import make_optimizers
from leaner_trainers.optimizers.muon import Muon, orthogonal
from leaner_trainers.recipe import Recipe

from leaner_harness import UnknownName, UsageError


@pytest.mark.parametrize("units", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("shape", [(3, 24, 24), (2, 20, 64), (2, 64, 20)])
def test_orthogonal_keeps_directions_and_evens_out_their_size(
    shape: tuple[int, ...], units: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leaner_trainers.optimizers.muon.has_bfloat16_units", lambda device: units)
    torch.manual_seed(0)
    matrices = torch.randn(shape, dtype=torch.float32)
    found = orthogonal(matrices)
    assert found.shape == matrices.shape
    left, before, right = torch.linalg.svd(matrices, full_matrices=False)
    turned = left.mT @ found @ right.mT  # diagonal: the same singular vectors
    sizes = turned.diagonal(dim1=1, dim2=2)
    assert (turned - torch.diag_embed(sizes)).abs().max() < (0.1 if units else 1e-3)
    large = before > 0.05 * before.max(1, keepdim=True).values
    assert 0.6 < float(sizes[large].min()) <= float(sizes[large].max()) < 1.35


def test_steps_are_those_of_torchs_muon_up_to_its_rounding() -> None:
    torch.manual_seed(0)
    first = [torch.nn.Parameter(torch.randn(24, 40)) for _ in range(2)]
    second = [torch.nn.Parameter(each.detach().clone()) for each in first]
    ours = Muon(first, lr=0.01, weight_decay=0.1)
    theirs = torch.optim.Muon(second, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(3):
        for one, two in zip(first, second, strict=True):
            one.grad = torch.randn_like(one)
            two.grad = one.grad.clone()
        before = [each.detach().clone() for each in first]
        ours.step()
        theirs.step()
        for old, one, two in zip(before, first, second, strict=True):
            step, other = (one - old).detach().flatten(), (two - old).detach().flatten()
            assert torch.cosine_similarity(step, other, dim=0) > 0.995  # theirs is in bfloat16
            assert 0.9 < float(step.norm() / other.norm()) < 1.1
        for one, two in zip(first, second, strict=True):
            two.data.copy_(one)


@pytest.mark.parametrize("build", [bert.build, llama.build, mamba2.build, xlnet.build])
@pytest.mark.parametrize("name", ["muon", "adamw", "torch.optim:SGD"])
def test_each_trained_parameter_is_held_once(build: Any, name: str) -> None:
    model = build("1M", 300)
    found = make_optimizers(model, Recipe(optimizer=name, learning_rate=0.02, embedding_rate=0.01))
    held = [id(p) for o in found for group in o.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters() if p.requires_grad)
    rates = {id(p): g["initial_lr"] for o in found for g in o.param_groups for p in g["params"]}
    assert rates[id(model.get_input_embeddings().weight)] == 0.01
    matrices = [p for p in model.base_model.parameters() if p.dim() == 2 and min(p.shape) > 100]
    tables = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    bodies = [p for p in matrices if id(p) not in tables]
    assert bodies and all(rates[id(p)] == 0.02 for p in bodies)
    decayed = {id(p): g["weight_decay"] for o in found for g in o.param_groups for p in g["params"]}
    vectors = [p for p in model.parameters() if p.requires_grad and p.dim() == 1]
    assert all(decayed[id(p)] == 0 for p in vectors)


def test_options_are_for_another_optimiser() -> None:
    model = llama.build("1M", 300)
    (found,) = make_optimizers(
        model, Recipe(optimizer="torch.optim:SGD", optimizer_options={"momentum": 0.9})
    )
    assert {group["momentum"] for group in found.param_groups} == {0.9}
    with pytest.raises(UsageError, match="but optimizer is 'adamw'"):
        make_optimizers(model, Recipe(optimizer_options={"momentum": 0.9}))
    with pytest.raises(UsageError, match=r"cannot be made: .*'speed'[\s\S]*optimizer_options"):
        make_optimizers(model, Recipe(optimizer="torch.optim:SGD", optimizer_options={"speed": 1}))


def test_a_near_miss_is_named() -> None:
    with pytest.raises(UnknownName, match="muon"):
        make_optimizers(llama.build("1M", 300), Recipe(optimizer="mon"))


@pytest.mark.parametrize("name", ["torch.optim:Nothing", "no.such.module:X", "builtins:len"])
def test_what_makes_no_optimiser_is_named(name: str) -> None:
    with pytest.raises(UsageError, match="optimizer is"):
        make_optimizers(llama.build("1M", 300), Recipe(optimizer=name))
