"""A result file is what its schema and its own numbers allow, or refused with place and cure."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_results
from small_boards import answers_record

from leaner_harness import results
from leaner_harness.errors import ResultError
from leaner_harness.results import rules

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    samples = small_results.fine_tuned([0.5, 1.0], 0, n=12)
    path = small_results.write(tmp_path_factory.mktemp("results"), "one", samples)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


Change = Callable[[dict[str, Any]], Any]


def changed(record: dict[str, Any], change: Change) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(record))
    change(found)
    return found


def rte(record: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = record["tasks"]["rte"]
    return found


def points(count: int) -> list[dict[str, float]]:
    return [{"tokens_seen": n, "loss": 1.0} for n in range(count)]


def phenomenon(**changes: Any) -> dict[str, Any]:
    return {"n": 4, "value": 0.5, "interval": [0.4, 0.6], "majority_baseline": 0.5} | changes


SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.pop("data"), "the file lacks data"),
        (lambda r: r.update(extra=1), "the file holds 'extra'"),
        (lambda r: r["model"].pop("name"), "model lacks name"),
        (lambda r: r["model"].update(name=SCRIPT), "model.name must be like .*<script>"),
        (lambda r: r["model"].update(name="a" * 101), "model.name must have maxLength 100"),
        (lambda r: r["model"].update(parameters=-1), "model.parameters must be at least 0"),
        (lambda r: r["model"].update(parameters="1M"), "model.parameters must be of type integer"),
        (lambda r: r.update(run="../../etc/passwd"), "run must be like"),
        (lambda r: r["samples"].update(file="../../etc/passwd"), "samples.file must be like"),
        (lambda r: r["samples"].update(sha256="1"), "samples.sha256 must be like"),
        (lambda r: r["data"].update(fingerprint=""), "data.fingerprint must be like"),
        (lambda r: r["data"].update(source="web"), "data.source must be one of"),
        (lambda r: r["protocol"].pop("fingerprint"), "protocol lacks fingerprint"),
        (lambda r: rte(r).update(fingerprint=""), "tasks.rte.fingerprint must be like"),
        (lambda r: rte(r)["metrics"].update(acc=1.5), r"tasks.rte.metrics.acc must be at most 1"),
        (lambda r: rte(r)["metrics"].update(bleu=0.5), "tasks.rte.metrics holds 'bleu'"),
        (lambda r: rte(r).update(n=0), "tasks.rte.n must be at least 1"),
        (lambda r: rte(r).update(n=True), "tasks.rte.n must be of type integer"),
        (lambda r: rte(r)["intervals"].update(acc=[0.1]), "tasks.rte.intervals.acc must have"),
        (lambda r: r["tasks"].update(arc={}), "tasks holds 'arc'"),
        (lambda r: r["training"].update(tokens_seen=-1), "training.tokens_seen must be at least"),
        (lambda r: r["training"].update(curve="x"), "training.curve must be of type array"),
        (lambda r: r["training"].update(curve=points(41)), "training.curve must have maxItems 40"),
        (lambda r: r["training"].update(curve=[{"loss": 1}] * 2), "curve.0 lacks tokens_seen"),
        (lambda r: r["training"].update(curve=[SCRIPT] * 2), "curve.0 must be of type object"),
        (
            lambda r: r["training"].update(curve=[point | {SCRIPT: 1} for point in points(2)]),
            "curve.0 holds '<script>",
        ),
        (lambda r: rte(r).update(phenomena={}), "phenomena must have minProperties 1"),
        (lambda r: rte(r).update(phenomena={"": phenomenon()}), "phenomena must"),
        (lambda r: rte(r).update(phenomena={"x" * 61: phenomenon()}), "phenomena must"),
        (
            lambda r: rte(r).update(phenomena={str(n): phenomenon() for n in range(51)}),
            "phenomena must have maxProperties 50",
        ),
        (
            lambda r: rte(r).update(phenomena={"a": phenomenon(value=1.1)}),
            "a.value must be at most 1",
        ),
        (lambda r: rte(r).update(phenomena={"a": {"n": 1}}), "a lacks value, interval"),
    ],
)
def test_the_schema_says_where_and_what(record: Any, change: Change, message: str) -> None:
    record = record | {"training": {}}
    rules.check(record)
    with pytest.raises(ResultError, match=message) as found:
        rules.check(changed(record, change))
    assert "leaner results add" in found.value.cure
    assert len(found.value.message) < 300


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda r: rte(r)["intervals"].update(acc=[0.98, 1.0]),
            "rte.intervals.acc .* lies outside",
        ),
        (lambda r: rte(r)["intervals"].update(acc=[1.0, 0.0]), "rte.intervals.acc .* lies outside"),
        (lambda r: rte(r)["intervals"].update(f1=[0.0, 1.0]), "such a metric is not"),
        (lambda r: rte(r).update(labels={"0": 5, "1": 6}), "rte.n is 12; labels are 11"),
        (lambda r: rte(r)["seeds"]["scores"].pop(), "there are 1 scores"),
        (lambda r: rte(r)["seeds"].update(scores=[0.0, 0.0]), "another mean than the metric"),
        (lambda r: rte(r).update(state="missing_file"), "has metrics, and the state"),
        (lambda r: r["tasks"].pop("rte"), "mean is there, though tasks are missing"),
        (lambda r: r.update(missing=["rte"]), "mean is there, though tasks are missing"),
        (lambda r: r.update(mean={}), "mean must hold"),
        (lambda r: r["mean"]["leaner_score"].update(value=0.9), "its tasks give"),
        (lambda r: r["mean"]["leaner_score"].update(interval=[0.98, 0.99]), "lies outside"),
        (lambda r: r["data"].update(source="mini"), "data.synthetic is False"),
        (lambda r: r["data"].update(synthetic=True), "data.synthetic is True"),
        (
            lambda r: rte(r).update(phenomena={"a": phenomenon(n=13)}),
            "its phenomena have more in sum",
        ),
        (
            lambda r: rte(r).update(phenomena={SCRIPT: phenomenon(interval=[0.6, 0.7])}),
            "phenomena.'<script>.*'.interval .* lies outside",
        ),
        (
            lambda r: rte(r).update(phenomena={"a": phenomenon(interval_total=[0.6, 0.7])}),
            "a'.interval_total .* lies outside",
        ),
        (lambda r: r.update(training={"curve": points(3)[::-1]}), "not in the order"),
        (
            lambda r: r.update(training={"curve": points(3), "tokens_seen": 1}),
            "curve ends at 2 tokens; training.tokens_seen is 1",
        ),
        (lambda r: r.update(judge={"fingerprint": {"kind": "a"}, "card": None}), "nothing of this"),
    ],
)
def test_numbers_must_agree(record: Any, change: Change, message: str) -> None:
    rules.agree(record)
    with pytest.raises(ResultError, match=message):
        rules.agree(rules.check(changed(record, change)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no JSON at line 1"),
        (b'{"a": 1, "a": 2}', "the key 'a' is there twice"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b'{"a": {"b": 1e999}}', "a.b: the number is too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too large"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"a": "\xff"}', "no UTF-8 at byte 7"),
        (b'{"a": "\\ud800"}', "no character that can be shown"),
        (b'{"a": "\\u202e"}', "no character that can be shown"),
        (b'{"a\\u0000": 1}', "no character that can be shown"),
        (b'{"a": "' + b"x" * 5000 + b'"}', "longer than 4000"),
        (b"[" * 100_000, "deeper than 16"),
        (b"[" * 20 + b"]" * 20, "deeper than 16"),
        (b" " * (results.RESULT_BYTES + 1), "larger than"),
        (b"[]", "no result file of schema 1"),
        (b'{"schema": 2}', "no result file of schema 1"),
    ],
)
def test_a_hostile_file_is_refused_before_it_is_looked_into(
    content: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(ResultError, match=message):
        results.read(path)


def test_links_folders_and_nothing_are_no_result_files(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to("/etc/passwd")
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    for name, message in [("link", "a link"), ("folder", "regular"), ("pipe", "regular")]:
        with pytest.raises(ResultError, match=message):
            results.read(tmp_path / f"{name}.json")
    with pytest.raises(ResultError, match="No such file"):
        results.read(tmp_path / "nothing.json")


def test_committed_results_keep_the_rules() -> None:
    found = results.read_all(ROOT / "results")
    for result in found:
        rules.agree(result.record)
    assert len(found) >= 17


def test_the_schema_allows_nothing_that_it_does_not_name() -> None:
    """Every object of the results' own is closed; open are what training and scorers report."""
    schema = rules.schema()
    objects = {"": schema} | schema["definitions"]
    closed = {
        name
        for name, part in objects.items()
        if part.get("additionalProperties") is False or "propertyNames" in part
    }
    shaped = {name for name, part in objects.items() if "object" in str(part.get("type", ""))}
    assert shaped == closed


def questions(record: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = record["tasks"]["questions"]
    return found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(board="leaner_glue"), "board is leaner_glue; tasks holds questions"),
        (lambda r: questions(r)["intervals"].pop("sum"), "questions.intervals lacks sum"),
        (lambda r: r.update(mean={}), "questions.bounds lacks grammar, coherence"),
        (
            lambda r: [questions(r)[key].pop("empty") for key in ("metrics", "intervals")],
            "questions.metrics lacks empty",
        ),
    ],
)
def test_answers_hold_all_that_the_board_shows(change: Change, message: str) -> None:
    good = answers_record("one", 1)
    rules.agree(good)
    with pytest.raises(ResultError, match=message):
        rules.agree(changed(good, change))
