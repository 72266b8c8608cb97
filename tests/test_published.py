"""The manifest of the published set: ids, names, groups, and real files where they are at hand."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaner_harness.data import published
from leaner_harness.data.glue import SPLITS, TASKS
from leaner_harness.errors import DataError, DownloadError, UnknownName

COMMIT = "1aa4c03c4305096355f2edaad2183676d1fff7f7"
COLA = "data/leaner/glue/cola_validation.jsonl"


def tinyhelen() -> Path:
    """A folder with a part of the published set, in its layout; skips the test without one."""
    beside = Path(__file__).parents[2] / "shared" / "tinyhelen"
    folder = Path(os.environ.get("LEANER_TEST_TINYHELEN") or beside)
    if not (folder / published.GLUE).is_dir():
        pytest.skip("no published files here; name a checkout in LEANER_TEST_TINYHELEN")
    return folder


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=5000))
def test_git_blob_id_is_gits_formula(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        whole = f"blob {len(content)}".encode() + bytes([0]) + content
        assert published.git_blob_id(path) == hashlib.sha1(whole).hexdigest()


@pytest.mark.parametrize("size", [0, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_git_blob_id_at_the_edges_of_a_block(tmp_path, size):
    (tmp_path / "file").write_bytes(b"a" * size)
    whole = b"blob %d\0" % size + b"a" * size
    assert published.git_blob_id(tmp_path / "file") == hashlib.sha1(whole).hexdigest()


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_git_agrees(tmp_path):
    (tmp_path / "file").write_bytes("naïve\r\n".encode())
    command = ["git", "hash-object", "--no-filters", "file"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert published.git_blob_id(tmp_path / "file") == answer.stdout.strip()


def test_packaged_manifest():
    manifest = published.load_manifest()
    assert (manifest.repository, manifest.commit) == ("EmpathYang/TinyHelen", COMMIT)
    assert manifest.licence == "MIT" and len(manifest.files) == 161
    assert manifest.files[COLA] == "375a280daa8a9abc6db56effd4fd60bf6ff4fd9b"


def test_every_glue_task_has_its_files():
    stems = {
        f"{published.GLUE}/{s}.jsonl"
        for t in TASKS.values()
        for p in SPLITS
        for s in t.stems(p).values()
    }
    assert set(published.select(["glue"])) == stems


def test_real_files_verify():
    folder = tinyhelen()
    manifest = published.load_manifest()
    present = [path for path in manifest.files if (folder / path).is_file()]
    wrong = {p for p in present if not published.verified(folder / p, manifest.files[p])}
    assert {Path(path).parent.name for path in wrong} <= {"eval"}
    assert sum(path.startswith(published.GLUE) for path in present) >= 9
    assert all(published.is_published(folder / path) for path in present if path not in wrong)


@pytest.fixture
def little(tmp_path, monkeypatch):
    """A manifest where one file name stands for two contents."""
    files = {
        "data/leaner/glue/cola_test.jsonl": b"cola",
        "data/leaner/10M/train/wiki0000.jsonl": b"train",
        "data/leaner/10M/test/wiki0000.jsonl": b"test",
    }
    ids = {path: hashlib.sha1(b"blob %d\0" % len(d) + d).hexdigest() for path, d in files.items()}
    path = tmp_path / "manifest.json"
    path.write_text(
        json.dumps({"repository": "a/b", "commit": "c" * 40, "licence": "MIT", "files": ids})
    )
    monkeypatch.setenv("LEANER_DATA_MANIFEST", str(path))
    return tmp_path


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("cola_test.jsonl", b"cola", True),
        ("glue/cola_test.jsonl", b"cola", True),
        ("elsewhere/cola_test.jsonl", b"cola", True),
        ("glue/cola_test.jsonl", b"col", False),
        ("glue/cola_train.jsonl", b"cola", False),
        ("wiki0000.jsonl", b"train", True),
        ("train/wiki0000.jsonl", b"train", True),
        ("10M/test/wiki0000.jsonl", b"train", False),
        ("10M/test/wiki0000.jsonl", b"test", True),
        ("wiki0000.jsonl", b"other", False),
    ],
)
def test_is_published_goes_by_name_and_content(little, path, content, expected):
    file = little / "set" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    assert published.is_published(file) is expected


def test_is_published_of_nothing(little):
    assert not published.is_published(little / "cola_test.jsonl")
    (little / "cola_test.jsonl").mkdir()
    assert not published.is_published(little / "cola_test.jsonl")


def test_is_published_with_a_relative_path(little, monkeypatch):
    folder = little / "data/leaner/10M/test"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    Path("wiki0000.jsonl").write_bytes(b"train")
    assert not published.is_published(Path("wiki0000.jsonl"))


def test_folder_follows_the_manifest_and_home(little, monkeypatch):
    monkeypatch.setenv("LEANER_HOME", str(little / "home"))
    assert published.folder() == little / "home" / "published" / ("c" * 12)
    assert published.glue_folder() == published.folder() / "data/leaner/glue"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        '{"repository": "a", "commit": "b", "licence": "c", "files": 3}',
        '{"repository": "a", "commit": "b", "licence": "c", "files": {"../up": "'
        + "0" * 40
        + '"}}',
        '{"repository": "a", "commit": "b", "licence": "c", "files": {"/up": "' + "0" * 40 + '"}}',
        '{"repository": "a", "commit": "b", "licence": "c", "files": {"C:\\\\up": "'
        + "0" * 40
        + '"}}',
        '{"repository": "a", "commit": "b", "licence": "c", "files": {"up": "0"}}',
        '{"repository": "a", "commit": "b", "licence": "c", "files": {"up": null}}',
    ],
)
def test_bad_manifest(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(DataError, match="Unset LEANER_DATA_MANIFEST"):
        published.load_manifest(tmp_path / "manifest.json")


def test_groups():
    assert len(published.select(["eval"])) == 6
    assert published.select(["instruct"]) == ["data/leaner/instruction0000.jsonl"]
    assert len(published.select(["glue", "eval"])) == 29 + 6
    assert len(published.select(["tokenizer"])) == 15
    assert published.group_of("data/curriculum-learning/reference_part_1.jsonl") is None
    assert published.group_of("data/ori/10M/train/statistics.txt") is None


def test_pretrain_by_genre_side_and_tier():
    chosen = published.select(["pretrain"], genres=["wiki"], tiers=["10M"])
    assert chosen == [
        f"data/leaner/10M/{s}/wiki0000.jsonl" for s in ("test", "train", "validation")
    ]
    ori = published.select(["pretrain"], genres=["conversation"], sides=["ori"], tiers=["10M"])
    assert [Path(path).suffixes for path in ori] == [[".json", ".zst"]] * 3
    everything = published.select(["pretrain"], sides=published.SIDES)
    assert {published.pretrain_file(path).genre for path in everything} == set(published.GENRES)


@pytest.mark.parametrize(
    "choice",
    [{"groups": ["gleu"]}, {"genres": ["wikis"]}, {"sides": ["learner"]}, {"tiers": ["1M"]}],
)
def test_unknown_choice_has_a_near_miss(choice):
    with pytest.raises(UnknownName, match="Did you mean"):
        published.select(**{"groups": ["pretrain"], **choice})


def test_url_is_pinned_to_the_commit(monkeypatch):
    monkeypatch.delenv("LEANER_DATA_URL", raising=False)
    url = published.file_url(COLA, published.load_manifest())
    assert url == f"https://raw.githubusercontent.com/EmpathYang/TinyHelen/{COMMIT}/{COLA}"
    monkeypatch.setenv("LEANER_DATA_URL", "https://u:p@mirror.example/a/?key=k#f")
    url = published.file_url("data/a b.jsonl", published.load_manifest())
    assert url == "https://u:p@mirror.example/a/data/a%20b.jsonl?key=k"
    assert published.shown(url) == "https://mirror.example/a/data/a%20b.jsonl"
    for wrong in ("http://[::1", "http://host/données", "no-url"):
        monkeypatch.setenv("LEANER_DATA_URL", wrong)
        with pytest.raises(DownloadError, match="LEANER_DATA_URL"):
            published.file_url(COLA, published.load_manifest())
