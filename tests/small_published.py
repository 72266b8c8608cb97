"""Published files on a local server that misbehaves as it is told to."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_server import FaultServer, serve

from leaner_harness.data.download import Limits

GLUE = "data/leaner/glue/cola_test.jsonl"
EVAL = "data/leaner/eval/all.jsonl"
BIG = "data/leaner/glue/cola_train.jsonl"
# Twice as fast as what tests send in drips, and a fortieth of what they send slowly but steadily.
QUICK = Limits(tries=3, timeout=10.0, stall=0.2, min_rate=100, backoff=0.01, longest_wait=1)
FILES = {
    GLUE: b'{"sentence": "A cat sat.", "label": 1, "idx": 0}\n' * 40,
    EVAL: b'{"question": "What is a cat?"}\n' * 20,
    BIG: random.Random(1).randbytes(300_000),
}


def left_over(folder: Path) -> list[str]:
    """Everything that is neither a published file nor the lock."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path.name for path in files if path.suffix != ".jsonl" and path.name != ".pull.lock"]


def part_of(folder: Path, path: str) -> Path:
    return folder / f"{path}.part"


def publish(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FaultServer]:
    """The server, while the environment points to it."""
    aside = tmp_path_factory.mktemp("aside")
    with serve(dict(FILES)) as running:
        monkeypatch.setenv("LEANER_DATA_URL", running.url)
        manifest = running.manifest(aside / "manifest.json")
        monkeypatch.setenv("LEANER_DATA_MANIFEST", str(manifest))
        monkeypatch.setenv("LEANER_HOME", str(aside / "home"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        for switch in ("LEANER_OFFLINE", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "LEANER_DATA"):
            monkeypatch.delenv(switch, raising=False)
        yield running
