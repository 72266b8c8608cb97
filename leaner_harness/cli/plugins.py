"""`leaner plugins`: list what is loaded and what failed; `check` runs the conformance kit."""

from __future__ import annotations

import argparse
import dataclasses

from rich.markup import escape
from rich.table import Table

from leaner_harness.cli.console import err, out, print_json
from leaner_harness.registry import Registry, load_registry


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `leaner plugins`."""
    parser.add_argument("verb", nargs="?", choices=("list", "check"), default="list")
    parser.add_argument("name", nargs="?", help="check: a distribution or `distribution/name`")
    parser.add_argument("--json", action="store_true", help="one JSON value for machines")
    parser.add_argument(
        "--strict-plugins", action="store_true", help="any plugin that fails is an error"
    )


def run(args: argparse.Namespace) -> int:
    """List or check; exit code 4 when a plugin breaks its contract."""
    registry = load_registry()
    if args.verb == "check":
        code = _check(registry, args)
    else:
        code = _list(registry, as_json=args.json)
    return 4 if args.strict_plugins and registry.failures else code


def _list(registry: Registry, *, as_json: bool) -> int:
    if as_json:
        print_json(_record(registry))
    else:
        _print(registry)
    return 0


def _record(registry: Registry) -> dict[str, object]:
    return {
        "plugins": [
            {"kind": entry.kind, "name": entry.full_name, "version": entry.version}
            | {"spec": dataclasses.asdict(entry.spec)}
            for entry in registry.entries
        ],
        "failures": [dataclasses.asdict(failure) for failure in registry.failures],
        "shadowed": [loser.full_name for loser, _ in registry.shadowed()],
    }


def _print(registry: Registry) -> None:
    table = Table("kind", "name", "distribution", "version", box=None)
    lost = {loser.full_name for loser, _ in registry.shadowed()}
    for entry in registry.entries:
        name = entry.full_name if entry.full_name in lost else entry.spec.name
        table.add_row(entry.kind, name, entry.distribution, entry.version)
    out.print(table)
    for loser, winner in registry.shadowed():
        err.print(f"[yellow]note[/] ask for {loser.full_name} in full: {winner.full_name} exists")
    for failure in registry.failures:
        err.print(f"[red]failed[/] {escape(str(failure))}")


def _check(registry: Registry, args: argparse.Namespace) -> int:
    from leaner_harness.conformance import check_plugin
    from leaner_harness.errors import UsageError

    if not args.name:
        raise UsageError("Which plugin?", "leaner plugins check NAME; names: leaner plugins")
    checks = []
    for check in check_plugin(registry, args.name):
        checks.append(check)
        if not args.json:
            state = "[green]ok    [/]" if check.passed else "[red]failed[/]"
            out.print(f"{state} {check.spec}: {check.name}", end=" ")
            out.print(f"({check.detail})" if check.detail else "", markup=False)
    if args.json:
        print_json([check._asdict() for check in checks])
    return 0 if all(check.passed for check in checks) else 4
