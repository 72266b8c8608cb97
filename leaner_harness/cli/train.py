"""`leaner train`: recipe -> checkpoint, through a trainer plugin."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from pathlib import Path

from rich.table import Table

from leaner_harness import train as verb
from leaner_harness.cli.console import err, out, print_json
from leaner_harness.contracts import RESUME
from leaner_harness.errors import UsageError
from leaner_harness.model_card import score_command


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner train`."""
    parser.add_argument("recipe", nargs="?", help="a TOML file, or the name of a ready recipe")
    parser.add_argument("--out", type=Path, help="checkpoint folder (default: runs/RECIPE)")
    parser.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE",
        help="override a key of the recipe; repeatable",
    )  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="go on where a run was stopped")
    parser.add_argument("--list", action="store_true", help="list ready recipes")
    parser.add_argument("--dry-run", action="store_true", help="check the recipe and print it")
    parser.add_argument("--json", action="store_true", help="one JSON value for machines")


def run(args: argparse.Namespace) -> int:
    """Train, list the ready recipes, or check one."""
    if args.list:
        return _list(as_json=args.json)
    if not args.recipe:
        raise UsageError("Which recipe?", "See the ready ones: leaner train --list")
    plan = verb.read_recipe(args.recipe, args.overrides)
    if args.dry_run:
        print_json({"trainer": plan.trainer.name, **dataclasses.asdict(plan.recipe)})
        return 0
    folder = args.out or Path("runs") / plan.name
    if args.resume:
        verb.check_resumable(plan, folder)
    elif (folder / verb.RECORD).is_file() and not (folder / RESUME).is_dir():
        err.print(f"{folder} holds a finished run, which this one replaces.", soft_wrap=True)
    checkpoint = verb.train(plan, folder)
    command = shlex.join(score_command(checkpoint, "leaner_glue_mini"))
    if args.json:
        print_json({"checkpoint": str(checkpoint.path), "score_with": command})
    else:
        out.print(f"Checkpoint: {checkpoint.path}\nScore it:   {command}", soft_wrap=True)
    return 0


def _list(*, as_json: bool) -> int:
    recipes = verb.recipe_folders()
    if as_json:
        print_json({name: str(path) for name, path in recipes.items()})
        return 0
    table = Table("recipe", "what it is", box=None)
    for name, path in recipes.items():
        table.add_row(name, path.read_text(encoding="utf-8").splitlines()[0].lstrip("# "))
    out.print(table)
    return 0
