"""The README's plugin section, run as written in a new folder and environment."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import fresh_environment
import pytest
from conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

README = (ROOT / "README.md").read_text(encoding="utf-8")


def section() -> dict[str, str]:
    """The section's code blocks by language."""
    text = README.partition("<!-- plugin section")[2].partition("<!-- end of plugin section")[0]
    return dict(re.findall(r"```(\w+)\n(.*?)```", text, flags=re.DOTALL))


def test_the_plugin_has_thirty_lines() -> None:
    blocks = section()
    lines = (blocks["toml"] + blocks["python"]).splitlines()
    assert len([line for line in lines if line.strip()]) <= 30


def test_the_section_ends_in_a_row_on_the_board(tmp_path: Path) -> None:
    wheels = fresh_environment.build_wheels(tmp_path / "wheels")
    ours = wheels["leaner_harness"], wheels["leaner_trainers"], "lm_eval==0.4.13"
    environment = fresh_environment.create(tmp_path / "venv", *ours)
    folder = tmp_path / "leaner-gpt"
    folder.mkdir()
    blocks = section()
    (folder / "pyproject.toml").write_text(blocks["toml"])
    (folder / "leaner_gpt.py").write_text(blocks["python"])
    for line in blocks["bash"].splitlines():
        environment.run(*shlex.split(line), cwd=folder)
    board = (folder / "results" / "README.md").read_text()
    assert "[tiny-gpt](leaner_glue_mini/tiny-gpt/zero-shot-test-seed0.json)" in board
    (result,) = (folder / "results").rglob("zero-shot-*.json")
    record = json.loads(result.read_text())
    assert record["training"]["recipe"]["architecture"] == "tiny-gpt"
    assert record["missing"] == [] and record["data"]["synthetic"] is True
