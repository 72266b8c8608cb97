"""`leaner judge`: grade the answers that lm_eval saved, by a model over HTTP or one at hand."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich import box
from rich.progress import Progress
from rich.table import Table

from leaner_harness.cli.console import err, out, print_json
from leaner_harness.errors import ResultError, UsageError
from leaner_harness.files import write_atomic, write_json
from leaner_harness.judge import verb
from leaner_harness.judge.card import make_card
from leaner_harness.judge.card_page import markdown
from leaner_harness.judge.planted import planted
from leaner_harness.judge.samples import Answered, read_samples, sample_files
from leaner_harness.judge.verdicts import DIMENSIONS, HIGHEST, SUM, Verdict
from leaner_harness.llm.settings import OPENAI, Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner judge`."""
    parser.add_argument(
        "samples", type=Path, metavar="SAMPLES",
        help="samples of lm_eval, or their folder; `check` makes the judge's card",
    )  # fmt: skip
    parser.add_argument(
        "--judge", default=os.environ.get("LEANER_JUDGE", ""), metavar="NAME:MODEL",
        help="openai:MODEL, hf:PATH, or a plugin's (default: LEANER_JUDGE)",
    )  # fmt: skip
    parser.add_argument(
        "--base-url", default=os.environ.get("OPENAI_BASE_URL", OPENAI),
        help="of any server that speaks chat completions (default: OPENAI_BASE_URL, or OpenAI)",
    )  # fmt: skip
    parser.add_argument(
        "--key-variable", default="OPENAI_API_KEY", metavar="NAME",
        help="environment variable that holds the key",
    )  # fmt: skip
    parser.add_argument("--concurrency", type=int, default=16, help="calls in flight at once")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds a call may take")
    parser.add_argument("--max-requests", type=int, help="HTTP requests that may be made")
    parser.add_argument("--max-cost", type=float, help="what it may cost; needs --prices")
    parser.add_argument(
        "--prices", metavar="IN,OUT", help="per million prompt tokens, and completion tokens"
    )
    parser.add_argument(
        "--out", type=Path, help="where the grades go (default: beside the samples)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what it would ask and cost")
    parser.add_argument("--json", action="store_true", help="one JSON value for machines")


def run(args: argparse.Namespace) -> int:
    """Judge, or say what that would take; exit code 6 when too little could be judged."""
    if not args.judge:
        raise UsageError(
            "No judge is set.",
            "--judge openai:MODEL asks a server (--base-url for a local one), --judge hf:PATH a "
            "model on this machine",
        )
    opened = verb.open_judge(args.judge, lambda model: _settings(args, model))
    if str(args.samples) == "check":
        return _check(args, opened)
    files = sample_files(args.samples)
    if args.out and len(files) > 1:
        raise UsageError(f"--out names one file, and there are {len(files)} of samples.")
    reports = {}
    for path in files:
        answers = list(read_samples(path))
        if args.dry_run:
            reports[path.name] = verb.estimate(answers, opened)
            continue
        reports[path.name] = found = _judged(answers, opened)
        beside = path.with_name(path.name.replace("samples_", "judged_", 1))
        place = (args.out or beside).with_suffix(".json")
        write_json(place, found)
        if not args.json:
            out.print(_table(found))
            out.print(f"Wrote {place}", soft_wrap=True)
    if args.json or args.dry_run:
        print_json(reports)
    short = [name for name, found in reports.items() if not found.get("complete", True)]
    if short:
        raise ResultError(
            f"Incomplete: less than 98 % of the answers could be judged in {', '.join(short)}.",
            "The states say why. The same command asks again only for what is missing.",
        )
    return 0


def _check(args: argparse.Namespace, opened: verb.Opened) -> int:
    """Make the judge's card; exit code 6 when it fails."""
    answers = [Answered(each.item, each.variant) for each in planted()]
    if args.dry_run:
        print_json(verb.estimate(answers, opened))
        return 0
    verdicts = [verdict for verdict, _ in _shown(answers, opened)]
    card = make_card(verdicts, opened.judge.fingerprint)
    place = args.out or Path("judge_card")
    write_json(Path(f"{place}.json"), card)
    write_atomic(Path(f"{place}.md"), markdown(card) + "\n")
    if args.json:
        print_json(card)
    else:
        out.print(markdown(card), markup=False, soft_wrap=True)
        out.print(f"Wrote {place}.json and {place}.md", soft_wrap=True)
    if not card["passed"]:
        failed = ", ".join(name for name, passed in card["checks"].items() if not passed)
        raise ResultError(
            f"This judge fails its card: {failed}.", "Do not rank models by its grades."
        )
    return 0


def _settings(args: argparse.Namespace, model: str) -> Settings:
    prices = None
    if args.prices:
        try:
            given, taken = map(float, args.prices.split(","))
        except ValueError:
            raise UsageError(
                f"--prices is {args.prices!r}; it must be two numbers: 0.15,0.60"
            ) from None
        prices = given, taken
    return Settings(
        model,
        args.base_url,
        args.key_variable,
        args.concurrency,
        args.timeout,
        max_requests=args.max_requests,
        max_cost=args.max_cost,
        prices=prices,
    )


def _judged(answers: list[Answered], opened: verb.Opened) -> dict[str, Any]:
    """The report on one file, with a bar while it is made."""
    return verb.report(_shown(answers, opened), opened)


def _shown(answers: list[Answered], opened: verb.Opened) -> Iterator[tuple[Verdict, str]]:
    """The verdicts as they come, with a bar."""
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("judging", total=len(answers))
        for each in verb.judge(answers, opened):
            progress.advance(task)
            yield each


def _table(found: dict[str, Any]) -> Table:
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False, padding=0)
    for name in ("questions", "n", *DIMENSIONS, SUM, "coverage", "bounds"):
        table.add_column(name, justify="left" if name == "questions" else "right", no_wrap=True)
    for name, part in {**found["kinds"], "all": found}.items():
        means, bounds = part["means"], part["bounds"].get(SUM, [0, HIGHEST * len(DIMENSIONS)])
        grades = [f"{means[key]:.2f}" if means else "-" for key in (*DIMENSIONS, SUM)]
        coverage = f"{part['coverage']:.1%}"
        table.add_row(
            name, str(part["items"]), *grades, coverage, f"{bounds[0]:.2f}-{bounds[1]:.2f}"
        )
    states = ", ".join(f"{state} {count}" for state, count in found["states"].items())
    whole = "" if found["complete"] else "INCOMPLETE: no headline. "
    table.caption = (
        f"{whole}Grades from 0 to 5 by an uncalibrated judge; bounds: of the sum, if all that is "
        f"missing were worst or best. States: {states}."
    )
    return table
