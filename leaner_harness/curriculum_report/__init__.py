"""What curricula saved: tokens, steps, text, the whole bill and time, against none, over seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leaner_harness.curriculum_report.runs import Point, Run, check_comparable, read_run
from leaner_harness.errors import UsageError
from leaner_harness.files import write_atomic, write_json
from leaner_harness.intervals import of_seeds, standard_error, t_quantile, t_two_sided
from leaner_harness.learning_curve import MEASURES
from leaner_harness.paired import ALPHA, POWER, holm
from leaner_harness.results import read_all
from leaner_harness.scoring import SCORE

PAPER = (
    "TinyHelen (arXiv 2501.00522, EXP3) says that ITER with LM-loss reaches what random order "
    "reaches with 20 % fewer steps and 20 % less data: one seed, one learning rate, a 1M LLaMA of "
    "1.3 billion tokens; the scoring was not counted. Not reproduced unless the table says so."
)
_BASELINES = ("random", "no curriculum")
_UNTOLD = ("no shared seed: cannot tell", "one seed: cannot tell")
_SAME_SHARE = 0.02  # by which pools of the same size may differ: documents are not cut

Groups = Mapping[str, Mapping[int, Sequence[Run]]]
"""Runs by what they were shown, and by their steps."""


def compare_runs(
    folders: Sequence[Path], baseline: str | None = None, results: Path | None = None
) -> dict[str, Any]:
    """Compare finished runs with those of the baseline group, `random` unless another is named.

    The target is the mean of the baseline's last losses, at its longest budget. A group reaches it
    by first crossing (the first measurement on the way at or below it, in a run of that budget), or
    in the strict form: in the shortest runs, each with its own decay, whose mean is at or below it.
    Differences are paired by seed; intervals are Student's over seeds, at 95 %. `order_alone` is
    the difference from the control, whose pools have the same sizes in random order.

    Raises UsageError for runs that differ in more than what they were shown, or without baseline.
    """
    runs = [read_run(folder) for folder in folders]
    check_comparable(runs)
    groups = _grouped(runs)
    name = _baseline(groups, baseline)
    budget = max(groups[name])
    base = groups[name][budget]
    target = float(np.mean([run.loss for run in base]))
    rows = [
        _row(by_steps, base, _control(by_steps[budget][0], groups), target)
        for by_steps in groups.values()
        if budget in by_steps
    ]
    others = [row for row in rows if row["group"] != name]
    tested = [row for row in others if row["p"] is not None]
    for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p_holm"], row["verdict"] = p, _verdict(row["difference"], p)
    return {
        "baseline": name,
        "budget": {"steps": budget, "tokens": base[0].tokens},
        "measure": {"key": base[0].key, "unit": MEASURES[base[0].key]},
        "target": target,
        "groups": sorted(rows, key=lambda row: (row["group"] != name, row["loss"]["mean"])),
        "milestones": _milestones(runs, results),
        "warnings": _warnings(groups, name, budget),
        "paper": PAPER,
    }


def _grouped(runs: Sequence[Run]) -> dict[str, dict[int, list[Run]]]:
    groups: dict[str, dict[int, list[Run]]] = {}
    for run in sorted(runs, key=lambda run: (run.group, run.steps, run.seed)):
        groups.setdefault(run.group, {}).setdefault(run.steps, []).append(run)
    return groups


def _baseline(groups: Groups, wanted: str | None) -> str:
    if wanted is None:
        wanted = next((name for name in _BASELINES if name in groups), None)
    if wanted is None or wanted not in groups:
        what = f"no runs of the baseline {wanted!r}" if wanted else "no runs without a curriculum"
        raise UsageError(
            f"There are {what}; there are: {', '.join(sorted(groups))}.",
            "Train some with --set curriculum=random, or name a group with --baseline.",
        )
    return wanted


def _row(
    by_steps: Mapping[int, Sequence[Run]],
    base: Sequence[Run],
    control: Sequence[Run],
    target: float,
) -> dict[str, Any]:
    """One group against the baseline, and against its control if there is one."""
    budget = base[0].steps
    runs = by_steps[budget]
    is_base = list(runs) == list(base)
    gaps = [] if is_base else [run.loss - other.loss for run, other in _pairs(runs, base)]
    found = _estimate(gaps)
    return {
        "group": runs[0].group,
        "seeds": [run.seed for run in runs],
        "learning_rate": runs[0].recipe.get("learning_rate"),
        "loss": _estimate([run.loss for run in runs]),
        "difference": found["mean"],
        "difference_interval": found["interval"],
        "detectable": _detectable(gaps),
        "p": _p_value(gaps),
        "p_holm": None,
        "verdict": "baseline" if is_base else _UNTOLD[min(len(gaps), 1)],
        "order_alone": _estimate([run.loss - other.loss for run, other in _pairs(runs, control)]),
        "first_crossing": _first_crossings(runs, target),
        "strict": _strict(by_steps, base, target),
        "unique_tokens": _estimate([run.unique_tokens for run in runs]),
        "bill": _estimate([run.bill for run in runs if run.bill is not None]),
        "bill_ratio": _bill_ratio(runs, base),
        "seconds": _estimate([run.seconds for run in runs]),
    }


def _pairs(runs: Sequence[Run], others: Sequence[Run]) -> list[tuple[Run, Run]]:
    """Runs and their partners of the same seed."""
    partner = {run.seed: run for run in others}
    return [(run, partner[run.seed]) for run in runs if run.seed in partner]


def _control(run: Run, groups: Groups) -> Sequence[Run]:
    """The runs that read pools of the same sizes in random order, if there are any."""
    for by_steps in groups.values():
        runs = by_steps.get(run.steps, [])
        if runs and runs[0].control_of == run.group:
            return runs
    return []


def _first_crossings(runs: Sequence[Run], target: float) -> dict[str, Any]:
    """Where runs of one budget first came to the target: the mean of those that did.

    It has an interval only where all did, and none reaches beyond the budget.
    """
    crossed = [point for run in runs if (point := _first_crossing(run.curve, target))]
    budget = Point(runs[0].steps, runs[0].tokens, target)

    def each(values: Sequence[float], most: float) -> dict[str, Any]:
        found = _estimate(values)
        ends = found["interval"] if len(crossed) == len(runs) else None
        return found | {"interval": ends and [max(ends[0], 0.0), min(ends[1], most)]}

    return {
        "seeds": len(crossed),
        "steps": each([point.step for point in crossed], budget.step),
        "tokens": each([point.tokens for point in crossed], budget.tokens),
        "share_of_budget": each([point.step / budget.step for point in crossed], 1.0),
    }


def _first_crossing(curve: Sequence[Point], target: float) -> Point | None:
    return next((point for point in curve if point.loss <= target), None)


def _strict(
    by_steps: Mapping[int, Sequence[Run]], base: Sequence[Run], target: float
) -> dict[str, Any]:
    """The budgets of a group, each with its bill, and the least whose mean reaches the target."""
    budget = base[0].steps
    tried = {steps: runs for steps, runs in sorted(by_steps.items()) if steps <= budget}
    losses = {steps: _estimate([run.loss for run in runs]) for steps, runs in tried.items()}
    reached = [steps for steps, loss in losses.items() if loss["mean"] <= target]
    return {
        "budgets": {
            f"{100 * steps / budget:.4g}%": {
                "loss": losses[steps],
                "difference": _estimate([run.loss - each.loss for run, each in _pairs(runs, base)]),
                "bill_ratio": _bill_ratio(runs, base),
                "unique_tokens": _estimate([run.unique_tokens for run in runs]),
                "seconds": _estimate([run.seconds for run in runs]),
            }
            for steps, runs in tried.items()
        },
        "least": min(reached) / budget if reached else None,
    }


def _bill_ratio(runs: Sequence[Run], base: Sequence[Run]) -> dict[str, Any]:
    """The whole bill beside the baseline's of its longest budget."""
    pairs = [(run.bill, other.bill) for run, other in _pairs(runs, base)]
    return _estimate([bill / other for bill, other in pairs if bill and other])


def _estimate(values: Sequence[float]) -> dict[str, Any]:
    """Mean, 95 % interval over seeds (None for fewer than two), and how many there are."""
    if not values:
        return {"mean": None, "interval": None, "n": 0}
    mean, interval = of_seeds(values)
    return {"mean": mean, "interval": interval and list(interval), "n": len(values)}


def _p_value(gaps: Sequence[float]) -> float | None:
    """Two-sided paired t test; None for fewer than two seeds."""
    if len(gaps) < 2:
        return None
    error = standard_error(gaps)
    if error == 0:
        return 1.0 if np.mean(gaps) == 0 else 0.0
    return t_two_sided(float(np.mean(gaps)) / error, len(gaps) - 1)


def _detectable(gaps: Sequence[float]) -> float | None:
    """The difference that so many seeds would find four times out of five; None below two.

    (t(.975) + t(.8)) x the standard error of the paired differences (Bloom 1995).
    """
    if len(gaps) < 2:
        return None
    error = standard_error(gaps)
    freedom = len(gaps) - 1
    return error * (t_quantile(1 - ALPHA / 2, freedom) + t_quantile(POWER, freedom))


def _verdict(difference: float, p: float) -> str:
    if p > ALPHA:
        return "no difference found"
    return "better" if difference < 0 else "worse"


def _milestones(runs: Sequence[Run], results: Path | None) -> list[dict[str, Any]]:
    """Mean LEANER-GLUE score of each filed milestone, by group, over seeds."""
    if results is None or not results.is_dir():
        return []
    by_weights = defaultdict(list)
    for result in read_all(results):
        by_weights[result.record["model"]["weights_sha256"]].append(result)
    found: dict[tuple[Any, ...], dict[int, float]] = defaultdict(dict)
    for run in runs:
        for name, digest in run.milestones().items():
            for result in by_weights.get(digest, []) if digest else []:
                mean = result.mean(SCORE)
                if mean is not None:  # one score a seed, whatever names its weights are filed under
                    where = (run.group, run.steps, name, *result.ranking)
                    found[where].setdefault(run.seed, mean["value"])
    keys = ("group", "steps", "milestone", "board", "split", "data", "protocol", "prompts")
    return [
        dict(zip(keys, where, strict=True)) | {"score": _estimate(list(scores.values()))}
        for where, scores in sorted(found.items())
    ]


def _warnings(groups: Groups, baseline: str, budget: int) -> list[str]:
    seeds = {run.seed for run in groups[baseline][budget]}
    found = []
    for name, by_steps in groups.items():
        if budget not in by_steps:
            found.append(f"{name} has no run of {budget:,} steps: left out.")
            continue
        own = {run.seed for run in by_steps[budget]}
        if len(own) < 3:
            found.append(f"{name} has {len(own)} seed(s): an interval needs three or more.")
        if own != seeds:
            found.append(f"{name} has other seeds than {baseline}: only shared ones are paired.")
        if any(run.ended_early for run in by_steps[budget]):
            found.append(f"{name} ended before the whole text could be read.")
        pairs = _pairs(by_steps[budget], _control(by_steps[budget][0], groups))
        found += [said for run, control in pairs for said in _unlike(run, control)]
        if any(run.bill is None for run in by_steps[budget]):
            found.append(f"{name} has a reference of unknown cost: its bill is not whole.")
    return found


def _unlike(run: Run, control: Run) -> list[str]:
    """In what a control differs from its run besides the order."""
    rates = [each.recipe.get("learning_rate") for each in (run, control)]
    found = []
    if rates[0] != rates[1]:
        found.append(f"another learning rate, {rates[1]} and not {rates[0]}")
    if not _keep_pace(run, control):
        found.append(f"a pace of its own (there is --set follow={run.path.name})")
    start = f"{run.group}, seed {run.seed}: `order alone` is not order alone, its control has "
    return [f"{start}{each}." for each in found]


def _keep_pace(run: Run, control: Run) -> bool:
    """Whether both read pools of the same sizes at the same steps."""
    if len(run.stages) != len(control.stages):
        return False
    return all(
        one.step == other.step and abs(one.share - other.share) <= _SAME_SHARE
        for one, other in zip(run.stages, control.stages, strict=True)
    )


def write_report(report: Mapping[str, Any], place: Path) -> None:
    """Write `place.json` and `place.md`."""
    from leaner_harness.curriculum_report.table import markdown

    write_json(Path(f"{place}.json"), report)
    write_atomic(Path(f"{place}.md"), markdown(report) + "\n")
