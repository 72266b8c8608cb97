"""Results that say what is not so: of other rows, in another's place, with a command that harms."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_boards
import small_results

from leaner_harness import results
from leaner_harness.cli import main
from leaner_harness.leaderboard import changes
from leaner_harness.leaderboard.entries import UNVERIFIED, VERIFIED, read_entries
from leaner_harness.results import Record, predictions, recompute, sample_rules, untrusted

RUN = "zero-shot-validation.json"


def write(folder: Path, name: str, samples: list[Record], **changes: Any) -> Path:
    return small_results.write(folder, name, samples, **changes)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    for name, skill in (("one", 1.0), ("two", 0.5)):
        write(folder, name, small_results.zero_shot(skill, len(name)))
    return folder


@pytest.fixture
def head(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "head"))


def altered(path: Path, change: Callable[[Record], Any]) -> Path:
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
    return path


def refused(folder: Path) -> dict[str, str]:
    return {each.path.parent.name: each.reason for each in read_entries(folder)[1]}


def faults(head: Path, base: Path) -> dict[str, str]:
    entries, _ = read_entries(head, lambda path: not (base / path.relative_to(head)).is_file())
    return {each.path.parent.name: each.reason for each in changes.faults(head, base, entries)}


def flipped(samples: list[Record]) -> list[Record]:
    """The labels that are predicted, as often: no label count tells."""
    found = []
    for sample in samples:
        seed = recompute.scored_sample(sample)
        label = predictions.of(seed)  # type: ignore[arg-type]
        found.append(sample | {"label": label if isinstance(label, int) else sample["label"]})
    return found


def test_a_part_of_the_rows_is_not_the_rows(head: Path) -> None:
    write(head, "limited", small_results.zero_shot(3.0, 7, n=10))
    assert "has 10 rows, where other results that name the same have 40" in refused(head)["limited"]
    assert [entry.result.record["model"]["name"] for entry in read_entries(head)[0]] == [
        "one",
        "two",
    ]


def test_what_nobody_verified_outvotes_nothing(head: Path) -> None:
    for number in range(3):
        path = write(head, f"said-{number}", small_results.zero_shot(1.0, number, n=12))
        path.with_name(results.samples_name(path.stem)).unlink()
    assert sorted(refused(head)) == ["said-0", "said-1", "said-2"]


def test_labels_that_are_counted_otherwise_are_of_other_rows(head: Path) -> None:
    write(head, "flipped", flipped(small_results.zero_shot(0.0, 7)))
    assert "rows with other labels" in refused(head)["flipped"]


def test_a_change_may_not_come_with_labels_of_its_own(head: Path, base: Path) -> None:
    """As many of each label as there should be, on other rows."""
    samples = small_results.zero_shot(0.5, 9)
    rte = [sample for sample in samples if sample["task"] == "rte"]
    for one, other in zip(rte[0::4], rte[1::4], strict=True):
        one["label"], other["label"] = other["label"], one["label"]
    write(head, "swapped", samples)
    write(head, "honest", small_results.zero_shot(0.5, 11))
    assert not refused(head)
    found = faults(head, base)
    assert (
        list(found) == ["swapped"]
        and "rte is of other rows, or of other labels" in found["swapped"]
    )
    assert main(["results", "verify", "--results", str(head), "--changed-from", str(base)]) == 6


def test_a_change_may_not_take_another_s_place(head: Path, base: Path) -> None:
    shutil.rmtree(head / "leaner_glue" / "one")
    write(head, "one", small_results.zero_shot(3.0, 8), weights="others")
    entries, _ = read_entries(head, lambda path: path.parent.name == "one")
    (found,) = changes.faults(head, base, entries)
    assert "only maintainers replace a result" in found.reason


def test_rows_are_those_of_the_tasks(head: Path) -> None:
    """One that says to be of published rows has their fingerprint, and its tasks another."""
    altered(head / "leaner_glue" / "one" / RUN, lambda r: r["data"].update(fingerprint="published"))
    assert "not that of its tasks' rows" in refused(head)["one"]


def test_choices_need_their_labels(head: Path) -> None:
    altered(head / "leaner_glue" / "one" / RUN, lambda r: r["tasks"]["rte"].pop("labels"))
    assert "rte labels has other entries" in refused(head)["one"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m["model_args"].update(trust_remote_code=True), "holds 'trust_remote_code'"),
        (lambda m: m["model_args"].update(dtype="float32,peft=a"), "dtype must be one value"),
        (lambda m: m.update(pretrained="evil/model,trust_remote_code=True"), "pretrained must be"),
    ],
)
def test_no_result_brings_a_command_that_runs_a_stranger_s_code(
    head: Path, change: Any, said: str
) -> None:
    altered(head / "leaner_glue" / "one" / RUN, lambda r: change(r["model"]))
    assert said in refused(head)["one"]


def test_no_interval_is_shown_beyond_the_end_of_a_metric(tmp_path: Path) -> None:
    path = write(tmp_path, "one", small_results.fine_tuned([3.0, 8.0], 0))
    bound = json.loads(path.read_text())["tasks"]["sst2"]["intervals_total"]["leaner_score"]
    assert bound[1] == 1.0
    altered(
        path, lambda r: r["tasks"]["sst2"]["intervals_total"]["leaner_score"].__setitem__(1, 1e9)
    )
    for _ in range(2):  # computed, and then known
        (entry,), _ = read_entries(tmp_path)
        task = entry.result.record["tasks"]["sst2"]
        assert entry.state == VERIFIED and task["intervals_total"]["leaner_score"] == bound


def test_a_prediction_is_what_the_scores_say(head: Path) -> None:
    for name, stated, said in (
        ("one", "the text of a row", "is no number"),
        ("two", 7, "has the prediction 7; its log-likelihoods give"),
    ):
        path = head / "leaner_glue" / name / RUN
        samples = recompute.read_samples(results.read(path), path)
        place = path.with_name(results.samples_name(path.stem))
        content = results.pack_samples([samples[0] | {"prediction": stated}, *samples[1:]])
        place.write_bytes(content)
        digest = results.hashlib.sha256(content).hexdigest()
        altered(path, lambda r, digest=digest: r["samples"].update(sha256=digest))
        assert said in refused(head)[name]


def test_a_row_is_there_once_whether_or_not_it_names_its_part() -> None:
    (sample,) = (s for s in small_results.zero_shot(0, 0) if s["task"] == "mnli" and s["idx"] == 2)
    bare = {key: value for key, value in sample.items() if key != "part"}
    with pytest.raises(ValueError, match="there twice"):
        list(sample_rules.choices([sample, bare]))


def test_samples_of_no_result_are_refused(head: Path) -> None:
    (head / "leaner_glue" / "one" / "other.samples.jsonl.gz").write_bytes(b"MZ")
    assert "There is no result beside" in refused(head)["one"]


@pytest.mark.parametrize("name", ["a\udcff.json", "x\x1b[31mRED\nverified   fake.json"])
def test_a_file_s_name_is_shown_on_one_line_or_not_at_all(
    head: Path, capsys: Any, name: str
) -> None:
    (head / "leaner_glue" / "one" / name).write_text("{}")
    assert "is no name that can be shown" in refused(head)["one"]
    board = small_boards.markdown(head)
    assert "\x1b" not in board and "\nverified" not in board
    assert main(["results", "verify", "--results", str(head)]) == 6
    printed = capsys.readouterr().out
    printed.encode()
    assert "\x1b" not in printed and "fake.json: " not in printed
    assert sum(line.startswith("verified") for line in printed.splitlines()) == 2


def test_a_key_is_one_line() -> None:
    with pytest.raises(ValueError, match=r"the key 'mnli\\n' is no line"):
        untrusted.parse_json(b'{"tasks": {"mnli\\n": 1}}')


def test_many_keys_and_many_lines_take_no_longer_than_they_are_many() -> None:
    """Twice as many keys twice: a second look at each for each would be billions."""
    many = ", ".join(f'"{n}": 0' for n in range(60_000))
    with pytest.raises(ValueError, match="the key '59999' is there twice"):
        untrusted.parse_json(f'{{{many}, "59999": 0}}'.encode())
    assert sum(1 for _ in untrusted.parse_lines(b"0\n" * 1000)) == 1000


def test_results_are_shown_with_their_state_and_never_where_refused(
    head: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = head / "leaner_glue" / "one" / RUN
    path.with_name(results.samples_name(path.stem)).unlink()
    altered(path, lambda r: r.update(mean={}, missing=["[/red]"]))
    assert main(["results", "show", str(path)]) == 0
    printed = capsys.readouterr()
    assert UNVERIFIED in printed.err and "[/red] missing" in printed.out
    altered(path, lambda r: r["tasks"]["cola"]["metrics"].update(leaner_score=0.99))
    assert main(["results", "show", "--results", str(head)]) == 6
    printed = capsys.readouterr()
    assert "lies outside" in printed.err and "0.990" not in printed.out
    elsewhere = shutil.copy(path, head.parent / "alone.json")
    assert main(["results", "show", str(elsewhere)]) == 6


def test_each_path_that_is_to_be_verified_must_be_one(head: Path) -> None:
    good = str(head / "leaner_glue" / "one" / RUN)
    command = ["results", "verify", "--strict", "--results", str(head), good]
    assert main(command) == 0
    assert main([*command, str(head / "nope.json")]) == 2
