"""The card of a built data set: what is in it, where it came from, and what was lost on the way.

Markdown with the header that the Hub reads. Everything in it follows from the manifest and the two
reports, so that it can be made again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leaner_harness.dataset.comparison import Comparison
from leaner_harness.dataset.shards import SPLITS
from leaner_harness.entropy.sample import LONGEST
from leaner_harness.markdown import cell, table

_STATES = ("in", "kept", "rejected", "failed", "pending")

Record = Mapping[str, Any]


def card(manifest: Record, compared: Comparison | None = None) -> str:
    """The card for people; the pictures it shows lie beside it."""
    compared = compared or Comparison()
    parts = [
        _header(manifest),
        _about(manifest),
        "\n".join(_account(manifest)),
        "\n".join(_files(manifest["files"])),
        "\n".join(_checks(manifest.get("checks", {}))),
    ]
    if compared.words:
        parts.append("\n".join(_words(compared.words)))
    if compared.entropy is not None:
        parts.append("\n".join(_entropy(compared.entropy)))
    if compared.bias:
        parts.append(f"## Bias: source against rewrite\n\n{compared.bias.strip()}")
    parts.append(_LIMITS)
    return "\n\n".join(part for part in parts if part) + "\n"


_LIMITS = """\
## What this does not say

The checks see words, numbers and form. Whether a text still says what its source said, they do not
see; nor does any table here. Names of people and places were replaced, if at all, by rule."""


def _header(manifest: Record) -> str:
    """YAML for the Hub; every value as JSON, which YAML reads as it is."""
    settings = manifest["settings"]
    splits = sorted({each["split"] for each in manifest["files"]}, key=list(SPLITS).index)
    lines = [
        "---",
        f"license: {json.dumps(_licence(settings['licence']))}",
        "language: [en]",
        "task_categories: [text-generation]",
        "tags: [leaner-harness, simplified-text]",
        "configs:",
        "- config_name: default",
        "  data_files:",
    ]
    for split in splits:
        lines += [f"  - split: {split}", f"    path: {json.dumps(f'{split}/*.jsonl')}"]
    return "\n".join([*lines, "---"])


def _licence(given: str) -> str:
    """The Hub knows identifiers without spaces; anything else is `other`, and stated below."""
    return given if given.replace("-", "").replace(".", "").isalnum() else "other"


def _about(manifest: Record) -> str:
    settings, rewriter = manifest["settings"], manifest["rewriter"]
    sources = ", ".join(f"`{cell(name)}`" for name in settings["source"]["sources"])
    by = ", ".join(f"{key} {cell(value)}" for key, value in sorted(rewriter.items()))
    return (
        f"# Simplified text\n\nMade by leaner-harness from {sources} "
        f"({settings['source']['split']} split), rewritten by: {by}.\n"
        f"Licence of the source texts, as stated by who made this: {cell(settings['licence'])}. "
        "A rewrite does not free a text from its licence."
    )


def _account(manifest: Record) -> Iterator[str]:
    """What became of everything; each row adds up."""
    yield "## Account\n"
    yield "Everything that came in is kept, rejected, failed or pending.\n"
    yield table(
        ["", *_STATES],
        [
            [name, *(f"{manifest[name][state]:,}" for state in _STATES)]
            for name in ("documents", "chunks")
        ],
    )
    reasons = [
        [name, each["state"], cell(each["reason"]), f"{each['count']:,}"]
        for name in ("documents", "chunks")
        for each in manifest[name]["reasons"]
    ]
    if reasons:
        yield ""
        yield table(["of", "state", "reason", "count"], reasons)


def _files(files: Sequence[Record]) -> Iterator[str]:
    yield "## Files\n"
    yield table(
        ["file", "documents", "words", "sha256"],
        [
            [each["file"], f"{each['rows']:,}", f"{each['words']:,}", f"`{each['sha256'][:16]}`"]
            for each in files
        ],
    )


def _checks(checks: Mapping[str, Record]) -> Iterator[str]:
    """What the checks found in the chunks that were kept."""
    if not checks:
        return
    yield "## Checks of the chunks that were kept\n"
    yield table(
        ["check", "mean", "lowest", "highest", "warnings", "version"],
        [
            [
                name, f"{each['mean']:.3f}", f"{each['lowest']:.3f}", f"{each['highest']:.3f}",
                f"{each['warnings']:,}", str(each["version"]),
            ]
            for name, each in sorted(checks.items())
        ],
    )  # fmt: skip


def _words(words: Mapping[str, Record]) -> Iterator[str]:
    yield "## Words: source against rewrite\n"
    yield "Share of the running words, names and numbers apart, that are in the vocabulary.\n"
    rows = []
    for genre, each in words.items():
        before, after = each["before"], each["after"]
        length = after["words"] / before["words"] if before["words"] else 1.0
        rows.append(
            [genre, f"{each['chunks']:,}", f"{before['share']:.3f}", f"{after['share']:.3f}",
             f"{length:.2f}"]
        )  # fmt: skip
    yield table(["genre", "chunks", "source", "rewrite", "words, rewrite / source"], rows)
    yield "\n![Share of allowed words in source and rewrite](words.svg)"


def _entropy(found: Record) -> Iterator[str]:
    yield "## Entropy: rewrite (A) against source (B)\n"
    yield (
        "Bits, of runs of 1 to 3 words, at equal sizes, corrected for what a sample does not show "
        "(Grassberger); in brackets the 95 % interval of the difference.\n"
    )
    rows = []
    for genre, part in found["genres"].items():
        words = part["words"]
        for number in range(LONGEST):
            a, b = words["a"]["blocks"][number], words["b"]["blocks"][number]
            difference = words["difference"][number]
            low, high = difference["interval"]
            rows.append(
                [
                    genre if not number else "",
                    f"H{number + 1}",
                    f"{a['corrected']:.3f}",
                    f"{b['corrected']:.3f}",
                    f"{difference['value']:+.3f} [{low:+.3f}, {high:+.3f}]",
                ]
            )
        types = [f"{words[side]['types']:,}" for side in "ab"]
        rows.append(["", f"types in {words['n']:,} words", *types, ""])
    yield table(["genre", "", "A", "B", "A - B"], rows)
    yield "\n![Entropies of rewrite and source](entropy.svg)"
