"""What a results folder holds: every file is an entry or refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_results

from leaner_harness.leaderboard.entries import UNVERIFIED, VERIFIED, read_entries


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A result's path; its samples are beside it."""
    return small_results.write(tmp_path, "one", small_results.zero_shot(1.0, 0, n=12))


def samples_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}.samples.jsonl.gz")


def test_a_result_that_follows_from_its_samples_is_verified(written: Path, tmp_path: Path) -> None:
    (entry,), refused = read_entries(tmp_path)
    assert (entry.state, refused) == (VERIFIED, [])
    assert entry.result.record["model"]["name"] == "one"


def test_a_result_without_samples_is_never_verified(written: Path, tmp_path: Path) -> None:
    samples_of(written).unlink()
    (entry,), _ = read_entries(tmp_path)
    assert entry.state == UNVERIFIED
    assert "no samples" in entry.reason


def test_a_tampered_number_is_refused_and_the_others_stay(written: Path, tmp_path: Path) -> None:
    small_results.write(tmp_path, "two", small_results.zero_shot(1.0, 1, n=12))
    record = json.loads(written.read_text())
    record["mean"]["leaner_score"]["value"] += 0.01
    written.write_text(json.dumps(record))
    (entry,), (refusal,) = read_entries(tmp_path)
    assert entry.result.record["model"]["name"] == "two"
    assert refusal.path == written
    assert "mean leaner_score" in refusal.reason
