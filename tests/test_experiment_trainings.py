"""Text that an experiment's trainings read is looked for before the first of them begins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leaner_harness.cli import main
from leaner_harness.experiments import grid, trainings

GENRES = ("web", "book", "wiki", "textbook", "conversation")


def published(folder: Path) -> Path:
    """A folder in the published layout, with originals of the instructions, too."""
    asked = json.dumps({"instruction": "Say hi.", "input": "", "output": "Hi."})
    for side in ("leaner", "ori"):
        data = folder / "data" / side
        for tier in ("10M", "100M"):
            for split in ("train", "validation"):
                (data / tier / split).mkdir(parents=True)
                for genre in GENRES:
                    row = {"text": f"{genre} {tier} {split}."}
                    (data / tier / split / f"{genre}0000.jsonl").write_text(json.dumps(row))
        (data / "instruction0000.jsonl").write_text("\n".join([asked] * 60))
    return folder


def cells(name: str, folder: Path) -> tuple[grid.Cell, ...]:
    folders: dict[str, Path | str] = {"runs": "r", "results": "s", "published": folder, "judge": ""}
    return grid.read(name, "paper", folders).cells


@pytest.mark.parametrize("name", ["exp1", "exp2", "exp3"])
def test_the_paper_s_texts_are_the_published_ones(name: str, tmp_path: Path) -> None:
    assert not trainings.missing_texts(cells(name, published(tmp_path)))


def test_the_larger_set_is_that_of_both_tiers(tmp_path: Path) -> None:
    """As upstream counts: what it calls 100M has the files of 10M, too."""
    for cell in cells("exp1", published(tmp_path)):
        recipe = trainings.recipe_of(cell)
        if recipe:
            read = trainings.read_documents(recipe["data"], "train", recipe["genres"])
            assert {document.text.split()[1] for document in read} == {"10M", "100M"}


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("data/ori/instruction0000.jsonl", "ori holds no train text of instruction."),
        ("data/leaner/instruction0000.jsonl", "leaner holds no train text of instruction."),
        ("data/ori/10*/*/web0000.jsonl", "ori holds no train text of web."),
        (
            "data/leaner/10*/validation/*",
            f"leaner holds no validation text of {', '.join(GENRES)}.",
        ),
    ],
)
def test_what_lacks_is_said_before_anything_is_trained(
    gone: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    for path in published(tmp_path / "p").glob(gone):
        path.unlink()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    words = ["experiment", "run", "exp2", "--preset", "paper", "--published", str(tmp_path / "p")]
    assert main(words) == 3
    assert said in capsys.readouterr().err
    assert not list(Path().iterdir())
