"""Pictures of reports: what stands in them can be read, whatever is drawn."""

from __future__ import annotations

import re

from leaner_harness.experiments.report import curricula_scores
from leaner_harness.experiments.report.charts import Axis, Point, Series, plot
from leaner_harness.svg import A, B, C

NAMES = ("random", "sentence_length", "sentence_length-control", "self_loss", "lm_loss-control")


def drawn(series: list[Series]) -> str:
    return plot("Score", Axis("tokens"), Axis("stsb"), series, "about")


def test_a_legend_that_is_too_long_goes_on_below():
    short, long = (
        drawn([Series(name, A, [Point(1, 2), Point(2, 3)]) for name in names])
        for names in (NAMES[:2], NAMES)
    )
    for picture, lines in ((short, 1), (long, 2)):
        (width,) = map(float, re.findall(r'viewBox="0 0 ([0-9.]+)', picture))
        named = re.findall(r'<text x="([0-9.]+)" y="([0-9.]+)"[^>]*>[●■╌] ([^<]+)<', picture)
        assert [name for *_, name in named] == list(NAMES[: len(named)])
        assert len({y for _, y, _ in named}) == lines
        assert all(float(x) + 6.1 * len(name) <= width for x, _, name in named)
        (axis,) = re.findall(r'y="([0-9.]+)"[^>]*>stsb<', picture)
        assert all(float(y) < float(axis) for _, y, _ in named)


def test_intervals_at_one_place_stand_beside_each_other():
    def of(*series: Series) -> list[str]:
        return re.findall(
            r'<line x1="([0-9.]+)"[^>]*stroke="#(?:1f5a96|b3541e|2b7a4b)"', drawn([*series])
        )

    points = [Point(1, 0.2, 0.1, 0.3), Point(2, 0.3, 0.2, 0.4)]
    aside = of(*(Series(color, color, points) for color in (A, B, C)))
    assert len(aside) == len(set(aside)) == 6
    later = [Point(3, 0.2, 0.1, 0.3)]
    assert len(set(of(Series("a", A, points), Series("b", B, later)))) == 3


def test_each_order_has_a_colour_and_its_control_the_same():
    colors = curricula_scores._colors(NAMES)
    assert colors["sentence_length"] == colors["sentence_length-control"]
    one_each = {colors[name] for name in NAMES if name != "sentence_length-control"}
    assert len(one_each) == len(NAMES) - 1
