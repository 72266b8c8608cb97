"""Recipes are read and checked; a checkpoint gets its record last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leaner_harness import train as verb
from leaner_harness.cli import main
from leaner_harness.errors import UnknownName, UsageError


def test_ready_recipes_are_found_by_name() -> None:
    plan = verb.read_recipe("ngram", ["words=2000", "order=2"])
    assert plan.trainer.name == "ngram"
    assert (plan.recipe.words, plan.recipe.order) == (2000, 2)


def test_a_recipe_file_may_lie_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('trainer = "ngram"\ndata = "mini"\nwords = 1000\n')
    plan = verb.read_recipe(str(path))
    assert plan.name == "mine" and plan.recipe.data == "mini"


def test_a_bare_word_is_a_string_and_a_number_a_number() -> None:
    plan = verb.read_recipe("ngram", ["data=mini-harder", "words=1_000"])
    assert plan.recipe.data == "mini-harder" and plan.recipe.words == 1000


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["wrods=5"], "Did you mean 'words'"),
        (["words"], "is not key=value"),
        (['words="many"'], "'words'"),
        (["trainer=nrgam"], "Did you mean 'ngram'"),
        (["trainer=5"], "Unknown trainer '5'"),
    ],
)
def test_a_wrong_key_is_answered(overrides: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        verb.read_recipe("ngram", overrides)


def test_an_unknown_recipe_and_broken_toml_are_answered(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="'ngram'"):
        verb.read_recipe("n-gram")
    path = tmp_path / "broken.toml"
    path.write_text("trainer = \n")
    with pytest.raises(UsageError, match="not valid TOML"):
        verb.read_recipe(str(path))


def test_a_checkpoint_says_how_it_is_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ngram"
    assert main(["train", "ngram", "--set", "words=3000", "--out", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert "--model leaner-ngram" in printed["score_with"]
    record = json.loads((out / "leaner.json").read_text())
    assert record["lm_eval"]["model"] == "leaner-ngram"
    assert record["recipe"]["trainer"] == "ngram" and record["recipe"]["words"] == 3000
    assert str(tmp_path) not in json.dumps(record)


def test_a_run_that_replaces_a_finished_one_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "ngram", "--set", "words=3000", "--out", str(tmp_path / "run")]
    for is_second in (False, True):
        assert main(command) == 0
        assert ("holds a finished run" in capsys.readouterr().err) is is_second


def test_two_trainers_share_no_folder(tmp_path: Path) -> None:
    """Weights of one and curve of the other would be filed as one model."""
    plan = verb.read_recipe("ngram", ["words=500", "validation_words=200"])
    (tmp_path / "leaner.json").write_text('{"recipe": {"trainer": "accelerate"}}')
    with pytest.raises(UsageError, match="a model of the trainer 'accelerate'"):
        verb.train(plan, tmp_path)
    (tmp_path / "leaner.json").unlink()
    (tmp_path / "resume").mkdir()
    with pytest.raises(UsageError, match="a run that was stopped"):
        verb.train(plan, tmp_path)
    (tmp_path / "resume").rmdir()
    verb.train(plan, tmp_path)
    verb.train(plan, tmp_path)  # its own it replaces


def test_the_ready_recipes_are_listed_with_what_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["train", "--list"]) == 0
    assert "ngram" in capsys.readouterr().out
    assert main(["train", "ngram", "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["trainer"] == "ngram"
