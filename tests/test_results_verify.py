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
