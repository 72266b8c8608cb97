"""The files an experiment keeps, by the cells they are of: verified, or refused with a reason.

A report is made from this folder alone. What a cell should have left and is not there is absent.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaner_harness.curriculum_report.runs import Run, read_run
from leaner_harness.errors import LeanerError
from leaner_harness.experiments.grid import Cell, Experiment, checkpoint
from leaner_harness.experiments.records import FOLDER, LOG, RECORD
from leaner_harness.leaderboard.entries import VERIFIED, read_entries
from leaner_harness.leaderboard.sets import part
from leaner_harness.learning_curve import MEASURES
from leaner_harness.results import Record, Result

BOARDS = "boards"
TEXTS = "texts/sides.json"


@dataclass(frozen=True)
class Training:
    """A training run, and the files that say of it."""

    run: Run
    files: tuple[str, ...]


@dataclass(frozen=True)
class Scored:
    """A verified result, its training seed, and the files that say of it."""

    result: Result
    path: Path
    """Of the result's file."""
    files: tuple[str, ...]
    cell: Cell

    @property
    def record(self) -> Record:
        """The result's record."""
        return self.result.record


@dataclass(frozen=True)
class Kept:
    """What is there of an experiment."""

    folder: Path
    experiment: Experiment
    training: Mapping[str, Training]
    """By cell."""
    scored: Mapping[str, Scored]
    """By cell."""
    texts: Mapping[str, Any] | None
    refused: tuple[tuple[str, str], ...]

    def absent(self) -> list[str]:
        """Names of the cells without results."""
        return [cell.name for cell in self.experiment.cells if not self._is_there(cell)]

    def _is_there(self, cell: Cell) -> bool:
        if cell.command[0] == "experiment":
            return self.texts is not None
        return cell.name in (self.training if cell.command[0] == "train" else self.scored)

    def results_of(self, step: str, **at: str) -> list[Scored]:
        """The results of a step's cells at a place, in the cells' order."""
        return [self.scored[c.name] for c in self._cells(step, at) if c.name in self.scored]

    def runs_of(self, step: str, **at: str) -> list[Training]:
        """The training runs of a step's cells at a place, in the cells' order."""
        return [self.training[c.name] for c in self._cells(step, at) if c.name in self.training]

    def _cells(self, step: str, at: Mapping[str, str]) -> Iterable[Cell]:
        for cell in self.experiment.cells:
            if cell.step == step and all(cell.at.get(k) == v for k, v in at.items()):
                yield cell


def files_of(found: Sequence[Scored | Training]) -> list[str]:
    """The files of several results or runs."""
    return [name for each in found for name in each.files]


def read(experiment: Experiment, folder: Path) -> Kept:
    """Read and verify all that is kept of an experiment; raises nothing, whatever a file holds."""
    refused: list[tuple[str, str]] = []
    scored = _scored(experiment, folder, refused)
    training: dict[str, Training] = {}
    for cell in experiment.cells:
        if cell.command[0] == "train":
            found = _training(folder, cell, scored, refused)
            if found is None:
                continue
            if before := _other_beginning(found, training.values()):
                refused.append((found.files[0], f"It began with other weights than {before} has."))
                _drop(cell, scored, refused, f"It is of what {found.files[0]} left.")
            else:
                training[cell.name] = found
                _drop_others(cell, found, scored, refused)
    texts = _texts(folder, refused)
    return Kept(folder, experiment, training, scored, texts, tuple(refused))


def _scored(
    experiment: Experiment, folder: Path, refused: list[tuple[str, str]]
) -> dict[str, Scored]:
    entries, bad = read_entries(folder / BOARDS)
    refused += [(f"{_below(each.path, folder)}", plain(each.reason, folder)) for each in bad]
    by_model: dict[str, list[Result]] = defaultdict(list)
    for entry in entries:
        if entry.state == VERIFIED:
            by_model[entry.result.record["model"]["name"]].append(entry.result)
        else:
            refused.append((f"{BOARDS}/{entry.result.path.as_posix()}", entry.reason))
    found = {}
    for cell in experiment.cells:
        if cell.command[0] == "evaluate":
            some = _of_the_cell(cell, by_model[_option(cell, "--model")])
            names = [f"{BOARDS}/{result.path.as_posix()}" for result in some]
            if len(some) == 1:
                samples = names[0].removesuffix(".json") + ".samples.jsonl.gz"
                found[cell.name] = Scored(some[0], folder / names[0], (names[0], samples), cell)
            else:
                refused += [(name, f"{cell.name} has several results; keep one.") for name in names]
    return found


def _of_the_cell(cell: Cell, results: Sequence[Result]) -> list[Result]:
    """The results of its model that a cell may have left; graded answers before ungraded ones."""
    if protocol := _option(cell, "--protocol"):
        return [each for each in results if each.record["protocol"]["name"] == protocol]
    return [each for each in results if each.record.get("judge") is not None] or list(results)


def _option(cell: Cell, name: str) -> str:
    words = cell.command
    return words[words.index(name) + 1] if name in words else ""


def _training(
    folder: Path, cell: Cell, scored: Mapping[str, Scored], refused: list[tuple[str, str]]
) -> Training | None:
    place = folder / FOLDER / checkpoint(cell).name
    if not (place / RECORD).exists():
        return None
    files = tuple(f"{FOLDER}/{place.name}/{name}" for name in (RECORD, LOG))
    try:
        run = read_run(place)
        _agree(run, scored.values())
        # What the sections will ask of it: none of them shall be the first to stumble.
        _ = run.bill, run.seconds, run.stages, run.unique_tokens, run.digest, run.seed
        _ = int(run.record["parameters"]["total"]), int(run.record["data"]["words"])
    except LeanerError as error:
        refused.append((files[0], plain(error.message, folder)))
        return None
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        refused.append((files[0], f"It cannot be read: {error!r}."))
        return None
    return Training(run, files)


def _agree(run: Run, scored: Iterable[Scored]) -> None:
    """Raise LeanerError where a result says otherwise of this run's weights, or the curve does."""
    weights = run.milestones().get("end")
    last = run.curve[-1]
    same = math.isclose(last.loss, run.loss, rel_tol=1e-6)  # measured twice, maybe on a GPU
    if (last.step, last.tokens) != (run.steps, run.tokens) or not same:
        raise LeanerError(f"{run.path} ends otherwise in its log than in its record.")
    for each in scored:
        said = each.record.get("training")
        is_of_them = weights and each.record["model"]["weights_sha256"] == weights
        if not is_of_them or not said:  # what is not known of weights is held against nothing
            continue
        for key in ("tokens_seen", "steps", "parameters", "data", "recipe", *MEASURES):
            if said.get(key) != run.record.get(key):
                raise LeanerError(
                    f"{run.path} and {each.path}, which are of the same weights, differ in {key}."
                )


def _drop_others(
    cell: Cell, training: Training, scored: dict[str, Scored], refused: list[tuple[str, str]]
) -> None:
    """Take away results of a run's checkpoints that are of other weights than it left: older ones.

    What a result does not know of its weights is held against nothing.
    """
    weights = list(training.run.milestones().values())
    reason = f"It is of other weights than {training.files[0]}."
    _drop(cell, scored, refused, reason, lambda of: bool(of) and of not in weights)


def _drop(
    cell: Cell,
    scored: dict[str, Scored],
    refused: list[tuple[str, str]],
    reason: str,
    which: Callable[[str], bool] = lambda _: True,
) -> None:
    """Take away results of a run's checkpoints, by their weights."""
    place = checkpoint(cell)
    for name, each in list(scored.items()):
        is_of_it = Path(each.cell.command[1]).is_relative_to(place)
        if is_of_it and which(each.record["model"]["weights_sha256"]):
            del scored[name]
            refused.append((each.files[0], reason))


def _other_beginning(training: Training, earlier: Iterable[Training]) -> str:
    """The record of a run that this one names as its beginning or reference, and has not used.

    It was made again since. Empty where there is none.
    """
    recipe, record = training.run.recipe, training.run.record
    used = {
        "init_from": part(record, "began_with").get("weights_sha256"),
        "reference": part(record, "curriculum").get("reference"),
    }
    for key, weights in used.items():
        named = Path(str(recipe.get(key) or "")).parts
        for each in earlier:
            is_other = weights and weights not in each.run.milestones().values()
            if each.run.path.name in named and is_other:
                return each.files[0]
    return ""


def _texts(folder: Path, refused: list[tuple[str, str]]) -> Mapping[str, Any] | None:
    path = folder / TEXTS
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        sizes = ("documents", "words", "bytes", "tokens")
        _ = [found["texts"][side][size] for side in found["sides"] for size in sizes]
        _ = found["entropy"]["genres"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        refused.append((TEXTS, f"It cannot be read: {error!r}."))
        return None
    return found


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def plain(reason: str, folder: Path) -> str:
    """A reason without the place of the folder, which tells of a machine."""
    return reason.splitlines()[0].replace(f"{folder}/", "")
