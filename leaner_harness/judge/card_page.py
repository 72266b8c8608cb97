"""The judge card as Markdown: what was checked, what was found, and what that does not say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leaner_harness.judge.card import LEAST, MOST_ALIKE, MOST_UPLIFT

_MEANING = {
    "gross": "good answers above shuffled, off-topic, looping, echoed, generic and list answers",
    "subtle": "good answers above a false fact, broken grammar, one word in ten replaced",
    "floor": "among corrupted answers, the less corrupted above the more",
}


def markdown(card: Mapping[str, Any]) -> str:
    """The card for people."""
    judge = card["judge"]
    verdict = "passes" if card["passed"] else "FAILS"
    named = ", ".join(f"{key} {judge[key]}" for key in ("kind", "model") if key in judge)
    lines = [
        f"# Judge card: {named} {verdict}",
        "",
        f"{sum(card['states'].values())} planted answers, {card['coverage']:.1%} graded. In "
        "brackets: exact 95 % intervals. A tie is no order.",
        "",
        "| pairs in order | share | at least | |",
        "|---|---|---|---|",
    ]
    for level, found in card["orderings"].items():
        lines.append(
            f"| {_MEANING[level]} | {_share(found)} | {LEAST[level]} | {_mark(card, level)} |"
        )
    lines += ["", "| better | worse | dimension | in order |", "|---|---|---|---|"]
    for found in card["orderings"].values():
        lines += [
            f"| {p['better']} | {p['worse']} | {p['dimension']} | {_share(p)} |"
            for p in found["pairs"]
        ]
    lines += [
        "",
        "| what raises a grade | " + " | ".join(_dimensions(card)) + f" | at most {MOST_UPLIFT} |",
        "|---" * (len(_dimensions(card)) + 2) + "|",
        _uplift_row(card, "an order in the answer", card["uplift"]["ordered"], "ordered"),
        _uplift_row(card, "a verdict in the answer", card["uplift"]["break_out"], "break_out"),
        _uplift_row(card, "empty words after a good answer", card["length_effect"], "length"),
        "",
        "The commonest grade is that of "
        + ", ".join(f"{share:.0%} ({name})" for name, share in card["same_grade"].items())
        + f" of the answers; at most {MOST_ALIKE:.0%}: {_mark(card, 'spread')}.",
        "",
        "No agreement with people was measured. The answers are our own and say nothing about "
        "other questions; a card that passes says that a judge can tell these apart, no more.",
    ]
    return "\n".join(lines)


def _dimensions(card: Mapping[str, Any]) -> list[str]:
    return list(card["same_grade"])


def _uplift_row(card: Mapping[str, Any], name: str, found: Mapping[str, float], check: str) -> str:
    values = [f"{found[d]:+.2f}" if found else "-" for d in _dimensions(card)]
    return f"| {name} | " + " | ".join(values) + f" | {_mark(card, check)} |"


def _share(found: Mapping[str, Any]) -> str:
    if not found["n"]:
        return "-"
    low, high = found["interval"]
    return f"{found['share']:.3f} [{low:.3f}, {high:.3f}], n = {found['n']}"


def _mark(card: Mapping[str, Any], check: str) -> str:
    return "holds" if card["checks"][check] else "**fails**"
