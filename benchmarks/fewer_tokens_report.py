"""The report of `fewer_tokens.py`: what part of the tokens is needed, and what that says."""

from __future__ import annotations

import math
import statistics
from typing import Any, NamedTuple

from leaner_harness.markdown import table

GATE, GATE_UPPER, GOAL = 0.7, 0.85, 0.5  # of the share of tokens, and of its interval's upper end

Keys = dict[str, float]
Tried = list[tuple[Keys, float]]
"""Final losses, in the order in which they were asked for."""
Losses = dict[int, tuple[float, dict[float, float]]]
"""By seed: AdamW's, and Muon's by part of the budget."""


class Share(NamedTuple):
    """Of AdamW's tokens, those that Muon needs."""

    part: float
    said: str = ""
    """`at most`, or `not reached`."""

    def __str__(self) -> str:
        return self.said if self.said == "not reached" else f"{self.said} {self.part:.3f}".strip()


def best_of(tried: Tried) -> Keys:
    return min(tried, key=lambda pair: pair[1])[0]


def at_edge(tried: Tried) -> bool:
    """Whether the best of the rates is the least or the most, also of the wider grid.

    Not where no rates were tried alone: they are another text's.
    """
    rates = {keys["rate"]: loss for keys, loss in tried if len(keys) == 1}
    return bool(rates) and min(rates, key=rates.__getitem__) in (min(rates), max(rates))


def part_needed(target: float, losses: dict[float, float]) -> Share:
    """Where the loss, a line between parts in their logarithms, comes down to the target."""
    parts = sorted(losses)
    if losses[parts[0]] <= target:
        return Share(parts[0], "at most")
    for before, after in zip(parts, parts[1:], strict=False):
        if losses[after] <= target:
            share = (losses[before] - target) / (losses[before] - losses[after])
            share = share if math.isfinite(share) else 1.0  # the part before diverged
            return Share(math.exp(math.log(before) + share * math.log(after / before)))
    return Share(math.inf, "not reached")


def interval(shares: list[Share]) -> tuple[float, float, float] | None:
    """Mean and 95 % interval over seeds, at most; None where one did not get there."""
    from scipy.stats import t

    if any(share.said == "not reached" for share in shares):
        return None
    parts = [share.part for share in shares]
    half = float(t.ppf(0.975, len(parts) - 1)) * statistics.stdev(parts) / math.sqrt(len(parts))
    mean = statistics.mean(parts)
    return mean, mean - half, mean + half


def summary(tried: dict[str, Tried], losses: Losses) -> dict[str, Any]:
    """The shares, their interval, and whether gate and goal are passed."""
    shares = {seed: part_needed(*each) for seed, each in losses.items()}
    share = interval(list(shares.values()))
    return {
        "best": {optimizer: best_of(each) for optimizer, each in tried.items()},
        "at_edge": {optimizer: at_edge(each) for optimizer, each in tried.items()},
        "shares": {str(seed): str(each) for seed, each in shares.items()},
        "share": share,
        "gate": share is not None and share[0] <= GATE and share[2] < GATE_UPPER,
        "goal": share is not None and share[0] <= GOAL,
    }


def page(said: dict[str, Any], found: dict[str, Any], how: dict[str, str]) -> str:
    """The report in Markdown; `how` and on what each optimiser was tuned."""
    passes = "an unknown number of" if said["passes"] is None else f"{said['passes']:.2f}"
    parts = [
        f"# Fewer tokens to AdamW's loss: Muon, `{said['source']}`",
        headline(said),
        f"The whole budget is {said['tokens']:,} tokens, {passes} passes over the text.",
        "Bits per byte at the end, by part of the budget:",
        _losses(found["losses"], said["shares"]),
    ]
    for optimizer, tried in found["tried"].items():
        edge = " The best rate is at the edge of the grid." * said["at_edge"][optimizer]
        rows = [
            [", ".join(f"{key} {value:g}" for key, value in keys.items()), f"{loss:.4f}"]
            for keys, loss in tried
        ]
        parts += [
            f"How {optimizer} was tuned, {how[optimizer]}:{edge}",
            table(["keys", "bits per byte"], rows),
        ]
    return "\n\n".join(parts) + "\n"


def _losses(losses: Losses, shares: dict[str, str]) -> str:
    parts = sorted({part for _, by_part in losses.values() for part in by_part})
    rows = []
    for seed, (target, by_part) in losses.items():
        cells = (f"{by_part[part]:.4f}" if part in by_part else "" for part in parts)
        rows.append([str(seed), f"{target:.4f}", *cells, shares[str(seed)]])
    return table(["seed", "AdamW, 1", *(f"Muon, {part:g}" for part in parts), "share"], rows)


def headline(said: dict[str, Any]) -> str:
    """The share, and what that says of the gate and of the goal."""
    if said["share"] is None:
        return (
            "Not every seed reaches AdamW's loss with the whole budget: gate and goal are missed."
        )
    mean, low, high = said["share"]
    bound = "at most " * any("at most" in each for each in said["shares"].values())
    verdicts = {True: "passed", False: "missed"}
    return (
        f"Muon needs {bound}{mean:.3f} of AdamW's tokens ({low:.3f} to {high:.3f}, 95 %). "
        f"Gate (at most {GATE:g}, interval below {GATE_UPPER:g}): {verdicts[said['gate']]}. "
        f"Goal (at most {GOAL:g}): {verdicts[said['goal']]}."
    )
