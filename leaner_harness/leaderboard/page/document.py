"""The HTML file: its data escaped, its style and program named by digest so that no other runs."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from leaner_harness.leaderboard.entries import Entry, Refused
from leaner_harness.leaderboard.page.content import content
from leaner_harness.results import Record

SCRIPTS = (
    *("elements.js", "numbers.js", "phenomena.js", "table.js", "chart.js", "curve.js"),
    *("run.js", "files.js", "page.js"),
)
"""In the order in which they are put together."""


def document(entries: Sequence[Entry], refused: Sequence[Refused], folder: Path) -> str:
    """The page for a results folder; the same results give the same bytes."""
    style = _asset("page.css")
    body = "\n".join(map(_asset, SCRIPTS))
    script = f'"use strict";\n(() => {{\n{body}}})();\n'
    parts = {
        "POLICY": _policy(script, style),
        "STYLE": style,
        "DATA": as_data(content(entries, refused, folder)),
        "SCRIPT": script,
    }
    before, *pieces = _asset("page.html").split("@@")
    # Each part is put in once and not read again: data that look like a mark stay data.
    filled = [parts[piece] if number % 2 == 0 else piece for number, piece in enumerate(pieces)]
    return "".join([before, *filled])


def as_data(value: Record) -> str:
    """JSON that cannot end the element it stands in, nor start a comment or another element."""
    made = json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    escaped = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028"}
    for character, code in (escaped | {"\u2029": "\\u2029"}).items():
        made = made.replace(character, code)
    # Half of a surrogate pair is valid JSON, and no text that a file could hold.
    return made.encode("utf-8", "replace").decode()


def _policy(script: str, style: str) -> str:
    """A Content-Security-Policy: no network, and only this program and this style."""
    return f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; " + (
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
