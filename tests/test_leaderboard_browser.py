"""The board in a browser: boards, themes, keyboard, widths, hostile names, no results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser import NEEDED, Keys, Page, written
from small_boards import KINDS, LONG, SCRIPT, hostile_entries

from leaner_harness.leaderboard.entries import Refused

pytestmark = NEEDED


def test_the_theme_follows_the_system_until_one_is_chosen(page: Page) -> None:
    def ground() -> str:
        return str(page.run("return getComputedStyle(document.body).backgroundColor"))

    def system(theme: str) -> None:
        wish = [{"name": "prefers-color-scheme", "value": theme}]
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wish})

    system("light")
    light = ground()
    system("dark")
    dark = ground()
    assert light == "rgb(255, 255, 255)" and dark != light
    page.choose("theme", "Light")
    assert ground() == light
    system("light")
    page.choose("theme", "Dark")
    assert ground() == dark
    page.driver.refresh()
    assert ground() == dark  # it is remembered
    page.choose("theme", "System")
    assert ground() == light


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_told_from_its_ground(page: Page, theme: str) -> None:
    """At least 4.5 : 1, WCAG 2 AA."""
    page.choose("theme", theme.capitalize())
    script = """
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgb = (color) => {
      canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = (color) => {
      const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
      const [r, g, b] = rgb(color).map((v) => linear(v / 255));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (e) => {
      for (; e; e = e.parentElement) {
        const color = getComputedStyle(e).backgroundColor;
        if (color !== "rgba(0, 0, 0, 0)") return color;
      }
    };
    const low = [];
    for (const e of document.querySelectorAll("body *")) {
      const own = [...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
      if (!own || !e.checkVisibility() || e.closest("svg, option, script")) continue;
      const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
      const contrast = (a + 0.05) / (b + 0.05);
      if (contrast < 4.5) low.push(`${e.tagName}.${e.className} ${contrast.toFixed(2)}`);
    }
    return [...new Set(low)];"""
    assert page.run(script) == []


def test_the_keyboard_reaches_everything_in_order(page: Page) -> None:
    page.run("document.activeElement.blur()")
    page.press(Keys.TAB)
    assert page.focused().text == "Skip to the board"
    assert page.focused().rect["x"] >= 0  # it is seen when it has the focus
    page.press(Keys.ENTER, Keys.TAB)
    assert page.focused().get_attribute("id") == "search"
    reached = []
    for _ in range(40):
        page.press(Keys.TAB)
        focus = page.focused()
        reached.append(focus.get_attribute("id") or focus.get_attribute("class") or focus.tag_name)
        if focus.tag_name == "g":
            break
    order = ["family", "size", "state", "csv", "json", "scroller", "model", "y", "x", "point"]
    places = [next(i for i, each in enumerate(reached) if each.startswith(name)) for name in order]
    assert places == sorted(places), reached
    assert reached.count("model") == 1  # one stop for all rows


def test_the_skip_link_leaves_board_and_search_as_they_are(page: Page) -> None:
    page.all("nav ul")[1].find_element("tag name", "a").click()
    address = page.run("return location.hash")
    page.one("#search").send_keys("mini-1")
    page.run("document.activeElement.blur()")
    page.one("a.skip").send_keys(Keys.ENTER)
    assert page.names() == ["mini-1"] and "not comparable" in page.one("#board-head").text
    assert page.run("return location.hash") == address, "a reload shows the same board"


def test_an_address_that_names_no_board_shows_the_first(page: Page) -> None:
    page.open()
    first = page.names()
    for address in ("#other", "#board", "#board=none"):
        page.open(address)
        assert page.names() == first and page.one("#board-head").text


def test_boards_are_links_and_kinds_narrow_them(page: Page) -> None:
    titles = page.texts("nav h2")
    assert titles == ["Published rows", "Synthetic rows"]
    page.all("nav ul")[1].find_element("tag name", "a").click()
    assert sorted(page.names()) == [f"mini-{n}" for n in range(4)]
    assert "not comparable" in page.one("#board-head").text
    assert page.one("nav a[aria-current]").text.startswith("leaner_glue_mini")
    judged = next(a for a in page.all("nav a") if "judged" in a.text)
    judged.click()
    before = page.column("score:grammar")
    page.choose("kind", KINDS[1])
    assert page.column("score:grammar") != before and len(page.names()) == 5
    page.choose("kind", "All")
    assert page.column("score:grammar") == before
    page.one("#table button.model").click()
    assert len(page.all("dialog table tbody tr")) == 1 + len(KINDS)


def test_refused_files_are_listed(page: Page) -> None:
    page.one("#refused summary").click()
    assert "broken.json" in page.one("#refused").text and "no JSON" in page.one("#refused").text


def test_hostile_names_harm_nothing(driver: Any, tmp_path: Path) -> None:
    refused = [Refused(Path("results") / SCRIPT, f"</script>{SCRIPT}{LONG}")]
    page = Page(driver, written(tmp_path, hostile_entries(), refused))
    for width in (1280, 390):
        page.open("", width)
        if SCRIPT not in page.names():
            page.all("nav a")[1].click()
        assert SCRIPT in page.names()
        for _ in range(2):
            page.all("#table button.model")[0].click()
            assert page.run("return document.querySelector('dialog').scrollWidth <= innerWidth")
            for summary in page.all("dialog details:not([open]) summary"):
                page.run("arguments[0].click()", summary)
            page.press(Keys.ESCAPE)
            page.head("model").find_element("tag name", "button").click()
        page.run("document.querySelector('#chart g.point').focus()")
        for task in page.texts("#task option"):
            page.choose("task", task)
            assert page.run("return document.documentElement.scrollWidth <= innerWidth")
        page.run("document.querySelector('#refused summary').click()")
        page.one("#search").send_keys("<script>")
        assert page.run("return document.documentElement.scrollWidth <= innerWidth")
        assert len(page.run("return document.scripts")) == 2
        assert page.all("img, iframe, object, embed") == []
        assert page.faults() == []


@pytest.mark.parametrize("width", [390, 320, 768, 1280])
def test_the_page_never_scrolls_sideways(page: Page, width: int) -> None:
    boards = [a.get_attribute("href").partition("#")[2] for a in page.all("nav a")]
    for board in boards:
        page.open(f"#{board}", width)
        assert page.run("return document.documentElement.scrollWidth") <= width
        page.run("document.querySelector('#columns').open = true")
        page.run("document.querySelector('#reading').open = true")
        assert page.run("return document.documentElement.scrollWidth") <= width
        page.run("document.querySelector('#columns').open = false")
        page.run("document.querySelector('#table button.model').click()")
        assert page.run("return document.querySelector('dialog').scrollWidth") <= width
        page.press(Keys.ESCAPE)
    if width < 600:  # the table scrolls in itself, and the names stay in view
        left = """
        const box = document.querySelector("#scroller");
        box.scrollLeft = 300;
        const name = document.querySelector("#table tbody th").getBoundingClientRect();
        return [box.scrollLeft, name.left - box.getBoundingClientRect().left];"""
        scrolled, place = page.run(left)
        assert scrolled == 300 and 0 <= place <= 2


def test_an_empty_board_says_so(driver: Any, tmp_path: Path) -> None:
    page = Page(driver, written(tmp_path, []))
    page.open()
    assert "No results yet." in page.one("main").text
    assert not page.one("#search").is_displayed() and page.faults() == []
