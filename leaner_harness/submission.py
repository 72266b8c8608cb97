"""An entry for the board: a checkpoint's results, verified as the pull request will verify them.

Nothing is sent anywhere; what is to be sent is said.
"""

from __future__ import annotations

import shlex
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leaner_harness import provenance, results
from leaner_harness.errors import CheckpointError, ResultError, UsageError
from leaner_harness.from_lm_eval.make import make
from leaner_harness.from_lm_eval.run import Run, find, read_output
from leaner_harness.from_lm_eval.scored_model import find_checkpoint
from leaner_harness.leaderboard.entries import VERIFIED, Entry, raise_refused, read_entries
from leaner_harness.models.loading import PICKLES
from leaner_harness.results.rules import samples_name
from leaner_harness.results.untrusted import shown

EVALUATIONS = Path("evaluations")
"""Where `leaner evaluate` leaves its output unless it is told otherwise."""

CHECKS = (
    "results/ holds result files, their samples, the two built pages and reports, nothing else",
    "every new or changed file keeps the schema, lies where it says, and agrees with itself",
    "metrics, intervals and means are those its samples give, computed by the board's own code",
)
"""What the pull request checks."""

_CODE = (".py", ".so", ".pyc", ".sh")


@dataclass(frozen=True, slots=True)
class Submission:
    """What would be sent."""

    entries: list[Entry]
    folder: Path
    """The results folder."""
    left_out: dict[Path, str]
    """Evaluations of the checkpoint that make no entry, such as limited ones, and why."""

    @property
    def files(self) -> list[Path]:
        """The results and their samples."""
        found = []
        for entry in self.entries:
            path = self.folder / entry.result.path
            found += [path, path.with_name(samples_name(path.stem))]
        return found

    @property
    def commands(self) -> list[str]:
        """How to send it: `git` and GitHub's `gh`."""
        name = str(self.entries[0].result.record["model"]["name"])
        pages = [self.folder / "README.md", self.folder / "index.html"]
        body = "Made by leaner submit; all scores follow from the samples."
        return [
            shlex.join(["leaner", "leaderboard", "build", "--results", str(self.folder)]),
            shlex.join(["git", "switch", "-c", f"submit-{name}"]),
            shlex.join(["git", "add", *map(str, [*self.files, *pages])]),
            shlex.join(["git", "commit", "-m", f"Results of {name}"]),
            "gh repo fork --remote --remote-name fork",
            shlex.join(["git", "push", "-u", "fork", f"submit-{name}"]),
            shlex.join(["gh", "pr", "create", "--title", f"Results of {name}", "--body", body]),
        ]


def prepare(
    source: Path, folder: Path, *, model: str = "", replace: bool = False, dry_run: bool = False
) -> Submission:
    """The entry of a checkpoint, or of an evaluation's output; its files are below `folder` then.

    A checkpoint's results are those already below `folder` with its weights, and those of its
    evaluations in `evaluations/NAME`; one of several that makes no entry is left out. With
    `dry_run` nothing is written. Raises CheckpointError for a checkpoint with anything but safe
    files, ResultError where nothing makes an entry, or a result does not follow from its samples.
    """
    if not source.exists():
        raise UsageError(f"{source} is not there.", "Give a checkpoint, or an evaluation's output.")
    digest = provenance.weights_digest(source) if source.is_dir() else ""
    # What has a configuration is a checkpoint, be it one without safe weights.
    is_checkpoint = digest or (source / "config.json").is_file()
    checkpoint = source if is_checkpoint else _checkpoint_of(source)
    if checkpoint is not None:
        refuse_unsafe(checkpoint)
    outputs = list(_evaluations(source)) if digest else [source]
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) if dry_run else folder
        made, left_out = [], {}
        for output in outputs:
            try:
                result, samples = make(output, model=model, checkpoint=source if digest else None)
            except ResultError as error:
                left_out[output] = str(error)
                continue
            written = folder / result.path
            if dry_run and written.exists() and not replace:
                results.refuse_other(result, written)
            made.append(results.write(result, samples, target, replace=replace))
        entries = _entries(target, {path.resolve() for path in made})
        if digest:
            known = {entry.result.path for entry in entries}
            filed = _filed(folder, digest)
            entries += [entry for entry in filed if entry.result.path not in known]
    if not entries:
        raise ResultError(
            "\n".join(left_out.values()) or f"{source} has no finished result.",
            "" if left_out else f"Score it: leaner evaluate {source}",
        )
    return Submission(entries, folder, left_out)


def refuse_unsafe(checkpoint: Path) -> None:
    """Raise CheckpointError for pickles and code: whoever loads them runs what they say."""
    for path in sorted(checkpoint.rglob("*")):
        if path.is_file() and (kind := _unsafe(path)):
            raise CheckpointError(
                f"{path} is {kind}; loading it runs code.",
                "Keep weights as .safetensors alone: model.save_pretrained(DIR) writes them.",
            )


def _unsafe(path: Path) -> str:
    """What is wrong with a file of a checkpoint; empty if nothing. Names lie, so it looks in."""
    if path.suffix in _CODE:
        return "code"
    if path.suffix in PICKLES:
        return "no safetensors file, and may be a pickle"
    with path.open("rb") as file:
        start = file.read(4)
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a pickle" if path.suffix != ".safetensors" else "a pickle named safetensors"
    if start == b"PK\x03\x04" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as inner:
            if any(name.endswith((".pkl", ".py")) for name in inner.namelist()):
                return "a pickle within an archive"
    return ""


def _checkpoint_of(output: Path) -> Path | None:
    """The checkpoint that an evaluation's output names, if it lies here."""
    path = find(output)
    return find_checkpoint(Run(path, read_output(path)[0], ""), None)


def _evaluations(checkpoint: Path) -> Iterator[Path]:
    """The finished evaluations of a checkpoint where `leaner evaluate` leaves them."""
    for folder in sorted((EVALUATIONS / checkpoint.resolve().name).glob("*")):
        if any(folder.rglob("results_*.json")):
            yield folder


def _filed(folder: Path, digest: str) -> list[Entry]:
    """The results already filed of weights with this digest."""
    found = []
    for path in results.paths(folder):
        try:
            if results.read(path).record["model"]["weights_sha256"] == digest:
                found.append(path.resolve())
        except ResultError:
            continue  # another model's broken file is not this one's fault
    return _entries(folder, set(found))


def _entries(folder: Path, paths: set[Path]) -> list[Entry]:
    """The entries of result files; raises ResultError unless each is verified."""
    entries, refused = read_entries(folder, lambda path: path.resolve() in paths)
    raise_refused(refused)
    for entry in entries:
        if entry.state != VERIFIED:
            raise ResultError(
                f"{shown(str(entry.result.path), 200)} is {entry.state}. {entry.reason}",
                "Make it again with its samples: leaner results add OUTPUT --replace",
            )
    return entries
