"""A page of the board in headless Chromium: what tests may do with it, and what it may not do.

Needs Chromium with its driver and selenium; tests that take it from here are skipped where they
are not.
"""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from small_boards import answers_record, entry, glue_entries, glue_record

from leaner_harness.leaderboard.entries import Refused
from leaner_harness.leaderboard.page.document import document

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
Select = pytest.importorskip("selenium.webdriver.support.ui").Select
ActionChains, Keys = webdriver.ActionChains, webdriver.Keys

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
DRIVER = shutil.which("chromedriver") or ""
NEEDED = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Chromium and chromedriver are not here"),
]

# The second line: nothing that a browser asks of its maker, who may be out of reach.
_OPTIONS = (
    *("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "no-first-run"),
    *("disable-background-networking", "disable-component-update", "disable-sync", "disable-quic"),
)

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

    def forget(self) -> None:
        """The next page in this browser finds no theme chosen, and no medium emulated."""
        self.run("try { localStorage.clear(); } catch {}")
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    def run(self, script: str, *given: Any) -> Any:
        return self.driver.execute_script(script, *given)

    def one(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements("css selector", selector)

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


def chromium(profile: Path, downloads: Path) -> Any:
    """A headless Chromium that logs what its pages ask for; `quit` ends it."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in _OPTIONS:
        options.add_argument(f"--{option}")
    options.add_argument(f"--user-data-dir={profile}")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(90)  # selenium keeps it: else a test waits forever for a hung browser
    try:
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    finally:
        socket.setdefaulttimeout(before)
    driver.downloads = downloads
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
    driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)}
    )
    return driver


def written(folder: Path, entries: list[Any], refused: list[Refused] | None = None) -> Path:
    """The page of some entries, as a file."""
    path = folder / "index.html"
    path.write_text(document(entries, refused or [], Path("results")), encoding="utf-8")
    return path


def usual_page(folder: Path) -> Path:
    """Three boards: 30 runs on published rows, 4 on synthetic ones, 5 judged ones."""
    made = {"board": "leaner_glue_mini", "data": {"synthetic": True, "source": "mini"}}
    small = [entry(glue_record(f"mini-{n}", n, **made)) for n in range(4)]
    judged = [entry(answers_record(f"judged-{n}", n)) for n in range(5)]
    refused = [Refused(Path("results/leaner_glue/x/broken.json"), "It is no JSON.")]
    return written(folder, [*glue_entries(30), *small, *judged], refused)


def numbers(texts: list[str]) -> list[float]:
    """Those of a column, without what has none."""
    return [float(text.replace("−", "-")) for text in texts if text != "–"]
