"""`leaner results`: make a result from an lm_eval output folder, and show results."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.table import Table

from leaner_harness import lm_eval_output, make_result, results, scoring
from leaner_harness.cli.console import out, print_json
from leaner_harness.data.glue import AVERAGED
from leaner_harness.results import Result


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
    show.add_argument("files", type=Path, nargs="*", help="result files (default: all)")
    for verb in (add, show):
        verb.add_argument("--results", type=Path, default=Path("results"), help="results folder")
        verb.add_argument("--json", action="store_true", help="one JSON value for machines")


def run(args: argparse.Namespace) -> int:
    """Add or show; returns the exit code."""
    if args.verb == "add":
        return _add(args)
    found = [results.read(path) for path in args.files] or results.read_all(args.results)
    return _show(found, as_json=args.json)


def _add(args: argparse.Namespace) -> int:
    evaluation = lm_eval_output.read_evaluation(lm_eval_output.find(args.output))
    result, samples = make_result.make_result(
        evaluation, model=args.model, checkpoint=args.checkpoint, partial=args.partial
    )
    path = results.write(result, samples, args.results, replace=args.replace)
    if not args.json:
        out.print(f"Wrote {path}")
    return _show([result], as_json=args.json)


def _show(found: list[Result], *, as_json: bool) -> int:
    if as_json:
        print_json([result.record for result in found])
        return 0
    for result in found:
        out.print(_table(result))
    return 0


def _table(result: Result) -> Table:
    record = result.record
    data = record["data"]
    kind = "synthetic rows" if data["synthetic"] else f"{data['source']} rows"
    title = f"{record['model']['name']} on {record['board']} ({record['run']}, {kind})"
    table = Table(title=title, title_justify="left")
    table.add_column("task")
    for name in ("n", "score", "95 % interval", "best constant", "centred"):
        table.add_column(name, justify="right")
    for name in (*AVERAGED, *(task for task in record["tasks"] if task not in AVERAGED)):
        table.add_row(*_task_row(name, record["tasks"].get(name)))
    table.add_section()
    table.add_row(*_mean_row(result))
    return table


def _task_row(name: str, task: results.Record | None) -> list[str]:
    if task is None or task["state"] != "ok":
        return [name, "", task["state"] if task else "not run", "", "", ""]
    metrics = task["metrics"]
    return [
        name,
        str(task["n"]),
        f"{metrics[scoring.SCORE]:.3f}",
        _interval(task["intervals"][scoring.SCORE]),
        f"{task['majority_baseline']:.3f}",
        f"{metrics[scoring.CENTRED]:.3f}",
    ]


def _mean_row(result: Result) -> list[str]:
    raw, centred = result.mean(scoring.SCORE), result.mean(scoring.CENTRED)
    if raw is None or centred is None:
        return ["mean", "", "none", f"missing: {', '.join(result.record['missing'])}", "", ""]
    text = f"{centred['value']:.3f} {_interval(centred['interval'])}"
    return ["mean", "", f"{raw['value']:.3f}", _interval(raw["interval"]), "", text]


def _interval(bounds: list[float]) -> str:
    return f"\\[{bounds[0]:.3f}, {bounds[1]:.3f}]"
