"""A model on this machine as a judge: expected digits, the same every time."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from leaner_harness import CheckpointError
from leaner_harness.judge.local import LocalJudge
from leaner_harness.judge.rubric import level_prompt, shown
from leaner_harness.judge.verdicts import DIMENSIONS, Item

ITEMS = [
    Item("lake", "What is a lake?", "A lake is water with land around it."),
    Item("short", "Why?", "No."),
    Item("empty", "Why?", "  "),
    Item("night", "What is dark?", "At night it is dark, and most people sleep."),
]


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    import tiny_llama

    return LocalJudge(str(tiny_llama.save(tmp_path_factory.mktemp("judge") / "tiny", context=2048)))


def slowly(judge, item, dimension):
    """The definition, for one prompt."""
    tokenizer = AutoTokenizer.from_pretrained(judge._path)
    model = AutoModelForCausalLM.from_pretrained(judge._path).eval()
    prompt = f"{level_prompt(dimension)}\n{shown(item)}\nGrade="
    digits = [tokenizer(str(digit)).input_ids[-1] for digit in range(6)]
    with torch.no_grad():
        logits = model(**tokenizer(prompt, return_tensors="pt")).logits[0, -1]
    chances = logits[digits].softmax(dim=0)
    return float((chances * torch.arange(6)).sum())


def test_grades_are_expected_digits(judge):
    found = {verdict.id: verdict for verdict in judge.judge(ITEMS)}
    assert [found[item.id].state for item in ITEMS] == ["ok", "ok", "rule", "ok"]
    for item in (ITEMS[0], ITEMS[3]):
        for name in DIMENSIONS:
            assert found[item.id].grades[name] == pytest.approx(slowly(judge, item, name), abs=1e-4)
    assert len({round(found[item.id].grades["grammar"], 6) for item in ITEMS}) >= 3


def test_order_and_company_change_nothing(judge):
    whole = {verdict.id: verdict.grades for verdict in judge.judge(ITEMS)}
    for item in ITEMS:
        (alone,) = judge.judge([item])
        assert alone.grades == pytest.approx(whole[item.id], abs=1e-5)
    assert {v.id: v.grades for v in judge.judge(ITEMS)} == whole


def test_what_the_context_cannot_hold_is_truncated(judge):
    long = Item("long", "What?", "word " * 3000)
    first, second = judge.judge([long, ITEMS[0]])
    assert first.state == "truncated" and "context" in first.reason and not first.grades
    assert second.state == "ok"


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="has no weights"):
        LocalJudge(str(tmp_path))


def test_its_fingerprint_names_weights_and_prompt_not_the_place(judge):
    fingerprint = judge.fingerprint
    assert len(fingerprint["weights_sha256"]) == 64 and fingerprint["model"] == "tiny"
