"""Rows of JSON files are the same however the file is compressed, and damage is named."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pyarrow
import pytest

from leaner_harness.data.json_rows import kind, read_lines, read_rows
from leaner_harness.errors import DataError

CODECS = {".gz": "gzip", ".zst": "zstd"}


def packed(data: bytes, suffix: str) -> bytes:
    return pyarrow.compress(data, CODECS[suffix], asbytes=True) if suffix else data


@pytest.mark.parametrize("suffix", ["", *CODECS])
def test_lines_and_lists(tmp_path: Path, suffix: str) -> None:
    lines, one = tmp_path / f"a.jsonl{suffix}", tmp_path / f"a.json{suffix}"
    lines.write_bytes(packed('{"1": "ä"}\n\n{"2": "b"}'.encode(), suffix))
    one.write_bytes(packed(b'["x", "y"]', suffix))
    assert list(read_rows(lines)) == [(1, {"1": "ä"}), (3, {"2": "b"})]
    assert list(read_rows(one)) == [(1, "x"), (2, "y")]
    assert (kind(lines), kind(one)) == (".jsonl", ".json")


def test_the_mark_at_the_beginning_of_a_file_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf"a"\r\n"b"')
    assert list(read_rows(path)) == [(1, "a"), (2, "b")]
    assert list(read_lines(path)) == ['"a"\n', '"b"']


def test_frames_after_one_another_are_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(packed(b"1\n", ".zst") + packed(b"2\n", ".zst"))
    assert [row for _, row in read_rows(path)] == [1, 2]


@pytest.mark.parametrize("suffix", CODECS)
def test_damage(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(b"no")
    with pytest.raises(DataError, match=r"a\.jsonl.* cannot be read"):
        list(read_rows(path))
    whole = packed(b'{"text": "a"}\n' * 1000, suffix)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="[Tt]runcated"):
        list(read_rows(path))


@pytest.mark.parametrize(("suffix", "program"), [(".gz", "gzip"), (".zst", "zstd")])
def test_what_comes_before_the_damage_can_be_kept(
    tmp_path: Path, suffix: str, program: str
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not here")
    path = tmp_path / f"a b.jsonl{suffix}"
    lines = [json.dumps({"text": random.Random(n).randbytes(40).hex()}) for n in range(9_000)]
    whole = packed("\n".join(lines).encode(), suffix)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError) as found:
        list(read_rows(path))
    command = found.value.cure.split(": ", 1)[1].split("; then")[0]
    subprocess.run(command, shell=True, stderr=subprocess.DEVNULL)  # it says what broke off
    kept = [row for _, row in read_rows(tmp_path / "a b.jsonl")]
    assert len(kept) > 1_000 and kept == [json.loads(line) for line in lines[: len(kept)]]


def test_what_is_no_json_and_no_list(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": 1}')
    with pytest.raises(DataError, match=r"a\.json is no JSON list"):
        list(read_rows(tmp_path / "a.json"))
    (tmp_path / "a.jsonl").write_text("1\n{\n")
    with pytest.raises(DataError, match=r"a\.jsonl:2 is no JSON"):
        list(read_rows(tmp_path / "a.jsonl"))
    with pytest.raises(DataError, match=r"absent\.txt cannot be read"):
        list(read_lines(tmp_path / "absent.txt"))


@pytest.mark.parametrize("line", ["[" * 100_000, "1" * 5_000], ids=["deep", "long"])
def test_a_hostile_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.jsonl").write_text(f"1\n{line}\n")
    with pytest.raises(DataError, match=r"a\.jsonl:2 is no JSON"):
        list(read_rows(tmp_path / "a.jsonl"))
