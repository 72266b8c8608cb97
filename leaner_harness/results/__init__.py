"""The result file: one run, one JSON at a path that is its identity, and its samples beside it.

`results/<board>/<model>/<run>.json` and `<run>.samples.jsonl.gz`. Samples hold row id, label,
prediction and log-likelihoods, never row text: the texts are not ours to publish.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaner_harness.errors import ResultError, near_miss
from leaner_harness.files import dumped, write_atomic
from leaner_harness.results import rules, untrusted
from leaner_harness.results.rules import samples_name
from leaner_harness.results.untrusted import shown

SCHEMA = 1
Record = dict[str, Any]

REPORTS = ("experiments", "curricula", "studies")
"""Folders of a results folder that are no boards: what they hold is about results."""

RESULT_BYTES = 256 * 1024
SAMPLES_BYTES = 16 * 1024**2
"""Packed; the largest board has 30,000 rows, half a megabyte for each training seed."""
UNPACKED_BYTES = 128 * 1024**2

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


@dataclass(frozen=True, slots=True)
class Result:
    """One run's record."""

    record: Record

    @property
    def path(self) -> Path:
        """Where it lies below the results folder."""
        model: str = self.record["model"]["name"]
        return Path(str(self.record["board"])) / model / f"{self.record['run']}.json"

    @property
    def ranking(self) -> tuple[str, ...]:
        """What two results must share to be put into one ranking."""
        data, protocol = self.record["data"], self.record["protocol"]
        asked = protocol["name"], protocol["fingerprint"]
        return self.record["board"], data["split"], data["fingerprint"], *asked

    @property
    def replaceable(self) -> tuple[Any, ...]:
        """What a result must share with the one it overwrites: the same model, asked the same."""
        model = self.record["model"]
        weights = model["weights_sha256"] or f"unknown, {model['pretrained']}"
        return self.ranking, weights, model["model_type"], model["model_args"]

    def mean(self, metric: str) -> Record | None:
        """`{"value", "interval"}` of a group mean, or None when a task is missing."""
        means = self.record["mean"]
        found: Record | None = means.get(metric)
        return found


def task_interval(task: Record, metric: str) -> list[float]:
    """The interval that counts all chance a task's record knows: rows, and fine-tuning seeds."""
    found: list[float] = (task.get("intervals_total") or task["intervals"])[metric]
    return found


def mean_interval(mean: Record) -> list[float]:
    """The same of a group mean."""
    found: list[float] = mean.get("interval_total") or mean["interval"]
    return found


def check_name(name: str, what: str) -> str:
    """A name that can be a folder everywhere; raises ResultError otherwise."""
    if not _NAME.match(name):
        raise ResultError(
            f"{what} {shown(name)} cannot be part of a path.",
            "Use letters, digits, '.', '_' and '-', 100 at most (--model NAME).",
        )
    return name


def write(result: Result, samples: Iterable[Record], folder: Path, *, replace: bool) -> Path:
    """Write a result and its samples below `folder`; returns the result's path.

    Raises ResultError for a result that could not be read back, and when one of another model,
    other rows or another protocol is there and `replace` is not set.
    """
    path = folder / result.path
    if path.exists() and not replace:
        refuse_other(result, path)
    content = pack_samples(samples)
    name = samples_name(path.stem)
    result.record["samples"] = {"file": name, "sha256": hashlib.sha256(content).hexdigest()}
    sound = encoded(result.record, path)
    write_atomic(path.with_name(name), content)
    write_atomic(path, sound)
    return path


def encoded(record: Record, path: Path) -> bytes:
    """The bytes of a result file; raises ResultError where they would be refused when read."""
    try:
        content = dumped(record).encode()
    except ValueError:  # `parse` says where in it the number is, or the letter, that is none
        content = json.dumps(record).encode()
    if len(content) > RESULT_BYTES:
        raise ResultError(
            f"{path} would be larger than {RESULT_BYTES} bytes: it would have {len(content)}.",
            "Shorten what leaner.json says of the training.",
        )
    parse(content, path)
    rules.agree(record)
    return content


def refuse_other(result: Result, path: Path) -> None:
    """Raise ResultError where the file at `path` is of another model, or asked otherwise."""
    if read(path).replaceable != result.replaceable:
        raise ResultError(
            f"{path} holds a result of other weights, other rows or other prompts.",
            "Replace it with --replace, or give this model another name with --model NAME.",
        )


def pack_samples(samples: Iterable[Record]) -> bytes:
    """Samples as gzipped JSON lines; the same samples give the same bytes."""
    lines = (json.dumps(sample, separators=(",", ":"), sort_keys=True) for sample in samples)
    return gzip.compress(("\n".join(lines) + "\n").encode(), compresslevel=9, mtime=0)


def read_samples(path: Path) -> Iterator[Any]:
    """The lines of a `.samples.jsonl.gz` file; raises ValueError where it holds none."""
    return unpack_samples(read_packed(path))


def read_packed(path: Path) -> bytes:
    """The bytes of a file of samples; raises ValueError where it can be none."""
    return untrusted.read_bytes(path, SAMPLES_BYTES)


def unpack_samples(content: bytes) -> Iterator[Any]:
    """The lines that packed samples hold; raises ValueError where they hold none."""
    return untrusted.parse_lines(untrusted.gunzip(content, UNPACKED_BYTES))


def read(path: Path) -> Result:
    """Read one result file; raises ResultError that says where in it what is wrong."""
    return parse(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """The bytes of what may be a result file; raises ResultError where nothing can be one."""
    try:
        return untrusted.read_bytes(path, RESULT_BYTES)
    except (FileNotFoundError, ValueError) as error:
        raise ResultError(f"{path} is no result file: {error}.") from error


def parse(content: bytes, path: Path) -> Result:
    """The result that a file's content is; raises ResultError that says where what is wrong."""
    try:
        record = untrusted.parse_json(content)
    except ValueError as error:
        raise ResultError(f"{path} is no result file: {error}.") from error
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise ResultError(f"{path} is no result file of schema {SCHEMA}.")
    try:
        result = Result(rules.check(record))
    except ResultError as error:
        raise ResultError(f"{path}: {error.message}", error.cure) from error
    if record["samples"]["file"] != samples_name(record["run"]):
        raise ResultError(f"{path}: samples.file must be {samples_name(record['run'])}.")
    return result


def paths(folder: Path) -> list[Path]:
    """Where the results of a results folder lie, sorted: `BOARD/MODEL/RUN.json`, no reports."""
    found = folder.glob("*/*/*.json")
    return sorted(path for path in found if path.relative_to(folder).parts[0] not in REPORTS)


def find(name: str, folder: Path) -> Path:
    """The result file `name` stands for: a path, or below `folder` `board/model/run`, or a model.

    Raises ResultError where there is none, or more than one.
    """
    if Path(name).is_file():
        return Path(name)
    known = [path.relative_to(folder) for path in paths(folder)]
    wanted = name.removeprefix(f"{folder.as_posix()}/").strip("/").removesuffix(".json")
    found = [path for path in known if wanted in _names(path)]
    if not found:
        choices = [path.with_suffix("").as_posix() for path in known]
        raise ResultError(f"No result {name!r} in {folder}.{near_miss(name, choices)}")
    if len(found) > 1:
        listed = ", ".join(path.with_suffix("").as_posix() for path in found)
        raise ResultError(f"{name!r} is more than one result: {listed}.", "Name one of these.")
    return folder / found[0]


def _names(path: Path) -> tuple[str, ...]:
    board, model, _ = path.parts
    return path.with_suffix("").as_posix(), f"{board}/{model}", model


def lone_samples(folder: Path) -> list[Path]:
    """Files of samples without a result beside them, sorted."""
    ending = samples_name("")
    return sorted(
        path
        for path in folder.glob(f"*/*/*{ending}")
        if path.relative_to(folder).parts[0] not in REPORTS
        and not os.path.lexists(path.with_name(f"{path.name.removesuffix(ending)}.json"))
    )


def read_all(folder: Path) -> list[Result]:
    """Every result below `folder`, sorted by path; a misplaced file is an error."""
    found = []
    for path in paths(folder):
        result = read(path)
        if path.relative_to(folder) != result.path:
            raise ResultError(f"{path} says it belongs at {folder / result.path}.", "Move it.")
        found.append(result)
    return found
