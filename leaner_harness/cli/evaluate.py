"""`leaner evaluate`: checkpoint -> result, the short way."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.table import Table

from leaner_harness import estimate, results
from leaner_harness import evaluate as verb
from leaner_harness.cli import results as shown
from leaner_harness.cli.console import err, out, print_json
from leaner_harness.errors import ResultError, UsageError
from leaner_harness.evaluate.plan import ZERO_SHOT, Plan, make_plan
from leaner_harness.llm.opening import parse
from leaner_harness.results import Result


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner evaluate`."""
    add = parser.add_argument
    add("checkpoint", type=Path, help="checkpoint folder")
    add(
        "--protocol", default=ZERO_SHOT,
        help="zero-shot (default); quick: fine-tune at one rate, 3 seeds; glance: one seed and "
        "3 passes, a first look; paper: 7 rates x 5 seeds",
    )  # fmt: skip
    add(
        "--tasks", default="leaner_glue",
        help="leaner_glue (default), leaner_glue_mini, or some of their tasks, by commas; "
        "leaner_eval or leaner_eval_mini",
    )  # fmt: skip
    add("--split", help="the split to report (default: test)")
    add("--data", help="a folder in the published layout (default: the published set)")
    add("--judge", default="", metavar="NAME:MODEL", help="who grades answers of leaner_eval")
    add("--judge-args", default="", metavar="KEY=VALUE,...", help="see leaner judge")
    add("--model-args", default="", help="more lm-eval model arguments, as key=value,key=value")
    add("--batch-size", type=int, default=64, help="rows in a forward pass (zero-shot)")
    add("--device", help="cpu, cuda, cuda:1, ... (default: a GPU if there is one)")
    add("--model", default="", help="name on the board (default: checkpoint folder)")
    add("--output", type=Path, help="where lm-eval's output and finished tasks go")
    add("--results", type=Path, default=Path("results"), help="results folder")
    add("--replace", action="store_true", help="replace a result of other weights")
    add("--resume", action="store_true", help="go on from the finished tasks of a stopped run")
    add("--dry-run", action="store_true", help="say what would be scored and how long it takes")
    add("--json", action="store_true", help="one JSON value for machines")


def run(args: argparse.Namespace) -> int:
    """Score and file the result, or estimate; returns the exit code."""
    plan = make_plan(
        args.checkpoint,
        args.protocol,
        [name for name in args.tasks.split(",") if name],
        args.output,
        split=args.split,
        data=args.data,
        arguments=_arguments(args.model_args),
        batch_size=args.batch_size,
        device=args.device,
        judge=args.judge,
        judge_arguments=parse(args.judge_args),
    )
    if args.dry_run:
        return _dry_run(plan, as_json=args.json)
    try:
        result, samples = verb.evaluate(
            plan, resume=args.resume, model=args.model, announce=_announce
        )
    except KeyboardInterrupt:
        err.print(f"Finished tasks are kept in {plan.output}; go on with --resume.")
        raise
    path = results.write(result, samples, args.results, replace=args.replace)
    if not args.json:
        out.print(f"Wrote {path}", markup=False, soft_wrap=True)
    shown.show([result], as_json=args.json)
    return _exit(result, plan)


def _exit(result: Result, plan: Plan) -> int:
    """0, unless a judge could not grade enough of the answers."""
    if result.record.get("judge") is not None and not result.record["mean"]:
        raise ResultError(
            "Incomplete: less than 98 % of the answers could be judged.",
            f"Ask again for what is missing, without new answers: leaner judge {plan.output} "
            f"--judge {plan.judge or '...'}; then: leaner results add {plan.output} --replace",
        )
    return 0


def _announce(task: str, number: int, total: int) -> None:
    err.print(f"[{number}/{total}] {task}", markup=False, soft_wrap=True)


def _arguments(text: str) -> dict[str, Any]:
    """Model arguments from `key=value,key=value`, values as lm-eval reads them."""
    if not text:
        return {}
    if any("=" not in pair for pair in text.split(",") if pair):
        raise UsageError(f"--model-args {text!r} is not key=value,key=value.")
    from lm_eval.utils import simple_parse_args_string

    return dict(simple_parse_args_string(text))


def _dry_run(plan: Plan, *, as_json: bool) -> int:
    found = estimate.estimate(plan)
    total = sum(row.seconds for row in found)
    if as_json:
        rows = [row._asdict() for row in found]
        print_json({"protocol": plan.protocol, "tasks": rows, "seconds": round(total, 1)})
        return 0
    table = Table("task", box=None)
    for name in ("rows", "requests", "runs", "steps a run", "estimated time"):
        table.add_column(name, justify="right")
    for row in found:
        table.add_row(*_cells(row))
    out.print(table)
    out.print(f"{plan.protocol} on this machine: about {_duration(total)}")
    return 0


def _cells(row: estimate.Estimate) -> list[str]:
    if row.state != "ok":
        return [row.task, "", row.state, "", "", ""]
    runs = [str(row.runs), str(row.steps)] if row.runs else ["", ""]
    return [row.task, str(row.rows), str(row.requests), *runs, _duration(row.seconds)]


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
