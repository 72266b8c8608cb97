"""The details of a run in a browser: where its numbers come from."""

from __future__ import annotations

from browser import NEEDED, ActionChains, Keys, Page
from small_boards import PHENOMENA

pytestmark = NEEDED


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
    assert "Verified." in words and "Rank" in words and "Training loss nats per target" in words
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


def test_back_closes_the_details_and_leaves_the_table_as_it_was(page: Page) -> None:
    page.head("score:cola").find_element("css selector", "button").click()
    names = page.names()
    page.one("#table button.model").click()
    assert page.one("dialog").is_displayed() and "run=" in page.driver.current_url
    page.driver.back()
    assert not page.one("dialog").is_displayed() and "run=" not in page.driver.current_url
    assert page.names() == names and page.head("score:cola").get_attribute("aria-sort") != "none"
    page.driver.forward()
    assert page.one("dialog").is_displayed()
    page.one("dialog .close").click()
    assert "run=" not in page.driver.current_url


def test_selecting_text_or_a_click_between_sections_closes_nothing(page: Page) -> None:
    page.one("#table button.model").click()
    first, last = page.one("dialog .tiles dd"), page.one("dialog .tasks td")
    ActionChains(page.driver).click_and_hold(first).move_to_element(last).release().perform()
    assert page.one("dialog").is_displayed()
    edge = page.run("return document.querySelector('dialog').getBoundingClientRect().left")
    for x, is_open in ((edge + 3, True), (edge - 40, False)):
        move = ActionChains(page.driver).w3c_actions
        move.pointer_action.move_to_location(int(x), 400).click()
        move.perform()
        assert page.one("dialog").is_displayed() is is_open


def test_a_run_says_how_it_does_on_each_phenomenon(page: Page) -> None:
    page.one("#table button.model").click()
    summary = next(each for each in page.all("dialog summary") if "Phenomena" in each.text)
    assert summary.text == f"Phenomena ({sum(map(len, PHENOMENA.values()))})"
    assert not page.one("dialog table.phenomena").is_displayed()
    summary.send_keys(Keys.ENTER)
    assert page.one("dialog table.phenomena").is_displayed()
    groups = page.texts("dialog .phenomena th[scope=rowgroup]")
    assert groups[0] == "cola, MCC" and len(groups) == len(PHENOMENA)
    rows = page.all("dialog .phenomena tbody:nth-of-type(1) tr:not(.group)")
    assert len(rows) == len(PHENOMENA["cola"])
    cells = [each.text for each in rows[0].find_elements("css selector", "th, td:not(.bars)")]
    assert cells[0] == "cola 0" and cells[1].endswith("]") and cells[2:] == ["0.500", "200"]


def test_curves_answer_mouse_and_keyboard(page: Page) -> None:
    page.one("#table button.model").click()
    training, validation = page.all("dialog .curves figure")
    assert training.text.startswith("Training loss nats per target")
    assert validation.text.startswith("Validation bits per byte")
    picture = validation.find_element("css selector", "svg")
    tip = validation.find_element("css selector", ".tip")
    assert "40 points" in (picture.get_attribute("aria-label") or "") and not tip.is_displayed()
    ActionChains(page.driver).move_to_element(picture).perform()
    first = tip.text
    assert "bits per byte" in first and "tokens seen" in first
    ActionChains(page.driver).move_by_offset(80, 0).perform()
    assert tip.text != first and len(validation.find_elements("css selector", ".on")) == 1
    ActionChains(page.driver).move_to_element(page.one("#run-title")).perform()
    assert not tip.is_displayed()
    page.run("arguments[0].querySelector('.dot').focus()", validation)
    seen = []
    for key in (Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.END):
        page.press(key)
        seen.append(tip.text)
        assert tip.text.replace("\n", ", ") == page.focused().get_attribute("aria-label")
    assert len(set(seen)) == 3
    script = """
    const all = [arguments[0], document.querySelector("dialog")];
    const [tip, box] = all.map((each) => each.getBoundingClientRect());
    return tip.left >= box.left && tip.right <= box.right;"""
    assert page.run(script, tip)
    stops = validation.find_elements("css selector", '.dot[tabindex="0"]')
    assert len(stops) == 1  # one stop for the Tab key
    page.press(Keys.TAB)
    assert not tip.is_displayed()


def test_an_unverified_run_says_so(page: Page) -> None:
    page.one("#search").send_keys("model-0009")
    assert page.texts("#table .under .unverified") == ["unverified"]
    page.one("#table button.model").click()
    assert "Unverified, and not ranked. There are no samples." in page.one("dialog").text
