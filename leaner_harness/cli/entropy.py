"""`leaner entropy`: how diverse two texts are, at equal sizes."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from leaner_harness.cli.console import err, out, print_json
from leaner_harness.data.text import GENRES, SPLITS, default_words, read_documents
from leaner_harness.entropy.picture import picture
from leaner_harness.entropy.report import by_genre, directions, report
from leaner_harness.entropy.sample import PER, TOP
from leaner_harness.entropy.units import load_tokenizer
from leaner_harness.files import write_atomic

_PAPER = (
    "The paper states 16.41 bits for the original and 15.86 for the simplified text as 1-gram "
    "entropy. No unigram entropy of 2,000 tokens exceeds 10.97 bits, nor of GPT-2's 15.62, and no "
    "words counted here come near: not reproduced, and the unit is not known."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner entropy`."""
    add = parser.add_argument
    add("a", metavar="A", help="a source as in a recipe: a folder, a file, leaner, mini, ...")
    add("b", metavar="B", help="the source it is compared with, such as the original text")
    add("--split", default="train", choices=SPLITS, help="which split of both (default: train)")
    add("--genres", default="", help=f"some of {', '.join(GENRES)}, by commas (default: all)")
    add("--words", type=int, help="read at most so many words of either")
    add("--tokenizer", type=Path, help="folder of a tokenizer (default: one made from both)")
    add("--plot", type=Path, metavar="FILE.svg", help="draw it")
    add("--json", action="store_true", help="one JSON value for machines")


def run(args: argparse.Namespace) -> int:
    """Compare and show."""
    genres = [genre for genre in args.genres.split(",") if genre]
    sides = [
        by_genre(read_documents(side, args.split, genres, args.words or default_words(side)))
        for side in (args.a, args.b)
    ]
    tokenizer = load_tokenizer(args.tokenizer) if args.tokenizer else None
    with err.status("counting") as status:
        found = report(
            sides[0], sides[1], tokenizer, lambda genre: status.update(f"counting {genre}")
        )
    found |= {"sources": {"a": args.a, "b": args.b}, "split": args.split}
    if args.plot:
        write_atomic(args.plot, picture(found, [args.a, args.b]))
    if args.json:
        print_json(found)
        return 0
    out.print(f"A = [bold]{args.a}[/], B = [bold]{args.b}[/], {args.split} split", soft_wrap=True)
    for genre, part in found["genres"].items():
        for unit in ("words", "tokens"):
            out.print(f"[bold]{genre}[/], {part[unit]['n']:,} {unit} of each")
            out.print(_table(part[unit]))
    out.print(_explanation(found), soft_wrap=True)
    if args.plot:
        out.print(f"Wrote {args.plot}", soft_wrap=True)
    return 0


def _table(figures: Mapping[str, Any]) -> Table:
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("")
    for name in ("A", "B", "A - B", "95 % interval", "seen A", "seen B"):
        table.add_column(name, justify="right", no_wrap=True)
    a, b = figures["a"], figures["b"]
    blocks = zip(a["blocks"], b["blocks"], figures["difference"], strict=True)
    for number, (one, other, difference) in enumerate(blocks, start=1):
        low, high = difference["interval"]
        table.add_row(
            f"H{number}",
            f"{one['corrected']:.3f}",
            f"{other['corrected']:.3f}",
            f"{difference['value']:+.3f}",
            f"\\[{low:+.3f}, {high:+.3f}]",
            f"{one['coverage']:.0%}",
            f"{other['coverage']:.0%}",
        )
    for name, key, form in _MORE:
        table.add_row(name, form.format(a[key]), form.format(b[key]), "", "", "", "")
    return table


_MORE = (
    ("types", "types", "{:,}"),
    (f"types in {PER:,}", f"types_per_{PER}", "{:,.0f}"),
    (f"top {TOP:,}", f"top_{TOP}", "{:.1%}"),
    ("characters each", "characters_per_token", "{:.2f}"),
)


def _explanation(found: Mapping[str, Any]) -> str:
    words = "; ".join(f"{genre} {', '.join(said)}" for genre, said in directions(found).items())
    packed = ", ".join(
        f"{genre} {part['compression']['a']['zstd']:.2f} and {part['compression']['b']['zstd']:.2f}"
        for genre, part in found["genres"].items()
    )
    return (
        "H1 to H3: entropy of runs of 1 to 3, in bits, corrected for what a sample does not show\n"
        "(Grassberger); seen: the probability that the next run is one of those counted. Below\n"
        "about 90 % the figure says more of the sample's size than of the text.\n"
        f"A in words, for runs of 1, 2 and 3: {words}.\n"
        f"zstd, bits a character, A and B: {packed}.\n"
        f"Tokenizer: {found['tokenizer']}.\n{_PAPER}"
    )
