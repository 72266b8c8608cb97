"""`leaner build glue`: items of GLUE in simple words, kept where a judge gives their label."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from leaner_harness.cli.bars import bars
from leaner_harness.cli.console import err, out, print_json
from leaner_harness.data.glue import TASKS
from leaner_harness.dataset.build import TRIES
from leaner_harness.dataset.glue.items import HALVE, KEEP
from leaner_harness.dataset.glue.job import HIDDEN, TOLERANCE, Job, Settings
from leaner_harness.dataset.glue.purse import Purse
from leaner_harness.dataset.glue.report import STATES
from leaner_harness.errors import DataError
from leaner_harness.llm.opening import parse


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner build glue`."""
    add = parser.add_argument
    add("task", metavar="TASK", help=f"one of {', '.join(TASKS)}")
    add("source", metavar="SOURCE", help="a folder in the published layout of GLUE files, or mini")
    add("--out", type=Path, required=True, help="folder of the data set; other tasks may be in it")
    add(
        "--rewriter", required=True, metavar="NAME:MODEL",
        help="openai:MODEL, a plugin's, or a baseline: rules, echo, replay:FILE",
    )  # fmt: skip
    add("--rewriter-args", default="", metavar="KEY=VALUE,...", help="base_url=..., ...")
    add("--judge", required=True, metavar="openai:MODEL", help="who answers, without the label")
    add("--judge-args", default="", metavar="KEY=VALUE,...", help="base_url=..., ...")
    add("--hide-label", action="store_true", help="do not tell the rewriter the label")
    add(
        "--tolerance", type=float, default=TOLERANCE,
        help="stsb: how far the judge's score may be from the people's",
    )  # fmt: skip
    add(
        "--splits", choices=(HALVE, KEEP), default="",
        help="halve validation into validation and test, or keep the source's splits (default: "
        "halve where there is no labelled test file)",
    )  # fmt: skip
    add("--tries", type=int, default=TRIES, help="times an item is rewritten")
    add("--seed", type=int, default=0, help="of the halves")
    add("--vocabulary", default="", help="a list of allowed words (default: ours)")
    add("--keep-names", action="store_true", help="leave names, places and times as they are")
    add("--licence", default="unknown", help="of the source, for the card")
    add("--limit", type=int, help="items to do this time")
    add("--max-requests", type=int, help="HTTP requests this time, of both models; 3 an item")
    add("--max-cost", type=float, help="what it may cost this time; needs prices=IN/OUT of both")
    add("--retry-failed", action="store_true", help="ask again for what failed")
    add("--dry-run", action="store_true", help="say what is left to ask, and what it may cost")
    add("--json", action="store_true", help="one JSON value for machines")


def run(args: argparse.Namespace) -> int:
    """Build the task, or go on with it; exit code 3 where something failed."""
    settings = _settings(args)
    if args.dry_run:
        return _dry_run(args, settings)
    with Job(args.out, settings) as job:
        if not job.about["independent"]:
            err.print(
                "Rewriter and judge are one model at one endpoint: it judges its own work.",
                soft_wrap=True,
            )
        if args.retry_failed:
            err.print(f"{job.retry()} rewrites and answers are asked for again.")
        with bars() as announce:
            manifest = job.run(args.limit, Purse(args.max_requests, args.max_cost), announce)
    _show(manifest, args)
    failed = manifest["items"]["failed"]
    if failed:
        raise DataError(
            f"{failed} items failed: {args.out} is not complete.",
            "The same command with --retry-failed asks for them again.",
        )
    return 0


def _settings(args: argparse.Namespace) -> Settings:
    return Settings(
        task=args.task,
        source=args.source,
        rewriter=args.rewriter,
        judge=args.judge,
        rewriter_args=parse(args.rewriter_args),
        judge_args=parse(args.judge_args),
        splits=args.splits,
        tolerance=args.tolerance,
        hide_label=args.hide_label,
        tries=args.tries,
        seed=args.seed,
        vocabulary=args.vocabulary,
        licence=args.licence,
        replace_names=not args.keep_names,
    )


def _dry_run(args: argparse.Namespace, settings: Settings) -> int:
    """Of a build that was begun, what is left; else nothing is written."""
    begun = (args.out / HIDDEN / settings.task / "ledger.sqlite").is_file()
    with (
        tempfile.TemporaryDirectory() as scratch,
        Job(args.out if begun else Path(scratch), settings) as job,
    ):
        found = job.dry_run(args.limit)
    if args.json:
        print_json(found)
        return 0
    cost = "unknown without prices" if found["cost_at_most"] is None else found["cost_at_most"]
    out.print(f"{found['items']:,} items, {found['calls']:,} calls, cost at most: {cost}")
    for name, each in found.items():
        if not isinstance(each, Mapping):
            continue
        out.print(
            f"{name}: {each['calls']:,} calls, {each['prompt_tokens']:,} tokens in prompts, "
            f"{each['completion_tokens_at_most']:,} in replies at most, {each['cached']:,} cached",
            soft_wrap=True,
        )
    out.print(found["assumed"], soft_wrap=True)
    return 0


def _show(manifest: Mapping[str, Any], args: argparse.Namespace) -> None:
    if args.json:
        print_json(manifest)
        return
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for name in ("label", "in", *STATES):
        table.add_column(name, justify="right")
    for label, found in manifest["report"]["labels"].items():
        table.add_row(label, *(f"{found[name]:,}" for name in ("in", *STATES)))
    table.add_row("all", *(f"{manifest['items'][name]:,}" for name in ("in", *STATES)))
    out.print(table)
    for each in manifest["items"]["reasons"]:
        out.print(f"{each['state']}: {each['reason']} {each['count']:,}", soft_wrap=True)
    for each in manifest["files"]:
        out.print(f"{each['file']}: {each['rows']:,} rows", soft_wrap=True)
    out.print(
        f"Wrote {args.out}/README.md; to score on it: "
        f"LEANER_DATA={args.out} lm_eval --tasks leaner_glue_{args.task} ...",
        soft_wrap=True,
    )
