"""`leaner leaderboard`: build the board from the results folder, or check that it is fresh."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaner_harness.cli.console import out
from leaner_harness.leaderboard import board


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner leaderboard`."""
    parser.add_argument("verb", choices=("build", "check"))
    parser.add_argument("--results", type=Path, default=Path("results"), help="results folder")


def run(args: argparse.Namespace) -> int:
    """Build or check; a stale board is an error."""
    if args.verb == "build":
        out.print(f"Wrote {board.write(args.results)}")
    else:
        board.check(args.results)
        out.print(f"{args.results / board.PAGE} is up to date")
    return 0
