"""The card tells what a checkpoint is, and its commands and recipe work when copied."""

from __future__ import annotations

import dataclasses
import shlex
import tomllib
from pathlib import Path

import pytest

from leaner_harness import Checkpoint, UsageError
from leaner_harness import train as verb
from leaner_harness.model_card import CARD, model_card, score_command

RECORD = {
    "recipe": {
        "trainer": "accelerate", "architecture": "bert", "size": "1M", "data": "mini",
        "genres": ("wiki", "web"), "learning_rate": 1e-5, "minutes": None, "bf16": True,
    },
    "recipe_name": "bert-1m", "harness": "0.1.0", "hardware": "1 x cpu",
    "parameters": {"total": 1_500_000, "non_embedding": 1_000_000},
    "shape": {"depth": 4, "width": 128},
    "data": {"digest": "ab", "words": 2_000, "tokens": 4_000}, "tokens_seen": 10_000,
    "validation_loss": 1.25, "validation_loss_by_genre": {"web": 1.5, "wiki": 1.0},
}  # fmt: skip
CHECKPOINT = Checkpoint(Path("runs/x y"), "leaner-masked", {"max_length": "32"}, record=RECORD)


def test_a_card():
    card = model_card(CHECKPOINT, RECORD, "leaner_glue")
    assert card.startswith("---\nlibrary_name: transformers\npipeline_tag: fill-mask\n")
    for row in (
        "| architecture | bert 1M |", "| parameters, non-embedding | 1,000,000 |",
        "| layers x width | 4 x 128 |",
        "| text | mini (wiki, web) |", "| passes over the text | 2.50 |",
        "| validation, nats per target | 1.250 |", "| validation, nats per target, web | 1.500 |",
    ):  # fmt: skip
        assert row in card
    recipe = tomllib.loads(card.split("```toml\n")[1].split("```")[0])
    assert recipe == {k: list(v) if k == "genres" else v for k, v in RECORD["recipe"].items() if v}
    command = shlex.split(card.split("```bash\n")[1].split("```")[0])
    assert command == score_command(CHECKPOINT, "leaner_glue", path=".")
    assert "pretrained=.,max_length=32" in command


def test_a_card_says_what_the_training_began_with():
    recipe = {**RECORD["recipe"], "init_from": "runs/before"}
    began = {"recipe_name": "before", "tokens_seen": 5_000, "flops": None}
    card = model_card(CHECKPOINT, {**RECORD, "recipe": recipe, "began_with": began}, "leaner_glue")
    assert "nothing else" in model_card(CHECKPOINT, RECORD, "leaner_glue")
    assert "nothing else" not in card and "| began with | runs/before |" in card
    assert "| tokens seen | 10,000 |" in card
    assert "| tokens seen, before it began | 5,000 |" in card


def test_the_recipe_of_a_card_is_toml_whatever_it_holds():
    recipe = {
        "trainer": "accelerate", "bf16": "auto", "minutes": None, "data": "text 😀 \"a\"\n",
        "curriculum_options": {"stages": 5, "shares": [0.5, 1.0], "none": None, "a b": {"x": True}},
        "nothing": {}, "checkpoint_at": ("1M words", "2 steps"), "rates": [{"at": 1e-5}],
    }  # fmt: skip
    card = model_card(CHECKPOINT, {**RECORD, "recipe": recipe}, "leaner_glue")
    read = tomllib.loads(card.split("```toml\n")[1].split("```")[0])
    assert read == {
        "trainer": "accelerate", "bf16": "auto", "data": recipe["data"],
        "curriculum_options": {"stages": 5, "shares": [0.5, 1.0], "a b": {"x": True}},
        "nothing": {}, "checkpoint_at": ["1M words", "2 steps"], "rates": [{"at": 1e-5}],
    }  # fmt: skip


def test_a_card_of_a_trainer_that_says_little():
    bare = {"recipe": {"trainer": "t"}, "recipe_name": "r", "harness": "1", "hardware": "here"}
    card = model_card(Checkpoint(Path("x"), "other", {}), bare, "leaner_glue")
    assert "pipeline_tag" not in card and "# r" in card and "| hardware | here |" in card


def test_resuming_never_throws_away_what_it_is_to_go_on_from(tmp_path):
    """A recipe may still have the `resume = false` with which its run was once started over."""
    (tmp_path / "resume").mkdir()
    verb.check_resumable(verb.read_recipe("llama-1m"), tmp_path)
    with pytest.raises(UsageError, match="resume = false, which starts over"):
        verb.check_resumable(verb.read_recipe("llama-1m", ["resume=false"]), tmp_path)


def test_the_verb_describes_the_checkpoint_and_its_milestones(tmp_path, monkeypatch):
    plan = verb.read_recipe("ngram", ["words=500"])

    def train(recipe, out):
        made = Checkpoint(out, "hf", {}, record={"steps": 2})
        early = dataclasses.replace(made, path=out / "milestones" / "1-steps", record={"steps": 1})
        for folder in (made.path, early.path, out / "resume" / "state"):
            folder.mkdir(parents=True, exist_ok=True)
        return dataclasses.replace(made, milestones=(early,))

    monkeypatch.setattr(verb, "resolve", lambda _: train)
    with pytest.raises(UsageError, match="nothing to resume"):
        verb.check_resumable(plan, tmp_path)
    (tmp_path / "resume").mkdir()
    verb.check_resumable(plan, tmp_path)
    verb.train(plan, tmp_path)
    for folder, steps in ((tmp_path, 2), (tmp_path / "milestones" / "1-steps", 1)):
        assert f"| steps | {steps} |" in (folder / CARD).read_text()
        assert f'"steps": {steps}' in (folder / "leaner.json").read_text()
    assert not (tmp_path / "resume").exists()
