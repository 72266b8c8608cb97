"""`leaner tasks-path`: our task folder, for `lm_eval --include_path`."""

from __future__ import annotations

import argparse

from leaner_harness.contracts import resolve_folder


def configure(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(args: argparse.Namespace) -> int:
    """Print the folder."""
    print(resolve_folder("leaner_harness:tasks"))
    return 0
