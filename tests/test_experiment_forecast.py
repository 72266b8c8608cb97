"""The dry run of an experiment: hours by what was timed, here or in the cells that are done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_glue
import torch

from leaner_harness.errors import UsageError
from leaner_harness.experiments import forecast, pace
from leaner_harness.experiments.drive import Place
from leaner_harness.experiments.grid import Cell
from leaner_harness.experiments.pace import Model, Pace

BUDGET = ("batch_size=4", "block_size=64", "warmup=1")


def cell(name: str, *settings: str, recipe: str = "llama-1m") -> Cell:
    words = [word for setting in settings for word in ("--set", setting)]
    return Cell(f"train/{name}", "train", {}, ("train", recipe, *words, "--out", name))


def done(folder: Path, cell: Cell, seconds: float) -> None:
    mark = Place(folder).mark(cell)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps({"digest": cell.digest, "seconds": seconds}))


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[Model]:
    """The models that were timed; a token of XLNet takes twice as long as one of another."""
    asked: list[Model] = []

    def measured(model: Model) -> Pace:
        asked.append(model)
        return Pace(1000, 2e-3 if model.architecture == "xlnet" else 1e-3)

    monkeypatch.setattr(pace, "_measured", measured)
    return asked


def test_hours_are_those_of_the_recipe_s_own_model(timed: list[Model], tmp_path: Path) -> None:
    cells = [
        cell("a", "steps=10", *BUDGET),
        cell("b", "steps=10", *BUDGET, recipe="xlnet-1m"),
    ]
    found = forecast.forecast(cells, tmp_path)["steps"]["train"]
    assert found["known"] and found["tokens"] == 2 * 10 * 4 * 64
    assert found["hours"] == pytest.approx(10 * 4 * 64 * 3e-3 / 3600)
    assert [model.architecture for model in timed] == ["llama", "xlnet"]


@pytest.mark.parametrize("units", [True, False])
def test_a_recipe_is_timed_in_the_precision_that_it_trains_in(
    units: bool, timed: list[Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "usual_device", lambda: torch.device("cpu"))
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"amx_bf16": units}, raising=False)
    for setting in ('bf16="auto"', "bf16=false"):
        forecast.forecast([cell("a", "steps=10", setting, *BUDGET)], tmp_path)
    assert [model.bfloat16 for model in timed] == [units, False]


def test_cells_that_are_done_tell_of_longer_ones(timed: list[Model], tmp_path: Path) -> None:
    """The short ones come first: their mean is not that of what is left."""
    cells = [cell(f"{n}", f"steps={n}", *BUDGET) for n in (10, 20, 100)]
    done(tmp_path, cells[0], 10.0)
    done(tmp_path, cells[1], 20.0)
    found = forecast.forecast(cells, tmp_path)["steps"]["train"]
    assert found["hours"] == pytest.approx(100 / 3600) and found["done"] == 2
    done(tmp_path, cells[2], 100.0)
    timed.clear()
    assert forecast.forecast(cells, tmp_path)["total"]["hours"] == 0 and not timed


def test_a_trainer_that_takes_no_steps_has_no_hours(timed: list[Model], tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('trainer = "ngram"\n')
    cells = [cell("a", recipe=str(tmp_path / "own.toml"))]
    found = forecast.forecast(cells, tmp_path)
    assert not found["total"]["known"] and found["total"]["tokens"] == 0


def test_steps_of_a_model_are_timed() -> None:
    recipe = {"architecture": "bert", "size": "1M", "vocab_size": 300, "objective": "",
              "block_size": 16, "batch_size": 2, "bf16": False}  # fmt: skip
    found = pace.pace(recipe)
    assert found.parameters > 1e6 and 0 < found.seconds < 1


def scored(name: str, *words: str) -> Cell:
    return Cell(f"score/{name}", "score", {}, ("evaluate", name, *words))


def test_a_score_is_timed_by_its_checkpoint_s_recipe(timed: list[Model], tmp_path: Path) -> None:
    """Rows of fine-tuning, its passes, rates and seeds; the shape of a step is the protocol's."""
    glue = small_glue.write_glue(tmp_path / "glue", n=40)
    words = ("--tasks", "cola,rte", "--split", "validation", "--data", str(glue))

    def hours(*more: str, at: str = "a") -> float:
        cells = [cell("a", "steps=10", *BUDGET), scored(at, *words, *more)]
        found = forecast.forecast(cells, tmp_path)["steps"]["score"]
        assert found["known"] and found["tokens"] == 0
        return float(found["hours"])

    glance = hours("--protocol", "glance", "--model-args", "workers=1,bf16=true")
    assert glance > 0 and timed[-1].bfloat16 and timed[-1].rows == 16
    assert hours("--protocol", "quick") == pytest.approx(12 * glance)  # 3 seeds x 12 passes / 3
    paper = hours("--protocol", "paper")
    assert paper == pytest.approx((30 + 50) / 2 * 35 / 3 * glance, rel=0.5)
    assert 0 < hours() == hours(at="a/milestones/5-steps")


def test_answers_absent_rows_and_what_was_never_trained_have_no_hours(
    timed: list[Model], tmp_path: Path
) -> None:
    trained = cell("a", "steps=10", *BUDGET)
    nowhere = ("--tasks", "cola", "--data", str(tmp_path / "nowhere"))
    for last in (
        scored("a", "--tasks", "leaner_eval_mini"),
        scored("a", *nowhere),
        scored("b", "--tasks", "cola"),
    ):
        found = forecast.forecast([trained, last], tmp_path)
        assert found["steps"]["train"]["known"] and not found["steps"]["score"]["known"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--protocol", "glanse"), "Unknown protocol 'glanse'. Did you mean 'glance'"),
        (("--protocol", "glance", "--model-args", "bf16=auto,"), ""),
    ],
)
def test_a_plain_mistake_in_a_score_is_no_traceback(
    words: tuple[str, ...], message: str, timed: list[Model], tmp_path: Path
) -> None:
    small_glue.write_glue(tmp_path / "glue", ("train", "validation", "test"))
    score = Cell("s/a", "s", {}, ("evaluate", "a", *words, "--data", str(tmp_path / "glue")))
    try:
        found = forecast.forecast([cell("a", "steps=10", *BUDGET), score], tmp_path / "x")
    except UsageError as error:
        assert message and message in str(error)
    else:
        assert not message and found["steps"]["s"]["known"] and timed
