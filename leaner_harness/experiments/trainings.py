"""What an experiment trains: the recipes of its cells, and whether the text they read is there."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from leaner_harness.data.text import read_documents
from leaner_harness.errors import DataError
from leaner_harness.experiments.grid import Cell
from leaner_harness.train import read_recipe


def recipe_of(cell: Cell) -> dict[str, Any] | None:
    """The recipe of a training cell; None for another."""
    if cell.command[0] != "train":
        return None
    pairs = zip(cell.command, cell.command[1:], strict=False)
    overrides = [word for before, word in pairs if before == "--set"]
    return dataclasses.asdict(read_recipe(cell.command[1], overrides).recipe)


def missing_texts(cells: Sequence[Cell]) -> list[str]:
    """Why text that the trainings read cannot be had, each text once; empty where all is there.

    One document is read of each genre that a recipe names, and of the validation split: a training
    that begins hours from now shall not be the first to look. Raises what a wrong recipe raises.
    """
    found: dict[tuple[str, tuple[str, ...]], str] = {}
    for cell in cells:
        recipe = recipe_of(cell)
        if recipe and "data" in recipe:
            text = (str(recipe["data"]), tuple(recipe.get("genres", ())))
            if text not in found:
                found[text] = _fault(*text)
    return [fault for fault in found.values() if fault]


def _fault(source: str, genres: Sequence[str]) -> str:
    try:
        absent = [each for each in genres if not _has(source, "train", [each])]
        if absent or not _has(source, "train", genres):
            return f"{source} holds no train text of {', '.join(absent) or 'any genre'}."
        if not _has(source, "validation", genres):
            return f"{source} holds no validation text of {', '.join(genres) or 'any genre'}."
    except DataError as error:
        return error.message
    return ""


def _has(source: str, split: str, genres: Sequence[str]) -> bool:
    return next(read_documents(source, split, genres), None) is not None
