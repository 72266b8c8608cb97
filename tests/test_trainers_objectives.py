"""What a run of each objective learns, measures, and says of how to be scored."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from leaner_trainers import loop
from small_training import RECIPE, log_of, surroundings

from leaner_harness import UnknownName
from leaner_harness.models.masked import MaskedLM


@pytest.fixture(autouse=True, scope="module")
def around():
    with surroundings():
        yield


def test_another_objective_that_suits_is_trained_and_scored_so(tmp_path):
    recipe = replace(RECIPE, architecture="mlm", objective="mntp")
    found = loop.train(recipe, tmp_path / "mntp")
    assert found.model_args == {"max_length": "32", "scoring": "mntp"}
    assert found.record["validation_loss"] < math.log(300) - 1
    MaskedLM(str(found.path), device="cpu", **found.model_args)  # takes these arguments
    with pytest.raises(UnknownName, match="objective of architecture 'mlm' 'clm'"):
        loop.train(replace(recipe, objective="clm"), tmp_path / "clm")


@pytest.mark.parametrize("objective", ["mlm", "plm"])
def test_a_step_is_the_mean_over_its_targets_however_it_is_cut_up(objective, tmp_path):
    """Batches of a step have different numbers of targets; each target counts the same."""
    recipe = replace(RECIPE, architecture=objective, size="exact", steps=3)
    found = []
    for rows, parts in ((12, 1), (1, 12)):
        cut = replace(recipe, batch_size=rows, gradient_accumulation=parts)
        out = loop.train(cut, tmp_path / str(parts)).path
        found.append(log_of(out))
    for one, other in zip(*found, strict=True):
        for key in ("loss", "gradient_norm"):
            assert one[key] == pytest.approx(other[key], rel=1e-4)


def test_sft_learns_from_a_checkpoint_to_answer(tmp_path):
    before = loop.train(replace(RECIPE, steps=4), tmp_path / "before")
    recipe = replace(RECIPE, objective="sft", data="questions", init_from=str(before.path))
    found = loop.train(recipe, tmp_path / "sft")
    entries = log_of(found.path)
    assert entries[-1]["loss"] < entries[0]["loss"]
    assert (found.model_type, found.model_args) == ("hf", {"max_length": "32"})
    seen, targets = found.record["tokens_seen"], found.record["targets_seen"]
    assert 0.2 < targets / seen < 0.6  # half of an example is its answer; the rest is no target
    everything = loop.train(replace(recipe, prompt_loss_weight=1.0), tmp_path / "all")
    assert everything.record["targets_seen"] > 1.5 * targets
    assert "sample" in entries[-1]
