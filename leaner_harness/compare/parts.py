"""Why two runs share no table: the tasks, rows or parts of the protocol in which they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leaner_harness.results import Record, Result

_DATA, _PROTOCOL = "data fingerprint", "protocol fingerprint"


def described(
    differing: Mapping[str, str], name: str, one: Result, other_name: str, other: Result
) -> list[str]:
    """The differing parts of a ranking, in words where the results say more than two digests.

    A run on other tasks has other digests for that alone, so then the tasks are named.
    """
    tasks = [
        f"tasks ({', '.join(found)} in {which} only)"
        for which, found in ((name, _more(one, other)), (other_name, _more(other, one)))
        if found
    ]
    rows, asked = tasks + _rows(one, other), list(_protocol(one, other))
    said = [text for part, text in differing.items() if part not in (_DATA, _PROTOCOL)]
    if _DATA in differing:
        said += rows or [differing[_DATA]]
    if _PROTOCOL in differing:
        said += asked or tasks or [differing[_PROTOCOL]]
    return list(dict.fromkeys(said))


def _scored(result: Result) -> dict[str, Record]:
    """The tasks with a score."""
    return {name: t for name, t in result.record["tasks"].items() if t["state"] == "ok"}


def _more(one: Result, other: Result) -> list[str]:
    """Tasks that only the first one has."""
    theirs = _scored(other)
    return [task for task in _scored(one) if task not in theirs]


def _rows(one: Result, other: Result) -> list[str]:
    first, second = ({n: t["fingerprint"] for n, t in _scored(r).items()} for r in (one, other))
    changed = [task for task in first if first[task] != second.get(task, first[task])]
    return [f"rows of {', '.join(changed)}"] if changed else []


def _protocol(one: Result, other: Result) -> Iterator[str]:
    """Values of the protocols that differ, and tasks that were trained on other rows."""
    first, second = _settings(one), _settings(other)
    for key in sorted(first.keys() | second.keys()):
        if first.get(key) != second.get(key):
            yield f"protocol.{key} {first.get(key)} and {second.get(key)}"
    for rows in ("train", "selection"):
        mine, theirs = (_tuned_on(result, rows) for result in (one, other))
        if changed := [task for task in mine if task in theirs and mine[task] != theirs[task]]:
            yield f"{rows} rows of {', '.join(changed)}"


def _settings(result: Result) -> Record:
    record = result.record
    said: dict[str, Any] = dict(record["protocol"].get("definition") or {})
    scorer = record["model"].get("scorer") or {}
    shots = {"num_fewshot": record["protocol"].get("num_fewshot")}
    # Another length than the protocol has was asked for.
    if "max_length" in (record["model"].get("model_args") or {}):
        said["max_length"] = scorer.get("max_length")
    return said | shots | {key: scorer[key] for key in ("bf16",) if key in scorer}


def _tuned_on(result: Result, rows: str) -> dict[str, Any]:
    """Task -> fingerprint of the rows that trained or selected; none zero-shot."""
    tasks = _scored(result).items()
    return {n: t["finetuning"].get(f"{rows}_fingerprint") for n, t in tasks if "finetuning" in t}
