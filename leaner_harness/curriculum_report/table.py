"""The comparison of curricula as Markdown: one row a group, with intervals and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NONE = "-"


def markdown(report: Mapping[str, Any]) -> str:
    """Tables for people, from `compare_runs`' report."""
    budget, unit = report["budget"], report["measure"]["unit"]
    lines = [
        f"# Curricula against `{report['baseline']}`",
        "",
        f"Budget {budget['steps']:,} steps, {budget['tokens']:,} tokens. Target: "
        f"{report['target']:.4f} {unit}, the mean of the baseline's last losses. In brackets: 95 % "
        "intervals over seeds (Student); differences are paired by seed, p corrected (Holm). "
        "Order alone: the difference from the control, pools of the same sizes in random order. "
        "Detectable: what so many seeds, as far apart as these, find four times out of five.",
        "",
        *_table(
            ("shown", "seeds", "rate", unit, "difference", "p (Holm)", "verdict", "detectable",
             "order alone"),
            [_loss_cells(row) for row in report["groups"]],
        ),
        "",
        "What it took to reach the target, and what it cost in all:",
        "",
        *_table(
            ("shown", "first crossing, % of budget", "strict: own decay", "unique tokens",
             "whole bill", "bill / baseline's", "seconds"),
            [_cost_cells(row) for row in report["groups"]],
        ),
        "",
        "First crossing: the first measurement at or below the target in a run of the whole "
        "budget; the rate has not fallen yet, so a run that ends there would be better. Strict: "
        "the shortest budget, run to its own end, whose mean reaches the target. Whole bill: "
        "training tokens, a third of the scored ones, and those a reference was trained on. "
        "Seconds: without a reference's training.",
    ]  # fmt: skip
    if any(len(row["strict"]["budgets"]) > 1 for row in report["groups"]):
        lines += ["", "Every budget, run to its own end:", "", *_budgets(report)]
    if report["milestones"]:
        lines += ["", "LEANER-GLUE at milestones, mean over seeds:", "", *_milestones(report)]
    lines += ["", *(f"* {warning}" for warning in report["warnings"]), "", f"> {report['paper']}"]
    return "\n".join(lines)


def _loss_cells(row: Mapping[str, Any]) -> list[str]:
    difference = {"mean": row["difference"], "interval": row["difference_interval"]}
    return [
        f"`{row['group']}`",
        ", ".join(map(str, row["seeds"])),
        _NONE if row["learning_rate"] is None else f"{row['learning_rate']:g}",
        _shown(row["loss"], "{:.4f}"),
        _shown(difference, "{:+.4f}"),
        _NONE if row["p_holm"] is None else f"{row['p_holm']:.2g}",
        row["verdict"],
        _NONE if row["detectable"] is None else f"{row['detectable']:.4f}",
        _shown(row["order_alone"], "{:+.4f}"),
    ]


def _cost_cells(row: Mapping[str, Any]) -> list[str]:
    crossing, strict = row["first_crossing"], row["strict"]
    n, of = crossing["seeds"], row["loss"]["n"]
    share = _shown(crossing["share_of_budget"], "{:.0%}")
    tried = ", ".join(strict["budgets"])
    least = "not reached" if strict["least"] is None else f"{strict['least']:.0%}"
    return [
        f"`{row['group']}`",
        f"{share} ({n} of {of} seeds)" if n else "never",
        f"{least} (tried {tried})",
        _shown(row["unique_tokens"], "{:,.0f}"),
        _shown(row["bill"], "{:,.0f}"),
        _shown(row["bill_ratio"], "{:.2f}"),
        _shown(row["seconds"], "{:,.0f}"),
    ]


def _budgets(report: Mapping[str, Any]) -> list[str]:
    unit = report["measure"]["unit"]
    return _table(
        ("shown", "budget", unit, "unique tokens", "whole bill / baseline's", "seconds"),
        [
            [
                f"`{row['group']}`",
                share,
                _shown(each["loss"], "{:.4f}"),
                _shown(each["unique_tokens"], "{:,.0f}"),
                _shown(each["bill_ratio"], "{:.2f}"),
                _shown(each["seconds"], "{:,.0f}"),
            ]
            for row in report["groups"]
            for share, each in row["strict"]["budgets"].items()
        ],
    )


def _milestones(report: Mapping[str, Any]) -> list[str]:
    return _table(
        ("shown", "steps", "milestone", "board", "split", "protocol", "score"),
        [
            [
                f"`{each['group']}`",
                f"{each['steps']:,}",
                *(each[key] for key in ("milestone", "board", "split", "protocol")),
                _shown(each["score"], "{:.3f}"),
            ]
            for each in report["milestones"]
        ],
    )


def _shown(estimate: Mapping[str, Any], form: str) -> str:
    """A mean and its interval."""
    if estimate["mean"] is None:
        return _NONE
    text = form.format(estimate["mean"])
    if estimate["interval"] is None or estimate["interval"][0] == estimate["interval"][1]:
        return text
    low, high = (form.format(bound) for bound in estimate["interval"])
    return f"{text} [{low}, {high}]"


def _table(heads: tuple[str, ...], rows: list[list[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]
