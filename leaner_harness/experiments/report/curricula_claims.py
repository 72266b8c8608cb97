"""EXP3's claims: whether an order saves steps and text, as the paper says of ITER with LM-loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leaner_harness.data.text import MINI
from leaner_harness.errors import LeanerError
from leaner_harness.experiments.report.claims import (
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    REPRODUCED,
    Claim,
)
from leaner_harness.experiments.report.claims import section as claim_section
from leaner_harness.experiments.report.curricula import (
    REACHED,
    SHORTER,
    compared,
    groups_of,
    reached,
)
from leaner_harness.experiments.report.document import Section
from leaner_harness.experiments.report.files import Kept, Training, files_of, plain
from leaner_harness.paired import CANNOT_TELL

_LESS = {"steps": "fewer steps", "data": "less data"}
_Said = tuple[str, str, str]
"""Ours, the word and why."""


def claims(kept: Kept) -> Section:
    """What the paper says of ITER with the LM's loss, beside what is found here."""
    (said,) = kept.experiment.paper
    figures = said["figures"]
    paper = f"{figures['steps']:.0%} fewer steps, {figures['data']:.0%} less data"
    try:
        found = compared(kept)
    except LeanerError as error:
        why = plain(error.message, kept.folder)
        return claim_section([Claim(said["claim"], paper, "none", NOT_COMPARABLE, why)])
    rows = [r for r in found["groups"] if "lm_loss" in r["group"] and "(" not in r["group"]]
    if not rows:
        has = "lm_loss" in kept.experiment.values.get("difficulty", ())
        why = "it has no runs yet" if has else "lm_loss is not part of this preset"
        why = f"{why}. {said['not_comparable']}"
        return claim_section([Claim(said["claim"], paper, "not run", NOT_COMPARABLE, why)])
    groups, row = groups_of(kept), rows[0]
    shorter = [each for each in kept.runs_of(SHORTER) if each.run.group == row["group"]]
    files = files_of([*groups[row["group"]], *shorter, *groups[found["baseline"]]])
    if shorter or not any(cell.step == SHORTER for cell in kept.experiment.cells):
        steps = _steps_saved(row, found, figures["steps"])
        told = _judged(kept, row, found, figures, steps, shorter or groups[row["group"]])
    else:
        absent = ("none", NOT_COMPARABLE, "the runs of fewer steps are not there")
        told = {name: absent for name in _LESS}
    return claim_section(
        [
            Claim(
                f"{said['claim']}: {name}", f"{figures[name]:.0%} {_LESS[name]}", ours, word,
                f"{why}. {said['not_comparable']}", files,
            )
            for name, (ours, word, why) in told.items()
        ]
    )  # fmt: skip


def _judged(
    kept: Kept,
    row: Mapping[str, Any],
    found: Mapping[str, Any],
    figures: Mapping[str, float],
    steps: _Said,
    runs: Sequence[Training],
) -> dict[str, _Said]:
    """Both claims, with what speaks against comparing them at all."""
    data = _text_saved(row, found, figures, runs, is_reached=steps[1] == REPRODUCED)
    short, tells = _shorter(row, figures["steps"]), _tells(row, figures["steps"])
    seeds = short["difference"]["n"] if short else row["loss"]["n"]
    if (bill := (short or row)["bill_ratio"]["mean"]) is not None:
        steps = (f"{steps[0]}; the whole bill is {bill:.2f} times random's", *steps[1:])
    told: dict[str, _Said] = {}
    for name, (ours, word, why) in (("steps", steps), ("data", data)):
        if seeds < 3:
            word, why = NOT_COMPARABLE, f"{seeds} training seed(s)"
        elif runs[0].run.recipe["data"] in MINI:
            word, why = NOT_COMPARABLE, "embedded text, which is not the paper's"
        elif kept.experiment.preset != "paper":
            why += f"; at the budget of the preset {kept.experiment.preset}, not the paper's"
            word = word if tells else NOT_COMPARABLE  # so little training may hide it
        told[name] = (ours, word, why)
    return told


def _shorter(row: Mapping[str, Any], figure: float) -> Mapping[str, Any] | None:
    """What runs of so many fewer steps came to, if there are any."""
    found: Mapping[str, Any] | None = row["strict"]["budgets"].get(f"{1 - figure:.0%}")
    return found


def _tells(row: Mapping[str, Any], figure: float) -> bool:
    """Whether shorter runs, if there are any, have an interval on one side of random order."""
    short = _shorter(row, figure)
    return short is None or reached(short["difference"]["interval"]) != CANNOT_TELL


def _steps_saved(row: Mapping[str, Any], found: Mapping[str, Any], figure: float) -> _Said:
    """By runs of so many fewer steps, or else by the first crossing."""
    short = _shorter(row, figure)
    if short is not None:
        gap = short["difference"]
        shown = "no shared seed" if gap["mean"] is None else f"{gap['mean']:+.4f}"
        if gap["interval"]:
            shown += " [{:+.4f}, {:+.4f}]".format(*gap["interval"])
        ours = f"with {1 - figure:.0%} of the steps {shown} {found['measure']['unit']}"
        if (word := reached(gap["interval"])) == REACHED:
            return ours, REPRODUCED, "runs of that length end no higher than random order's"
        if gap["interval"] is None:
            return ours, NOT_COMPARABLE, "fewer than two seeds are shared"
        why = "the interval holds 0" if word == CANNOT_TELL else "they end above random order's"
        return ours, NOT_REPRODUCED, why
    crossing, seeds = row["first_crossing"], row["loss"]["n"]
    if crossing["seeds"] < seeds:
        ours = f"{crossing['seeds']} of {seeds} seeds reach the target"
        return ours, NOT_REPRODUCED, "not every seed came as far as random order"
    share = crossing["share_of_budget"]
    low, high = share["interval"] or (share["mean"], share["mean"])
    holds = high < 1 and figure <= 1 - low
    why = f"95 % interval of the steps saved: {1 - high:.0%} to {1 - low:.0%}"
    return f"{1 - share['mean']:.0%} fewer steps", REPRODUCED if holds else NOT_REPRODUCED, why


def _text_saved(
    row: Mapping[str, Any],
    found: Mapping[str, Any],
    figures: Mapping[str, float],
    runs: Sequence[Training],
    *,
    is_reached: bool,
) -> _Said:
    """How much less of the text was read by runs that reach the target."""
    short = _shorter(row, figures["steps"]) or row
    (base,) = (each for each in found["groups"] if each["group"] == found["baseline"])
    read, all_read = short["unique_tokens"]["mean"], base["unique_tokens"]["mean"]
    if read is None or not all_read:
        return "not known", NOT_COMPARABLE, "what was read of the text is not recorded"
    saved = 1 - read / all_read
    ours = f"{saved:.0%} less text read"
    if not is_reached:
        return ours, NOT_REPRODUCED, "the loss is not shown to be reached with it"
    if saved >= figures["data"]:
        return ours, REPRODUCED, "by the runs that reach the loss"
    if any(each.run.stages and each.run.stages[-1].share >= 1 for each in runs):
        return ours, NOT_COMPARABLE, "these runs open the whole text before they end"
    return ours, NOT_REPRODUCED, f"less than {figures['data']:.0%}"
