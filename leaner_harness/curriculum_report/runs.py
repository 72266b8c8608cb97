"""Runs to be compared by what they were shown: read from their folders, held against each other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from leaner_harness.contracts import RESUME
from leaner_harness.errors import CheckpointError, UsageError
from leaner_harness.learning_curve import LOG, MEASURES
from leaner_harness.provenance import weights_digest

_MAY_DIFFER = {
    *("curriculum", "difficulty", "control"),
    *("curriculum_options", "reference", "follow"),
    *("seed", "steps", "warmup", "learning_rate", "embedding_rate"),
    *("eval_every", "sample_every", "sample_prompt", "checkpoint_at", "tensorboard"),
    *("resume", "device", "processes", "compile"),
}
"""Keys of a recipe in which runs to be compared may differ."""


class Point(NamedTuple):
    """A measurement on the way."""

    step: int
    tokens: int
    loss: float


class Stage(NamedTuple):
    """A pool of a run."""

    step: int
    """After which it was read."""
    share: float
    """Of the text's tokens."""


@dataclass(frozen=True)
class Run:
    """One run: what it was shown, how far it came, and what that cost."""

    path: Path
    record: Mapping[str, Any]
    key: str
    """Under which the record has its loss."""
    curve: tuple[Point, ...]

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Its recipe."""
        return dict(self.record["recipe"])

    @property
    def group(self) -> str:
        """What it was shown, in words: runs that differ in seed and length share it."""
        return _shown(self.recipe, self.recipe.get("control", ""))

    @property
    def control_of(self) -> str:
        """The group whose pools, in random order, this one reads; empty where it is no control."""
        is_control = self.recipe.get("control") == "random"
        return _shown(self.recipe, "") if is_control else ""

    @property
    def seed(self) -> int:
        """The seed of the weights and the order."""
        return int(self.recipe["seed"])

    @property
    def digest(self) -> str:
        """Of the text it was trained on."""
        return str(self.record["data"]["digest"])

    @property
    def steps(self) -> int:
        """Its whole budget."""
        return int(self.record["steps"])

    @property
    def tokens(self) -> int:
        """Tokens seen."""
        return int(self.record["tokens_seen"])

    @property
    def loss(self) -> float:
        """At the end, on the validation text."""
        return float(self.record[self.key])

    @property
    def unique_tokens(self) -> int:
        """Tokens of the documents of which something was read."""
        curriculum = self.record.get("curriculum")
        known = min(self.tokens, int(self.record["data"]["tokens"]))
        return int(curriculum["unique_tokens"]) if curriculum else known

    @property
    def bill(self) -> int | None:
        """Tokens trained on, a third of those scored, those of the reference; None if unknown."""
        curriculum = self.record.get("curriculum")
        found: int | None = curriculum["bill"]["token_equivalents"] if curriculum else self.tokens
        return found

    @property
    def _curriculum(self) -> Mapping[str, Any]:
        """What the record says of it; empty without one."""
        return self.record.get("curriculum") or {}

    @property
    def seconds(self) -> float:
        """Wall time, that of scoring before the first step included."""
        before = self._curriculum.get("seconds", {}).get("scoring_before", 0.0)
        return float(self.record["seconds"]) + float(before)

    @property
    def ended_early(self) -> bool:
        """Whether it never came to read from the whole text, though it is no `subset`."""
        said = self._curriculum
        is_part = bool(self.stages) and self.stages[-1].share < 1
        return is_part and not said.get("is_subset", self.recipe.get("curriculum") == "subset")

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The pools it read from."""
        found = self._curriculum.get("stages", [])
        return tuple(Stage(each.get("step", 0), each["share"]) for each in found)

    def milestones(self) -> dict[str, str]:
        """Digests of the weights of its milestones, by name, and of its last ones as `end`.

        A record that is kept without its checkpoint says them itself.
        """
        if "weights" in self.record:
            return dict(self.record["weights"])
        return {name: weights_digest(path) for name, path in milestone_folders(self.path).items()}


def milestone_folders(checkpoint: Path) -> dict[str, Path]:
    """The folders of a run's milestones, by name, and its own as `end`."""
    folders = {path.name: path for path in sorted(checkpoint.glob("milestones/*"))}
    return folders | {"end": checkpoint}


def _shown(recipe: Mapping[str, Any], control: str) -> str:
    """What a recipe, with a control or without, shows a model, in words."""
    if not recipe.get("curriculum"):
        return "no curriculum"
    words = [str(recipe[key]) for key in ("curriculum", "difficulty") if recipe.get(key)]
    words += [f"({control})"] * bool(control)
    if recipe.get("reference"):
        words.append(f"by {Path(recipe['reference']).name}")
    options = dict(recipe.get("curriculum_options") or {})
    # A control's pace may be its run's, which differs by seed.
    if recipe.get("control") and options.pop("advance_at", None):
        options.pop("rule", None)
    shown = ", ".join(f"{key}={value}" for key, value in sorted(options.items()))
    return " ".join(words) + (f" [{shown}]" if shown else "")


def read_run(folder: Path) -> Run:
    """A finished run of a trainer that logs as ours.

    Raises CheckpointError where the folder has no record, no log, or no validation loss, and where
    another run was begun in it: the log is of that.
    """
    if (folder / RESUME).is_dir():
        raise CheckpointError(
            f"{folder} has a run that is not finished.", "Finish it: the same command goes on."
        )
    try:
        record = json.loads((folder / "leaner.json").read_text(encoding="utf-8"))
        lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
        key = next(key for key in MEASURES if key in record)
        entries = [entry for entry in map(json.loads, lines) if key in entry]
        curve = [Point(e["step"], e["tokens_seen"], e[key]) for e in entries]
        if not curve or curve[-1].step < record["steps"]:  # the end is measured, if not logged
            curve.append(Point(record["steps"], record["tokens_seen"], record[key]))
        run = Run(folder, record, key, tuple(curve))
        _ = run.group, run.seed, run.loss, run.unique_tokens, run.bill, run.seconds, run.digest
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise CheckpointError(
            f"{folder} is no finished run with a validation loss: {error!r}.",
            "Give folders that `leaner train` finished.",
        ) from error
    return run


def check_comparable(runs: Sequence[Run]) -> None:
    """Raise UsageError, naming the difference, where runs differ in more than what they were shown.

    Within a group the learning rate, too, has to be one; a run given twice is refused.
    """
    first = runs[0]
    for run in runs[1:]:
        _refuse(first, run, "data", first.digest, run.digest)
        _refuse(first, run, "what is measured", first.key, run.key)
        for key in sorted({*first.recipe, *run.recipe} - _MAY_DIFFER):
            _refuse(first, run, key, first.recipe.get(key), run.recipe.get(key))
    met: dict[tuple[str, int, int], Run] = {}
    rates: dict[tuple[str, int], Run] = {}
    for run in runs:
        twin = met.setdefault((run.group, run.steps, run.seed), run)
        if twin is not run:
            raise UsageError(
                f"{twin.path} and {run.path} are the same run: {run.group}, {run.steps:,} steps, "
                f"seed {run.seed}."
            )
        other = rates.setdefault((run.group, run.steps), run)
        for key in ("learning_rate", "embedding_rate", "warmup"):
            _refuse(other, run, key, other.recipe.get(key), run.recipe.get(key))


def _refuse(one: Run, other: Run, key: str, first: Any, second: Any) -> None:
    if first != second:
        raise UsageError(
            f"{one.path} and {other.path} differ in {key}: {first!r} and {second!r}.",
            "Compare runs that differ in what they were shown, in seed and in length only.",
        )
