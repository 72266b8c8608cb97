"""Checks of a rewritten item: those of any text, on its fields together, and those of items."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from leaner_harness.data.glue import GlueTask
from leaner_harness.dataset import checks, prompts
from leaner_harness.dataset.glue.items import read_text
from leaner_harness.dataset.records import FAIL, PASS, WARN, Chunk, Finding
from leaner_harness.dataset.vocabulary import Vocabulary

LIMITS = checks.Thresholds(
    coverage_warn=0.9,
    # An item has few words, so one weighs much: of the published validation rows 11 % of cola's,
    # and 1 to 3 % of other tasks', are below it with the packaged list.
    coverage_fail=0.7,
    # Of three words nine may be made, and of a clause with two rare words a short one.
    ratio_low=0.3,
    ratio_high=3.0,
)


def verify(task: GlueTask, chunk: Chunk, text: str, allowed: Vocabulary) -> list[Finding]:
    """All checks of a rewrite; never raises on any text."""
    before, after = (read_text(each, task.fields) for each in (chunk.text, text))
    assert before is not None, "the chunk is an item"
    if after is None:
        return [_finding("fields", 0, FAIL, f"a JSON object of texts for {', '.join(task.fields)}")]
    source, new = ("\n\n".join(each.values()) for each in (before, after))
    whole = Chunk(chunk.document, chunk.number, chunk.genre, source)
    told = prompts.system_prompt(chunk.genre)
    return [
        _finding("fields", 1, PASS),
        _empty(after),
        _equal(before, after),
        *checks.verify(whole, new, allowed, told, LIMITS),
        _unchanged(before, after),
    ]


def _empty(texts: Mapping[str, str]) -> Finding:
    found = [name for name, text in texts.items() if not any(map(str.isalnum, text))]
    return _finding("empty_fields", len(found), FAIL if found else PASS, ", ".join(found))


def _equal(before: Mapping[str, str], after: Mapping[str, str]) -> Finding:
    """Pairs of fields that say the same letter by letter, and did not before."""
    found = [
        f"{one} and {other} are equal now"
        for one, other in combinations(after, 2)
        if _plain(after[one]) == _plain(after[other])
        and _plain(before[one]) != _plain(before[other])
    ]
    return _finding("equal_fields", len(found), FAIL if found else PASS, "; ".join(found))


def _unchanged(before: Mapping[str, str], after: Mapping[str, str]) -> Finding:
    """Share of the fields that are as they were: right for what was simple before."""
    same = [name for name in after if _plain(before[name]) == _plain(after[name])]
    verdict = WARN if len(same) == len(after) else PASS
    return _finding("unchanged", len(same) / len(after), verdict, ", ".join(same))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _finding(check: str, value: float, verdict: str, note: str = "") -> Finding:
    return Finding(check, float(value), verdict, note=note)
