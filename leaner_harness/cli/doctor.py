"""`leaner doctor`: say what is installed, what works and what does not."""

from __future__ import annotations

import argparse

from rich.markup import escape
from rich.table import Table

from leaner_harness.cli.console import out, print_json
from leaner_harness.doctor import examine

_STYLE = {"ok": "green", "note": "yellow", "fault": "red"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner doctor`."""
    parser.add_argument("--json", action="store_true", help="one JSON value for machines")


def run(args: argparse.Namespace) -> int:
    """Report; exit code 1 when there is a fault."""
    findings = examine()
    if args.json:
        print_json([finding._asdict() for finding in findings])
    else:
        table = Table(box=None, show_header=False)
        for finding in findings:
            state = f"[{_STYLE[finding.state]}]{finding.state}[/]"
            table.add_row(state, finding.subject, escape(finding.text))
        out.print(table)
    return int(any(finding.state == "fault" for finding in findings))
