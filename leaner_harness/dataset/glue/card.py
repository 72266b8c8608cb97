"""The card of rebuilt GLUE tasks: what was kept of what, and what agreement filtering selects.

Markdown with the header that the Hub reads. Everything in it follows from the manifests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leaner_harness.data.glue import get_task
from leaner_harness.dataset.glue.card_tables import (
    account,
    agreement,
    correlation,
    files,
    labels,
    reasons,
    source,
    words,
)
from leaner_harness.markdown import cell

Record = Mapping[str, Any]


def card(manifests: Sequence[Record], pictures: str) -> str:
    """The card for people; `pictures` is the folder of `TASK.svg`."""
    parts = [_header(manifests), _about(manifests), account(manifests), _SELECTS]
    for manifest in manifests:
        parts += _task(manifest, pictures)
    return "\n\n".join(filter(None, [*parts, _LIMITS])) + "\n"


_SELECTS = """\
## What agreement filtering selects

An item is kept where the judge, who does not see the label, gives the label to its rewrite. So what
is kept is what this judge finds easy: hard items, items whose label people doubt, and labels that
the judge gives seldom are lost more often. Scores on the kept items are higher than they would be
on all. The tables below say for each label how much was lost, and how often the judge was right
before anything was rewritten: where it was wrong about the source already, a lost item says
nothing about the rewrite."""

_LIMITS = """\
## What this does not say

A judge that agrees does not prove that a label is right: it may be wrong as the label is, and where
rewriter and judge are of one family they may share their errors. Labels are those of the source,
for stsb the score that people gave; TinyHelen stored the language model's whole number there, so
its stsb and this one are not the same task. A rewriter that is told the label can make an item
easier than its source was."""


def _header(manifests: Sequence[Record]) -> str:
    """YAML for the Hub; every value as JSON, which YAML reads as it is."""
    licences = {manifest["settings"]["licence"] for manifest in manifests}
    given = licences.pop() if len(licences) == 1 else "other"
    known = given if given.replace("-", "").replace(".", "").isalnum() else "other"
    lines = [
        "---",
        f"license: {json.dumps(known)}",
        "language: [en]",
        "task_categories: [text-classification]",
        "tags: [leaner-harness, simplified-text, glue]",
        "configs:",
    ]
    for manifest in manifests:
        task = manifest["settings"]["task"]
        lines += [f"- config_name: {json.dumps(task)}", "  data_files:"]
        for each in manifest["files"]:
            split = each["file"].removeprefix(f"{task}_").removesuffix(".jsonl")
            lines += [f"  - split: {split}", f"    path: {json.dumps(each['file'])}"]
    return "\n".join([*lines, "---"])


def _about(manifests: Sequence[Record]) -> str:
    lines = ["# GLUE items in simple words, made by leaner-harness", ""]
    for manifest in manifests:
        lines.append(f"- {_made(manifest)}")
    lines += ["", "A rewrite does not free a text from its licence."]
    return "\n".join(lines)


def _made(manifest: Record) -> str:
    settings, judge = manifest["settings"], manifest["judge"]
    by = ", ".join(f"{key} {cell(value)}" for key, value in sorted(manifest["rewriter"].items()))
    told = "not told the label" if settings["hide_label"] else "told the label"
    named = "names replaced by policy" if settings["replace_names"] else "names kept"
    warned = []
    if not manifest["independent"]:
        warned.append("**Not independent: rewriter and judge are one model at one endpoint.**")
    if manifest["baseline"]:
        warned.append("**A baseline: this rewriter knows nothing of labels.**")
    return " ".join(
        [
            f"`{settings['task']}` from `{cell(settings['source'])}` (licence as stated: "
            f"{cell(settings['licence'])}), rewritten by {by}, {told}, {named}; judged by "
            f"{cell(judge['model'])} at {cell(judge['endpoint'])}.",
            *warned,
        ]
    )


def _task(manifest: Record, pictures: str) -> Iterator[str]:
    """The part of one task."""
    settings, report = manifest["settings"], manifest["report"]
    task = get_task(settings["task"])
    yield f"## {task.name}"
    if task.regression:
        yield (
            f"Kept where the judge's score is within {settings['tolerance']:g} of the score that "
            "people gave, which stays the label. Rows are of scores nearest to a whole number."
        )
    yield _bias(manifest)
    yield f"![Share kept by label]({pictures}/{task.name}.svg)"
    yield labels(report)
    yield reasons(report)
    yield agreement(report)
    if task.regression:
        yield correlation(report)
    yield words(report)
    yield source(manifest)
    yield files(manifest)


def _bias(manifest: Record) -> str:
    """One plain sentence on what was kept of which label."""
    rates = {
        label: found["rate"]
        for label, found in manifest["report"]["labels"].items()
        if found["rate"] is not None
    }
    if len(set(rates.values())) < 2:
        return ""
    most, least = max(rates, key=lambda x: rates[x]), min(rates, key=lambda x: rates[x])
    intervals = {x: manifest["report"]["labels"][x]["interval"] for x in (most, least)}
    apart = intervals[least][1] < intervals[most][0]
    said = f"Of label {most} {rates[most]:.1%} were kept and of label {least} {rates[least]:.1%}"
    if apart:
        return f"{said}: the intervals lie apart, so the filter favours label {most}."
    return f"{said}: the intervals meet, so no label is shown to be favoured."
