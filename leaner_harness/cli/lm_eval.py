"""`leaner lm-eval ...`: lm_eval with our tasks and model types, start-up file or not."""

from __future__ import annotations

import argparse
import sys


def configure(parser: argparse.ArgumentParser) -> None:
    """Everything after the verb belongs to lm_eval."""
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what lm_eval takes")
    parser.prefix_chars = "\0"  # `--tasks` is lm_eval's option, not ours


def run(args: argparse.Namespace) -> int:
    """Run lm_eval's own command line in this process."""
    from lm_eval.__main__ import cli_evaluate

    from leaner_harness.lm_eval_plugin import install

    install()
    sys.argv = ["lm_eval", *args.arguments]
    cli_evaluate()
    return 0
