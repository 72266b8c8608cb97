"""The chart of the board in a browser: mouse, keyboard, the Pareto front."""

from __future__ import annotations

from importlib import resources
from typing import Any

from browser import NEEDED, ActionChains, Keys, Page

from leaner_harness.leaderboard import page as parts

pytestmark = NEEDED


def of_chart(page: Page, script: str) -> Any:
    """What a script finds with the chart's own functions, which the page keeps to itself."""
    source = resources.files(parts).joinpath("chart.js").read_text(encoding="utf-8")
    return page.run(f"{source}\n{script}")


def test_the_chart_answers_mouse_and_keyboard(page: Page) -> None:
    points = page.all("#chart g.point")
    assert len(points) == 30 and len(page.all("#chart g.hollow")) == 3
    assert page.all("#chart path.front")
    page.run("arguments[0].scrollIntoView({ block: 'center' })", points[4])
    ActionChains(page.driver).move_to_element(
        points[4].find_element("class name", "halo")
    ).perform()
    tip = page.one("#chart .tip")
    assert tip.is_displayed() and "parameters" in tip.text and "model-" in tip.text
    ActionChains(page.driver).move_to_element(page.one("#chart-title")).perform()
    assert not tip.is_displayed()
    page.run("document.querySelector('#chart g.point').focus()")
    first = tip.text
    assert tip.is_displayed()
    page.press(Keys.ARROW_RIGHT)
    assert tip.text != first
    assert tip.text.split("\n")[0] in (page.focused().get_attribute("aria-label") or "")
    inside = page.run(
        "const t = document.querySelector('.tip').getBoundingClientRect();"
        "return t.left >= 0 && t.right <= innerWidth"
    )
    assert inside
    page.press(Keys.ESCAPE)
    assert not tip.is_displayed()
    name = (page.focused().get_attribute("aria-label") or "").split(".")[0]
    page.press(Keys.ENTER)
    assert page.one("#run-title").text == name
    page.press(Keys.ESCAPE)
    for cost in ("Tokens", "FLOPs", "Params"):
        page.choose("x", cost)
        assert len(page.all("#chart g.point")) == 30
    page.choose("y", "cola")
    assert "cola" in (page.one("#chart svg").get_attribute("aria-label") or "")


POINTS = """
return [...document.querySelectorAll("#chart g.point:not(.hollow)")].map((g) => {
  const [x, y] = g.getAttribute("transform").match(/[\\d.]+/g).map(Number);
  return [x, -y, g.getAttribute("aria-label").includes("Pareto")];
});"""


def test_no_cheaper_point_is_above_the_front(page: Page) -> None:
    the_front_is_unbeaten(page.run(POINTS))


def test_no_cheaper_point_is_below_a_front_of_empty_answers(page: Page) -> None:
    next(a for a in page.all("nav a") if "judged" in a.text).click()
    page.choose("y", "Empty")
    points = page.run(POINTS)
    assert len(points) == 5
    the_front_is_unbeaten([(x, -y, on) for x, y, on in points])


def the_front_is_unbeaten(points: list[Any]) -> None:
    front = [(x, y) for x, y, on in points if on]
    assert front
    for x, y, on in points:
        beaten = any(a <= x and b >= y and (a, b) != (x, y) for a, b in front)
        assert beaten != on


def test_where_less_is_better_the_front_is_of_the_least(page: Page) -> None:
    """Two at one cost: the worse of them is on no front, whichever way better is."""
    script = """
    const at = (x, y) => ({ x, y, row: { verified: true } });
    const front = (low) => paretoFront(inOrder([at(1, 0.1), at(1, 0.9)], low), low);
    return [false, true].map((low) => front(low).map((point) => point.y));"""
    assert of_chart(page, script) == [[0.9], [0.1]]


def test_an_axis_of_huge_numbers_has_an_end(page: Page) -> None:
    """Above 2^53 one more is the same number: counting by one would never come to the last."""
    assert of_chart(page, "return niceSteps(1e18 - 1024, 1e18).length") <= 21
    assert of_chart(page, "return niceSteps(0, 1).length") == 6
