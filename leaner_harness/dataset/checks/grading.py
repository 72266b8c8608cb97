"""Thresholds of the checks, and how a value is held against them."""

from __future__ import annotations

from dataclasses import dataclass

from leaner_harness.dataset.records import FAIL, PASS, WARN, Finding


@dataclass(frozen=True)
class Thresholds:
    """What values are held against; None never fails a text.

    Shares, 0 to 1, but for the ratios. "Published" is what was measured on the published pairs of
    texts before and after simplification.
    """

    coverage_warn: float = 0.95
    """The published text has .95 to .97 with the packaged list, so more is not asked for."""
    coverage_fail: float = 0.90
    ratio_low: float = 0.4
    ratio_low_web: float = 0.1
    """Web pages are cut down to their story."""
    ratio_high: float = 1.6
    """A simple text may be longer than a hard one: published articles grew by a tenth."""
    numbers_warn: float = 1.0
    numbers_fail: float | None = None
    """Dates become vague by policy, and only a reader can tell these from losses."""
    negation_warn: float = 0.5
    """Half of few is one: it is advice."""
    echo_warn: float = 0.0
    echo_fail: float = 0.05
    marks_warn: float = 1.0
    marks_fail: float = 0.5
    repetition_warn: float = 0.10
    repetition_fail: float = 0.30
    ascii_warn: float = 1.0
    """The published text is ASCII throughout."""
    ascii_fail: float = 0.95


DEFAULT = Thresholds()


def at_least(check: str, value: float, warn: float, fail: float | None, note: str = "") -> Finding:
    """A value that should not be below `warn`, and must not be below `fail`."""
    if fail is not None and value < fail:
        return Finding(check, value, FAIL, fail, note=note)
    if value < warn:
        return Finding(check, value, WARN, warn, note=note)
    return Finding(check, value, PASS, warn, note=note)


def at_most(check: str, value: float, warn: float, fail: float | None, note: str = "") -> Finding:
    """A value that should not be above `warn`, and must not be above `fail`."""
    if fail is not None and value > fail:
        return Finding(check, value, FAIL, fail, note=note)
    if value > warn:
        return Finding(check, value, WARN, warn, note=note)
    return Finding(check, value, PASS, warn, note=note)
