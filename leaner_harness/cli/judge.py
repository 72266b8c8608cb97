"""`leaner judge`: grade the answers that lm_eval saved, by a model over HTTP or one at hand."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import Progress

from leaner_harness.cli.console import err, out, print_json
from leaner_harness.cli.judge_table import grades_table, together_table
from leaner_harness.errors import DataError, ResultError, UsageError
from leaner_harness.files import write_atomic, write_json
from leaner_harness.judge import cards, check, together, verb
from leaner_harness.judge.card_page import markdown
from leaner_harness.judge.card_picture import picture
from leaner_harness.judge.opening import ARGUMENTS, NAME, Opened, open_judge
from leaner_harness.judge.samples import by_id, digest, read_samples, sample_files, summary_place
from leaner_harness.llm.opening import parse

POINTWISE, PAPER = "pointwise", "paper"


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner judge`."""
    add = parser.add_argument
    add(
        "samples", type=Path, nargs="+", metavar="SAMPLES",
        help="samples or a result of lm_eval, or their folder; `check` makes the judge's card",
    )  # fmt: skip
    add(
        "--judge", default=os.environ.get(NAME.upper(), ""), metavar="NAME:MODEL",
        help="openai:MODEL, hf:PATH, surface, or a plugin's (default: LEANER_JUDGE)",
    )  # fmt: skip
    add(
        "--judge-args", default=os.environ.get(ARGUMENTS.upper(), ""), metavar="KEY=VALUE,...",
        help="more of it: n=3 (samples a grade), digits=true (expected grades), retries=8, ...",
    )  # fmt: skip
    add(
        "--mode", choices=(POINTWISE, PAPER), default=POINTWISE,
        help="each answer alone (default), or those of several models in one prompt",
    )  # fmt: skip
    add("--orders", type=int, default=together.ORDERS, help="orders of a prompt in mode paper")
    add("--seed", type=int, default=together.SEED, help="of the orders")
    add("--base-url", help="any server of chat completions (default: OPENAI_BASE_URL, or OpenAI)")
    add("--key-variable", metavar="NAME", help="environment variable of the key (OPENAI_API_KEY)")
    add("--concurrency", type=int, help="calls in flight at once (default: 16)")
    add("--timeout", type=float, help="seconds a call may take (default: 60)")
    add("--max-requests", type=int, help="HTTP requests that may be made")
    add("--max-cost", type=float, help="what it may cost; needs --prices")
    add("--prices", metavar="IN/OUT", help="per million prompt tokens, and completion tokens")
    add("--out", type=Path, help="where the grades go (default: beside the samples)")
    add("--dry-run", action="store_true", help="say what it would ask and cost")
    add("--json", action="store_true", help="one JSON value for machines")


_SETTINGS = (
    "base_url", "key_variable", "concurrency", "timeout", "max_requests", "max_cost", "prices",
)  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Judge, or say what that would take; exit code 6 when too little could be judged."""
    if not args.judge:
        raise UsageError(
            "No judge is set.",
            "--judge openai:MODEL asks a server (--base-url for a local one), --judge hf:PATH a "
            "model on this machine",
        )
    given = {key: getattr(args, key) for key in _SETTINGS if getattr(args, key) is not None}
    opened = open_judge(args.judge, parse(args.judge_args) | given)
    if [str(path) for path in args.samples] == ["check"]:
        return _check(args, opened)
    if args.mode == PAPER:
        return _together(args, opened)
    files = [path for place in args.samples for path in sample_files(place)]
    if args.out and len(files) > 1:
        raise UsageError(f"--out names one file, and there are {len(files)} of samples.")
    if args.dry_run:
        print_json({str(path): verb.estimate(read_samples(path), opened) for path in files})
        return 0
    reports = {str(path): _judge(path, args, opened) for path in files}
    if args.json:
        print_json(reports)
    for path, found in reports.items():
        for state, reason in found["reasons"].items() if not found["complete"] else ():
            err.print(f"{path}: {state}, first: {reason}", soft_wrap=True, markup=False)
    return _exit([path for path, found in reports.items() if not found["complete"]])


def _judge(path: Path, args: argparse.Namespace, opened: Opened) -> dict[str, Any]:
    place = _json(args.out) if args.out else summary_place(path)
    if path.resolve() in (place.resolve(), place.with_suffix(".jsonl").resolve()):
        raise UsageError(f"The grades would be written over {path}.", "Name another file: --out")
    total = sum(1 for _ in read_samples(path))
    if not total:
        raise DataError(f"{path} holds no answers.")
    with _bar("judging", total) as advance:
        found = verb.write(read_samples(path), opened, place, digest(path), advance)
    if not args.json:
        out.print(grades_table(found, opened.scale))
        out.print(f"Wrote {place}", markup=False, soft_wrap=True)
    return found


def _json(place: Path) -> Path:
    """The place with its ending; a dot in a name, as in 1.5m, is none."""
    return place if place.suffix == ".json" else place.with_name(f"{place.name}.json")


def _exit(short: list[str]) -> int:
    """0, unless some are incomplete."""
    if short:
        raise ResultError(
            f"Incomplete: less than 98 % of the answers could be judged of {', '.join(short)}.",
            "The states say why. The same command asks again only for what is missing.",
        )
    return 0


def _together(args: argparse.Namespace, opened: Opened) -> int:
    """Mode `paper`: the answers of several models in one prompt."""
    if not hasattr(opened.judge, "judge_ballots"):
        raise UsageError(
            f"The judge {args.judge!r} grades answers alone.", "Mode paper needs openai:MODEL."
        )
    answers = {}
    for place in args.samples:
        files = sample_files(place)
        if len(files) > 1:
            raise UsageError(f"{place} has the samples of {len(files)} tasks.", "Name one file.")
        answers[str(place)] = by_id(read_samples(files[0]))
    together.check(answers, args.orders)
    sheets = together.make_sheets(answers, args.orders, args.seed)
    if args.dry_run:
        found = verb.estimate((), opened, (sheet.ballot for sheet in sheets))
        print_json(found | {"answers": sum(map(len, answers.values()))})
        return 0
    count = sum(1 for _ in sheets)
    with _bar("judging", count) as advance:
        found = together.judge(answers, opened.judge.judge_ballots, args.orders, args.seed, advance)
    found |= {"judge": opened.ballot_fingerprint, **opened.account()}
    place = _json(args.out or Path("judged_together"))
    write_json(place, found)
    if args.json:
        print_json(found)
    else:
        out.print(together_table(found))
        out.print(f"Wrote {place}", markup=False, soft_wrap=True)
    return _exit([name for name, model in found["models"].items() if not model["complete"]])


def _check(args: argparse.Namespace, opened: Opened) -> int:
    """Make the judge's card; exit code 6 when it fails."""
    if args.dry_run:
        print_json(verb.estimate(check.items(), opened, check.ballots(opened)))
        return 0
    with _bar("checking", check.count(opened)) as advance:
        card = check.run(opened, advance)
    if card["checks"]["coverage"]:  # a card of a part must not take the place of a whole one
        cards.keep(card)
    place = _json(args.out or Path("judge_card")).with_suffix("")
    drawn = place.with_name(f"{place.name}.svg")
    write_json(place.with_name(f"{place.name}.json"), card)
    write_atomic(drawn, picture(card))
    write_atomic(place.with_name(f"{place.name}.md"), markdown(card, drawn.name) + "\n")
    if args.json:
        print_json(card)
    else:
        out.print(markdown(card), markup=False, soft_wrap=True)
        out.print(f"Wrote {place}.json, {place}.md and {place}.svg", markup=False, soft_wrap=True)
    if not card["passed"]:
        failed = ", ".join(name for name, passed in card["checks"].items() if passed is False)
        raise ResultError(
            f"This judge fails its card: {failed}.", "Do not rank models by its grades."
        )
    return 0


@contextmanager
def _bar(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar on the terminal; what it gives moves it on by one."""
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)
