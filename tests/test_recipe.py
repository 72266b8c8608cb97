"""Recipes: every key is checked and described, and the ready ones are valid."""

from __future__ import annotations

import ast
import inspect
import math
import tomllib
from importlib import resources

import pytest
from leaner_trainers.recipe import Recipe

from leaner_harness import UsageError, get_architecture


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"steps": 0}, "'steps' is 0; it must be at least 1"),
        ({"steps": "many"}, "'steps' is 'many'; it must be a whole number"),
        ({"steps": True}, "'steps' is True; it must be a whole number"),
        ({"learning_rate": -1.0}, "'learning_rate' is -1.0; it must be above 0"),
        ({"learning_rate": math.nan}, "'learning_rate' is nan; it must be above 0"),
        ({"learning_rate": math.inf}, "'learning_rate' is inf; it must be a finite number"),
        ({"schedule": "cosin"}, "one of 'cosine', 'linear', 'wsd'"),
        ({"genres": "wiki"}, "'genres' is 'wiki'; it must be a list of strings"),
        ({"genres": [1]}, "'genres' is .1,.; it must be a list of strings"),
        ({"vocab_size": 100}, "'vocab_size' is 100; it must be at least 257"),
        ({"vocab_size": 70000}, "at most 65536"),
        ({"warmup": 12, "steps": 12}, "'warmup' is 12; it must be less than steps"),
        ({"minutes": 0}, "'minutes' is 0; it must be above 0"),
        ({"device": "gpu"}, "one of 'auto', 'cpu', 'cuda', 'mps'"),
        ({"checkpoint_at": "1M words"}, "'checkpoint_at' is '1M words'; it must be a list of str"),
        ({"checkpoint_at": ["1M"]}, "'checkpoint_at' holds '1M', which is no milestone"),
        ({"prompt_loss_weight": 1.5}, "'prompt_loss_weight' is 1.5; it must be at most 1"),
        ({"processes": 0}, "'processes' is 0; it must be at least 1"),
    ],
)
def test_a_wrong_value_is_named(keys, message):
    with pytest.raises(UsageError, match=message):
        Recipe(**keys)


def test_toml_values_fit():
    assert Recipe(genres=["wiki"], learning_rate=1, minutes=None).genres == ("wiki",)


RECIPES = sorted((resources.files("leaner_trainers") / "recipes").iterdir(), key=str)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_ready_recipes_are_valid_and_say_what_they_are(path):
    keys = tomllib.loads(path.read_text())
    assert path.read_text().startswith("# ")
    assert keys.pop("trainer") == "accelerate"
    recipe = Recipe(**keys)
    spec = get_architecture(recipe.architecture)
    assert recipe.size in spec.sizes and spec.name in path.stem.split("-")
    assert recipe.objective in ("", spec.objective, *spec.other_objectives)
    assert recipe.block_size <= 1024 and recipe.block_size % 2 == 0


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_ready_recipe_begins_with_what_another_leaves(path):
    if begins_with := tomllib.loads(path.read_text()).get("init_from"):
        _, recipe, *milestone = begins_with.split("/")
        (other,) = (each for each in RECIPES if each.stem == recipe)
        kept = tomllib.loads(other.read_text()).get("checkpoint_at", [])
        assert milestone[1:] in ([], *([name.replace(" ", "-")] for name in kept))


@pytest.mark.parametrize("name", ["paper-llama", "paper-mamba2"])
def test_the_checkpoint_that_the_papers_authors_scored_is_kept(name):
    (path,) = (each for each in RECIPES if each.stem == name)
    assert "1000 steps" in tomllib.loads(path.read_text())["checkpoint_at"]


def test_every_key_says_what_it_is():
    tree = ast.parse(inspect.getsource(Recipe)).body[0]
    for field, described in zip(tree.body[1:], tree.body[2:], strict=False):
        if isinstance(field, ast.AnnAssign):
            assert isinstance(described, ast.Expr), f"{field.target.id} has no docstring"


def test_endless_text_gets_an_end():
    assert Recipe().words == 1_000_000
    assert Recipe(data="my.txt").words is None
