"""A report as one HTML file: no network, no program; light and dark, phones, screen readers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from urllib.parse import quote

from leaner_harness.experiments.report.document import (
    Block,
    Column,
    Figure,
    Note,
    Report,
    Row,
    Table,
    shown,
)
from leaner_harness.experiments.report.markdown import EXPLANATION, SHARED
from leaner_harness.svg import themed

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(report: Report) -> str:
    """The whole page; the same report gives the same bytes."""
    style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(report.title)}</title>",
            f"<style>\n{style}</style>",
            "</head>",
            "<body>",
            *_body(report),
            "</body>",
            "</html>\n",
        ]
    )


def _body(report: Report) -> Iterator[str]:
    files = report.files()
    sections = list(report.sections)
    yield f"<header><h1>{escape(report.title)}</h1>"
    yield f"<p>{escape(report.asks)}</p>"
    if report.notices:
        items = "".join(f"<li>{escape(notice)}</li>" for notice in report.notices)
        yield f'<ul class="notices" aria-label="Read this first">{items}</ul>'
    yield "</header>"
    links = [
        f'<li><a href="#s{number}">{escape(section.title)}</a></li>'
        for number, section in enumerate(sections, start=1)
    ]
    yield f'<nav aria-label="Sections"><ul>{"".join(links)}</ul></nav>'
    yield "<main>"
    yield f'<p class="note">{escape(EXPLANATION)}</p>'
    for number, section in enumerate(sections, start=1):
        yield f'<section id="s{number}"><h2>{escape(section.title)}</h2>'
        for block in section.blocks:
            yield from _block(block, section.title, files)
        yield "</section>"
    yield from _end(report, files)
    yield "</main>"


def _block(block: Block, title: str, files: Mapping[str, int]) -> Iterator[str]:
    if isinstance(block, Note):
        yield f"<p>{escape(block.text)}{_cited(block.files, files)}</p>"
    elif isinstance(block, Figure):
        yield '<figure><div class="panels">'
        yield from (f"<div>{themed(panel.svg)}</div>" for panel in block.panels)
        yield (
            f"</div><figcaption><b>{escape(block.title)}.</b> {escape(block.note)}"
            f"{_cited(block.files, files)}</figcaption></figure>"
        )
    else:
        yield from _table(block.without_empty_columns(), title, files)


def _table(block: Table, title: str, files: Mapping[str, int]) -> Iterator[str]:
    label = escape(title)
    label += f", {escape(', '.join(column.name for column in block.columns[:3]))}"
    yield f'<div class="scroller" role="region" tabindex="0" aria-label="Table: {label}"><table>'
    heads = "".join(
        f'<th scope="col"{_kind(column)}>{escape(column.name)}{SHARED * column.shared}</th>'
        for column in block.columns
    )
    yield f'<thead><tr>{heads}<th scope="col">files</th></tr></thead><tbody>'
    yield from (_row(row, block.columns, files) for row in block.rows)
    yield "</tbody></table></div>"
    if block.note:
        yield f'<p class="note">{escape(block.note)}</p>'


def _row(row: Row, columns: Sequence[Column], files: Mapping[str, int]) -> str:
    cells = []
    for place, (value, column) in enumerate(zip(row.cells, columns, strict=True)):
        tag, scope = ("td", "") if place else ("th", ' scope="row"')
        cells.append(f"<{tag}{scope}{_kind(column)}>{escape(shown(value, column.form))}</{tag}>")
    return f'<tr>{"".join(cells)}<td class="files">{_cited(row.files, files)}</td></tr>'


def _kind(column: Column) -> str:
    return ' class="number"' if column.form else ""


def _cited(names: Sequence[str], files: Mapping[str, int]) -> str:
    """Links to the list at the end; many in a row fold into a count."""
    links = [f'<a href="#f{files[name]}">{files[name]}</a>' for name in dict.fromkeys(names)]
    if len(links) > 4:
        inner = " ".join(links)
        return f" <details><summary>{len(links)} files</summary>{inner}</details>"
    return "".join(f" <sup>{link}</sup>" for link in links)


def _end(report: Report, files: Mapping[str, int]) -> Iterator[str]:
    if report.absent:
        yield f"<section><h2>Cells without results ({len(report.absent)})</h2><ul>"
        yield from (f"<li>{escape(name)}</li>" for name in report.absent)
        yield "</ul></section>"
    if report.refused:
        yield f"<section><h2>Files that were not used ({len(report.refused)})</h2><ul>"
        yield from (f"<li>{escape(n)}: {escape(reason)}</li>" for n, reason in report.refused)
        yield "</ul></section>"
    yield f"<section><h2>Files ({len(files)})</h2><ol>"
    for name, number in files.items():
        yield f'<li id="f{number}"><a href="{escape(quote(name))}">{escape(name)}</a></li>'
    yield "</ol></section>"
