"""`leaner compare`: whether runs on the same rows differ by more than chance."""

from __future__ import annotations

import argparse
from itertools import groupby
from pathlib import Path

from rich import box
from rich.table import Table

from leaner_harness import compare, results
from leaner_harness.cli.console import err, out, print_json
from leaner_harness.compare.sides import Way
from leaner_harness.errors import UsageError
from leaner_harness.results import Record
from leaner_harness.scoring import CENTRED, shown


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner compare`."""
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="result file, board/model/run, or model; at least 2. Several trainings of one way to "
        "train are given as one: [NAME=]RUN,RUN,...",
    )
    parser.add_argument("--results", type=Path, default=Path("results"), help="results folder")
    parser.add_argument("--json", action="store_true", help="one JSON value for machines")


def run(args: argparse.Namespace) -> int:
    """Compare every pair of runs, or of ways to train; raises UsageError for fewer than two."""
    if len(args.runs) < 2:
        raise UsageError("Nothing to compare: one run.", "leaner compare RUN RUN [RUN ...]")
    found = compare.compare_ways([_way(text, args.results) for text in args.runs])
    if args.json:
        print_json(found)
        return 0
    for (one, other), comparisons in groupby(found["comparisons"], lambda c: (c["a"], c["b"])):
        records = list(comparisons)
        out.print(f"A = [bold]{one}[/], B = [bold]{other}[/]", soft_wrap=True)
        out.print(_table(records))
        out.print(_explanation(records[0], found["settings"]), soft_wrap=True)
    for warning in found["warnings"]:
        err.print(f"warning: {warning}", soft_wrap=True)
    return 0


def _way(text: str, folder: Path) -> Way:
    """What `[NAME=]RUN,RUN,...` stands for; a path may hold either sign."""
    if Path(text).is_file():
        return Way("", [Path(text)])
    name, equals, runs = text.partition("=")
    if not equals:
        name, runs = "", text
    return Way(name, [results.find(run, folder) for run in runs.split(",")])


def _table(comparisons: list[Record]) -> Table:
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False, padding=0)
    table.add_column("task", no_wrap=True)
    for name in ("A", "B", "A - B", "95 % interval", "p (Holm)", "detects"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for comparison in comparisons:
        table.add_row(*_cells(comparison))
    return table


def _cells(comparison: Record) -> list[str]:
    low, high = comparison["interval"]
    least = comparison["minimum_detectable"]
    return [
        ("centred " if comparison["metric"] == CENTRED else "") + comparison["task"],
        *map(shown, comparison["scores"]),
        shown(comparison["difference"]),
        f"\\[{shown(low)}, {shown(high)}]",
        f"{comparison['p_holm']:.2g}",
        "" if least is None else shown(least),
        comparison["verdict"],
    ]


def _explanation(comparison: Record, settings: Record) -> str:
    test = {
        "permutation": f"paired permutation test, {settings['permutations']:,} exchanges "
        f"(smallest p {settings['smallest_p']:.1g})",
        "t": "Student's t with rows and training seeds as chance",
    }[comparison["test"]]
    return (
        f"p: {test}, {settings['correction']};\nit covers chance in "
        f"{', '.join(comparison['chance'])}. detects: the true difference found with\n"
        f"{settings['power']:.0%} power at {settings['alpha']}, uncorrected.\n"
    )
