"""Train: recipe -> checkpoint, through a trainer plugin.

A recipe is a TOML file, or the name of one a plugin ships. Its `trainer` is the plugin's trainer;
the other keys belong to that trainer's recipe class.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leaner_harness import __version__
from leaner_harness.contracts import RESUME, Checkpoint, TrainerSpec, resolve, resolve_folder
from leaner_harness.errors import CheckpointError, UnknownName, UsageError
from leaner_harness.files import write_atomic, write_json
from leaner_harness.model_card import CARD, model_card
from leaner_harness.provenance import hardware, versions
from leaner_harness.registry import load_registry

RECORD = "leaner.json"


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """A recipe that was read and checked: the trainer, and the values it gets."""

    name: str
    trainer: TrainerSpec
    recipe: Any
    """An instance of the trainer's recipe class."""


def read_recipe(source: str, overrides: Sequence[str] = ()) -> Plan:
    """Read a recipe file, or a ready recipe by name, with `key=value` overrides.

    Raises UsageError for a file that is no TOML, an unknown key or a value of the wrong kind.
    """
    path = _recipe_path(source)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}.") from error
    values |= dict(map(_override, overrides))
    trainer: TrainerSpec = load_registry().get("trainer", str(values.pop("trainer", "accelerate")))
    return Plan(path.stem, trainer, _build(resolve(trainer.recipe), values, source))


def recipe_folders() -> dict[str, Path]:
    """Ready recipes: name -> file, from every trainer that ships some."""
    found: dict[str, Path] = {}
    for entry in load_registry().of_kind("trainer"):
        if entry.spec.recipes:
            for path in sorted(resolve_folder(entry.spec.recipes).glob("*.toml")):
                found.setdefault(path.stem, path)
    return found


def _recipe_path(source: str) -> Path:
    path = Path(source)
    if path.is_file():
        return path
    ready = recipe_folders()
    if source in ready:
        return ready[source]
    raise UnknownName("recipe", source, ready, "Or give the path of a TOML file.")


def _override(text: str) -> tuple[str, Any]:
    """`key=value` with a TOML value; a bare word counts as a string."""
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text!r} is not key=value.")
    try:
        return key, tomllib.loads(f"x = {value}")["x"]
    except tomllib.TOMLDecodeError:
        return key, value


def _build(recipe_class: Any, values: Mapping[str, Any], source: str) -> Any:
    names = [field.name for field in dataclasses.fields(recipe_class)]
    for key in values:
        if key not in names:
            raise UnknownName(f"key in recipe {source!r},", key, names)
    return recipe_class(**values)


def check_resumable(plan: Plan, out: Path) -> None:
    """Raise UsageError when no stopped run lies in a folder, or the recipe would throw it away."""
    if getattr(plan.recipe, "resume", True) is False:
        raise UsageError(
            "--resume is to go on, but the recipe has resume = false, which starts over.",
            "Take resume = false out of the recipe, or leave --resume out to start over.",
        )
    if not (out / RESUME).is_dir():
        raise UsageError(
            f"There is nothing to resume in {out}: no run was stopped there.",
            "Give its folder with --out, or start a new run without --resume.",
        )


def train(plan: Plan, out: Path) -> Checkpoint:
    """Run the trainer; `leaner.json` is written last, so its presence says the checkpoint is whole.

    The checkpoint's milestones get the same. Raises UsageError for a folder that holds a model of
    another trainer, and CheckpointError when the trainer says it wrote a directory that is not
    there.
    """
    _refuse_others(plan, out)
    checkpoint: Checkpoint = resolve(plan.trainer.train)(plan.recipe, out)
    for each in (*checkpoint.milestones, checkpoint):
        _describe(each, plan)
    shutil.rmtree(checkpoint.path / RESUME, ignore_errors=True)
    return checkpoint


def _refuse_others(plan: Plan, out: Path) -> None:
    """Two trainers' files in one folder would be two models under one name."""
    try:
        other = json.loads((out / RECORD).read_text(encoding="utf-8"))["recipe"]["trainer"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if other != plan.trainer.name:
        raise UsageError(
            f"{out} holds a model of the trainer {other!r}, whose files would stay.",
            "Give another folder: --out DIR, or remove that one.",
        )


def _describe(checkpoint: Checkpoint, plan: Plan) -> None:
    """Write the model card and, last, `leaner.json`."""
    if not checkpoint.path.is_dir():
        raise CheckpointError(f"Trainer {plan.trainer.name!r} left no directory {checkpoint.path}.")
    arguments = {checkpoint.path_arg: ".", **checkpoint.model_args}
    record = {
        "recipe": {"trainer": plan.trainer.name, **dataclasses.asdict(plan.recipe)},
        "recipe_name": plan.name,
        "lm_eval": {"model": checkpoint.model_type, "model_args": arguments},
        "versions": versions(),
        "hardware": hardware(),
        "harness": __version__,
        **checkpoint.record,
    }
    write_atomic(checkpoint.path / CARD, model_card(checkpoint, record, "leaner_glue"))
    write_json(checkpoint.path / RECORD, record)
