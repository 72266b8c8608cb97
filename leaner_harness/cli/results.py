"""`leaner results`: make a result from an lm_eval output folder; show, verify, update results."""

from __future__ import annotations

import argparse
import functools
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.markup import escape
from rich.table import Table

from leaner_harness import results, scoring
from leaner_harness.cli.answers_table import answers_table
from leaner_harness.cli.console import err, out, print_json
from leaner_harness.data.glue import AVERAGED
from leaner_harness.errors import ResultError, UsageError
from leaner_harness.files import write_atomic
from leaner_harness.from_lm_eval.make import make
from leaner_harness.leaderboard import changes
from leaner_harness.leaderboard.entries import (
    UNVERIFIED,
    VERIFIED,
    Entry,
    Refused,
    raise_refused,
    read_entries,
)
from leaner_harness.results import Result, answer_scores, recompute
from leaner_harness.results.rules import samples_name
from leaner_harness.results.untrusted import read_bytes, shown_path

REFUSED = "refused"


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner results`."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    add = verbs.add_parser("add", help="make a result from an lm_eval output folder")
    add.add_argument("output", type=Path, help="what lm_eval got as --output_path")
    add.add_argument("--model", default="", help="name on the board (default: checkpoint folder)")
    add.add_argument("--checkpoint", type=Path, help="where the checkpoint lies now")
    add.add_argument("--partial", action="store_true", help="accept missing tasks; then no mean")
    add.add_argument("--replace", action="store_true", help="replace a result of other weights")
    show = verbs.add_parser("show", help="scores with intervals and majority baselines")
    show.add_argument(
        "runs", nargs="*", help="result files, or names: BOARD/MODEL/RUN (default: all)"
    )
    verify = verbs.add_parser("verify", help="compute every number again from the samples")
    verify.add_argument("--strict", action="store_true", help="a result without samples fails too")
    verify.add_argument(
        "--changed-from", type=Path, metavar="DIR", help="only what is new or other than in DIR"
    )
    update = verbs.add_parser(
        "update", help="add to older results what their samples give and they lack"
    )
    update.set_defaults(changed_from=None)
    for verb in (verify, update):
        verb.add_argument(
            "paths", type=Path, nargs="*", help="result files or folders of the results folder"
        )
    for verb in (add, show, verify, update):
        verb.add_argument("--results", type=Path, default=Path("results"), help="results folder")
        verb.add_argument("--json", action="store_true", help="one JSON value for machines")


def run(args: argparse.Namespace) -> int:
    """Add, show or verify; returns the exit code."""
    if args.verb == "add":
        return _add(args)
    if args.verb == "verify":
        return _verify(args)
    if args.verb == "update":
        return _update(args)
    return _show(args)


def _show(args: argparse.Namespace) -> int:
    """Print results with their state; a file that the board would refuse is an error."""
    files = [results.find(name, args.results) for name in args.runs]
    folders = {_folder(path) for path in files} or {args.results}
    entries, refused = [], []
    for folder in sorted(folders):
        found = read_entries(folder, functools.partial(_is_below, files))
        entries += found[0]
        refused += found[1]
    if not entries and not refused and not args.json:
        err.print(
            f"No results in {args.results}. Make one: leaner results add OUTPUT", markup=False
        )
    for entry in entries:
        if entry.state != VERIFIED:
            name = entry.result.path.as_posix()
            err.print(f"{name} is {entry.state}. {entry.reason}", markup=False, soft_wrap=True)
    show([entry.result for entry in entries], as_json=args.json)
    raise_refused(refused)
    return 0


def _folder(path: Path) -> Path:
    """The results folder that a result file lies in."""
    places = path.absolute().parents
    if not path.is_file() or path.absolute() not in results.paths(places[min(2, len(places) - 1)]):
        raise ResultError(f"{path} is no result: it is not there as BOARD/MODEL/RUN.json.")
    return places[2]


def _is_below(places: Sequence[Path], path: Path) -> bool:
    """Whether a path is one of the places or in one; any is where none are named."""
    return not places or any(path.absolute().is_relative_to(each.absolute()) for each in places)


def _add(args: argparse.Namespace) -> int:
    result, samples = make(
        args.output, model=args.model, checkpoint=args.checkpoint, partial=args.partial
    )
    path = results.write(result, samples, args.results, replace=args.replace)
    if not args.json:
        out.print(f"Wrote {path}", markup=False, soft_wrap=True)
    return show([result], as_json=args.json)


def _verify(args: argparse.Namespace) -> int:
    """0 unless a file is refused, or lacks samples where that is strictly asked for: then 6."""
    entries, refused = _entries(args)
    if args.changed_from is not None:
        wrong = changes.faults(args.results, args.changed_from, entries)
        paths = {each.path for each in wrong}
        entries = [each for each in entries if args.results / each.result.path not in paths]
        refused += wrong
    rows = _states(entries, refused, args.results)
    if args.json:
        print_json(rows)
    else:
        _print_states(rows)
    bad = {REFUSED, UNVERIFIED} if args.strict else {REFUSED}
    return ResultError.exit_code if any(row["state"] in bad for row in rows) else 0


def _entries(args: argparse.Namespace) -> tuple[list[Entry], list[Refused]]:
    """What lies at the paths; raises UsageError where nothing does."""
    if not args.results.is_dir():
        raise UsageError(f"{args.results} is no folder.", "Name the results folder: --results DIR")
    for place in args.paths:
        if not any(_is_below([place], path) for path in _all_files(args.results)):
            raise UsageError(
                f"No result below {args.results} is at {place}.",
                "Name the results folder: --results DIR",
            )
    return read_entries(args.results, functools.partial(_is_wanted, args))


def _all_files(folder: Path) -> list[Path]:
    return [*results.paths(folder), *results.lone_samples(folder)]


def _states(entries: list[Entry], refused: list[Refused], folder: Path) -> list[dict[str, str]]:
    found = [(folder / entry.result.path, entry.state, entry.reason) for entry in entries]
    found += [(each.path, REFUSED, each.reason) for each in refused]
    return [
        {"path": shown_path(path), "state": state, "reason": why}
        for path, state, why in sorted(found)
    ]


def _update(args: argparse.Namespace) -> int:
    """Write verified results that lacked something anew; their samples stay as they are."""
    entries, refused = _entries(args)
    raise_refused(refused)
    written = []
    for entry in entries:
        if entry.state != VERIFIED:
            continue
        path = args.results / entry.result.path
        stated = results.read(path)
        found = recompute.completed(stated, args.results)
        if found.record != stated.record:
            write_atomic(path, results.encoded(found.record, path))
            written.append(str(path))
    if args.json:
        print_json(written)
    else:
        for path in written:
            out.print(f"Wrote {path}", markup=False, soft_wrap=True)
        out.print(f"{len(written)} of {len(entries)} results lacked what their samples give.")
    return 0


def _is_wanted(args: argparse.Namespace, path: Path) -> bool:
    """Whether a result is at one of the paths, and not the same in the other folder."""
    if not _is_below(args.paths, path):
        return False
    if args.changed_from is None:
        return True
    samples = path.with_name(samples_name(path.stem))
    return not all(
        _are_same(each, args.changed_from / each.relative_to(args.results))
        for each in (path, samples)
    )


def _are_same(one: Path, other: Path) -> bool:
    """Whether both hold the same or neither is there; unreadable ones are not."""
    if not os.path.lexists(one) and not os.path.lexists(other):
        return True
    try:
        most = results.SAMPLES_BYTES
        return read_bytes(one, most) == read_bytes(other, most)
    except (FileNotFoundError, ValueError):
        return False


def _print_states(rows: list[dict[str, str]]) -> None:
    for row in rows:
        more = "" if row["state"] == VERIFIED else f": {row['reason']}"
        out.print(f"{row['state']:<10} {row['path']}{more}", markup=False, soft_wrap=True)
    counts = Counter(row["state"] for row in rows)
    total = ", ".join(f"{counts[state]} {state}" for state in (VERIFIED, UNVERIFIED, REFUSED))
    out.print(total, highlight=False)


def show(found: list[Result], *, as_json: bool) -> int:
    """Print results as tables, or as JSON; returns the exit code."""
    if as_json:
        print_json([result.record for result in found])
        return 0
    for result in found:
        _print(result)
    return 0


def _print(result: Result) -> None:
    record = result.record
    data = record["data"]
    kind = "synthetic rows" if data["synthetic"] else f"{data['source']} rows"
    name = f"[bold]{record['model']['name']}[/]"
    out.print(f"{name} on {record['board']} ({record['run']}, {kind})", soft_wrap=True)
    if answer_scores.has_answers(result):
        out.print(answers_table(record))
        return
    out.print(_table(record))
    out.print(_mean_text(result), soft_wrap=True)


def _table(record: results.Record) -> Table:
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False, collapse_padding=True)
    tasks = record["tasks"]
    seeds = any("seeds" in task for task in tasks.values())
    table.add_column("task")
    for name in _columns(seeds=seeds):
        table.add_column(name, justify="right", no_wrap="interval" in name)
    for name in (*AVERAGED, *(task for task in tasks if task not in AVERAGED)):
        table.add_row(*_task_row(name, tasks.get(name), seeds=seeds))
    return table


def _columns(*, seeds: bool) -> list[str]:
    spread = ["sd over seeds"] if seeds else []
    return ["n", "score", "95 % interval", *spread, "constant", "Jaccard", "words", "centred"]


def _task_row(name: str, task: results.Record | None, *, seeds: bool) -> list[str]:
    if task is None or task["state"] != "ok":
        state = task["state"] if task else "not run"
        return [name, "", state, *[""] * (len(_columns(seeds=seeds)) - 2)]
    metrics, baselines = task["metrics"], task.get("baselines") or {}
    spread = task.get("seeds", {}).get("sd")
    return [
        name,
        str(task["n"]),
        scoring.shown(metrics[scoring.SCORE]),
        _interval(results.task_interval(task, scoring.SCORE)),
        *([_shown(spread)] if seeds else []),
        scoring.shown(task["majority_baseline"]),
        _shown(baselines.get("jaccard")),
        _shown(baselines.get("words")),
        scoring.shown(metrics[scoring.CENTRED]),
    ]


def _shown(value: float | None) -> str:
    return "" if value is None else scoring.shown(value)


def _mean_text(result: Result) -> str:
    raw, centred = result.mean(scoring.SCORE), result.mean(scoring.CENTRED)
    if raw is None or centred is None:
        return f"No mean: {escape(', '.join(result.record['missing']))} missing."
    return (
        f"mean {_with_interval(raw)}, centred mean {_with_interval(centred)}\n"
        "95 % interval: over rows and, where there are several, fine-tuning seeds\n"
        "constant: the best constant prediction; centred: 0 is that, 1 is perfect\n"
        "Jaccard, words: word overlap and a word model, fitted to the training rows"
    )


def _with_interval(mean: results.Record) -> str:
    return f"{scoring.shown(mean['value'])} {_interval(results.mean_interval(mean))}"


def _interval(bounds: list[float]) -> str:
    return f"\\[{scoring.shown(bounds[0])}, {scoring.shown(bounds[1])}]"
