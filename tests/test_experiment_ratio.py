"""How much less text does: the ratio of sizes at equal score, its interval, its verdict."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaner_harness.experiments.report import ratio
from leaner_harness.paired import CANNOT_TELL

SIZES = np.array([1.0, 2.0, 4.0])


def a_side(scores: list[float], noise: float = 1e-9, seeds: int = 1) -> ratio.Side:
    values = np.repeat(np.array(scores)[:, None], seeds, axis=1)
    drawn = np.random.default_rng(0).normal(0, noise, size=(500, len(scores), seeds)) + values
    return ratio.Side(SIZES, values, drawn)


def test_half_the_text_is_half_the_text():
    found = ratio.ratio(a_side([0.2, 0.3, 0.4]), a_side([0.1, 0.2, 0.3]))
    assert found.ratio == pytest.approx(0.5) and found.verdict == ratio.LESS
    between = ratio.ratio(a_side([0.2, 0.4, 0.5]), a_side([0.1, 0.2, 0.3]))
    assert between.ratio == pytest.approx(2**0.5 / 4)
    more = ratio.ratio(a_side([0.1, 0.2, 0.3]), a_side([0.1, 0.2, 0.29]))
    assert more.ratio == pytest.approx(2**1.9 / 4) and more.verdict == ratio.LESS


def test_beyond_the_grid_and_what_cannot_be_told():
    below = ratio.ratio(a_side([0.5, 0.6, 0.7]), a_side([0.1, 0.2, 0.3]))
    assert below.verdict == ratio.LESS
    assert ratio.shown(below) == "< 0.25 [< 0.25, < 0.25], beyond the grid"
    above = ratio.ratio(a_side([0.0, 0.1, 0.2]), a_side([0.1, 0.2, 0.3]))
    assert above.verdict == ratio.MORE and ratio.shown(above).startswith("> 1.00")
    flat = ratio.ratio(a_side([0.2, 0.3, 0.4], 0.05), a_side([0.2, 0.2, 0.2], 0.05))
    assert flat.verdict == CANNOT_TELL and "grow" in flat.reason
    noisy = ratio.ratio(a_side([0.1, 0.2, 0.3], 0.05), a_side([0.1, 0.2, 0.3], 0.05))
    assert noisy.verdict == CANNOT_TELL


@pytest.mark.parametrize(("largest", "verdict"), [(2.4, CANNOT_TELL), (3.99, ratio.MORE)])
def test_a_grid_that_ends_before_the_original_s_size_does_not_say_that_more_is_needed(
    largest, verdict
):
    """As with equal steps: the simpler text is shorter; all that is known is a ratio above .6."""
    short = a_side([0.0, 0.1, 0.2])._replace(sizes=np.array([1.0, 2.0, largest]))
    found = ratio.ratio(short, a_side([0.1, 0.2, 0.3]))
    assert ratio.shown(found).startswith(f"> {largest / 4:.2f}") and found.verdict == verdict


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.floats(-1, 1), min_size=4, max_size=4), min_size=1, max_size=5))
def test_scores_that_never_fall(scores):
    found = ratio.never_falling(np.array(scores))
    assert (np.diff(found, axis=1) >= -1e-12).all()
    # What isotonic regression is known by: equal means, and nothing left to do a second time.
    assert np.allclose(found.mean(axis=1), np.mean(scores, axis=1))
    assert np.allclose(ratio.never_falling(found), found)
    assert ((found <= np.max(scores) + 1e-12) & (found >= np.min(scores) - 1e-12)).all()


@pytest.mark.parametrize(("scores", "most"), [([0.1, 0.2, 0.3], 0.1), ([0.2, 0.2, 0.2], 0.02)])
def test_sides_that_are_alike_are_seldom_told_apart(scores, most):
    """Three seeds, whose means are as far from the truth as Student says; 1 in 20 is meant."""
    generator = np.random.default_rng(1)

    def of_three_seeds() -> ratio.Side:
        values = np.array(scores)[:, None] + generator.normal(0, 0.03, size=(3, 3))
        return ratio.Side(SIZES, values, np.tile(values, (400, 1, 1)))

    told = [
        ratio.ratio(of_three_seeds(), of_three_seeds()).verdict != CANNOT_TELL for _ in range(200)
    ]
    assert np.mean(told) <= most


def test_an_interval_among_several_is_wider():
    sides = a_side([0.1, 0.2, 0.3], 0.02), a_side([0.05, 0.15, 0.25], 0.02)
    alone, among = ratio.ratio(*sides), ratio.ratio(*sides, among=5)
    assert among.low < alone.low and alone.high < among.high and among.ratio == alone.ratio
