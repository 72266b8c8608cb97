"""The board's table in a browser: sorting, searching, columns, pages, saving."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from browser import NEEDED, Keys, Page, numbers, written
from small_boards import KINDS, PHENOMENA, glue_entries

pytestmark = NEEDED


def test_a_heading_sorts_and_says_so(page: Page) -> None:
    assert page.one("#count").text == "30 of 30 results, by score"
    ranks = numbers(page.column("rank"))
    assert ranks == sorted(ranks) and len(ranks) == 27 and page.column("rank").count("–") == 3
    page.head("score:rte").find_element("tag name", "button").click()
    found = numbers(page.column("score:rte"))
    assert found == sorted(found, reverse=True)
    assert page.head("score:rte").get_attribute("aria-sort") == "descending"
    assert page.one("#count").text == "30 of 30 results, by rte"
    page.press(Keys.ENTER)  # the heading has kept the focus
    assert numbers(page.column("score:rte")) == found[::-1]
    assert page.head("score:rte").get_attribute("aria-sort") == "ascending"
    assert len(page.all("#table th[aria-sort]:not([aria-sort=none])")) == 1
    page.head("model").find_element("tag name", "button").click()
    assert page.names() == sorted(page.names())


def test_what_has_no_value_comes_last_either_way(page: Page) -> None:
    for _ in range(2):
        page.head("rank").find_element("tag name", "button").click()
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


def saved(page: Page, name: str) -> str:
    """A file that the page has saved, as soon as it is there."""
    path: Path = page.driver.downloads / name
    deadline = time.monotonic() + 10
    while not path.is_file():
        assert time.monotonic() < deadline, os.listdir(path.parent)  # noqa: PTH208
        time.sleep(0.1)
    return path.read_text()


def test_a_board_can_be_saved(page: Page) -> None:
    page.one("#search").send_keys("model-000")
    for kind in ("csv", "json"):
        page.one(f"#{kind}").click()
    name = "leaner_glue-quick-test-04f580f9-99999999"
    lines = saved(page, f"{name}.csv").splitlines()
    assert len(lines) == 11
    head = lines[0].split(",")
    assert head[:6] == ["rank", "rank best", "rank worst", "model", "architecture", "state"]
    first = dict(zip(head, lines[1].split(","), strict=True))
    assert first["board"] == "leaner_glue" and first["protocol"] == "quick" and first["rte sd"]
    assert first["rows"].startswith("04f580f9") and len(first["rows"]) == 64
    assert first["rte state"] == ""
    found = json.loads(saved(page, f"{name}.json"))
    assert [row["model"] for row in found["results"]] == page.names()
    assert found["results"][0]["scores"]["rte"]["interval"] and found["narrowed_to"] is None
    assert found["level"] == 0.95 and found["references"][0]["label"] == "Best constant prediction"


def test_a_task_chosen_shows_its_phenomena_as_columns(page: Page) -> None:
    page.head("score:rte").find_element("tag name", "button").click()
    page.choose("task", f"cola ({len(PHENOMENA['cola'])})")
    shown = page.texts("#table thead th span")
    names = [name.replace("_", " ") for name in PHENOMENA["cola"]]
    assert shown == ["Rank", "Model", "cola", *names, "Params", "Tokens", "FLOPs"]
    assert page.texts("#table thead .phenomenon small") == ["n 200"] * len(names)
    assert page.one("#count").text == "30 of 30 results, by score"  # the old column is gone
    place = "phenomenon:cola:cola_1"
    page.head(place).find_element("tag name", "button").click()
    found = numbers(page.column(place))
    assert len(found) == 30 and found == sorted(found, reverse=True)
    assert page.head(place).get_attribute("aria-sort") == "descending"
    assert len(page.all("#table tbody td.mean .bar")) == 30 * len(names)
    assert page.texts("#table tfoot th")[0] == "Best constant prediction"
    assert page.texts("#table tfoot tr:first-child .phenomenon") == ["0.500"] * len(names)
    page.choose("y", names[1])
    assert page.one("#chart svg").get_attribute("aria-label").startswith(names[1])
    page.one("#columns summary").click()
    page.one(f'#columns input[value="{place}"]').click()
    assert names[1] not in page.texts("#table thead th span")
    page.choose("task", "All tasks")
    assert "Centred" in page.texts("#table thead th span")
    assert page.one("#y").get_attribute("value") == "score:leaner_score_centred"
    next(
        a for a in page.all("nav a") if "judged" in a.text
    ).click()  # judged answers test no phenomena
    assert not page.one("#task").is_displayed()


def test_what_is_shown_is_what_is_saved(page: Page) -> None:
    page.choose("task", f"rte ({len(PHENOMENA['rte'])})")
    page.one("#csv").click()
    name = "leaner_glue-quick-test-04f580f9-99999999-rte"
    (head, first, *_) = saved(page, f"{name}.csv").splitlines()
    assert head.count("rte: rte_1 low") == 1 and "cola" not in head
    assert len(first.split(",")) == len(head.split(","))
    page.one("#json").click()
    found = json.loads(saved(page, f"{name}.json"))
    assert found["narrowed_to"] == "rte" and found["results"][0]["scores"]["rte: rte_0"]["interval"]
    next(a for a in page.all("nav a") if "judged" in a.text).click()
    page.choose("kind", KINDS[1])
    page.one("#csv").click()
    kind = saved(page, f"leaner_eval-judged-m1-test-ffffffff-aaaaaaaa-{KINDS[1]}.csv").splitlines()
    place = kind[0].split(",").index("grammar")
    assert [f"{float(line.split(',')[place]):.2f}" for line in kind[1:]] == page.column(
        "score:grammar"
    )


def test_a_thousand_rows_are_sorted_at_once(driver: Any, tmp_path: Path) -> None:
    page = Page(driver, written(tmp_path, glue_entries(1000)))
    page.open()
    assert len(page.names()) == 50 and page.one("#count").text.startswith("1000 of 1000")
    script = """
    document.querySelector(`#table th[data-id="${arguments[0]}"] button`).click();
    document.body.offsetHeight; // the layout, too"""

    def busy() -> float:
        """Milliseconds that the page has used of its processor, which others use, too."""
        found = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        work = ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration")
        return 1000 * sum(each["value"] for each in found if each["name"] in work)

    driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    times = []
    for identity in ("model", "score:rte", "parameters", "score:cola", "rank"):
        before = busy()
        page.run(script, identity)
        times.append(busy() - before)
    driver.execute_cdp_cmd("Performance.disable", {})
    times.sort()
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
    assert page.focused().get_attribute("id") == "before"  # a disabled button keeps no focus
    page.head("model").find_element("tag name", "button").click()
    assert page.names()[0] == "model-0000"  # sorting starts over
    page.one("#search").send_keys("model-000")
    assert not page.one("#pages").is_displayed() and page.faults() == []
