"""`leaner experiment`: the paper's experiments, as grids of the other commands, resumable."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from rich import box
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table

from leaner_harness.cli.console import err, out, print_json
from leaner_harness.errors import LeanerError
from leaner_harness.experiments import drive, grid
from leaner_harness.experiments.grid import Cell, Experiment

PRESETS = ("smoke", "small", "paper")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner experiment`."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, what in (
        ("run", "do the cells that are not done"),
        ("status", "how many are done"),
    ):
        add = verbs.add_parser(name, help=what).add_argument
        add("experiment", help=f"{', '.join(grid.names())}, or a TOML file")
        add("--preset", default="smoke", help="smoke: minutes, embedded text; small; paper")
        add("--out", type=Path, help="folder of checkpoints, marks and logs")
        add("--results", type=Path, default=Path("results"), help="results folder")
        add("--published", type=Path, default=Path("data"), help="folder of the published data")
        add("--judge", default="", metavar="NAME:MODEL", help="who grades answers")
        add("--json", action="store_true", help="one JSON value for machines")
        if name == "run":
            add("--workers", type=int, default=1, help="commands that run at once")
            add("--dry-run", action="store_true", help="cells, tokens, hours, disk")


def run(args: argparse.Namespace) -> int:
    """Run, or say how far it is; exit code 1 where cells failed."""
    folder = args.out or Path("runs") / "experiments" / f"{args.experiment}-{args.preset}"
    folders = {"runs": folder, "results": args.results, "published": args.published}
    experiment = grid.read(args.experiment, args.preset, {**folders, "judge": args.judge})
    if args.verb == "status":
        found = drive.state(experiment.cells, folder)
        print_json(found) if args.json else out.print(f"{found['done']} of {found['cells']} done")
        return 0
    if args.dry_run:
        return _dry_run(experiment, folder, as_json=args.json)
    ended = _run(experiment, folder, args.workers)
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


def _run(experiment: Experiment, folder: Path, workers: int) -> dict[str, str]:
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        bar = progress.add_task(experiment.name, total=len(experiment.cells))

        def announce(cell: Cell, how: str) -> None:
            if how == "started":
                progress.update(bar, description=cell.name)
                if not err.is_terminal:
                    print(f"{cell.name}: {' '.join(cell.command)}", file=sys.stderr)
            else:
                progress.advance(bar)

        return drive.run(experiment.cells, folder, workers=workers, announce=announce)


def _dry_run(experiment: Experiment, folder: Path, *, as_json: bool) -> int:
    from leaner_harness.experiments.forecast import forecast

    found = forecast(experiment.cells, folder)
    if as_json:
        print_json(found)
        return 0
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for name in ("step", "cells", "done", "tokens", "disk", "hours"):
        table.add_column(name, justify="left" if name == "step" else "right")
    for name, each in {**found["steps"], "all": found["total"]}.items():
        hours = f"{each['hours']:.2f}" if each["known"] else f"{each['hours']:.2f} + ?"
        counts = (f"{each[key]:,}" for key in ("cells", "done", "tokens"))
        table.add_row(name, *counts, f"{each['disk'] / 1e6:,.0f} MB", hours)
    out.print(f"{experiment.title}\n{experiment.asks}\n")
    out.print(table)
    out.print("Hours of one process: measured where cells of a step are done, else a rough guess.")
    return 0
