"""The two sides of a text: what reports call them, and the colours they are drawn in."""

from __future__ import annotations

from leaner_harness.svg import A, B

LEANER, ORIGINAL = SIDES = ("leaner", "original")
NAMES = {LEANER: "LEANER", ORIGINAL: "original"}
COLORS = {LEANER: A, ORIGINAL: B}
