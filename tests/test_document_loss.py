"""The loss on whole documents equals that of one document after another, however it is shared."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from leaner_trainers import document_loss
from small_training import build_tiny

BLOCK = 16


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_tiny("exact", 40)


@pytest.fixture(scope="module")
def text():
    draw = np.random.default_rng(0)
    lengths = draw.integers(1, 70, 50)
    lengths[:3] = [1, BLOCK, BLOCK + 1]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return draw.integers(0, 40, offsets[-1] + 1).astype(np.uint16), offsets


def one_by_one(model, ids, offsets):
    """The definition: windows of a block, each after the token before it."""
    found = []
    for first, last in zip(offsets[:-1], offsets[1:], strict=True):
        total = 0.0
        for start in range(first, last, BLOCK):
            piece = torch.from_numpy(ids[start : min(start + BLOCK, last) + 1].astype(np.int64))
            with torch.no_grad():
                logits = model.eval()(input_ids=piece[None, :-1]).logits[0]
            total += float(F.cross_entropy(logits, piece[1:], reduction="sum"))
        found.append(total)
    return np.array(found)


def test_equals_one_document_after_another(model, text):
    found = document_loss.document_nats(model, *text, BLOCK)
    assert found == pytest.approx(one_by_one(model, *text), rel=1e-5)


@pytest.mark.usefixtures("without_float64")
def test_a_device_needs_no_float64(model, text):
    assert (document_loss.document_nats(model, *text, BLOCK) > 0).all()


def test_small_batches_and_chunks_change_nothing(model, text, monkeypatch):
    whole = document_loss.document_nats(model, *text, BLOCK)
    monkeypatch.setitem(document_loss._LOGITS, "cpu", 40 * 20)
    monkeypatch.setattr(document_loss, "_CHUNK", 50)
    assert document_loss.document_nats(model, *text, BLOCK) == pytest.approx(whole, rel=1e-5)


def test_shares_add_up_to_the_whole_to_the_last_bit(model, text, monkeypatch):
    monkeypatch.setitem(document_loss._LOGITS, "cpu", 40 * 64)
    whole = document_loss.document_nats(model, *text, BLOCK)
    parts = [document_loss.document_nats(model, *text, BLOCK, share=(i, 3)) for i in range(3)]
    assert (sum(parts) == whole).all()
    assert all((part == 0).any() and part.any() for part in parts)


def test_the_model_goes_on_training(model, text):
    model.train()
    document_loss.document_nats(model, *text, BLOCK)
    assert model.training
