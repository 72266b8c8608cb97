"""`leaner demo`: from text to a board in minutes, two commands at a time, each printed."""

from __future__ import annotations

import argparse
import os
import shlex
import time
from collections.abc import Iterable
from pathlib import Path

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from leaner_harness import demo
from leaner_harness.cli.console import out
from leaner_harness.demo import Step, findings
from leaner_harness.demo.findings import Finding
from leaner_harness.errors import LeanerError, UsageError
from leaner_harness.experiments import drive
from leaner_harness.experiments.grid import Cell


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner demo`."""
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="where it writes")
    parser.add_argument(
        "--workers", type=int, default=min(2, os.cpu_count() or 1), help="commands that run at once"
    )


def run(args: argparse.Namespace) -> int:
    """Run the demo's commands, or go on with those that are left, and say what came of it."""
    if args.workers < 1:
        raise UsageError("--workers must be at least 1.")
    start = time.monotonic()
    steps = demo.steps(args.out)
    demo.prepare(args.out, Path("results"), [step.cell for step in steps])
    # Two commands at once are faster than one with two threads: such models keep few cores busy.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("COLUMNS", str(min(out.width, 100)))
    try:
        _run(steps, args.out, args.workers)
    except KeyboardInterrupt:
        out.print("Stopped; the same command goes on.")
        raise
    out.rule(f"[bold]Done in {time.monotonic() - start:.0f} s[/]", align="left")
    _print(findings.read(args.out))
    out.print(
        "One seed of everything, and rows made from templates: it shows how to measure, not which "
        "architecture or order is better.\n\n"
        f"Checkpoints: {args.out}/demo-llama, demo-bert (see learning_curve.png), demo-ngram\n"
        f"Board:       {args.out / 'results' / 'README.md'}\n"
        f"In a browser: {args.out / 'results' / 'index.html'}",
        soft_wrap=True, markup=False,
    )  # fmt: skip
    return 0


def _run(steps: list[Step], folder: Path, workers: int) -> None:
    """Do what is left; raises LeanerError with the end of the log of what failed."""
    by_name = {step.cell.name: (number, step) for number, step in enumerate(steps, start=1)}
    place = drive.Place(folder)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        whole = progress.add_task(f"{len(steps)} steps", total=len(steps))
        bars: dict[str, TaskID] = {}

        def announce(cell: Cell, how: str) -> None:
            number, step = by_name[cell.name]
            if how == "started":
                bars[cell.name] = progress.add_task(step.title, total=None)
                return
            if cell.name in bars:
                progress.remove_task(bars.pop(cell.name))
                _tell(number, step, place)
            progress.advance(whole)

        cells = [step.cell for step in steps]
        ended = drive.run(cells, folder, workers=workers, announce=announce, program=())
    for name, how in ended.items():
        if how == drive.FAILED:
            step = by_name[name][1]
            tail = "\n".join(place.log(step.cell).read_text(errors="replace").splitlines()[-15:])
            raise LeanerError(
                f"{shlex.join(step.cell.command)} failed.\n{tail}", "The same command goes on."
            )


def _tell(number: int, step: Step, place: drive.Place) -> None:
    """A step that ended: its command, how long it took, and what it printed."""
    out.rule(f"[bold]{number}. {step.title}[/]", align="left")
    out.print(f"$ {shlex.join(step.cell.command)}", style="cyan", soft_wrap=True, markup=False)
    log = place.log(step.cell)
    if step.shows:
        out.print(log.read_text(errors="replace").rstrip(), soft_wrap=True, markup=False)
    else:
        seconds = place.seconds(step.cell)
        took = "" if seconds is None else f"{seconds:.0f} s; "
        out.print(f"({took}its output is in {log})", style="dim", soft_wrap=True, markup=False)


def _print(found: Iterable[Finding]) -> None:
    table = Table("what", "value, 95 % interval", "what it shows", box=None, pad_edge=False)
    for row in found:
        table.add_row(*row)
    out.print(table)
