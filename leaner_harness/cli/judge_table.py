"""Tables of grades: of one run, and of several models judged beside one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table

from leaner_harness.judge.verdicts import DIMENSIONS, SUM, Scale

_NORMAL = 1.96  # a 95 % interval in standard errors


def grades_table(found: Mapping[str, Any], scale: Scale) -> Table:
    """Grades by kind of question, and of all."""
    names = list(scale.bounds())
    headline = SUM if scale.adds_up else names[0]
    table = _table("questions", "n", *names, "coverage", "bounds")
    for name, part in {**found["kinds"], "all": found}.items():
        bounds = part["bounds"].get(headline, [0, scale.bounds()[headline]])
        table.add_row(
            name or "-",
            str(part["items"]),
            *(_grade(part, key, is_exact=key == headline) for key in names),
            f"{part['coverage']:.1%}",
            f"{bounds[0]:.2f}-{bounds[1]:.2f}",
        )
    card = found["card"]
    known = "uncalibrated, for it has no card" if card is None else _card(card)
    table.caption = (
        f"{_whole(found)}0 to {scale.highest:g} each ± 1.96 standard errors over the answers. "
        f"Judge: {known}. Bounds: of {headline}, if all that is missing were worst or best. "
        f"States: {_states(found)}."
    )
    return table


def together_table(found: Mapping[str, Any]) -> Table:
    """Grades of several models that shared their prompts."""
    table = _table("model", "n", *DIMENSIONS, SUM, "coverage")
    for name, part in found["models"].items():
        grades = [_grade(part, key, is_exact=key == SUM) for key in (*DIMENSIONS, SUM)]
        table.add_row(name, str(part["items"]), *grades, f"{part['coverage']:.1%}")
    effects = ", ".join(
        f"{place['effect']:+.2f} ± {_NORMAL * place['error']:.2f}"
        for place in found["position_effect"]
    )
    flips = found["order_flips"]
    table.caption = (
        f"Listwise, {found['orders']} orders a question: these grades hold beside one another "
        f"only, never in another run. Effect of the place on the sum, from the first: {effects}. "
        f"Pairs that one order turns round: {flips['share']:.1%} of {flips['n']}."
    )
    return table


def _table(first: str, *names: str) -> Table:
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _grade(part: Mapping[str, Any], name: str, *, is_exact: bool) -> str:
    """A mean; with its error where there is room for it."""
    if name not in part["means"]:
        return "-"
    error = part["errors"].get(name) if is_exact else None
    return f"{part['means'][name]:.2f}" + ("" if error is None else f" ±{_NORMAL * error:.2f}")


def _whole(found: Mapping[str, Any]) -> str:
    return "" if found["complete"] else "INCOMPLETE: no headline. "


def _card(card: Mapping[str, Any]) -> str:
    return "has passed its card" if card["passed"] else "has FAILED its card"


def _states(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{state} {count}" for state, count in found["states"].items())
