"""`leaner submit`: prepare a checkpoint's results for the board, and say how to send them."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaner_harness import submission
from leaner_harness.cli.console import out, print_json
from leaner_harness.submission import Submission


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner submit`."""
    add = parser.add_argument
    add("source", type=Path, help="checkpoint folder, or the output folder of an evaluation")
    add("--out", type=Path, default=Path("results"), help="results folder of your clone")
    add("--model", default="", help="name on the board (default: checkpoint folder)")
    add("--replace", action="store_true", help="replace a result of other weights")
    add("--dry-run", action="store_true", help="check everything, write nothing")
    add("--json", action="store_true", help="one JSON value for machines")


def run(args: argparse.Namespace) -> int:
    """Prepare and verify; nothing is sent."""
    found = submission.prepare(
        args.source, args.out, model=args.model, replace=args.replace, dry_run=args.dry_run
    )
    if args.json:
        print_json(_record(found, dry_run=args.dry_run))
    else:
        _print(found, dry_run=args.dry_run)
    return 0


def _record(found: Submission, *, dry_run: bool) -> dict[str, object]:
    return {
        "results": [{"path": str(e.result.path), "state": e.state} for e in found.entries],
        "files": [str(path) for path in found.files],
        "left_out": {str(path): reason for path, reason in found.left_out.items()},
        "written": not dry_run,
        "commands": found.commands,
        "checks": list(submission.CHECKS),
    }


def _print(found: Submission, *, dry_run: bool) -> None:
    lines = ["Would write:" if dry_run else "Ready, and verified:"]
    lines += [f"  {path}" for path in found.files]
    if found.left_out:
        lines += ["", "Left out:", *(f"  {p}: {why}" for p, why in found.left_out.items())]
    lines += ["", "Send it:", *(f"  {command}" for command in found.commands)]
    lines += ["", "The pull request checks that", *(f"  - {check}" for check in submission.CHECKS)]
    out.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
