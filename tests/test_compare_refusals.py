"""What `leaner compare` refuses, and how it names the part in which two runs differ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_results import write, zero_shot

from leaner_harness import compare, results
from leaner_harness.compare import sides
from leaner_harness.data.glue import AVERAGED
from leaner_harness.errors import ResultError
from leaner_harness.results import Record


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": "e"}, "rows of cola, mnli, mrpc, qnli, qqp, rte, sst2, stsb"),
        ({"data": {"split": "test"}}, "split validation and test"),
        ({"protocol": {"name": "5-shot"}}, "protocol zero-shot and 5-shot"),
        ({"protocol": {"fingerprint": "q"}}, "protocol fingerprint p and q"),
    ],
)
def test_runs_that_share_no_table_are_refused(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    paths = [write(tmp_path, "a", zero_shot(1, 0)), write(tmp_path, "b", zero_shot(1, 1), **change)]
    with pytest.raises(ResultError, match=said):
        compare.compare(paths)


def _fine_tuned_record(**changes: Any) -> Record:
    definition = {"batch_size": 16, "rates": [1e-3]} | changes
    return {"name": "quick", "definition": definition, "fingerprint": str(changes)}


def _named(name: str, changed: Record, tasks: dict[str, Record]) -> Any:
    """A run of all tasks with a record of our making."""
    ok = {"state": "ok", "fingerprint": "f", "finetuning": {"train_fingerprint": "t"}}
    known = {task: ok | tasks.get(task, {}) for task in AVERAGED if tasks.get(task) != {}}
    record: Record = {
        "board": "leaner_glue", "tasks": known, "model": {"scorer": {"bf16": False}},
        "data": {"split": "test", "fingerprint": str(tasks)},
        "protocol": _fine_tuned_record() | changed,
    }  # fmt: skip
    return sides.Run(name, results.Result(record), {}, {})


@pytest.mark.parametrize(
    ("changed", "tasks", "said"),
    [
        ({"fingerprint": "p"}, {"rte": {}}, "tasks (rte in a only)."),
        ({}, {"rte": {"fingerprint": "g"}}, "rows of rte."),
        (_fine_tuned_record(batch_size=8), {}, "protocol.batch_size 16 and 8."),
        (
            {"fingerprint": "p"},
            {"cola": {"finetuning": {"train_fingerprint": "u"}}, "rte": {"fingerprint": "g"}},
            "rows of rte; train rows of cola.",
        ),
    ],
)
def test_a_refusal_names_the_part_that_differs(
    changed: Record, tasks: dict[str, Record], said: str
) -> None:
    with pytest.raises(ResultError) as caught:
        sides.same_ranking(_named("a", {}, {}), _named("b", changed, tasks))
    assert caught.value.message.endswith(f"they differ in {said}")


def _drop_row(samples: list[Record]) -> list[Record]:
    return samples[1:]


def _drop_task(samples: list[Record]) -> list[Record]:
    return [one for one in samples if one["task"] != "rte"]


def _other_label(samples: list[Record]) -> list[Record]:
    return [samples[0] | {"label": 1 - samples[0]["label"]}, *samples[1:]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_drop_row, "1 rows of cola are in one of them only, among them 0 "),
        (_drop_task, r"tasks \(rte in a only\)"),
        (_other_label, "2 rows of cola"),
    ],
)
def test_other_rows_are_refused(
    change: Callable[[list[Record]], list[Record]], said: str, tmp_path: Path
) -> None:
    a, b = write(tmp_path, "a", zero_shot(1, 0)), write(tmp_path, "b", change(zero_shot(1, 1)))
    with pytest.raises(ResultError, match=said):
        compare.compare([a, b])


def test_changed_samples_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a", zero_shot(1, 0))
    path.with_name("zero-shot-validation.samples.jsonl.gz").write_bytes(b"other")
    with pytest.raises(ResultError, match="was changed"):
        compare.compare([path, path])
