"""The `leaner` command: a table of verbs; each verb's module is imported only when it is called.

A verb module offers `configure(parser)` and `run(args) -> int` (the exit code).
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leaner_harness import __version__
from leaner_harness.errors import LeanerError, near_miss

VERBS = {
    "demo": "the whole story, from text to a board: offline, a few minutes",
    "train": "recipe -> checkpoint, through a trainer plugin",
    "curriculum": "the stages of a recipe's curriculum; what curricula saved",
    "generate": "stream text from a checkpoint",
    "evaluate": "checkpoint -> result: zero-shot or fine-tuned, the short way",
    "lm-eval": "run lm_eval with our tasks and model types, no start-up file needed",
    "results": "make a result from an lm_eval output folder; show and verify results",
    "submit": "prepare a checkpoint's results for a pull request to the board",
    "judge": "grade the answers of LEANER-Eval that lm_eval saved",
    "compare": "whether runs on the same rows differ by more than chance",
    "build": "a simpler data set from your own text: filter, rewrite, verify, shard",
    "entropy": "how diverse two texts are, at equal sizes",
    "experiment": "the paper's experiments as grids of the other commands, resumable",
    "leaderboard": "build or check the board made from the results folder",
    "data": "download, verify and describe benchmark rows and training text",
    "plugins": "list plugins, and check that one keeps its contract",
    "tasks-path": "print our task folder, for lm_eval --include_path",
    "doctor": "say what is installed, what works and what does not",
}


class _Help(argparse.HelpFormatter):
    """Says an option's default where it has one, and its help does not say it."""

    def _get_help_string(self, action: argparse.Action) -> str:
        said, default = action.help or "", action.default
        is_value = isinstance(default, str | int | float | Path) and not isinstance(default, bool)
        if not action.option_strings or not is_value or "default" in said:
            return said
        return said if default in ("", argparse.SUPPRESS) else f"{said} (default: %(default)s)"


class _Parser(argparse.ArgumentParser):
    """The parser of a verb, and those of its own verbs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": _Help} | options)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one `leaner` command and return its exit code: 0, or the code of the error's class."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_help())
        return 0
    if arguments[0] in ("-V", "--version"):
        print(f"leaner-harness {__version__}")
        return 0
    return _run_verb(arguments[0], arguments[1:])


def _help() -> str:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {name:<{width}}  {text}" for name, text in VERBS.items())
    return (
        "usage: leaner VERB [options]   (leaner VERB --help says more)\n\n"
        "Train, score and rank tiny language models in a simpler language environment.\n\n"
        f"verbs:\n{verbs}\n\n"
        "exit codes: 0 done, 1 error, 2 usage, 3 data, 4 plugin, 5 checkpoint, 6 result, 130 Ctrl-C"
    )


def _run_verb(name: str, arguments: list[str]) -> int:
    if name not in VERBS:
        print(f"leaner: unknown verb {name!r}.{near_miss(name, VERBS)}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"leaner_harness.cli.{name.replace('-', '_')}")
    parser = _Parser(prog=f"leaner {name}", description=VERBS[name] + ".")
    module.configure(parser)
    try:
        return int(module.run(parser.parse_args(arguments)))
    except LeanerError as error:
        print(f"leaner {name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"leaner {name}: stopped.", file=sys.stderr)
        return 130
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # The reader of our output went away (`leaner data status | head`): nothing to report.
            sys.stderr.close()
            return 0
        print(f"leaner {name}: {error}", file=sys.stderr)
        return 1
