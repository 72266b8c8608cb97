"""`leaner generate`: stream text from a checkpoint."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaner_harness.cli.console import print_json
from leaner_harness.generate import generate


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="folder of a model")
    parser.add_argument("prompt", nargs="?", default="", help="how the text begins")
    parser.add_argument("--max-new-tokens", type=int, default=100, metavar="N", help="how long")
    parser.add_argument(
        "--temperature", type=float, default=0.8, metavar="T", help="0: always the likeliest token"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same text")
    parser.add_argument("--device", default="cpu", help="torch device (default: cpu)")
    parser.add_argument("--json", action="store_true", help="one object when the text is complete")


def run(args: argparse.Namespace) -> int:
    """Print the prompt and what follows it, as it comes."""
    pieces = generate(
        args.checkpoint,
        args.prompt,
        max_new_tokens=args.max_new_tokens,
        temperature=args.temperature,
        seed=args.seed,
        device=args.device,
    )
    if args.json:
        options = ("prompt", "max_new_tokens", "temperature", "seed")
        known = {name: getattr(args, name) for name in options}
        print_json({"checkpoint": str(args.checkpoint), "text": "".join(pieces), **known})
        return 0
    print(args.prompt, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()
    return 0
