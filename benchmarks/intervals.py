"""What an interval costs: our bootstrap against lm-eval's own, for MCC and F1.

lm-eval draws rows in Python and calls scikit-learn on each draw, 100,000 times by default, spread
over processes; ours draws the counts of a confusion matrix. CPU seconds include child processes.
Theirs is measured at two smaller numbers of draws; the slope between them, which leaves out what
their pool costs to start, is extrapolated linearly to 100,000.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from lm_eval.api import metrics as theirs

from leaner_harness import intervals
from leaner_harness import statistics as stats
from leaner_harness.statistics import Item

SIZES = (453, 4202)
FEW, MANY = 400, 2000
"""lm-eval's draws that are run."""
DEFAULT = 100_000
"""lm-eval's default number of draws."""
METRICS = {
    "mcc": (stats.mcc, theirs.matthews_corrcoef),
    "f1": (stats.f1, theirs.f1_score),
}
REPEATS = 20
"""Ours is the mean of so many."""


def cpu_seconds(function: Callable[[], float]) -> tuple[float, float]:
    """The function's value, and the user and system time of this process and its children."""
    before = os.times()
    value = function()
    after = os.times()
    return value, sum(after[:4]) - sum(before[:4])


def predictions(n: int) -> list[tuple[int, int]]:
    """Gold and predicted classes: 70 % of class 1, 65 % right."""
    generator = np.random.default_rng(n)
    gold = (generator.random(n) < 0.7).astype(int)
    right = generator.random(n) < 0.65
    return [(int(g), int(g if r else 1 - g)) for g, r in zip(gold, right, strict=True)]


def ours(pairs: list[tuple[int, int]], metric: stats.Metric, draws: int) -> float:
    """The standard error, from the rows."""
    rows = [(Item(0, gold, (1.0 - found, float(found))),) for gold, found in pairs]
    return float(metric(intervals.resampled(stats.fold(rows, 2), draws)).std(ddof=1))


def lm_eval(pairs: list[tuple[int, int]], metric: Any, draws: int) -> float:
    """The standard error as lm-eval computes it by default."""
    standard_error = theirs.stderr_for_metric(metric, draws)
    assert standard_error is not None
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return float(standard_error(pairs))


def measure(n: int, name: str) -> dict[str, Any]:
    """One comparison."""
    pairs = predictions(n)
    own, foreign = METRICS[name]
    lm_eval(pairs, foreign, 10)  # imports scikit-learn
    few = cpu_seconds(lambda: lm_eval(pairs, foreign, FEW))[1]
    error, many = cpu_seconds(lambda: lm_eval(pairs, foreign, MANY))
    extrapolated = (many - few) / (MANY - FEW) * DEFAULT
    found: dict[str, Any] = {
        "n": n,
        "metric": name,
        "lm-eval: draws measured": [FEW, MANY],
        "lm-eval: s CPU measured": [round(few, 3), round(many, 3)],
        f"lm-eval: s CPU extrapolated to {DEFAULT} draws": round(extrapolated, 1),
        "lm-eval: standard error": error,
    }
    for draws in (intervals.DRAWS, DEFAULT):
        start = time.process_time()  # a finer clock than os.times; there are no child processes
        value = [ours(pairs, own, draws) for _ in range(REPEATS)][0]
        seconds = (time.process_time() - start) / REPEATS
        found |= {
            f"ours, {draws} draws: s CPU": round(seconds, 4),
            f"ours, {draws} draws: standard error": value,
            f"ours, {draws} draws: times faster": round(extrapolated / seconds),
            f"ours, {draws} draws: standard error / lm-eval's": round(value / error, 3),
        }
    return found


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON value")
    options = parser.parse_args()
    found = [measure(n, name) for n in SIZES for name in METRICS]
    if options.json:
        print(json.dumps(found, indent=1))
        return
    for one in found:
        print("\n".join(f"{key}: {value}" for key, value in one.items()), end="\n\n")
    print(f"lm-eval: run with {FEW} and {MANY} draws, extrapolated linearly to {DEFAULT}.")


if __name__ == "__main__":
    main()
