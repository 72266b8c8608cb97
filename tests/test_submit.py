"""`leaner submit` prepares an entry that the pull request will accept, or says why it would not."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import small_results
from small_glue import ScoredLM, evaluate, noise, write_glue
from small_outputs import save

from leaner_harness import provenance
from leaner_harness.cli import main
from leaner_harness.errors import CheckpointError
from leaner_harness.submission import refuse_unsafe


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    glue = write_glue(tmp_path_factory.mktemp("glue"), n=40)
    metadata = {"leaner_data": str(glue), "leaner_split": "validation"}
    return evaluate(ScoredLM(noise), ["leaner_glue"], metadata)


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEANER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "tiny"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture
def evaluation(checkpoint: Path, scored: dict[str, Any]) -> Path:
    """An evaluation's output, where `leaner evaluate` would leave it."""
    return save(dict(scored), Path("evaluations") / "tiny" / "leaner_glue-zero-shot")


def submit(*arguments: object) -> int:
    return main(["submit", *map(str, arguments)])


PATH = Path("results/leaner_glue/tiny/zero-shot-validation.json")


def test_a_checkpoint_s_evaluations_become_an_entry(
    checkpoint: Path, evaluation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(checkpoint, "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["results"] == [{"path": str(PATH.relative_to("results")), "state": "verified"}]
    assert record["written"] and all(Path(name).is_file() for name in record["files"])
    assert record["files"] == [str(PATH), str(PATH).replace(".json", ".samples.jsonl.gz")]
    assert "git switch -c submit-tiny" in record["commands"]
    assert any(c.startswith(f"git add {PATH}") for c in record["commands"])
    assert main(["results", "verify", "--strict"]) == 0
    capsys.readouterr()
    assert submit(checkpoint) == 0  # once more changes nothing
    text = capsys.readouterr().out
    assert "gh pr create" in text and "The pull request checks" in text


def test_a_dry_run_writes_nothing(
    checkpoint: Path, evaluation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(checkpoint, "--dry-run", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["files"][0] == str(PATH) and not record["written"]
    assert not Path("results").exists()
    assert submit(evaluation, "--model", "tiny", "--dry-run") == 0
    assert "Would write" in capsys.readouterr().out and not Path("results").exists()


def test_a_result_that_is_filed_already_is_found_by_its_weights(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = Path("results")
    path = small_results.write(out, "tiny", small_results.zero_shot(1.0, 0, n=6))
    small_results.write(out, "another", small_results.zero_shot(1.0, 1, n=6))
    assert submit(checkpoint) == 6
    assert "no finished result" in capsys.readouterr().err
    record = json.loads(path.read_text())
    record["model"]["weights_sha256"] = provenance.weights_digest(checkpoint)
    path.write_text(json.dumps(record))
    assert submit(checkpoint, "--json") == 0
    found = json.loads(capsys.readouterr().out)["results"]
    assert [each["path"] for each in found] == [str(path.relative_to(out))]
    next(path.parent.glob("*.gz")).unlink()
    assert submit(checkpoint) == 6
    assert "is unverified" in capsys.readouterr().err


def limited(evaluation: Path) -> Path:
    """An evaluation's output, made one of a few rows."""
    found = next(evaluation.rglob("results_*.json"))
    record = json.loads(found.read_text())
    record["n-samples"]["leaner_glue_rte"]["effective"] = 5
    found.write_text(json.dumps(record))
    return found


def test_a_limited_run_is_left_out_of_several_and_alone_is_no_submission(
    checkpoint: Path, evaluation: Path, scored: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    limited(evaluation)
    assert submit(checkpoint) == 6
    assert "5 of 40 rows" in capsys.readouterr().err
    save(dict(scored), evaluation.with_name("whole"))
    assert submit(checkpoint, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert len(said["results"]) == 1
    assert list(said["left_out"]) == [str(evaluation)]
    assert submit(checkpoint) == 0
    text = capsys.readouterr().out
    assert "Left out:" in text and "5 of 40 rows" in text


def test_a_tampered_entry_is_no_submission(
    checkpoint: Path, evaluation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(checkpoint) == 0
    PATH.write_text(PATH.read_text().replace('"ties": 0.0', '"ties": 0.5', 1))
    limited(evaluation).unlink()  # the tampered file alone is left
    text = json.loads(PATH.read_text())["model"]["weights_sha256"]
    assert text == provenance.weights_digest(checkpoint)
    assert submit(checkpoint) == 6
    assert "ties is 0.5" in capsys.readouterr().err


def test_other_weights_of_the_same_name_are_not_replaced_in_silence(
    checkpoint: Path, evaluation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(checkpoint) == 0
    before = PATH.read_text()
    (checkpoint / "model.safetensors").write_bytes(b"other weights")
    for options in ([], ["--dry-run"]):
        assert submit(checkpoint, *options) == 6
        assert "other weights" in capsys.readouterr().err
    assert PATH.read_text() == before
    assert submit(checkpoint, "--replace") == 0
    assert PATH.read_text() != before


def test_nothing_there_and_no_checkpoint_are_said(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit("nowhere") == 2
    (tmp_path / "empty").mkdir()
    assert submit("empty") == 6
    assert "holds no lm_eval result" in capsys.readouterr().err


def archive(path: Path, name: str) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, pickle.dumps({"a": 1}))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pytorch_model.bin", b"x"),
        ("state/optimizer.pt", b"x"),
        ("modeling_tiny.py", b"print()"),
        ("weights.json", pickle.dumps([1])),
        ("model-2.safetensors", pickle.dumps([1])),
        ("data.npz", "archive/data.pkl"),
    ],
)
def test_pickles_and_code_are_refused(
    checkpoint: Path, evaluation: Path, name: str, content: Any, capsys: Any
) -> None:
    refuse_unsafe(checkpoint)
    path = checkpoint / name
    path.parent.mkdir(exist_ok=True)
    if isinstance(content, str):
        archive(path, content)
    else:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=path.name):
        refuse_unsafe(checkpoint)
    assert submit(checkpoint) == 5
    assert not Path("results").exists()


def test_a_checkpoint_of_pickled_weights_alone_is_refused_as_one(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    assert submit(checkpoint) == 5
    assert "Keep weights as .safetensors alone" in capsys.readouterr().err


def test_an_archive_of_plain_arrays_is_no_pickle(checkpoint: Path) -> None:
    archive(checkpoint / "ngram.npz", "counts.npy")
    refuse_unsafe(checkpoint)
