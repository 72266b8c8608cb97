"""`leaner demo`: train two tiny models, score them, build a board, and say where everything is."""

from __future__ import annotations

import argparse
import shlex
import time
from pathlib import Path

from leaner_harness import demo
from leaner_harness.cli.console import out


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner demo`."""
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="where it writes")


def run(args: argparse.Namespace) -> int:
    """Run the demo's commands one after the other."""
    start = time.monotonic()
    demo.prepare(args.out, Path("results"))
    for number, step in enumerate(demo.steps(args.out), start=1):
        out.rule(f"[bold]{number}. {step.title}[/]", align="left")
        out.print(f"$ {shlex.join(step.command)}", style="cyan", soft_wrap=True, markup=False)
        if step.log:
            out.print(f"(its output goes to {args.out / step.log})", style="dim")
        demo.run_step(step, args.out)
    out.rule(f"[bold]Done in {time.monotonic() - start:.0f} s[/]", align="left")
    out.print(
        f"Checkpoints: {args.out / 'llama-demo'}, {args.out / 'ngram'}\n"
        f"Results:     {args.out / 'results'}\n"
        f"Board:       {args.out / 'results' / 'README.md'}",
        soft_wrap=True,
    )
    return 0
