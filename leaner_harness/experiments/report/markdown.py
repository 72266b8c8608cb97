"""A report as Markdown: tables whose rows link the files they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from leaner_harness.experiments.report.document import (
    Block,
    Figure,
    Note,
    Report,
    Table,
    shown,
)
from leaner_harness.markdown import cell, table

SHARED = "†"
EXPLANATION = (
    f"Columns with {SHARED} depend on all rows of their section. The last column names the files a "
    "row comes from; they are listed at the end."
)
PICTURES = "charts"


def markdown(report: Report) -> str:
    """The whole report."""
    files = report.files()
    parts = [
        f"# {cell(report.title)}",
        *(f"> **{cell(notice)}**" for notice in report.notices),
        cell(report.asks),
        EXPLANATION,
    ]
    for section in report.sections:
        parts.append(f"## {cell(section.title)}")
        for block in section.blocks:
            parts += _block(block, files)
    parts += _end(report, files)
    return "\n\n".join(parts) + "\n"


def _block(block: Block, files: Mapping[str, int]) -> Iterator[str]:
    if isinstance(block, Note):
        yield " ".join([cell(block.text), *_links(block.files, files)])
    elif isinstance(block, Figure):
        yield f"**{cell(block.title)}.** {cell(block.note)} " + " ".join(_links(block.files, files))
        yield "\n".join(
            f"![{cell(block.title)}: {panel.name}]({PICTURES}/{panel.name}.svg)"
            for panel in block.panels
        )
    else:
        yield _table(block.without_empty_columns(), files)
        if block.note:
            yield cell(block.note)


def _table(block: Table, files: Mapping[str, int]) -> str:
    names = [cell(column.name) + SHARED * column.shared for column in block.columns]
    rows = [
        [
            *(
                cell(shown(value, column.form))
                for value, column in zip(row.cells, block.columns, strict=True)
            ),
            " ".join(_links(row.files, files)),
        ]
        for row in block.rows
    ]
    return table([*names, "files"], rows)


def _links(names: Sequence[str], files: Mapping[str, int]) -> list[str]:
    return [f"[{files[name]}]" for name in dict.fromkeys(names)]  # what each is stands at the end


def _end(report: Report, files: Mapping[str, int]) -> Iterator[str]:
    if report.absent:
        yield f"## Cells without results ({len(report.absent)})"
        yield "\n".join(f"- {cell(name)}" for name in report.absent)
    if report.refused:
        yield f"## Files that were not used ({len(report.refused)})"
        yield "\n".join(f"- {cell(name)}: {cell(reason)}" for name, reason in report.refused)
    yield f"## Files ({len(files)})"
    yield "\n".join(f"{number}. [{cell(name)}]({quote(name)})" for name, number in files.items())
    yield "\n".join(f"[{number}]: {quote(name)}" for name, number in files.items())
