"""Quick dropout: what torch's own does, to the numbers drawn."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from leaner_harness.dropout import quick_dropout

CPU = torch.device("cpu")
DROPS = torch.nn.Sequential(torch.nn.Dropout(0.1))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.93])
def test_keeps_the_share_asked_for_and_the_mean(p: float) -> None:
    torch.manual_seed(1)
    ones = torch.ones(1000, 1001)
    with quick_dropout(DROPS, CPU):
        kept = F.dropout(ones, p)
    count = ones.numel()
    spread = (p * (1 - p) / count) ** 0.5
    assert abs((kept == 0).double().mean() - p) < 5 * spread
    assert kept.unique().tolist() == pytest.approx([0.0, 1 / (1 - p)])
    # Neighbours, of which four share a draw, are dropped independently of each other.
    zeros = (kept.flatten() == 0).double().numpy()
    for apart in (1, 2, 3, 4):
        assert abs(np.corrcoef(zeros[:-apart], zeros[apart:])[0, 1]) < 5 / count**0.5


def test_is_the_one_that_modules_use_and_the_gradient_is_dropped_alike() -> None:
    torch.manual_seed(1)
    x = torch.randn(7, 33, requires_grad=True)
    layer = torch.nn.Dropout(0.3)
    torch.manual_seed(2)
    plain = layer(x)
    torch.manual_seed(2)
    with quick_dropout(DROPS, CPU):
        quick = layer(x)
    assert not torch.equal(plain, quick)  # other numbers: the module was answered
    quick.sum().backward()  # outside of it, as a step does
    assert x.grad is not None
    torch.testing.assert_close(x.grad, (quick / x).detach())


def test_follows_the_seed() -> None:
    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        with quick_dropout(DROPS, CPU):
            return F.dropout(torch.ones(50, 3), 0.4)

    assert torch.equal(drawn(3), drawn(3))
    assert not torch.equal(drawn(3), drawn(4))


@given(
    shape=st.lists(st.integers(0, 5), max_size=4),
    dtype=st.sampled_from([torch.float32, torch.bfloat16, torch.float64]),
    p=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    training=st.booleans(),
    inplace=st.booleans(),
)
def test_takes_what_torch_takes(
    shape: list[int], dtype: torch.dtype, p: float, training: bool, inplace: bool
) -> None:
    x = torch.ones(shape, dtype=dtype)
    with quick_dropout(DROPS, CPU):
        y = F.dropout(x, p, training=training, inplace=inplace)
    assert (y.shape, y.dtype) == (x.shape, dtype)
    if inplace:
        assert y is x
    else:
        assert torch.equal(x, torch.ones(shape, dtype=dtype))
    if not training or p == 0:
        assert torch.equal(y, x)
    if training and p == 1:
        assert not y.any()


def test_refuses_what_torch_refuses() -> None:
    with quick_dropout(DROPS, CPU), pytest.raises(ValueError, match=r"between 0 and 1"):
        F.dropout(torch.ones(3), 1.5)


def test_leaves_alone_what_drops_nothing() -> None:
    for model, other in (
        (torch.nn.Dropout(0.0), False),
        (torch.nn.Linear(1, 1), False),
        (DROPS, True),
    ):
        torch.manual_seed(1)
        plain = F.dropout(torch.ones(100), 0.5)
        torch.manual_seed(1)
        with quick_dropout(model, CPU):
            assert torch.equal(plain, F.dropout(torch.ones(100), 0.5)) is not other
