"""The notebook is one, shows nothing of the machine it was written on, and its cells run."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import documents
import pytest
from conftest import ROOT
from test_documents import enter_workshop, run

NOTEBOOK = json.loads((ROOT / "docs" / "tutorial.ipynb").read_text(encoding="utf-8"))
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def lines(cell: dict[str, Any]) -> list[str]:
    return "".join(cell["source"]).splitlines()


def test_it_is_a_notebook_without_outputs() -> None:
    """What nbformat asks of version 4.5."""
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    assert NOTEBOOK["metadata"]["language_info"]["name"] == "python"
    names = [cell["id"] for cell in NOTEBOOK["cells"]]
    assert len(set(names)) == len(names)
    for cell in NOTEBOOK["cells"]:
        assert cell["cell_type"] in ("code", "markdown") and cell["metadata"] == {}
        assert all(isinstance(line, str) for line in cell["source"])
    assert CODE and all(cell["outputs"] == [] for cell in CODE)
    assert all(cell["execution_count"] is None for cell in CODE)


def test_its_commands_can_be_read() -> None:
    commands = [line[1:] for cell in CODE for line in lines(cell) if line.startswith("!")]
    assert len(commands) > 5
    assert not list(filter(None, map(documents.complaint, commands)))


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_its_cells_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One after another, as a program; commands as those of the other documents, on few rows."""
    workshop = enter_workshop(tmp_path, monkeypatch)
    display = types.ModuleType("IPython.display")
    display.__dict__["Image"] = lambda path: Path(path).read_bytes()
    names: dict[str, Any] = {}
    for cell in CODE:
        for line in lines(cell):
            if line.startswith("!"):
                run(line[1:])
        python = [line for line in lines(cell) if not line.startswith("!")]
        with monkeypatch.context() as patched:  # other libraries ask it what a notebook is
            patched.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
            patched.setitem(sys.modules, "IPython.display", display)
            exec("\n".join(python).replace("leaner_glue_mini", "leaner_glue"), names)
    said = capsys.readouterr().out
    assert "my-llama: " in said and "bits per byte" in said
    assert said.count("the best constant") == 4
    assert (workshop / "results" / "index.html").is_file()
