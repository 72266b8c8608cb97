"""What reports call the sides of a text, and the metrics of tasks; the colours of the sides."""

from __future__ import annotations

from leaner_harness.svg import A, B

LEANER, ORIGINAL = SIDES = ("leaner", "original")
NAMES = {LEANER: "LEANER", ORIGINAL: "original"}
COLORS = {LEANER: A, ORIGINAL: B}

METRICS = {
    "mcc": "Matthews' correlation",
    "acc": "accuracy",
    "acc_f1": "the mean of accuracy and F1",
    "pearson_spearman": "the mean of Pearson's and Spearman's correlation",
}
"""GLUE's own, by the name that a task gives its metric."""
