"""2,000 broken, truncated or hostile result files: each is refused with a reason, none crashes."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_boards
import small_results

from leaner_harness import results
from leaner_harness.leaderboard import board
from leaner_harness.leaderboard.entries import UNVERIFIED, VERIFIED, read_entries

FILES = 2000
SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
ODD: list[Any] = [
    None, True, -1, 0, 10**15, 1e300, "", SCRIPT, "a" * 200, "../../../etc/passwd", "\x00",
    "\ud800", "\u202egpj.exe", [], {}, [[]], {"": 0}, float("nan"), float("inf"), "=1+1", ".", "/",
]  # fmt: skip

Place = tuple[Any, ...]
Fault = Callable[[random.Random, dict[str, Any], Path], bytes | None]


def places(value: Any, at: Place = ()) -> list[Place]:
    """Every place in a record."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [at] * bool(at) + [found for key, inner in items for found in places(inner, (*at, key))]


def parent(record: Any, place: Place) -> Any:
    for key in place[:-1]:
        record = record[key]
    return record


def encoded(record: Any) -> bytes:
    return json.dumps(record).encode()


# What a result may say of itself without harm is open: a change there is no fault.
OPEN = {"training", "provenance", "reason", "defects", "version", "labels", "baselines", "judge"}
OPEN |= {
    "model_args",
    "pretrained",
    "parameters",
    "weights_sha256",
    "model_type",
    "protocol",
    "data",
}


def telling(chance: random.Random, record: dict[str, Any]) -> Place:
    return chance.choice([place for place in places(record) if not OPEN & set(place)])


def truncated(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    content = encoded(record)
    return content[: chance.randrange(len(content) - 1)]


def swapped(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    place = telling(chance, record)
    old = parent(record, place)[place[-1]]
    parent(record, place)[place[-1]] = chance.choice([odd for odd in ODD if odd != old])
    return encoded(record)


def dropped(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    # Intervals that came later may lack, and a partial result lacks means.
    needed = ("board", "run", "model", "protocol", "data", "tasks", "mean", "samples", "schema")
    place = chance.choice(
        [(key,) for key in needed] + [("tasks", "rte", k) for k in ("n", "state")]
    )
    del parent(record, place)[place[-1]]
    return encoded(record)


def moved_number(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    numbers = [p for p in places({k: record[k] for k in ("tasks", "mean")}) if not OPEN & set(p)]
    numbers = [p for p in numbers if isinstance(parent(record, p)[p[-1]], float)]
    place = chance.choice(numbers)
    parent(record, place)[place[-1]] += chance.choice([0.001, -0.001, 1e-4, 2.0, -5.0])
    return encoded(record)


def huge(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    number = chance.choice(["9" * 5000, "1e999", "-1e999", "NaN", "Infinity", "9" * 30])
    return encoded(record).replace(b'"n": ', f'"n": {number}, "x": '.encode(), 1)


def deep(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    levels = chance.choice([20, 1000, 50_000])
    opening, closing = chance.choice([(b"[", b"]"), (b'{"a":', b"}")])
    inner = b"" if opening == b"[" else b"1"
    return (
        encoded(record)[:-1]
        + b', "training": '
        + opening * levels
        + inner
        + closing * levels
        + b"}"
    )


def wrong_bytes(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    content = encoded(record)
    place = chance.randrange(1, len(content) - 1)
    return (
        content[:place]
        + chance.choice([b"\xff", b"\xc3\x28", b"\x00", b"\xed\xa0\x80"])
        + content[place:]
    )


def marked(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    text = json.dumps(record)
    return text.encode(chance.choice(["utf-8-sig", "utf-16", "utf-32", "utf-16-be"]))


def twice(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    key = chance.choice(list(record))
    return encoded(record)[:-1] + f', "{key}": {json.dumps(record[key])}}}'.encode()


def named(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    where = chance.choice(["board", "run", "model"])
    name = chance.choice(
        [SCRIPT, "a" * 200, "..", "../x", "a/b", "a b", "-rf", "\u0430dmin", "CON\n", ""]
    )
    if where == "model":
        record["model"]["name"] = name
    else:
        record[where] = name
    return encoded(record)


def other_schema(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    record["schema"] = chance.choice([0, 2, "1", None, [1], 1.5])
    return encoded(record)


def no_object(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    return chance.choice(
        [b"", b"[]", b"null", b"1", b'"x"', b"\n", b"{}", b"<html>", b"\x80\x04N."]
    )


def too_large(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    return encoded(record) + b" " * results.RESULT_BYTES


def bomb(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    line = chance.choice([b"0", b"\n", b"[", b'{"task": "rte"}\n'])
    return samples(record, path, gzip.compress(line * (3_000_000 // len(line)), compresslevel=1))


def broken_samples(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    lines = [
        b"",
        b"no gzip",
        gzip.compress(b"[1]\n"),
        gzip.compress(b'{"task": 1}\n'),
        gzip.compress(b""),
    ]
    return samples(record, path, chance.choice(lines))


def samples(record: dict[str, Any], path: Path, content: bytes) -> bytes:
    path.with_name(record["samples"]["file"]).unlink(missing_ok=True)
    path.with_name(record["samples"]["file"]).write_bytes(content)
    record["samples"]["sha256"] = hashlib.sha256(content).hexdigest()
    return encoded(record)


def linked_samples(chance: random.Random, record: dict[str, Any], path: Path) -> bytes:
    place = path.with_name(record["samples"]["file"])
    place.unlink()
    place.symlink_to(chance.choice(["/etc/passwd", "/dev/zero", "nowhere", "."]))
    return encoded(record)


def folder(chance: random.Random, record: dict[str, Any], path: Path) -> None:
    path.mkdir()


def link(chance: random.Random, record: dict[str, Any], path: Path) -> None:
    path.symlink_to(chance.choice(["/etc/passwd", "/dev/zero", "nowhere", path.name]))


def pipe(chance: random.Random, record: dict[str, Any], path: Path) -> None:
    os.mkfifo(path)


FAULTS: list[Fault] = [
    truncated, swapped, dropped, moved_number, huge, deep, wrong_bytes, marked, twice, named,
    other_schema, no_object, too_large, bomb, broken_samples, linked_samples, folder, link, pipe,
]  # fmt: skip


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one good result and 2,000 bad ones, the same every time."""
    home = tmp_path_factory.mktemp("results")
    rows = [s | {"tag": f"t{s['idx'] % 2}"} for s in small_results.zero_shot(1.0, 0, n=6)]
    good = small_results.write(home, "good", rows)
    text, packed = good.read_text(), next(good.parent.glob("*.gz"))
    chance = random.Random(8)
    for number in range(FILES):
        path = home / "leaner_glue" / f"bad-{number}" / good.name
        path.parent.mkdir()
        os.link(packed, path.with_name(packed.name))
        record = json.loads(text)
        record["model"]["name"] = f"bad-{number}"
        fault = FAULTS[number % len(FAULTS)]
        if (content := fault(chance, record, path)) is not None:
            path.write_bytes(content)
    return home


def test_each_is_refused_with_a_reason(hostile: Path, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("LEANER_HOME", str(tmp_path))
    monkeypatch.setattr(results, "UNPACKED_BYTES", 1_000_000)
    entries, refused = read_entries(hostile)
    accepted = [entry.result.path for entry in entries]
    assert [str(path.parent.name) for path in accepted] == ["good"]
    assert entries[0].state == VERIFIED
    assert len(refused) == FILES
    for each in refused:
        assert 30 < len(each.reason) < 900, each
        assert each.reason.isprintable() or "\n  " in each.reason, each
        assert "cannot be read: " not in each.reason, each  # a fault nobody thought of
        assert "\x00" not in each.reason and "<script>alert" not in each.reason.split(": ")[0]


def test_answers_without_samples_harm_no_board(tmp_path: Path) -> None:
    """Nothing but the result itself says what it holds: refused, or shown as unverified."""
    chance = random.Random(9)
    for number in range(400):
        name = f"bad-{number}"
        record = small_boards.answers_record(name, number, judged=number % 2 == 0)
        record["samples"] = {"file": f"{record['run']}.samples.jsonl.gz", "sha256": "0" * 64}
        path = tmp_path / record["board"] / name / f"{record['run']}.json"
        heads: list[Place] = [("tasks",), ("mean",), ("judge",), ("protocol",)]
        place = chance.choice(places(record) if number % 4 < 3 else heads)
        if number % 8 < 4:
            del parent(record, place)[place[-1]]
        else:
            parent(record, place)[place[-1]] = chance.choice(ODD)
        path.parent.mkdir(parents=True)
        path.write_bytes(encoded(record))
    entries, refused = board.write(tmp_path)
    assert len(entries) + len(refused) == 400 and len(refused) > 100
    assert {entry.state for entry in entries} == {UNVERIFIED}
    assert all(30 < len(each.reason) < 900 for each in refused)
    assert "<script>alert" not in (tmp_path / board.PAGE).read_text()
