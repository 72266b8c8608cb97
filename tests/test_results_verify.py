"""`leaner results verify` says of every result whether its numbers follow from its samples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_results

from leaner_harness.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A verified result, one without samples and a tampered one."""
    monkeypatch.setenv("LEANER_HOME", str(tmp_path / "home"))
    for seed, name in enumerate(("honest", "silent", "tampered")):
        samples = small_results.zero_shot(1.0, seed, n=12)
        path = small_results.write(tmp_path / "results", name, samples)
        if name == "silent":
            next(path.parent.glob("*.gz")).unlink()
        if name == "tampered":
            path.write_text(path.read_text().replace('"ties": 0.0', '"ties": 0.25'))
    return tmp_path / "results"


def verify(*arguments: object) -> int:
    return main(["results", "verify", *map(str, arguments)])


def test_every_file_has_a_state_and_a_refused_one_fails(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify("--results", folder, "--json") == 6
    rows = json.loads(capsys.readouterr().out)
    states = {Path(row["path"]).parent.name: row["state"] for row in rows}
    assert states == {"honest": "verified", "silent": "unverified", "tampered": "refused"}
    assert "ties is 0.25" in next(row["reason"] for row in rows if row["state"] == "refused")
    assert verify("--results", folder) == 6
    assert "1 verified, 1 unverified, 1 refused" in capsys.readouterr().out


def test_paths_choose_and_strict_asks_for_samples(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = folder / "leaner_glue"
    assert verify(model / "honest", "--results", folder) == 0
    assert verify(next((model / "honest").glob("*.json")), "--results", folder, "--strict") == 0
    assert verify(model / "silent", "--results", folder) == 0
    assert verify(model / "silent", "--results", folder, "--strict") == 6
    assert verify(model / "nobody", "--results", folder) == 2
    assert verify("--results", folder / "nowhere") == 2
    assert "no folder" in capsys.readouterr().err


def test_an_empty_folder_has_nothing_wrong(tmp_path: Path, capsys: object) -> None:
    assert verify("--results", tmp_path) == 0


def test_update_adds_what_samples_give_and_leaves_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEANER_HOME", str(tmp_path / "home"))
    folder = tmp_path / "results"
    samples = [s | {"tag": "all of them"} for s in small_results.zero_shot(1.0, 0, n=12)]
    old, new = (small_results.write(folder, name, samples) for name in ("old", "new"))
    whole = old.read_text()
    record = json.loads(whole)
    for task in record["tasks"].values():
        del task["phenomena"]
    old.write_text(json.dumps(record))
    before = new.read_bytes()
    assert main(["results", "update", "--results", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [str(old)]
    assert old.read_text() == whole and new.read_bytes() == before
    next(new.parent.glob("*.gz")).unlink()  # unverified: nothing to take it from
    assert main(["results", "update", "--results", str(folder)]) == 0
    assert "0 of 2 results lacked" in capsys.readouterr().out
    old.write_text(whole.replace('"ties": 0.0', '"ties": 0.25'))
    assert main(["results", "update", str(old), "--results", str(folder)]) == 6


def test_reports_below_the_results_are_no_boards(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "leaner_glue" / "tampered").rename(folder.parent / "elsewhere")
    for kind in ("experiments", "curricula", "studies"):
        place = folder / kind / "exp1-smoke"
        (place / "cells").mkdir(parents=True)
        (place / "report.json").write_text("{}")
        (place / "cells" / "cell.json").write_text("[1]")
    inner = folder / "experiments" / "exp1-smoke"
    small_results.write(inner, "cell", small_results.zero_shot(1.0, 5, n=12))
    assert verify("--results", folder) == 0
    assert "1 verified, 1 unverified, 0 refused" in capsys.readouterr().out
    assert main(["leaderboard", "build", "--results", str(folder)]) == 0
    page = (folder / "index.html").read_text()
    assert "exp1-smoke" not in page and '"refused_count":0' in page
    # The folder of an experiment is a results folder of its own.
    (inner / "cells").rename(folder / "cells")
    assert verify("--results", inner) == 0
    assert main(["leaderboard", "build", "--results", str(inner)]) == 0
    assert "[cell](leaner_glue/cell/" in (inner / "README.md").read_text()


def test_what_is_neither_board_nor_report_is_refused(folder: Path) -> None:
    (folder / "experimints" / "x").mkdir(parents=True)
    (folder / "experimints" / "x" / "y.json").write_text("{}")
    assert verify(folder / "experimints", "--results", folder) == 6


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("phenomena", {"negation": {"n": 3, "value": 1.0, "interval": [0.9, 1.0],
                                    "majority_baseline": 0.5}}),
        ("seeds", {"n": 2, "scores": [0.5, 0.5], "sd": 0.0}),
        ("intervals_total", {"leaner_score": [0.5, 0.5]}),
        ("units", 3),
    ],
)  # fmt: skip
def test_a_number_of_which_the_samples_say_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    key: str, value: object,
) -> None:  # fmt: skip
    monkeypatch.setenv("LEANER_HOME", str(tmp_path / "home"))
    path = small_results.write(tmp_path / "results", "a", small_results.zero_shot(1.0, 0, n=12))
    record = json.loads(path.read_text())
    task = record["tasks"]["rte"]
    score = task["metrics"]["leaner_score"]
    if key == "seeds":
        value = {"n": 2, "scores": [score, score], "sd": 0.0}
    if key == "intervals_total":
        value = {"leaner_score": [score, score]}
    record["tasks"]["rte"] = task | {key: value}
    path.write_text(json.dumps(record))
    assert verify("--results", tmp_path / "results") == 6
    assert "other entries than its samples give" in capsys.readouterr().out
