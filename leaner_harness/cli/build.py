"""`leaner build`: a simpler data set from a user's own text, resumable, and counted."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from leaner_harness.cli import build_glue, build_questions
from leaner_harness.cli.bars import bars
from leaner_harness.cli.console import err, out, print_json
from leaner_harness.data.text import GENRES, SPLITS, read_documents
from leaner_harness.dataset import checks, maths, vocabulary
from leaner_harness.dataset.build import TRIES, Source
from leaner_harness.dataset.pretrain import Job, Settings, is_begun
from leaner_harness.errors import DataError
from leaner_harness.llm.opening import parse


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner build`."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, what in (("pretrain", "text to train on"), ("instruct", "instructions")):
        verb = verbs.add_parser(name, help=f"rewrite {what}, verify the rewrites, write shards")
        add = verb.add_argument
        add("sources", nargs="+", metavar="SOURCE", help="as in a recipe: a folder, a file, mini")
        add("--out", type=Path, required=True, help="folder of the build; the same goes on")
        add(
            "--rewriter", default="echo", metavar="NAME:MODEL",
            help="openai:MODEL, rules (offline, a baseline), replay:FILE, echo (default: the text "
            "as it is), or a plugin's",
        )  # fmt: skip
        add("--rewriter-args", default="", metavar="KEY=VALUE,...", help="base_url=..., ...")
        add("--split", default="train", choices=SPLITS, help="split of the source")
        if name == "pretrain":
            add("--genres", default="", help=f"some of {', '.join(GENRES)}, by commas")
            add(
                "--keep-grades", default=",".join(maths.KEPT_GRADES), metavar="A,B,...",
                help="maths is graded A (easy) to F and kept by its grade, never rewritten",
            )  # fmt: skip
        add("--words", type=int, help="read at most so many words of each source")
        add("--tries", type=int, default=TRIES, help="times a chunk is asked for")
        add("--seed", type=int, default=0, help="of the splits")
        add("--vocabulary", default="", help="a list of allowed words (default: ours)")
        add(
            "--coverage", type=float, default=checks.DEFAULT.coverage_fail, metavar="SHARE",
            help="of a text's words that must be in the vocabulary, at least",
        )  # fmt: skip
        add("--keep-names", action="store_true", help="leave names, places and times as they are")
        add("--licence", default="unknown", help="of the source texts, for the card")
        _add_dry_run(add)
        _add_limits(add)
    for name, what in (
        ("resume", "go on with a build that was stopped"),
        ("retry-failed", "ask again for what failed, and go on"),
        ("status", "what there is, and what became of it"),
    ):
        verb = verbs.add_parser(name, help=what)
        verb.add_argument("out", type=Path, help="folder of the build")
        if name == "resume":
            _add_dry_run(verb.add_argument)
        if name == "retry-failed":
            verb.add_argument(
                "--rejected", action="store_true",
                help="ask anew for what was rejected, too: each chunk is paid for once more",
            )  # fmt: skip
        if name != "status":
            _add_limits(verb.add_argument)
        else:
            verb.add_argument("--json", action="store_true", help="one JSON value for machines")
    build_glue.configure(verbs.add_parser("glue", help="items of GLUE that a judge agrees on"))
    build_questions.configure(verbs.add_parser("questions", help="questions like LEANER-Eval's"))
    derive = verbs.add_parser("vocabulary", help="the commonest lemmas of a source, as a list")
    derive.add_argument("source", help="as in a recipe")
    derive.add_argument("--split", default="train", choices=SPLITS, help="split of the source")
    derive.add_argument("--size", type=int, default=vocabulary.SIZE, help="lemmas in the list")
    derive.add_argument("--words", type=int, help="read at most so many words")
    derive.add_argument("--out", type=Path, required=True, help="the file to write")


def _add_dry_run(add: Any) -> None:
    add("--dry-run", action="store_true", help="say what it would ask and cost; nothing is asked")


def _add_limits(add: Any) -> None:
    add("--limit", type=int, help="chunks to do this time")
    add("--processes", type=int, help="processes that filter and check (default: one a core)")
    add("--max-requests", type=int, help="HTTP requests that may be made this time")
    add("--max-cost", type=float, help="what it may cost this time; needs prices=IN/OUT")
    add("--json", action="store_true", help="one JSON value for machines")


def run(args: argparse.Namespace) -> int:
    """Build; exit code 3 where something failed."""
    if args.verb == "vocabulary":
        return _vocabulary(args)
    if args.verb == "glue":
        return build_glue.run(args)
    if args.verb == "questions":
        return build_questions.run(args)
    settings = _settings(args) if args.verb in ("pretrain", "instruct") else None
    if getattr(args, "dry_run", False):
        return _dry_run(args, settings)
    with Job(args.out, settings, getattr(args, "processes", None)) as job:
        if args.verb == "status":
            return _show(job.status(), as_json=args.json)
        if args.verb == "retry-failed":
            err.print(f"{job.retry(rejected=args.rejected)} chunks are asked for again.")
        with bars() as announce:
            manifest = job.run(args.limit, _overrides(args), announce)
        why = job.why()
    shown = _show(manifest, as_json=args.json)
    _hint(manifest["documents"])
    if manifest["documents"]["failed"]:
        raise DataError(
            f"{manifest['documents']['failed']} documents failed: {args.out} is not complete. "
            f"Most of their chunks: {why}",
            f"leaner build retry-failed {args.out}",
        )
    return shown


def _hint(documents: Mapping[str, Any]) -> None:
    """What to do where one check keeps most documents out."""
    for each in documents["reasons"]:
        if each["reason"] == "vocabulary" and 2 * each["count"] > documents["in"]:
            err.print(
                f"{each['count']:,} of {documents['in']:,} documents have too many words outside "
                "the list. A better rewriter, a list of your texts' own words (leaner build "
                "vocabulary), or a lower --coverage keeps more of them.",
                soft_wrap=True,
            )


def _overrides(args: argparse.Namespace) -> dict[str, Any]:
    """What holds for this time alone."""
    given = {"max_requests": args.max_requests, "max_cost": args.max_cost}
    return {key: value for key, value in given.items() if value is not None}


def _dry_run(args: argparse.Namespace, settings: Settings | None) -> int:
    """What is left to be asked. A build that was not begun is not begun by that."""
    with tempfile.TemporaryDirectory() as aside:
        folder = Path(aside) if settings and not is_begun(args.out) else args.out
        with Job(folder, settings) as job:
            found = job.plan(args.limit, _overrides(args))
    _show(found, as_json=args.json)
    if not args.json:
        cost = found["cost_at_most"]
        said = "no prices are set" if cost is None else f"{cost:,.2f} at most"
        tokens = f"{found['prompt_tokens']:,} tokens to send"
        most = f"{found['completion_tokens_at_most']:,} at most to get"
        out.print(
            f"Would make {found['calls']:,} calls ({found['cached']:,} more are in the cache): "
            f"about {tokens}, {most}, {said}. What is not accepted is asked for again, on top.",
            soft_wrap=True,
        )
    return 0


def _settings(args: argparse.Namespace) -> Settings:
    asked = "instruction" if args.verb == "instruct" else args.genres
    genres = tuple(genre for genre in asked.split(",") if genre)
    return Settings(
        Source(tuple(args.sources), args.split, genres, args.words),
        args.rewriter,
        parse(args.rewriter_args),
        args.tries,
        args.seed,
        args.vocabulary,
        args.licence,
        not args.keep_names,
        _grades(args),
        args.coverage,
    )


def _grades(args: argparse.Namespace) -> tuple[str, ...]:
    if args.verb == "instruct":
        return maths.KEPT_GRADES
    return maths.check_grades(list(filter(None, args.keep_grades.split(","))))


def _vocabulary(args: argparse.Namespace) -> int:
    texts = (document.text for document in read_documents(args.source, args.split, (), args.words))
    found = vocabulary.derive(texts, args.size, f"{args.source}, {args.split}")
    found.save(args.out)
    out.print(f"Wrote {len(found.lemmas)} lemmas to {args.out}", soft_wrap=True)
    return 0


def _show(found: Mapping[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(found)
        return 0
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    table.add_column("")
    for name in _STATES:
        table.add_column(name, justify="right")
    for name in ("documents", "chunks"):
        table.add_row(name, *(f"{found[name][key]:,}" for key in _STATES))
    out.print(table)
    for name in ("documents", "chunks"):
        for each in found[name]["reasons"]:
            out.print(f"{name} {each['state']}: {each['reason']} {each['count']:,}", soft_wrap=True)
    if found.get("why"):
        out.print(f"Most chunks that failed: {found['why']}", soft_wrap=True, markup=False)
    if took := found.get("log"):
        cost = "" if took["cost"] is None else f", {took['cost']:,.2f}"
        out.print(
            f"{took['tries']:,} tries in {took['runs']:,} runs: {took['calls']:,} calls, "
            f"{took['prompt_tokens']:,} tokens sent, {took['completion_tokens']:,} got{cost}",
            soft_wrap=True,
        )
    for each in found.get("files", ()):
        out.print(f"{each['file']}: {each['rows']:,} documents, {each['words']:,} words")
    return 0


_STATES = ("in", "kept", "rejected", "failed", "pending")
