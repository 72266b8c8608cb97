"""What is predicted, and from what: shares, masks and orders of the training objectives."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from leaner_trainers.blocks import places_in_order, read_blocks
from leaner_trainers.objectives import IGNORED, clm, mlm, mntp, plm, positions, same_document, sft
from leaner_trainers.order import RowRandom
from leaner_trainers.tokenizers import train_tokenizer

from leaner_harness import PADDING, PROMPT, TEXT, Blocks, UsageError

SEPARATOR, CLASS, MASK = 0, 1, 2


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(["a cat sees the dog"] * 5, 265, "byte-bpe-mask")


def blocks(tokenizer, rows, width, seed=0):
    """Random text with documents of about ten tokens."""
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(4, len(tokenizer), (rows, width), generator=draw)
    return as_blocks(ids.masked_fill(torch.rand(rows, width, generator=draw) < 0.1, CLASS))


def as_blocks(ids):
    return Blocks(ids, (ids == CLASS).cumsum(1), torch.full_like(ids, TEXT, dtype=torch.uint8))


def rows_of(blocks, rows):
    return Blocks(blocks.ids[rows], blocks.documents[rows], blocks.kinds[rows])


def test_documents_and_places_in_them():
    stored = np.array([CLASS, 9, 8, CLASS, 7, 6, 5, CLASS, 9], dtype=np.uint16)
    found = read_blocks(stored, places_in_order(np.array([1, 0]), 4), CLASS)
    assert found.ids.tolist() == [[7, 6, 5, CLASS, 9], [CLASS, 9, 8, CLASS, 7]]
    assert found.documents.tolist() == [[0, 0, 0, 1, 1], [1, 1, 1, 2, 2]]
    assert positions(found.documents).tolist() == [[0, 1, 2, 0, 1], [0, 1, 2, 0, 1]]
    assert same_document(found.documents)[0, 2].tolist() == [True, True, True, False, False]
    assert (found.kinds == TEXT).all()
    together = read_blocks(stored, places_in_order(np.array([1]), 4), None)
    assert together.documents is None
    assert "position_ids" not in clm.collate(together, None, None)
    kinds = np.array([2, 1, 1, 2, 2, 2, 0, 0, 0], dtype=np.uint8)
    assert read_blocks(stored, places_in_order(np.array([1]), 4), None, kinds).kinds.tolist() == [
        [2, 2, 0, 0, 0]
    ]


def test_sft_learns_answers_and_as_much_of_prompts_as_it_is_told():
    ids = torch.tensor([[CLASS, 11, 12, 13, 14, CLASS, 3]])
    kinds = torch.tensor([[TEXT, PROMPT, PROMPT, TEXT, TEXT, TEXT, PADDING]], dtype=torch.uint8)
    given = Blocks(ids, (ids == CLASS).cumsum(1), kinds)

    def model(input_ids, position_ids, use_cache):
        """Certain of the right token where that is odd; elsewhere of none."""
        logits = torch.zeros(*input_ids.shape, 20)
        for place, token in enumerate(ids[0, 1:].tolist()):
            logits[0, place, token] = 100.0 * (token % 2)
        return SimpleNamespace(logits=logits)

    one = float(torch.tensor(20.0).log())
    # Answers are 13, 14 and the end; the prompts' 11 and 12 count by their weight.
    for weight, total, count in ((0.0, one, 3), (0.5, 1.5 * one, 4), (1.0, 2 * one, 5)):
        batch = sft.collate(given, None, None, prompt_loss_weight=weight)
        assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 4, 0]]
        found, targets = sft.loss(model, batch)
        assert float(found) == pytest.approx(total) and float(targets) == count
    everything, targets = clm.loss(model, clm.collate(given, None, None))
    assert float(everything) == pytest.approx(2 * one) and float(targets) == 5


def chance(rows, seed=0, first=0):
    return RowRandom(np.arange(first, first + rows), seed)


def test_clm_predicts_every_next_token(tokenizer):
    given = blocks(tokenizer, 2, 9)
    batch = clm.collate(given, tokenizer, chance(2))
    assert torch.equal(batch["input_ids"], given.ids[:, :-1])
    assert torch.equal(batch["targets"], given.ids[:, 1:])


def test_mlm_shares(tokenizer):
    given = blocks(tokenizer, 400, 257)
    batch = mlm.collate(given, tokenizer, chance(400))
    shown, targets = batch["input_ids"], batch["targets"]
    text = given.ids[:, :-1]
    apart = same_document(given.documents[:, :-1])
    assert torch.equal(batch["attention_mask"] == 0, apart[:, None])
    assert (batch["attention_mask"][~apart[:, None]] < -1e38).all()
    assert 0 < apart.float().mean() < 1
    is_target = targets != IGNORED
    assert torch.equal(shown[~is_target], text[~is_target])
    assert torch.equal(targets[is_target], text[is_target])
    ordinary = text > 3
    assert not (is_target & ~ordinary).any()
    n_targets = int(is_target.sum())
    assert n_targets / int(ordinary.sum()) == pytest.approx(0.15, abs=0.005)
    masked = shown[is_target] == MASK
    kept = shown[is_target] == text[is_target]
    words = len(tokenizer) - 4
    assert masked.float().mean().item() == pytest.approx(0.8, abs=0.015)
    # A random word is now and then the right one.
    assert kept.float().mean().item() == pytest.approx(0.1 + 0.1 / words, abs=0.012)
    replaced = shown[is_target][~masked & ~kept]
    assert replaced.min() > 3 and len(replaced.unique()) > 0.9 * words


@settings(deadline=None, max_examples=40)
@given(rows=st.integers(1, 4), half=st.integers(1, 30), seed=st.integers(0, 99))
def test_plm_masks_by_brute_force(tokenizer, rows, half, seed):
    width = 2 * half
    given = blocks(tokenizer, rows, width + 1, seed)
    batch = plm.collate(given, tokenizer, chance(rows, seed))
    text, order = batch["input_ids"], batch["order"]
    assert torch.equal(text, given.ids[:, :-1])
    mask = plm.perm_mask(order, batch["documents"])
    is_target = batch["targets"] != IGNORED
    mapping = plm.target_mapping(batch["positions"], is_target, width)
    for row in range(rows):
        places = {i: int(order[row, i]) for i in range(width) if order[row, i] >= 0}
        assert len(set(places.values())) == len(places)
        assert all(text[row, i] > 3 for i in places) and 0 not in places
        for i in range(width):
            for j in range(width):
                # A context token is seen by all; a target by the targets after it.
                seen = j not in places or (i in places and places[j] < places[i])
                seen &= bool(given.documents[row, i] == given.documents[row, j])
                assert mask[row, i, j] == (0 if seen else 1)
        targets = [p for p in range(is_target.shape[1]) if is_target[row, p]]
        for p, i in zip(targets, sorted(places), strict=True):
            assert mapping[row, p].nonzero().tolist() == [[i]] and mapping[row, p, i] == 1
            assert batch["targets"][row, p] == text[row, i]
        assert mapping[row][~is_target[row]].sum() == 0


def test_plm_spans_and_orders(tokenizer):
    given = as_blocks(torch.full((2000, 97), 5))
    order = plm.collate(given, tokenizer, chance(2000))["order"]
    is_target = order >= 0
    assert is_target.float().mean().item() == pytest.approx(1 / 6, abs=0.01)
    # Lengths of the spans in a row of tokens, joined where two met.
    edges = torch.nn.functional.pad(is_target.int(), (1, 1)).diff(dim=1)
    lengths = (edges == -1).nonzero()[:, 1] - (edges == 1).nonzero()[:, 1]
    shares = torch.bincount(lengths)[1:6] / len(lengths)
    assert (shares > 0.1).all() and shares.sum() > 0.95
    # The first half before the second; in a half, the first token as often late as early.
    assert (order[:, :48] < 48).all() and (order[:, 48:][is_target[:, 48:]] >= 48).all()
    places = order[:, 5][order[:, 5] >= 0].float()
    assert places.mean().item() == pytest.approx(23.5, abs=2.5)


def test_mntp_reads_a_target_from_the_place_before(tokenizer):
    batch = mntp.collate(blocks(tokenizer, 3, 33), tokenizer, chance(3))
    targets = batch["targets"]

    def model(input_ids, attention_mask, position_ids):
        """Certain of each target, at the place before it; wrong everywhere else."""
        assert torch.equal(input_ids, batch["input_ids"])
        logits = torch.zeros(*targets.shape, len(tokenizer))
        rows, places = (targets[:, 1:] != IGNORED).nonzero(as_tuple=True)
        logits[rows, places, targets[rows, places + 1]] = 100.0
        return SimpleNamespace(logits=logits)

    total, count = mntp.loss(model, batch)
    assert int(count) == int((targets[:, 1:] != IGNORED).sum()) > 5 and float(total) < 1e-6
    assert float(mlm.loss(model, batch)[0]) > 5


@pytest.mark.parametrize("objective", [mlm, plm])
def test_a_row_depends_on_seed_and_place_alone(tokenizer, objective):
    ids = blocks(tokenizer, 6, 49)
    whole = objective.collate(ids, tokenizer, chance(6, seed=3, first=10))
    part = objective.collate(rows_of(ids, slice(2, 4)), tokenizer, chance(2, seed=3, first=12))
    for key, value in part.items():
        # `positions` and `targets` are as wide as the fullest row of their batch.
        rows = whole[key][2:4]
        assert torch.equal(rows if key == "attention_mask" else rows[:, : value.shape[1]], value), (
            key
        )
    again = objective.collate(ids, tokenizer, chance(6, seed=3, first=10))
    assert all(torch.equal(whole[key], again[key]) for key in whole)
    other_seed = objective.collate(ids, tokenizer, chance(6, seed=4, first=10))
    other_place = objective.collate(ids, tokenizer, chance(6, seed=3, first=16))
    for other in (other_seed, other_place):
        assert not torch.equal(_target_places(whole), _target_places(other))


def _target_places(batch):
    return batch["order"] >= 0 if "order" in batch else batch["targets"] != IGNORED


def test_rows_differ(tokenizer):
    targets = mlm.collate(as_blocks(torch.full((8, 65), 9)), tokenizer, chance(8))["targets"]
    assert len(targets.unique(dim=0)) == 8


@pytest.mark.parametrize("objective", [mlm, plm])
def test_a_block_without_targets_costs_nothing(tokenizer, objective):
    class Model(torch.nn.Module):
        def forward(self, input_ids, target_mapping=None, **_):
            shape = input_ids.shape if target_mapping is None else target_mapping.shape[:2]
            return type("Output", (), {"logits": torch.zeros(*shape, 265)})

    batch = objective.collate(as_blocks(torch.full((2, 9), SEPARATOR)), tokenizer, chance(2))
    total, targets = objective.loss(Model(), batch)
    assert (float(total), int(targets)) == (0.0, 0)


def test_plm_needs_two_halves(tokenizer):
    with pytest.raises(UsageError, match=r"(?s)block_size is 7.*such as 8"):
        plm.collate(blocks(tokenizer, 1, 8), tokenizer, chance(1))
