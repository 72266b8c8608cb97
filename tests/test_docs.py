"""The documents are generated, complete and true to the code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest
from conftest import ROOT

from leaner_harness import hookspecs
from leaner_harness.cli import VERBS
from leaner_harness.registry import KINDS

MODULES = [
    path
    for folder in ("leaner_harness", "trainers/leaner_trainers")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_generated_parts_are_fresh() -> None:
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_hook_is_documented_and_looked_up() -> None:
    text = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    for hook, _ in KINDS.values():
        assert hasattr(hookspecs, hook) and f"`{hook}()" in text


def test_every_verb_is_in_the_readme() -> None:
    for verb in VERBS:
        assert f"leaner {verb}" in README, verb


def test_every_task_has_a_line_in_its_readme() -> None:
    for group in ("leaner_glue", "leaner_glue_mini"):
        folder = ROOT / "leaner_harness" / "tasks" / group
        text = (folder / "README.md").read_text(encoding="utf-8")
        for path in folder.glob("[a-z]*.yaml"):
            assert f"`{group}_{path.stem}`" in text


def test_the_start_up_line_is_printed_exactly() -> None:
    for document in ("README.md", "SECURITY.md"):
        text = (ROOT / document).read_text(encoding="utf-8")
        assert "`import leaner_lm_eval_bridge`" in text and "LEANER_LM_EVAL=0" in text


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_and_is_small(path: object) -> None:
    text = path.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert ast.get_docstring(ast.parse(text)), "no module docstring"
    assert len(text.splitlines()) <= 330


def test_imports_run_downward() -> None:
    """Plugins and trainers import the public names alone; the base imports nothing above it."""
    public = re.compile(r"^\s*from leaner_harness import |^\s*import leaner_harness$")
    inside = re.compile(r"^\s*(?:from|import) leaner_harness")
    for path in MODULES:
        lines = path.read_text(encoding="utf-8").splitlines()
        used = [line for line in lines if inside.match(line)]
        if "leaner_trainers" in path.parts:
            assert all(map(public.match, used)), (path, used)
        if path.parent.name == "plugins":
            own = ("from leaner_harness.plugins",)
            assert all(public.match(li) or li.strip().startswith(own) for li in used), (path, used)
        if path.name == "errors.py":
            assert not used
