"""Cells of the board's tables: what results of every kind show alike."""

from __future__ import annotations

from leaner_harness.results import Result

DASH = "–"


def link(result: Result) -> str:
    """The model's name, and the way to its result; names were checked when it was read."""
    return f"[{result.record['model']['name']}]({result.path.as_posix()})"


def size_cells(result: Result) -> list[str]:
    """Parameters and tokens seen."""
    record = result.record
    training = record.get("training") or {}
    # Random weights have the checkpoint's shape, and have seen none of its text.
    scratch = bool(record["model"].get("scorer", {}).get("from_scratch"))
    return [
        count(record["model"]["parameters"]),
        count(0 if scratch else training.get("tokens_seen")),
    ]


def count(value: float | None) -> str:
    """A count as in 1.56M; a dash where it is not known."""
    if value is None:
        return DASH
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return str(int(value))


def escape(text: str) -> str:
    """Text that cannot break out of a table cell."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def source_note(result: Result, ours: str) -> str:
    """Where the rows came from; `ours` says what the embedded ones are."""
    data = result.record["data"]
    kind = {
        "mini": f"{ours} embedded in the package; not comparable with published numbers.",
        "official": "Published rows, every file verified.",
        "local": "Rows from a local folder that are not, or not all, the published ones.",
    }.get(data["source"], "")
    return f"{kind} Data fingerprint `{data['fingerprint']}`."
