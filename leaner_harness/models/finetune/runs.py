"""The runs of one task: what is done and what is left, which rate wins, and its predictions."""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from leaner_harness.data.rows import fingerprint
from leaner_harness.errors import CheckpointError
from leaner_harness.files import write_json
from leaner_harness.models.finetune.rows import TaskData
from leaner_harness.models.finetune.training import RUN, WEIGHTS, Run, Setting, predict_run
from leaner_harness.models.loading import tokenizer_digest

_FORMAT = 3
"""Raise it when training, encoding or what is kept of a run changes: older runs are made anew."""

Predictions = list[list[list[float]]]
"""Seed -> reported row -> class log-probabilities."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Every (rate, seed) run of one task, in a folder that is theirs alone."""

    setting: Setting
    data: TaskData
    folder: Path

    @property
    def runs(self) -> list[Run]:
        """All runs, rate by rate."""
        return [
            Run(self.setting, self.data.task.name, rate, seed, self._folder(rate, seed))
            for rate in self.setting.protocol.rates
            for seed in self.setting.protocol.seeds
        ]

    def _folder(self, rate: float, seed: int) -> Path:
        return self.folder / f"rate-{rate:g}-seed-{seed}"

    def left(self) -> list[Run]:
        """Runs without an outcome on disk."""
        return [run for run in self.runs if not run.done]

    def outcomes(self) -> dict[float, list[dict[str, Any]]]:
        """Rate -> what its finished runs say, seed by seed."""
        found: dict[float, list[dict[str, Any]]] = {}
        for run in self.runs:
            if run.done:
                outcome = json.loads((run.folder / RUN).read_text(encoding="utf-8"))
                found.setdefault(run.rate, []).append(outcome)
        return found

    def best_rate(self) -> float | None:
        """The finished rate with the best mean selection score; of equals, the first.

        None where a run of every rate diverged.
        """
        means = {rate: mean for rate, mean in self._means().items() if mean > -math.inf}
        return max(means, key=lambda rate: means[rate]) if means else None

    def _means(self) -> dict[float, float]:
        """Mean selection score of each rate whose seeds are all done; -inf if one diverged."""
        complete = {
            rate: [outcome["score"] for outcome in outcomes]
            for rate, outcomes in self.outcomes().items()
            if len(outcomes) == len(self.setting.protocol.seeds)
        }
        return {
            rate: -math.inf if None in scores else statistics.fmean(scores)
            for rate, scores in complete.items()
        }

    def spare_disk(self) -> None:
        """Delete the weights of finished rates that have lost already."""
        means = self._means()
        if len(means) < 2:
            return
        best = max(means, key=lambda rate: means[rate])
        for run in self.runs:
            if run.rate in means and run.rate != best:
                (run.folder / WEIGHTS).unlink(missing_ok=True)

    def predictions(self) -> Predictions:
        """The winning rate's predictions of the reported rows; none where no rate won."""
        return [said["log_probabilities"] for said in self._reported(self.best_rate())]

    def _reported(self, rate: float | None) -> list[dict[str, Any]]:
        """What each seed of a rate says of the reported rows: the only time these are touched.

        It is kept on disk, and so are the rate's weights: another split may be asked for.
        """
        rows = fingerprint(self.data.task, self.data.split, self.data.reported)
        found = []
        for run in (run for run in self.runs if run.rate == rate):
            path = run.folder / f"predictions-{self.data.split}-{rows[:16]}.json"
            if not path.is_file():
                _needs_weights(run)
                write_json(path, predict_run(run, self.data))
            found.append(json.loads(path.read_text(encoding="utf-8")))
        return found

    def record(self) -> dict[str, Any]:
        """What a result says of the runs: winning rate, selection scores, cost.

        Where no rate won, or the one that did gives a reported row no number, the state is
        `diverged`.
        """
        rate, outcomes = self.best_rate(), self.outcomes()
        every = [outcome for found in outcomes.values() for outcome in found]
        diverged = sum(outcome["state"] == "diverged" for outcome in every)
        record = self.data.record() | {
            "seeds": list(self.setting.protocol.seeds),
            "runs": len(every),
            "diverged": diverged,
            "selection_scores": {
                f"{rate:g}": [outcome["score"] for outcome in found]
                for rate, found in sorted(outcomes.items())
            },
            "truncated": max(outcome["truncated"] for outcome in every),
            "seconds": round(sum(outcome["seconds"] for outcome in every), 1),
        }
        if rate is None:
            reason = (
                f"{diverged} of {len(every)} runs diverged, at least one at every rate. {_CURE}"
            )
            return record | {"state": "diverged", "reason": reason}
        reported = self._reported(rate)
        if lost := sum(said["log_probabilities"].count(None) for said in reported):
            reason = f"Rate {rate:g}, which won, gives {lost} reported rows no number. {_CURE}"
            return record | {"state": "diverged", "reason": reason}
        best = [outcome["best_epoch"] for outcome in outcomes[rate]]
        cut = max(said["truncated"] for said in reported)
        return record | {"rate": rate, "best_epochs": best, "reported_truncated": cut}


_CURE = "Protocol paper tries lower rates; weights that are not finite need another training."


def _needs_weights(run: Run) -> None:
    if not (run.folder / WEIGHTS).is_file():
        raise CheckpointError(
            f"The weights of a finished run are gone: {run.folder}.",
            "Delete that folder and start again: the run is made anew.",
        )


def grid_folder(work: Path, setting: Setting, weights: str, data: TaskData) -> Path:
    """Where a task's runs lie: a name that changes with anything that changes their outcome.

    Of the code that is `_FORMAT`, which has to be raised by hand.
    """
    said = asdict(setting) | {"weights": weights, "protocol": setting.protocol.record()}
    keys = ("weights", "protocol", "from_scratch", "max_length", "bf16", "compile")
    identity = {key: said[key] for key in keys}
    if setting.scratch_seed:  # runs of earlier versions have none
        identity["scratch_seed"] = setting.scratch_seed
    identity["tokenizer"] = tokenizer_digest(setting.tokenizer)
    # The same weights with other attention heads or another activation are another model.
    identity["configuration"] = _configuration(setting.checkpoint)
    text = json.dumps([_FORMAT, identity, data.digest()], sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    return work / f"{data.task.name}-{setting.protocol.name}-{name}"


def _configuration(checkpoint: str) -> dict[str, Any]:
    """What config.json says of the model, and not of who wrote the file or where it lies."""
    said = json.loads(Path(checkpoint, "config.json").read_text(encoding="utf-8"))
    return {key: said[key] for key in said.keys() - {"_name_or_path", "transformers_version"}}


def train_all(
    grids: Iterable[Grid],
    train: Callable[[list[tuple[Run, TaskData]]], Iterable[Run]],
) -> None:
    """Train what is left of every grid with `train`, which yields each run as it finishes."""
    by_folder = {grid.folder: grid for grid in grids}
    left = [(run, grid.data) for grid in by_folder.values() for run in grid.left()]
    for run in train(left):
        by_folder[run.folder.parent].spare_disk()
