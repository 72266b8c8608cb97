"""`leaner leaderboard`: build the board from the results folder, or check that it is fresh."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaner_harness.cli.console import err, out
from leaner_harness.leaderboard import board


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner leaderboard`."""
    parser.add_argument(
        "verb", choices=("build", "check"),
        help="write README.md and index.html; or fail if they do not follow from the results",
    )  # fmt: skip
    parser.add_argument("--results", type=Path, default=Path("results"), help="results folder")


def run(args: argparse.Namespace) -> int:
    """Build or check; a stale board and a refused file are errors of a check."""
    if args.verb == "build":
        entries, refused = board.write(args.results)
        for name in (board.README, board.PAGE):
            out.print(f"Wrote {args.results / name}", markup=False, soft_wrap=True)
        out.print(f"{len(entries)} results; {len(refused)} files refused.", highlight=False)
        if refused:
            err.print(
                f"Why: leaner results verify --results {args.results}", markup=False, soft_wrap=True
            )
    else:
        board.check(args.results)
        for name in (board.README, board.PAGE):
            out.print(f"{args.results / name} is up to date", markup=False, soft_wrap=True)
    return 0
