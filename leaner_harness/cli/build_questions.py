"""`leaner build questions`: questions like LEANER-Eval's, from a language model (Algorithm 3)."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaner_harness.cli.console import out, print_json
from leaner_harness.data.questions import mini_questions
from leaner_harness.data.row_text import asked_in
from leaner_harness.data.text import read_documents
from leaner_harness.dataset import questions
from leaner_harness.dataset.similarity import EMBEDDED, LEXICAL
from leaner_harness.errors import DataError, UsageError
from leaner_harness.llm.opening import open_plugin, parse


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner build questions`."""
    add = parser.add_argument
    add("--model", required=True, metavar="openai:MODEL", help="who writes them")
    add("--model-args", default="", metavar="KEY=VALUE,...", help="base_url=..., max_cost=..., ...")
    add("--examples", type=Path, help="a file with a question a line (default: our own)")
    add("--instructions", default="mini-instruct", help="source of what a model is trained with")
    usual = questions.Settings()
    add("--wanted", type=int, default=usual.wanted, help="how many are wanted")
    add("--seed", type=int, default=usual.seed, help="of the examples that are shown")
    add(
        "--measure", default=usual.measure, choices=(LEXICAL, EMBEDDED),
        help="of similarity to the instructions",
    )  # fmt: skip
    add("--out", type=Path, required=True, help="a new folder, in the published layout")
    add("--json", action="store_true", help="one JSON value for machines")


def _examples(path: Path | None) -> list[str]:
    """A question a line; our own where no file is named."""
    if path is None:
        return [row["question"] for row in mini_questions()]
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text in UTF-8: {error}.") from error


def run(args: argparse.Namespace) -> int:
    """Algorithm 3; exit code 3 where nothing came of it."""
    _, engine = open_plugin("rewriter", args.model, parse(args.model_args))
    if engine is None:
        raise UsageError(f"{args.model!r} writes no questions.", "--model openai:MODEL")
    questions.refuse_taken(args.out)
    examples = _examples(args.examples)
    read = read_documents(args.instructions, "train", ("instruction",), 200_000)
    instructions = [asked_in(document.text[: document.prompt]).strip() for document in read]
    settings = questions.Settings(wanted=args.wanted, seed=args.seed, measure=args.measure)
    made = questions.make(engine, examples, instructions, settings)
    found = made.record()
    if not made.kept:
        why = f" The first batch that gave none: {made.why}" if made.why else ""
        raise DataError(f"No question was kept: {found['questions']}, {found['batches']}.{why}")
    questions.write(made, args.out)
    if args.json:
        print_json(found)
    else:
        counts = ", ".join(f"{name} {count:,}" for name, count in found["questions"].items())
        out.print(f"Questions: {counts}; stopped: {found['stopped']}", soft_wrap=True)
        out.print(f"Wrote {args.out}; to ask them: LEANER_DATA={args.out}", soft_wrap=True)
    return 0
