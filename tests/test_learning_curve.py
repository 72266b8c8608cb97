"""The learning curve of a result: few points of a log, whatever else is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_boards import glue_record

from leaner_harness import learning_curve
from leaner_harness.learning_curve import MOST_POINTS, read, thinned
from leaner_harness.results import rules

VALIDATION = "validation_bits_per_byte"


def log(folder: Path, entries: list[Any]) -> Path:
    path = folder / learning_curve.LOG
    path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    return path


def steps(count: int, every: int, tokens: int = 100) -> list[dict[str, Any]]:
    """A log whose loss is the number of the step; validation is measured every so often."""
    return [
        {"step": n, "tokens_seen": n * tokens, "loss": float(n), "seconds": 1.0}
        | ({VALIDATION: 3.0 / n} if n % every == 0 else {})
        for n in range(1, count + 1)
    ]


def test_a_point_has_the_mean_loss_since_the_one_before(tmp_path: Path) -> None:
    points = read(log(tmp_path, steps(1000, 100)), {"tokens_seen": 100_000})
    assert len(points) == MOST_POINTS
    assert [p["tokens_seen"] for p in points if VALIDATION in p] == list(
        range(10_000, 100_001, 10_000)
    )
    ends = [0, *(point["tokens_seen"] // 100 for point in points)]
    means = [sum(range(a + 1, b + 1)) / (b - a) for a, b in zip(ends, ends[1:], strict=False)]
    assert [point["loss"] for point in points] == pytest.approx(means, abs=1e-5)
    assert points[0]["tokens_seen"] == 100 and points[-1]["tokens_seen"] == 100_000


def test_a_short_log_keeps_every_step_and_a_long_one_few_measurements(tmp_path: Path) -> None:
    short = read(log(tmp_path, steps(7, 3)), {})
    assert [point["loss"] for point in short] == [1, 2, 3, 4, 5, 6, 7]
    measured = read(log(tmp_path, steps(3000, 10)), {})
    assert len(measured) == MOST_POINTS and all(VALIDATION in point for point in measured)


def test_the_end_has_what_the_record_says_and_nothing_lies_beyond(tmp_path: Path) -> None:
    path = log(tmp_path, steps(25, 10))
    last = read(path, {"tokens_seen": 2500, VALIDATION: 0.5})[-1]
    assert last == {"tokens_seen": 2500, "loss": 25.0, VALIDATION: 0.5}
    assert read(path, {"tokens_seen": 1000})[-1]["tokens_seen"] == 1000


def test_a_milestone_has_the_curve_of_its_run_so_far(tmp_path: Path) -> None:
    milestone = tmp_path / "run" / "milestones" / "1M"
    milestone.mkdir(parents=True)
    assert learning_curve.log_of(milestone) is None
    path = log(tmp_path / "run", steps(20, 5))
    assert learning_curve.log_of(milestone) == learning_curve.log_of(tmp_path / "run") == path
    assert learning_curve.log_of(tmp_path / "run" / "milestones") is None
    assert read(path, {"tokens_seen": 1000})[-1]["tokens_seen"] == 1000


def test_what_is_no_entry_is_left_out(tmp_path: Path) -> None:
    odd = [
        *([], 1, None, {}, {"tokens_seen": 1}, {"tokens_seen": "1", "loss": 1.0}),
        *({"tokens_seen": -5, "loss": 1.0}, {"tokens_seen": 5, "loss": float("nan")}),
        *({"tokens_seen": 10**400, "loss": 1}, {"tokens_seen": True, "loss": 1.0}),
        *({"tokens_seen": 7, "loss": [1]}, {"tokens_seen": 2, "loss": 1, VALIDATION: "x"}),
    ]
    path = log(tmp_path, [*odd, *steps(3, 9)])
    with path.open("ab") as file:
        file.write(b'\xff\n{"step": 4, "tokens_seen": 400, "lo')
    assert [point["tokens_seen"] for point in read(path, {})] == [2, 100, 200, 300]
    assert read(path, {"tokens_seen": [1], VALIDATION: {}}) == read(path, {})
    assert read(log(tmp_path, steps(1, 1)), {}) == read(log(tmp_path, []), {}) == []


@settings(deadline=None)
@given(st.lists(st.integers(), max_size=200), st.integers(0, 50))
def test_thinned_keeps_order_and_ends(items: list[int], most: int) -> None:
    found = thinned(items, most)
    assert len(found) <= max(most, 0)
    assert found == items or most < 2 or (found[0], found[-1]) == (items[0], items[-1])


NUMBERS = st.integers(0, 10**9) | st.floats(-1e6, 1e6)
RECORD = glue_record("model", 1)
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"tokens_seen": NUMBERS, "loss": NUMBERS}, optional={VALIDATION: NUMBERS, "step": NUMBERS}
    ),
    max_size=60,
)


@settings(max_examples=50, deadline=None)
@given(ENTRIES)
def test_every_curve_is_one_that_a_result_may_hold(
    tmp_path_factory: pytest.TempPathFactory, entries: list[dict[str, Any]]
) -> None:
    points = read(log(tmp_path_factory.mktemp("log"), entries), {})
    training = {"curve": points, "tokens_seen": points[-1]["tokens_seen"]} if points else {}
    if training:
        rules.agree(rules.check(RECORD | {"training": training}))
