"""`leaner curriculum`: the stages of a recipe without training; what curricula saved."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from leaner_harness.cli.console import err, out, print_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner curriculum`."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    plan = verbs.add_parser("plan", help="print the stages of a recipe, without training")
    plan.add_argument("recipe", help="a TOML file, or the name of a ready recipe")
    plan.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE",
        help="override a key of the recipe; repeatable",
    )  # fmt: skip
    compare = verbs.add_parser("compare", help="what runs saved against those without curriculum")
    compare.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run")
    compare.add_argument(
        "--baseline", metavar="GROUP", help="what to compare with (default: random)"
    )
    compare.add_argument(
        "--results", type=Path, default=Path("results"), help="where scores of milestones are filed"
    )
    compare.add_argument("--out", type=Path, help="write the report there, too: .json and .md")
    for each in (plan, compare):
        each.add_argument("--json", action="store_true", help="one JSON value for machines")


def run(args: argparse.Namespace) -> int:
    """Plan or compare."""
    return _plan(args) if args.verb == "plan" else _compare(args)


def _plan(args: argparse.Namespace) -> int:
    from leaner_harness.contracts import resolve
    from leaner_harness.errors import UsageError
    from leaner_harness.train import read_recipe

    plan = read_recipe(args.recipe, args.overrides)
    if not plan.trainer.stages:
        raise UsageError(f"Trainer {plan.trainer.name!r} has no curricula.")
    stages = resolve(plan.trainer.stages)(plan.recipe)
    if args.json:
        print_json({"recipe": plan.name, "stages": stages})
        return 0
    table = Table(box=box.SIMPLE, show_edge=False)
    columns = ("stage", "share", "documents", "tokens", "steps", "at a plateau", "passes")
    for name in columns:
        table.add_column(name, justify="right")
    for stage in stages:
        table.add_row(*_stage_cells(stage))
    out.print(table)
    out.print(
        "steps: while the loss falls; at a plateau: when every evaluation finds one. "
        "passes: of those steps over the pool.",
        soft_wrap=True,
    )
    return 0


def _stage_cells(stage: dict[str, Any]) -> list[str]:
    return [
        str(stage["stage"] + 1),
        f"{stage['share']:.1%}",
        f"{stage['documents']:,}",
        f"{stage['tokens']:,}",
        f"{stage['steps']:,}",
        f"{stage['steps_at_least']:,}",
        f"{stage['passes']:.1f}",
    ]


def _compare(args: argparse.Namespace) -> int:
    from leaner_harness.curriculum_report import compare_runs, write_report
    from leaner_harness.curriculum_report.table import markdown

    report = compare_runs(args.runs, args.baseline, args.results)
    if args.out:
        write_report(report, args.out)
    if args.json:
        print_json(report)
        return 0
    out.print(markdown(report), markup=False, soft_wrap=True)
    for warning in report["warnings"]:
        err.print(f"warning: {warning}", markup=False, soft_wrap=True)
    return 0
