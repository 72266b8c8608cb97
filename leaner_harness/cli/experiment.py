"""`leaner experiment`: the paper's experiments, as grids of the other commands; their reports."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections import Counter
from pathlib import Path

from rich import box
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table

from leaner_harness.cli.console import err, out, print_json
from leaner_harness.data.text import GENRES
from leaner_harness.errors import DataError, LeanerError, ResultError, UnknownName, UsageError
from leaner_harness.experiments import drive, grid, records
from leaner_harness.experiments.grid import Cell, Experiment

TEXTS = "docs/experiments.md says what a preset reads, and how to have it."


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner experiment`."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, what in (
        ("run", "do the cells that are not done"),
        ("status", "how many are done"),
        ("report", "report.md and report.html from what is in the results folder"),
    ):
        add = verbs.add_parser(name, help=what).add_argument
        add("experiment", help=f"{', '.join(grid.names())}, or a TOML file")
        add("--preset", default="smoke", help="smoke: minutes, embedded text; small; paper")
        add("--equal", default=grid.EQUAL, help="what both sides share: steps, tokens, documents")
        add(
            "--results", type=Path,
            help="folder of results, records and report (default: results/experiments/NAME)",
        )  # fmt: skip
        add("--json", action="store_true", help="one JSON value for machines")
        if name != "report":
            add("--out", type=Path, help="folder of checkpoints, marks and logs")
            add("--published", type=Path, default=Path("data"), help="folder of published data")
            add("--judge", default="", metavar="NAME:MODEL", help="who grades the answers of exp2")
        if name == "run":
            add("--workers", type=int, default=1, help="commands that run at once")
            add("--dry-run", action="store_true", help="cells, tokens, hours, disk")
    add = verbs.add_parser("texts", help="sizes, entropies and tokens of two texts").add_argument
    add("texts", nargs=2, metavar="SIDE=SOURCE", help="a side and its text, as in a recipe")
    add("--tokenizer", action="append", default=[], metavar="SIDE=FOLDER", help="repeatable")
    add("--words", action="append", default=[], metavar="SIDE=N", help="read at most so many")
    add("--genres", default="", help=f"some of {', '.join(GENRES)}, by commas (default: all)")
    add("--out", type=Path, required=True, metavar="FILE.json")


def run(args: argparse.Namespace) -> int:
    """Run, report, or say how far it is; exit code 1 where cells failed, 6 where any is absent."""
    if args.verb == "texts":
        return _texts(args)
    if args.verb == "report":
        return _report(args)
    experiment, folder, kept = _read(args)
    if args.judge and not experiment.takes("judge"):
        raise UsageError(f"{experiment.name} has nothing to judge.", "Leave out --judge.")
    if args.verb == "status":
        found = drive.state(experiment.cells, folder)
        print_json(found) if args.json else out.print(f"{found['done']} of {found['cells']} done")
        return 0
    if args.dry_run:
        return _dry_run(experiment, folder, as_json=args.json)
    _check(args, experiment, folder)
    records.gather(experiment.cells, folder, kept)  # a kill may have come between run and record
    ended = _run(experiment, folder, kept, args.workers)
    counts = Counter(ended.values())
    if args.json:
        print_json({"cells": len(experiment.cells), **counts})
    failed = [name for name, how in ended.items() if how == drive.FAILED]
    if failed:
        place = drive.Place(folder)
        first = next(cell for cell in experiment.cells if cell.name == failed[0])
        tail = place.log(first).read_text(errors="replace").splitlines()[-5:]
        raise LeanerError(
            f"{len(failed)} cells failed, {counts[drive.BLOCKED]} wait for them: "
            f"{', '.join(failed[:5])}\n" + "\n".join(tail),
            f"The log is {place.log(first)}; the same command goes on.",
        )
    return 0


def _check(args: argparse.Namespace, experiment: Experiment, folder: Path) -> None:
    """Raise for what would make cells fail, one by one: UsageError, or DataError for no text."""
    if args.workers < 1:
        raise UsageError("--workers must be at least 1.")
    if experiment.takes("published") and not args.published.is_dir():
        raise UsageError(
            f"{experiment.name} --preset {experiment.preset} reads published text and rows; "
            f"{args.published} is no folder.",
            "Name the folder of the published layout: --published FOLDER",
        )
    if absent := _missing(experiment, folder):
        raise DataError("Text to train on is not there:\n" + "\n".join(absent), TEXTS)


def _missing(experiment: Experiment, folder: Path) -> list[str]:
    """Text that the trainings which are left cannot have, and why."""
    from leaner_harness.experiments.trainings import missing_texts

    done = drive.done(experiment.cells, folder)
    return missing_texts([cell for cell in experiment.cells if cell.name not in done])


def _read(args: argparse.Namespace) -> tuple[Experiment, Path, Path]:
    """The experiment, the folder of its checkpoints, and that of its results."""

    def read(folders: dict[str, Path | str]) -> Experiment:
        return grid.read(args.experiment, args.preset, folders, args.equal)

    rest = {"published": getattr(args, "published", ""), "judge": getattr(args, "judge", "")}
    name = read({"runs": "", "results": "", **rest}).folder
    folder = getattr(args, "out", None) or Path("runs") / "experiments" / name
    kept = args.results or Path("results") / "experiments" / name
    return read({"runs": folder, "results": kept, **rest}), folder, kept


def _report(args: argparse.Namespace) -> int:
    from leaner_harness.experiments.report import make

    experiment, _, kept = _read(args)
    found = make.report(experiment, kept)
    paths = make.write(found, kept)
    if args.json:
        print_json(found.record())
    else:
        for notice in found.notices:
            err.print(notice, markup=False, soft_wrap=True)
        for path in paths:
            out.print(f"Wrote {path}", markup=False, soft_wrap=True)
    if found.absent:
        raise ResultError(
            f"Incomplete: {len(found.absent)} of {len(experiment.cells)} cells have no results: "
            f"{', '.join(found.absent[:5])}{' ...' if len(found.absent) > 5 else ''}.",
            f"Go on with: {_run_again(args)}",
        )
    return 0


def _run_again(args: argparse.Namespace) -> str:
    """The command that does what the report lacks, with the options that the report was given."""
    words = ["leaner", "experiment", "run", args.experiment, "--preset", args.preset]
    words += ["--equal", args.equal] if args.equal != grid.EQUAL else []
    words += ["--results", str(args.results)] if args.results else []
    return f"{shlex.join(words)}, with the --out, --published and --judge it was run with"


def _texts(args: argparse.Namespace) -> int:
    from leaner_harness.experiments.texts import write_figures

    sources = dict(map(_pair, args.texts))
    if len(sources) < len(args.texts):
        raise UsageError(f"Both texts are called {next(iter(sources))!r}.", "Give them two names.")
    tokenizers, words = (dict(map(_pair, given)) for given in (args.tokenizer, args.words))
    for side in (*tokenizers, *words):
        if side not in sources:
            raise UnknownName("side", side, sources)
    write_figures(
        sources,
        {side: Path(folder) for side, folder in tokenizers.items()},
        args.out,
        genres=[genre for genre in args.genres.split(",") if genre],
        words={side: _count(side, text) for side, text in words.items()},
    )
    out.print(f"Wrote {args.out}", markup=False, soft_wrap=True)
    return 0


def _pair(text: str) -> tuple[str, str]:
    """Both parts of `side=value`."""
    side, equals, value = text.partition("=")
    if not (side and equals and value):
        raise UsageError(f"{text!r} is not SIDE=VALUE.")
    return side, value


def _count(side: str, text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise UsageError(f"--words {side}={text}: {text!r} is no number of words.")
    return int(text)


def _run(experiment: Experiment, folder: Path, kept: Path, workers: int) -> dict[str, str]:
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        bar = progress.add_task(experiment.name, total=len(experiment.cells))

        def announce(cell: Cell, how: str) -> None:
            if how == "started":
                progress.update(bar, description=cell.name)
                if not err.is_terminal:
                    print(f"{cell.name}: {' '.join(cell.command)}", file=sys.stderr)
            else:
                records.gather([cell], folder, kept)
                progress.advance(bar)

        return drive.run(experiment.cells, folder, workers=workers, announce=announce)


def _dry_run(experiment: Experiment, folder: Path, *, as_json: bool) -> int:
    from leaner_harness.experiments.forecast import forecast

    found = {**forecast(experiment.cells, folder), "absent": _missing(experiment, folder)}
    if as_json:
        print_json(found)
        return 0
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for name in ("step", "cells", "done", "tokens", "disk", "hours"):
        table.add_column(name, justify="left" if name == "step" else "right")
    for name, each in {**found["steps"], "all": found["total"]}.items():
        hours = f"{each['hours']:,.2f}" if each["known"] else f"{each['hours']:,.2f} + ?"
        counts = (f"{each[key]:,}" for key in ("cells", "done", "tokens"))
        table.add_row(name, *counts, f"{each['disk'] / 1e6:,.0f} MB", hours)
    out.print(f"{experiment.title}\n{experiment.asks}\n")
    out.print(table)
    out.print(
        "Hours of one process: by the cells of a step that are done; else roughly, by training "
        "steps that were timed now, without early stops. How long answers are is not foreseen."
    )
    for fault in found["absent"]:
        err.print(f"Not there yet: {fault}", markup=False, soft_wrap=True)
    if found["absent"]:
        err.print(TEXTS, soft_wrap=True)
    return 0
