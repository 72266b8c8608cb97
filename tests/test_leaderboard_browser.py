"""The page of the board in a browser: every control, by mouse and by keyboard, large and small.

Needs Chromium with its driver and selenium; skipped, and says so, where they are not.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_boards import (
    KINDS,
    LONG,
    SCRIPT,
    answers_record,
    entry,
    glue_entries,
    glue_record,
    hostile_entries,
)

from leaner_harness.leaderboard.entries import Refused
from leaner_harness.leaderboard.page.document import document

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
DRIVER = shutil.which("chromedriver") or ""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Chromium and chromedriver are not here"),
]
selenium = pytest.importorskip("selenium", reason="selenium is not installed")
if True:  # after the check that it is there
    from selenium import webdriver
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select

# What no page of ours may do, noted before any of its code runs.
_WATCH = """
window.seen = [];
for (const name of ["alert", "confirm", "prompt", "open", "fetch"])
  window[name] = (...given) => { window.seen.push(name + ": " + given.join(" ")); };
addEventListener("error", (event) => window.seen.push("error: " + event.message));
addEventListener("unhandledrejection", (event) => window.seen.push("rejected: " + event.reason));
document.addEventListener("securitypolicyviolation", (event) => window.seen.push(event.blockedURI));
"""


class Page:
    """A page in a browser of a given width."""

    def __init__(self, driver: Any, path: Path) -> None:
        self.driver = driver
        self.path = path
        for log in ("browser", "performance"):  # what came before is not this page's
            driver.get_log(log)

    def open(self, fragment: str = "", width: int = 1280, height: int = 900) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get("about:blank")  # else another fragment loads nothing
        self.driver.get(f"{self.path.as_uri()}{fragment}")
        self.run("try { localStorage.clear(); } catch {}")

    def run(self, script: str, *given: Any) -> Any:
        return self.driver.execute_script(script, *given)

    def one(self, selector: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
        return list(self.run(script, selector))

    def names(self) -> list[str]:
        return self.texts("#table tbody button.model")

    def column(self, identity: str) -> list[str]:
        script = """
        const heads = [...document.querySelectorAll("#table thead th")];
        const place = heads.findIndex((head) => head.dataset.id === arguments[0]);
        const rows = [...document.querySelectorAll("#table tbody tr")];
        return rows.map((row) => row.children[place].firstChild.textContent);"""
        return list(self.run(script, identity))

    def head(self, identity: str) -> Any:
        return self.one(f'#table thead th[data-id="{identity}"]')

    def choose(self, identity: str, label: str) -> None:
        Select(self.one(f"#{identity}")).select_by_visible_text(label)

    def focused(self) -> Any:
        return self.driver.switch_to.active_element

    def press(self, *keys: str) -> None:
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def faults(self) -> list[str]:
        """Errors, dialogs, refused loads, and every request but that for the page itself."""
        logged = [line["message"] for line in self.driver.get_log("browser")]
        asked = []
        for line in self.driver.get_log("performance"):
            message = json.loads(line["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
        kept = [
            url
            for url in asked
            if not url.startswith((self.path.as_uri(), "about:", "blob:", "data:"))
        ]
        return [*logged, *kept, *self.run("return window.seen || ['not watched']")]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = tmp_path_factory.mktemp("profile")
    for option in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{option}")
    options.add_argument(f"--user-data-dir={profile}")
    downloads = tmp_path_factory.mktemp("downloads")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.downloads = downloads
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
    driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)}
    )
    yield driver
    driver.quit()


def written(folder: Path, entries: list[Any], refused: list[Refused] | None = None) -> Path:
    path = folder / "index.html"
    path.write_text(document(entries, refused or [], Path("results")), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three boards: 30 runs on published rows, 4 on synthetic ones, 5 judged ones."""
    made = {"board": "leaner_glue_mini", "data": {"synthetic": True, "source": "mini"}}
    small = [entry(glue_record(f"mini-{n}", n, **made)) for n in range(4)]
    judged = [entry(answers_record(f"judged-{n}", n)) for n in range(5)]
    refused = [Refused(Path("results/leaner_glue/x/broken.json"), "It is no JSON.")]
    return written(tmp_path_factory.mktemp("page"), [*glue_entries(30), *small, *judged], refused)


@pytest.fixture
def page(driver: Any, file: Path) -> Iterator[Page]:
    found = Page(driver, file)
    found.open("#board=leaner_glue%2Fquick%2Ftest%2F44444444%2F99999999")
    yield found
    assert found.faults() == []


CENTRED = "score:leaner_score_centred"


def numbers(texts: list[str]) -> list[float]:
    return [float(text.replace("−", "-")) for text in texts if text != "–"]


def test_a_heading_sorts_and_says_so(page: Page) -> None:
    assert page.one("#count").text == "30 of 30 results, by rank"
    ranks = numbers(page.column("rank"))
    assert ranks == sorted(ranks) and len(ranks) == 27 and page.column("rank").count("–") == 3
    page.head("score:rte").find_element(By.TAG_NAME, "button").click()
    found = numbers(page.column("score:rte"))
    assert found == sorted(found, reverse=True)
    assert page.head("score:rte").get_attribute("aria-sort") == "descending"
    assert page.one("#count").text == "30 of 30 results, by rte"
    page.press(Keys.ENTER)  # the heading has kept the focus
    assert numbers(page.column("score:rte")) == found[::-1]
    assert page.head("score:rte").get_attribute("aria-sort") == "ascending"
    assert len(page.all("#table th[aria-sort]:not([aria-sort=none])")) == 1
    page.head("model").find_element(By.TAG_NAME, "button").click()
    assert page.names() == sorted(page.names())


def test_what_has_no_value_comes_last_either_way(page: Page) -> None:
    for _ in range(2):
        page.head("rank").find_element(By.TAG_NAME, "button").click()
        assert page.column("rank")[-3:] == ["–"] * 3


def test_search_and_filters(page: Page) -> None:
    page.one("#search").send_keys("MODEL-001 ")
    assert sorted(page.names()) == [f"model-{n:04d}" for n in range(10, 20)]
    page.one("#search").clear()
    page.one("#search").send_keys("llama 0009")
    assert page.names() == ["model-0009"] and page.one("#count").text.startswith("1 of 30")
    page.one("#search").clear()
    page.one("#search").send_keys("x")
    page.one("#search").send_keys(Keys.BACKSPACE)
    page.choose("family", "bert")
    assert page.names() and set(page.texts("#table .family")) == {"bert"}
    page.choose("family", "All")
    page.choose("state", "Unverified")
    assert sorted(page.names()) == ["model-0009", "model-0019", "model-0029"]
    page.choose("state", "All")
    page.choose("size", "2M to 20M")
    shown = page.column("parameters")
    assert shown and all(text.endswith("M") and 2 <= float(text[:-1]) <= 20 for text in shown)
    page.one("#search").send_keys("nothing is called so")
    assert page.names() == [] and "nothing to draw" in page.one("#chart").text


def test_columns_can_be_hidden_and_come_back(page: Page) -> None:
    before = page.texts("#table thead th span")
    page.one("#columns summary").click()
    page.one('#columns input[value="score:cola"]').click()
    assert page.texts("#table thead th span") == [name for name in before if name != "cola"]
    widths = page.run(
        "return [...document.querySelectorAll('#table tr')].map((row) => row.children.length)"
    )
    assert len(set(widths)) == 1
    page.one('#columns input[value="score:cola"]').click()
    assert page.texts("#table thead th span") == before


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


def test_arrows_move_between_rows_and_enter_opens_the_details(page: Page) -> None:
    names = page.names()
    page.run("document.querySelector('#table button.model').focus()")
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)
    assert page.focused().text == names[1]
    page.press(Keys.END)
    assert page.focused().text == names[-1]
    page.press(Keys.HOME, Keys.ARROW_UP)
    assert page.focused().text == names[0]
    page.press(Keys.ENTER)
    assert page.one("dialog").is_displayed() and page.one("#run-title").text == names[0]
    assert page.focused().get_attribute("id") == "run-title"
    for _ in range(30):  # the focus stays in the dialog
        page.press(Keys.TAB)
        inside = page.run("return document.activeElement.closest('dialog') !== null")
        assert inside or page.focused().tag_name == "body"
    page.press(Keys.ESCAPE)
    assert not page.one("dialog").is_displayed() and page.focused().text == names[0]


def test_details_say_where_numbers_come_from(page: Page) -> None:
    (name,) = [each for each in page.names() if each == "model-0003"]
    row = next(each for each in page.all("#table button.model") if each.text == name)
    row.click()
    dialog = page.one("dialog")
    words = dialog.text
    assert "Verified." in words and "Rank" in words and "Learning curve: validation" in words
    assert "leaner train recipe.toml --out runs/model-0003" in words
    assert "leaner evaluate runs/model-0003 --tasks leaner_glue --protocol quick" in words
    assert 'architecture = "mamba2"' in words
    assert "leaner results verify results/leaner_glue/model-0003/quick-test-seed0.json" in words
    for summary in page.all("dialog details:not([open]) summary"):
        summary.click()
    words = dialog.text
    assert "2.13.0" in words and f"{3:064x}" in words and "2026-11-23" in words
    assert len(page.all("dialog .tasks tbody tr")) == 8
    link = page.one("dialog p a").get_attribute("href")
    assert link.endswith("/leaner_glue/model-0003/quick-test-seed0.json")
    address = page.driver.current_url
    page.one("dialog .close").click()
    page.open(address.partition("#")[1] + address.partition("#")[2])
    assert page.one("#run-title").text == "model-0003"  # the address leads there again


def test_an_unverified_run_says_so(page: Page) -> None:
    page.one("#search").send_keys("model-0009")
    assert page.texts("#table .under .unverified") == ["unverified"]
    page.one("#table button.model").click()
    assert "Unverified, and not ranked. There are no samples." in page.one("dialog").text


def test_the_chart_answers_mouse_and_keyboard(page: Page) -> None:
    points = page.all("#chart g.point")
    assert len(points) == 30 and len(page.all("#chart g.hollow")) == 3
    assert page.all("#chart path.front")
    page.run("arguments[0].scrollIntoView({ block: 'center' })", points[4])
    ActionChains(page.driver).move_to_element(
        points[4].find_element(By.CLASS_NAME, "halo")
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


def test_no_cheaper_point_is_above_the_front(page: Page) -> None:
    script = """
    return [...document.querySelectorAll("#chart g.point:not(.hollow)")].map((g) => {
      const [x, y] = g.getAttribute("transform").match(/[\\d.]+/g).map(Number);
      return [x, -y, g.getAttribute("aria-label").includes("Pareto")];
    });"""
    points = page.run(script)
    front = [(x, y) for x, y, on in points if on]
    assert front
    for x, y, on in points:
        beaten = any(a <= x and b >= y and (a, b) != (x, y) for a, b in front)
        assert beaten != on


def test_boards_are_links_and_kinds_narrow_them(page: Page) -> None:
    titles = page.texts("nav h2")
    assert titles == ["Published rows", "Synthetic rows"]
    page.all("nav ul")[1].find_element(By.TAG_NAME, "a").click()
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


def test_a_board_can_be_saved(page: Page) -> None:
    page.one("#search").send_keys("model-000")
    for kind in ("csv", "json"):
        page.one(f"#{kind}").click()
    folder: Path = page.driver.downloads
    name = "leaner_glue-quick-test-44444444-99999999"
    deadline = time.monotonic() + 10
    while not all((folder / f"{name}.{kind}").is_file() for kind in ("csv", "json")):
        assert time.monotonic() < deadline, os.listdir(folder)  # noqa: PTH208
        time.sleep(0.1)
    lines = (folder / f"{name}.csv").read_text().splitlines()
    assert len(lines) == 11 and lines[0].startswith("rank,model,architecture,state,parameters")
    saved = json.loads((folder / f"{name}.json").read_text())
    assert [row["model"] for row in saved["results"]] == page.names()
    assert saved["results"][0]["scores"]["rte"]["interval"]


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
            page.head("model").find_element(By.TAG_NAME, "button").click()
        page.run("document.querySelector('#chart g.point').focus()")
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


def test_a_thousand_rows_are_sorted_at_once(driver: Any, tmp_path: Path) -> None:
    page = Page(driver, written(tmp_path, glue_entries(1000)))
    page.open()
    assert len(page.names()) == 50 and page.one("#count").text.startswith("1000 of 1000")
    script = """
    const times = [];
    for (const id of ["model", "score:rte", "parameters", "score:cola", "rank"]) {
      const button = document.querySelector(`#table th[data-id="${id}"] button`);
      const start = performance.now();
      button.click();
      document.body.offsetHeight; // the layout, too
      times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b);"""
    # Of a few tries the fastest: other work on the machine is not the page's.
    times = min((page.run(script) for _ in range(5)), key=lambda found: found[2])
    print(f"sort of 1,000 rows: {times[2]:.0f} ms, at most {times[-1]:.0f} ms")
    assert times[2] < 100
    assert page.faults() == []


def test_a_long_board_has_pages(driver: Any, tmp_path: Path) -> None:
    page = Page(driver, written(tmp_path, glue_entries(120)))
    page.open()
    seen = page.names()
    assert not page.one("#before").is_enabled()
    for size in (50, 20):
        page.one("#after").click()
        assert len(page.names()) == size
        seen += page.names()
    assert len(set(seen)) == 120 and not page.one("#after").is_enabled()
    assert page.one("#place").text == "101 to 120 of 120"
    page.head("model").find_element(By.TAG_NAME, "button").click()
    assert page.names()[0] == "model-0000"  # sorting starts over
    page.one("#search").send_keys("model-000")
    assert not page.one("#pages").is_displayed() and page.faults() == []


def test_an_empty_board_says_so(driver: Any, tmp_path: Path) -> None:
    page = Page(driver, written(tmp_path, []))
    page.open()
    assert "No results yet." in page.one("main").text
    assert not page.one("#search").is_displayed() and page.faults() == []
