"""The details of a run in a browser: where its numbers come from."""

from __future__ import annotations

from browser import NEEDED, Keys, Page

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
