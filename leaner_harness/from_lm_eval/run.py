"""One run of lm_eval as it lies on disk: its results file, and the samples beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leaner_harness.errors import ResultError
from leaner_harness.results import Record

_CUT = "A file was cut or changed: run lm_eval again."


@dataclass
class Run:
    """A results file, and the board its tasks belong to."""

    path: Path
    output: Record
    board: str

    def model_arguments(self) -> dict[str, str]:
        """lm-eval's model arguments."""
        arguments = self.output["config"].get("model_args") or {}
        if isinstance(arguments, str):
            pairs = (pair.partition("=") for pair in arguments.split(",") if pair)
            arguments = {key: value for key, _, value in pairs}
        return {str(key): str(value) for key, value in arguments.items()}

    def scorer(self) -> Record:
        """What one of our model types says of how it scored; empty for lm-eval's own."""
        return dict(self.output["config"].get("leaner") or {})

    def refuse_part(self, key: str) -> None:
        """Raise ResultError for a task that was scored on a part of its rows."""
        counts = self.output["n-samples"].get(key, {})
        if counts.get("effective") != counts.get("original"):
            raise ResultError(
                f"{key} was scored on {counts.get('effective')} of {counts.get('original')} rows.",
                "Run lm_eval again without --limit.",
            )

    def samples_file(self, key: str) -> Path:
        """Where the samples of a task lie. Raises ResultError where they do not."""
        stamp = self.path.stem.removeprefix("results_")
        path = self.path.with_name(f"samples_{key}_{stamp}.jsonl")
        if not path.is_file():
            raise ResultError(
                f"{path.name} is not beside {self.path.name}.",
                "Run lm_eval with --log_samples: a result is recomputed from its samples.",
            )
        return path

    def refuse_cut(self, key: str, found: int) -> None:
        """Raise ResultError unless so many samples of a task were scored."""
        told = self.output["n-samples"].get(key, {}).get("effective")
        if found != told:
            raise ResultError(f"{key} has {found} samples; lm_eval scored {told}.", _CUT)

    def logged(self, key: str) -> Iterator[Record]:
        """The samples of a task as lm_eval logged them; raises ResultError for a cut line."""
        path = self.samples_file(key)
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise ResultError(f"{path}:{number} is no sample: {error}.", _CUT) from error


def find(folder: Path) -> Path:
    """The newest results file below an lm_eval output folder."""
    found = [folder] if folder.is_file() else sorted(folder.rglob("results_*.json"))
    if not found:
        raise ResultError(
            f"{folder} holds no lm_eval result (results_*.json).",
            "Run lm_eval with --output_path DIR --log_samples, then: leaner results add DIR",
        )
    return max(found, key=lambda path: path.name)


def read_output(path: Path) -> tuple[Record, dict[str, Record]]:
    """A results file, and the config of each task in it. Raises ResultError where it is none."""
    try:
        output = json.loads(path.read_text(encoding="utf-8"))
        tasks = {key: dict(config) for key, config in output["configs"].items()}
        dict(output["n-samples"]), dict(output["config"]), dict(output["results"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultError(f"{path} is no results file of lm_eval: {error!r}.") from error
    if output["config"].get("use_cache"):
        raise ResultError(
            f"{path} was made with --use_cache, which knows requests by their text alone: another "
            "model's answers may be among these.",
            "Run lm_eval again without --use_cache.",
        )
    return output, tasks


def task_account(key: str, config: Record) -> Record:
    """What one of our tasks says of its rows. Raises ResultError for another's."""
    metadata = config.get("metadata")
    data = metadata.get("leaner") if isinstance(metadata, dict) else None
    if not isinstance(data, dict) or "fingerprint" not in data:
        raise ResultError(
            f"{key} carries no data fingerprint.", "Score it with this package's own tasks."
        )
    return data
