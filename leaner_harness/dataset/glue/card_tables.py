"""The tables of the card of rebuilt GLUE tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leaner_harness.dataset.glue.report import SAID, STATES
from leaner_harness.markdown import cell, table

Record = Mapping[str, Any]


def account(manifests: Sequence[Record]) -> str:
    """What became of everything; each row adds up."""
    names = ("in", *STATES)
    rows = []
    for manifest in manifests:
        task = manifest["settings"]["task"]
        rows.append([f"**{task}**", *(f"{manifest['items'][name]:,}" for name in names)])
        for split, counts in manifest["report"]["splits"].items():
            rows.append([f"{task} {split}", *(f"{counts[name]:,}" for name in names)])
    return f"## Account\n\nin = kept + rejected + failed + pending.\n\n{table(['', *names], rows)}"


def labels(report: Record) -> str:
    """By label: what came in, what was kept, and the label's share before and after."""
    rows = [
        [
            label,
            *(f"{found[name]:,}" for name in ("in", *STATES)),
            _rate(found),
            _share(found["original"]["right"], found["original"]["wrong"]),
            f"{found['share_before']:.1%}",
            f"{found['share_after']:.1%}",
        ]
        for label, found in report["labels"].items()
    ]
    names = [
        "label", "in", *STATES, "kept of settled [95 %]", "judge right on source",
        "share before", "after",
    ]  # fmt: skip
    return table(names, rows)


def _rate(found: Record) -> str:
    if found["rate"] is None:
        return "-"
    low, high = found["interval"]
    return f"{found['rate']:.1%} [{low:.1%}, {high:.1%}]"


def _share(hits: int, misses: int) -> str:
    of = hits + misses
    return f"{hits / of:.1%} of {of:,}" if of else "-"


def reasons(report: Record) -> str:
    """Why items were rejected, by label."""
    by_label = {label: found["reasons"] for label, found in report["labels"].items()}
    names = sorted({reason for found in by_label.values() for reason in found})
    if not names:
        return ""
    rows = [
        [cell(name), *(f"{found.get(name, 0):,}" for found in by_label.values())] for name in names
    ]
    return "Rejected, by reason and label:\n\n" + table(["reason", *by_label], rows)


def agreement(report: Record) -> str:
    """What the judge said of the source and of the rewrite, by label."""
    words = list(SAID.values())
    rows = []
    for label, found in report["labels"].items():
        both = found["original_rewrite"]
        rows += [
            [label if one == words[0] else "", one, *(f"{both[f'{one} {two}']:,}" for two in words)]
            for one in words
        ]
    names = ["label", "on the source", *(f"rewrite {two}" for two in words)]
    return (
        "The judge's answers to source and rewrite (none: not asked, or no answer). Right before "
        "and wrong after is what rewriting may have broken; wrong before and right after is what "
        "it made easier:\n\n" + table(names, rows)
    )


def correlation(report: Record) -> str:
    """How the judge's scores go with those of people."""
    found = report["correlation"]
    if found["items"] < 2:
        return ""
    rows = [
        [name, f"{found[f'{name}_before']:.3f}", f"{found[f'{name}_after']:.3f}"]
        for name in ("pearson", "spearman")
    ]
    return (
        f"Scores of judge and people, over the {found['items']:,} items with both answers, kept or "
        f"not:\n\n{table(['', 'on the source', 'on the rewrite'], rows)}"
    )


def words(report: Record) -> str:
    """Mean words of a field."""
    rows = [
        [
            each["field"],
            "kept" if each["kept"] else "rejected",
            f"{each['items']:,}",
            f"{each['before']:.1f}",
            f"{each['after']:.1f}",
        ]
        for each in report["words"]
    ]
    if not rows:
        return ""
    head = ["field", "items", "number", "words before", "after"]
    return f"Mean length of what was rewritten:\n\n{table(head, rows)}"


def source(manifest: Record) -> str:
    """What the files of the source held."""
    rows = []
    for split, found in manifest["source"].items():
        wrong = [f"{kind} {each['count']:,}" for kind, each in found["defects"].items()]
        numbers = [f"{found['lines']:,}", f"{found['rows']:,}"]
        rows.append([split, *numbers, cell(", ".join(wrong)) or "-"])
    how = {
        "halve": "The validation rows that were kept are cut in half, label by label, into "
        "validation and test.",
        "keep": "Splits are those of the source.",
    }[manifest["splits"]]
    return f"{how}\n\n{table(['source split', 'lines', 'usable rows', 'defects'], rows)}"


def files(manifest: Record) -> str:
    """What was written."""
    rows = [
        [
            each["file"],
            f"{each['rows']:,}",
            ", ".join(f"{label}: {count:,}" for label, count in each["labels"].items()),
            f"`{each['sha256'][:16]}`",
        ]
        for each in manifest["files"]
    ]
    return table(["file", "rows", "labels", "sha256"], rows) if rows else "No row was kept."
