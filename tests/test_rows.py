"""Rows are counted, interleaved and fingerprinted."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaner_harness.data.glue import TASKS, get_task
from leaner_harness.data.rows import fingerprint, interleave, read_rows
from leaner_harness.errors import UnknownName

COLA = TASKS["cola"]


def lines(path: Path, *rows: object) -> Path:
    raw = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"\n".join(raw) + b"\n")
    return path


def test_every_line_is_kept_or_counted(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "cola_test.jsonl",
        {"sentence": "The cat sat.", "label": 1, "idx": 0},
        {"sentence": "", "label": 0, "idx": 1},
        {"sentence": "The cat sat.", "label": 1, "idx": 2},
        {"sentence": "A dog.", "label": 7, "idx": 3},
        {"sentence": "A dog.", "label": True, "idx": 4},
        {"text": "no field", "label": 1},
        b'{"sentence": "half',
        b'{"sentence": "caf\xe9 on the hill", "label": 1, "idx": 7}',
        b"",
        b"[1, 2]",
        b'{"sentence": "\\ud83d half", "label": 1, "idx": 10}',
        b'{"sentence": "deep", "label": ' + b"[" * 100_000 + b"}",
        b'{"sentence": "long", "label": ' + b"9" * 5000 + b"}",
        b'{"sentence": "An odd id.", "label": 1, "idx": "a"}',
        b'{"sentence": "A huge id.", "label": 1, "idx": ' + b"9" * 30 + b"}",
    )
    found = read_rows(path, COLA)
    assert found.lines == 14
    assert len(found.rows) + found.defects.dropped() == found.lines
    assert found.defects.counts == {
        "empty_field": 1,
        "duplicate": 1,
        "label_out_of_range": 2,
        "missing_field": 1,
        "malformed_line": 5,
        "not_utf8": 1,
    }
    assert found.defects.places["malformed_line"] == [
        f"cola_test.jsonl:{line}" for line in (7, 10, 11, 12, 13)
    ]
    assert [row["idx"] for row in found.rows[-2:]] == [13, 14]
    assert found.defects.record()["empty_field"]["kept"] is True


@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=3),
    prefix=st.integers(1, 120),
)
def test_a_prefix_holds_each_class_in_its_share(counts: list[int], prefix: int) -> None:
    rows = [
        {"premise": f"{label} {i}", "hypothesis": "x", "label": label, "idx": i}
        for label, n in enumerate(counts)
        for i in range(n)
    ]
    ordered = interleave(rows, TASKS["mnli"])
    assert sorted(map(str, ordered)) == sorted(map(str, rows))
    head = ordered[:prefix]
    seen = Counter(row["label"] for row in head)
    for label, n in enumerate(counts):
        assert abs(seen[label] - len(head) * n / len(rows)) <= len(counts)


def test_a_null_is_no_name_that_rows_share(tmp_path: Path) -> None:
    """Some writers put null where a row has no pair and no tag."""
    written = [{"sentence": f"row {n}", "label": 1, "pair_id": None, "tag": None} for n in (1, 2)]
    found = read_rows(lines(tmp_path / "cola_test.jsonl", *written), TASKS["cola"]).rows
    assert [row.get(key) for row in found for key in ("pair_id", "tag")] == [None] * 4


@pytest.mark.parametrize(
    ("ids", "given"),
    [
        ((7, 8, 9), [7, 8, 9]),
        ((0, 1, 1), [0, 1, 2]),
        ((5, None, 7), [5, 1, 7]),
        ((-1, 0, 1), [3, 0, 1]),
        ((1, 2, 10**9), [1, 2, 3]),
        ((True, 2.5, 3), [0, 1, 3]),
        ((1, 3, "a"), [1, 3, 2]),
    ],
)
def test_ids_that_no_result_can_hold_are_replaced(
    tmp_path: Path, ids: Any, given: list[int]
) -> None:
    """Before anything is scored: a result of them would be refused after hours of work."""
    written = [{"sentence": f"row {n}", "label": 1, "idx": idx} for n, idx in enumerate(ids)]
    path = lines(tmp_path / "cola_test.jsonl", *written)
    assert [row["idx"] for row in read_rows(path, TASKS["cola"]).rows] == given


@pytest.mark.parametrize(("tag", "kept"), [("t" * 60, True), ("t" * 61, False), ("", False)])
def test_a_tag_that_no_result_can_hold_is_none(tmp_path: Path, tag: str, kept: bool) -> None:
    path = lines(tmp_path / "cola_test.jsonl", {"sentence": "a", "label": 1, "tag": tag})
    assert read_rows(path, TASKS["cola"]).rows[0]["tag"] == (tag if kept else None)


def test_the_order_does_not_follow_the_file() -> None:
    rows = [{"sentence": f"s{i}", "label": i % 2, "idx": i} for i in range(50)]
    assert interleave(rows, COLA) == interleave(rows[::-1], COLA)
    assert [row["idx"] for row in interleave(rows, COLA)] != sorted(range(50))


def test_a_fingerprint_names_the_rows_and_the_split() -> None:
    rows = [{"sentence": f"s{i}", "label": i % 2, "idx": i} for i in range(9)]
    same = fingerprint(COLA, "test", rows[::-1])
    assert fingerprint(COLA, "test", rows) == same
    assert fingerprint(COLA, "test", [row | {"extra": 1} for row in rows]) == same
    assert fingerprint(COLA, "validation", rows) != same
    assert fingerprint(COLA, "test", rows[:-1]) != same
    assert fingerprint(COLA, "test", [rows[0] | {"label": 1}, *rows[1:]]) != same


def test_a_wrong_task_name_is_answered_with_the_near_one() -> None:
    with pytest.raises(UnknownName, match="'mrpc'"):
        get_task("mrcp")
