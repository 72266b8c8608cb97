"""The README's plugin sections, run as written in a new folder and environment."""

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


def section(name: str) -> dict[str, str]:
    """A section's code blocks by language."""
    text = README.partition(f"<!-- {name} section")[2].partition(f"<!-- end of {name} section")[0]
    return dict(re.findall(r"```(\w+)\n(.*?)```", text, flags=re.DOTALL))


@pytest.mark.parametrize("name", ["plugin", "curriculum"])
def test_the_plugin_has_thirty_lines(name: str) -> None:
    blocks = section(name)
    lines = (blocks["toml"] + blocks["python"]).splitlines()
    assert len([line for line in lines if line.strip()]) <= 30


def run_as_written(name: str, module: str, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """The folder in which every command of a section ran, and what each said."""
    wheels = fresh_environment.build_wheels(tmp_path / "wheels")
    ours = wheels["leaner_harness"], wheels["leaner_trainers"], "lm_eval==0.4.13"
    environment = fresh_environment.create(tmp_path / "venv", *ours)
    folder = tmp_path / module
    folder.mkdir()
    blocks = section(name)
    (folder / "pyproject.toml").write_text(blocks["toml"])
    (folder / f"{module}.py").write_text(blocks["python"])
    said = {}
    for line in blocks["bash"].splitlines():
        said[line] = environment.run(*shlex.split(line), cwd=folder).stdout
    return folder, said


def test_the_section_ends_in_a_row_on_the_board(tmp_path: Path) -> None:
    folder, _ = run_as_written("plugin", "leaner_gpt", tmp_path)
    board = (folder / "results" / "README.md").read_text()
    assert "[tiny-gpt](leaner_glue_mini/tiny-gpt/zero-shot-test-seed0.json)" in board
    (result,) = (folder / "results").rglob("zero-shot-*.json")
    record = json.loads(result.read_text())
    assert record["training"]["recipe"]["architecture"] == "tiny-gpt"
    assert record["missing"] == [] and record["data"]["synthetic"] is True


def test_the_section_ends_in_a_comparison_of_curricula(tmp_path: Path) -> None:
    folder, said = run_as_written("curriculum", "leaner_halves", tmp_path)
    record = json.loads((folder / "halves" / "leaner.json").read_text())
    stages = record["curriculum"]["stages"]
    assert [stage["step"] for stage in stages] == [0, 50] and stages[1]["share"] == 1
    assert 0.5 <= stages[0]["share"] < 0.55
    (compared,) = (text for line, text in said.items() if "compare" in line)
    assert "`halves flesch`" in compared and "one seed: cannot tell" in compared
