"""The conformance kit passes a good plugin and names what a bad one breaks."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from leaner_harness import (
    ArchitectureSpec,
    CurriculumSpec,
    DifficultySpec,
    ObjectiveSpec,
    TaskFolder,
    TrainerSpec,
)
from leaner_harness.conformance import Check, check_plugin
from leaner_harness.conformance.architecture import VOCABULARY, architecture_steps
from leaner_harness.errors import UnknownName
from leaner_harness.registry import Entry, Registry

EXAMPLE = Path(__file__).parent / "example_plugin"


@pytest.fixture(autouse=True)
def example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))


def checks(kind: str, spec: object) -> list[Check]:
    registry = Registry(entries=[Entry(kind, "stranger", "1.0", spec)])
    return list(check_plugin(registry, "stranger"))


def test_a_good_architecture_lives_a_whole_life() -> None:
    found = checks("architecture", ArchitectureSpec("tiny", build="leaner_example.model:build"))
    assert [check.name for check in found] == [
        "builds", "trains a step of clm", "keeps documents apart", "saves", "loads", "classifies",
        "batch size", "request order", "padding side", "ties", "truncation", "chain rule",
        "half precision", "equals hf",
    ]  # fmt: skip
    assert all(check.passed for check in found), found


def test_documents_that_see_each_other_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recurrent model takes no notice of positions."""
    from transformers import Mamba2Config, Mamba2ForCausalLM

    class Deaf(Mamba2ForCausalLM):
        def forward(self, *args, position_ids=None, **options):
            return super().forward(*args, **options)

    def build(size: str, vocab_size: int) -> Deaf:
        shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_heads": 4, "head_dim": 16}
        return Deaf(Mamba2Config(vocab_size=vocab_size, n_groups=1, state_size=8, **shape)).float()

    module = types.ModuleType("deaf")
    vars(module)["build"] = build
    monkeypatch.setitem(sys.modules, "deaf", module)
    spec = ArchitectureSpec("deaf", build="deaf:build")
    found = {check.name: check for check in checks("architecture", spec)}
    assert not found["keeps documents apart"].passed
    assert "another document changes logits by" in found["keeps documents apart"].detail
    # An architecture that says so is not held to it.
    names = [c.name for c in checks("architecture", dataclasses.replace(spec, packs=False))]
    assert "keeps documents apart" not in names and "saves" in names


@pytest.mark.parametrize(("kind", "complaint"), [("Bert", ""), ("Roberta", "do not begin at 0")])
def test_masked_documents_are_read_as_they_are_scored(kind, complaint, tmp_path, monkeypatch):
    """RoBERTa counts positions from 2: trained from 0 on, it would be scored by others."""
    import transformers

    shape = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    shape |= {"num_attention_heads": 2, "max_position_embeddings": 64}
    config = getattr(transformers, f"{kind}Config")(vocab_size=VOCABULARY, **shape)
    module = types.ModuleType("masked")
    vars(module)["build"] = lambda *_: getattr(transformers, f"{kind}ForMaskedLM")(config)
    monkeypatch.setitem(sys.modules, "masked", module)
    spec = ArchitectureSpec("masked", build="masked:build", objective="mlm")
    steps = itertools.islice(architecture_steps(spec, tmp_path), 3)
    (_, build), (_, train), (name, apart) = steps
    assert name == "keeps documents apart" and build() and train()
    if complaint:
        with pytest.raises(AssertionError, match=complaint):
            apart()
    else:
        assert "from those of the document alone" in apart()


def test_half_precision_weights_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from leaner_example import model

    module = types.ModuleType("half")
    vars(module)["build"] = lambda size, vocab_size: model.build(size, vocab_size).bfloat16()
    monkeypatch.setitem(sys.modules, "half", module)
    (check,) = checks("architecture", ArchitectureSpec("half", build="half:build"))
    assert not check.passed and "float32" in check.detail


def test_a_target_that_is_not_there_is_found() -> None:
    (check,) = checks("architecture", ArchitectureSpec("lost", build="leaner_example:build"))
    assert not check.passed and "cannot be imported" in check.detail


def test_task_folders_are_indexed_and_prompt() -> None:
    found = checks("tasks", TaskFolder("example", "leaner_example:tasks"))
    assert all(check.passed for check in found), found
    assert found[0].detail == "example_sky"
    (missing,) = checks("tasks", TaskFolder("example", "leaner_example:no_tasks"))
    assert not missing.passed and "no folder" in missing.detail


def test_a_trainer_needs_a_frozen_recipe() -> None:
    found = checks("trainer", TrainerSpec("t", train="json:dumps", recipe="decimal:Decimal"))
    assert [check.passed for check in found] == [True, False]


def test_built_ins_keep_their_own_contract() -> None:
    from leaner_harness.registry import load_registry

    found = list(check_plugin(load_registry(), "leaner-harness/ngram"))
    assert found and all(check.passed for check in found), found


@pytest.mark.slow
def test_what_our_trainers_register_keeps_its_contract() -> None:
    from leaner_harness.registry import load_registry

    found = list(check_plugin(load_registry(), "leaner-trainers"))
    assert all(check.passed for check in found), [check for check in found if not check.passed]
    classified = {check.spec for check in found if check.name == "classifies"}
    names = ("llama", "qwen3", "bert", "xlnet", "mamba2")
    assert classified == {f"leaner-trainers/{name}" for name in names}


@pytest.mark.parametrize(
    ("loss", "complaint"),
    [
        (lambda total, count: (total, count), ""),
        (lambda total, count: (total / count, count), "no sum: of twice the rows it is 1.000"),
        (lambda total, count: (total, count / count), "1.000 times as many targets"),
        (lambda total, count: (total * math.nan, count), "the loss is nan"),
        (lambda total, count: (total.detach().requires_grad_(), count), "no gradient"),
        (lambda total, count: (total + (total - total.detach()) * -1, count), "gradient is zero"),
    ],
    ids=["good", "mean", "one target", "nan", "detached", "flat"],
)
@pytest.mark.parametrize("causal", [True, False])
def test_an_objective_is_held_to_its_contract(loss, complaint, causal, monkeypatch):
    import torch

    def collate(blocks, tokenizer, rng):
        return {"input_ids": blocks.ids[:, :-1], "labels": blocks.ids[:, 1:]}

    def summed(model, batch):
        logits = model(input_ids=batch["input_ids"]).logits.flatten(0, 1)
        targets = batch["labels"].flatten()
        total = torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
        return loss(total, torch.tensor(len(targets)))

    module = types.ModuleType("mine")
    vars(module).update(collate=collate, loss=summed)
    monkeypatch.setitem(sys.modules, "mine", module)
    found = checks("objective", ObjectiveSpec("mine", "mine:collate", "mine:loss", causal=causal))
    assert all(check.passed for check in found) == (not complaint)
    assert found[-1].name == "sums a loss" and complaint in found[-1].detail


def test_an_unknown_plugin_is_answered() -> None:
    with pytest.raises(UnknownName, match="'stranger'"):
        list(
            check_plugin(
                Registry([Entry("tasks", "stranger", "1", TaskFolder("a", "b"))]), "strange"
            )
        )


class Bad:
    """A curriculum that breaks its contract in the way its name says."""

    how = "good"
    calls = 0

    def start(self, n, weights, seed):
        return {"stage": 0, **({"seen": (1, 2)} if self.how == "tuple" else {})}

    def pool(self, state, ranking):
        pool = ranking.easiest(0.5 if state["stage"] == 0 or self.how == "half" else 1.0)
        if self.how == "chance":
            return np.sort(np.random.default_rng().permutation(200)[:100])
        return {"order": pool[::-1], "float": pool / 2, "empty": pool[:0]}.get(self.how, pool)

    def observe(self, state, progress):
        if self.how == "memory":
            type(self).calls += 1
        done = progress.step == 500 + type(self).calls % 2
        wish = self.how if self.how in ("more", "rescore") else "advance"
        return ({**state, "stage": 1}, wish) if done else (state, "keep")


def make_bad(how, **options):
    return dataclasses.dataclass(**options)(type("Bad", (Bad,), {"how": how, "calls": 0}))


@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        ("good", ""),
        ("half", "the last pool has .* of 200 documents"),
        ("tuple", "JSON makes"),
        ("order", "ids must ascend"),
        ("float", "a pool has ids, found float64"),
        ("empty", "ids lie in 0"),
        ("chance", "another pool the second time"),
        ("memory", "another answer the second time"),
        ("more", "step 500: it answered 'more'"),
        ("rescore", "step 500: it answered 'rescore'"),
    ],
)
def test_a_curriculum_is_held_to_its_contract(how, complaint, monkeypatch):
    module = types.ModuleType("bad")
    vars(module)["Bad"] = make_bad(how, frozen=True)
    monkeypatch.setitem(sys.modules, "bad", module)
    found = checks("curriculum", CurriculumSpec("bad", "bad:Bad"))
    assert all(check.passed for check in found) == (how == "good"), found
    assert re.search(complaint, found[-1].detail)
    allowed = {"half": {"subset": True}, "rescore": {"rescores": True}}
    if how in allowed:
        spec = CurriculumSpec("bad", "bad:Bad", **allowed[how])
        assert all(check.passed for check in checks("curriculum", spec))


def test_a_curriculum_keeps_nothing_but_its_state(monkeypatch):
    module = types.ModuleType("bad")
    vars(module).update(Thawed=make_bad("good"), Plain=Bad)
    monkeypatch.setitem(sys.modules, "bad", module)
    for name, complaint in (("Thawed", "must be frozen"), ("Plain", "is no dataclass")):
        (found,) = checks("curriculum", CurriculumSpec("bad", f"bad:{name}"))
        assert not found.passed and complaint in found.detail


@pytest.mark.parametrize(
    ("score", "complaint"),
    [
        (lambda e: np.float32([len(d.text) for d in e.documents]), ""),
        (lambda e: np.array([len(d.text) for d in e.documents]), "scores must be float32"),
        (lambda e: np.zeros(1, np.float32), "scores of shape"),
        (lambda e: np.full(len(e.documents), np.inf, np.float32), "no finite number"),
        (lambda e: np.arange(len(e.documents)).astype(np.float32), "together, .* one by one"),
    ],
)
def test_a_difficulty_is_held_to_its_contract(score, complaint, monkeypatch):
    module = types.ModuleType("mine")
    vars(module)["score"] = score
    monkeypatch.setitem(sys.modules, "mine", module)
    found = checks("difficulty", DifficultySpec("mine", "mine:score"))
    assert all(check.passed for check in found) == (not complaint)
    assert re.search(complaint, found[-1].detail, re.DOTALL)
