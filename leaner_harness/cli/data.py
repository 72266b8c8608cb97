"""`leaner data`: download the published set, say what is there, write the embedded mini set."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from leaner_harness import counts
from leaner_harness.cli.console import err, out, print_json
from leaner_harness.data import download, published, status
from leaner_harness.errors import UsageError
from leaner_harness.files import write_atomic

DEFAULT_GROUPS = ("glue", "eval")
DEFAULT_WORDS = 100_000
PARTED = {f"pretrain/{side}" for side in published.SIDES}
MINI_INSTRUCTIONS = 1000

NOTE = (
    "These texts are LLM rewrites of third-party works (books, subtitles, web pages). The "
    "repository's MIT licence cannot relicense those. Use them for local measurement; do not "
    "redistribute them, nor text or data made from them."
)
ORI_NOTE = (
    "WARNING: side `ori` is the third-party works themselves, whole in-copyright books among them "
    '("All rights reserved"). Nothing here gives you a right to copy them: pull them only where '
    "the law lets you (such as text and data mining of what you have lawful access to), keep them "
    "on this machine, and never publish, commit or share them."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands pull, status and mini."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="pull|status|mini")
    _configure_pull(actions.add_parser("pull", help="download and verify published files"))
    show = actions.add_parser("status", help="what a folder holds, verified and counted")
    show.set_defaults(act=_status)
    show.add_argument("--dir", type=Path, help="default: LEANER_DATA, else where pull writes")
    show.add_argument(
        "--tokenizer",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="count tokens in this tokenizer.json (or folder) too; may be repeated",
    )
    show.add_argument("--json", action="store_true", help="print one JSON value")
    mini = actions.add_parser("mini", help="write the embedded mini set in the published layout")
    mini.set_defaults(act=_mini)
    mini.add_argument("--out", type=Path, required=True, metavar="DIR")
    mini.add_argument(
        "--words",
        type=int,
        default=DEFAULT_WORDS,
        metavar="N",
        help="training words a side, about; validation has a tenth (default: %(default)s)",
    )


def _configure_pull(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(act=_pull)
    parser.add_argument(
        "groups",
        nargs="*",
        metavar="GROUP",
        help=f"{', '.join(published.GROUPS)} (default: {' '.join(DEFAULT_GROUPS)})",
    )
    narrow = parser.add_argument_group("for pretrain")
    narrow.add_argument(
        "--genre",
        nargs="+",
        action="extend",
        metavar="G",
        help=f"{', '.join(published.GENRES)} (default: all)",
    )
    narrow.add_argument(
        "--side",
        choices=published.SIDES,
        help="simplified text, or its originals (default: leaner)",
    )
    narrow.add_argument(
        "--tier",
        choices=published.TIERS,
        help="10M (default), or 100M: the 10M files and the 100M files, as upstream counts",
    )
    parser.add_argument("--to", type=Path, metavar="DIR", help="default: in the cache folder")
    parser.add_argument("--yes", action="store_true", help="do not ask about licences")


def run(args: argparse.Namespace) -> int:
    """Do the sub-command; returns the exit code."""
    act: Callable[[argparse.Namespace], int] = args.act
    return act(args)


def _pull(args: argparse.Namespace) -> int:
    groups = args.groups or DEFAULT_GROUPS
    if (args.genre or args.side or args.tier) and "pretrain" not in groups:
        raise UsageError(
            "--genre, --side and --tier choose among pre-training files.",
            "Add the group: leaner data pull pretrain --genre wiki",
        )
    manifest = published.load_manifest()
    paths = published.select(
        groups,
        genres=args.genre or published.GENRES,
        sides=[args.side or "leaner"],
        tiers=published.TIERS if args.tier == "100M" else ["10M"],
        manifest=manifest,
    )
    if not _agreed(paths, args.yes):
        err.print("Nothing pulled.")
        return 1
    folder = (args.to or published.folder(manifest)).expanduser()
    with _bar() as show:
        fetched = download.pull(paths, folder, manifest, show=show)
    there = len(paths) - len(fetched)
    print(f"{folder}: {len(fetched)} files fetched, {there} were there; all verified.")
    if args.to:
        print(f"To score on it: LEANER_DATA={folder}")
    return 0


def _agreed(paths: Iterable[str], yes: bool) -> bool:
    """Say what the licence does not cover, and ask; true when there is nothing to say."""
    delicate = [path for path in paths if published.group_of(path) in ("instruct", "pretrain")]
    if not delicate:
        return True
    err.print(NOTE)
    if any(path.startswith("data/ori/") for path in delicate):
        err.print(ORI_NOTE, style="bold red")
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("Nobody is there to agree to this.", "If you do, add --yes.")
    try:
        return err.input("Pull them? [y/N] ", markup=False).strip().lower() in ("y", "yes")
    except EOFError:
        return False


@contextmanager
def _bar() -> Iterator[download.Show]:
    """A bar on standard error, one file after the other; nothing where that is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(
        *columns, TransferSpeedColumn(), console=err, disable=not err.is_terminal
    ) as progress:
        bar = progress.add_task("checking what is there", total=None)
        yield (
            lambda name: (
                lambda done, total: progress.update(
                    bar, description=name, completed=done, total=total
                )
            )
        )


def _status(args: argparse.Namespace) -> int:
    manifest = published.load_manifest()
    named = args.dir or os.environ.get("LEANER_DATA") or published.folder(manifest)
    folder = Path(named).expanduser()
    with err.status("verifying and counting"):
        groups = [group.record() for group in status.describe(folder, args.tokenizer, manifest)]
    if args.json:
        print_json(
            {
                "folder": str(folder),
                "repository": manifest.repository,
                "commit": manifest.commit,
                "groups": groups,
                "published_source": status.PUBLISHED_SOURCE,
            }
        )
        return 0
    out.print(_table(groups))
    print(f"\nIn {folder}; pretrain counts every split, eval its overlapping files.")
    print(f"paper: tokens as stated for the whole set ({status.PUBLISHED_SOURCE}).")
    for group in groups:
        _print_findings(group)
    return 0


def _table(groups: list[dict[str, Any]]) -> Table:
    """One line a group, within 80 columns; the exact numbers are in --json."""
    counters = list(dict.fromkeys(name for group in groups for name in group["tokens"]))
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("group", no_wrap=True, min_width=len("pretrain/leaner/100M"))
    for name in ("verified", "wrong", "absent", "rows", "bytes", *counters, "paper"):
        table.add_column(name, justify="right", overflow="fold")
    for group in groups:
        table.add_row(
            group["name"],
            f"{group['verified']}/{group['files']}",
            str(len(group["wrong"])),
            str(len(group["absent"])),
            "-" if group["rows"] is None else str(group["rows"]),
            _short(group["bytes"] or None),
            *(_short(group["tokens"].get(name)) for name in counters),
            _short(group["published_tokens"]),
        )
    return table


def _short(number: int | None) -> str:
    return "-" if number is None else counts.short(number)


def _print_findings(group: Mapping[str, Any]) -> None:
    """Name the files that are not what was published, and those that were not counted."""
    if group["name"] in PARTED:
        return  # its parts name theirs
    for path in group["wrong"]:
        print(f"wrong: {path} differs from what was published")
    for path, note in group["not_counted"].items():
        print(f"not counted: {path}: {note}")


def _mini(args: argparse.Namespace) -> int:
    if args.words < 1:
        raise UsageError(f"--words {args.words} leaves no text.", "Give a positive number.")
    files = list(_mini_files(args.out.expanduser() / "data", args.words))
    for path, rows in files:
        write_atomic(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    print(f"{args.out}: {len(files)} files. Written by this project, not the published LEANER set.")
    return 0


def _mini_files(data: Path, words: int) -> Iterator[tuple[Path, Iterable[Mapping[str, Any]]]]:
    """The files of the mini set, as the published set lays them out, and their rows."""
    from leaner_harness.data import mini

    for stem in mini.stems():
        yield data / "leaner" / "glue" / f"{stem}.jsonl", mini.rows(stem)
    for side, name in (("simple", "leaner"), ("harder", "ori")):
        for split, limit in (("train", words), ("validation", max(1, words // 10))):
            genres: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for document in mini.documents(side=side, split=split, words=limit):
                genres[document.genre].append({"id": document.id, "text": document.text})
            for genre, rows in genres.items():
                yield data / name / "10M" / split / f"{genre}0000.jsonl", rows
        instructions = mini.instructions(side, "train", MINI_INSTRUCTIONS)
        yield data / name / "instruction0000.jsonl", instructions
