"""The start-up file is small, plain, inert outside lm_eval, and does what it says inside."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import timeit
from pathlib import Path

import pytest
from conftest import ROOT

FOLDER = ROOT / "leaner_harness" / "lm_eval_plugin" / "startup"
SOURCE = FOLDER / "leaner_lm_eval_bridge.py"


def test_it_is_one_plain_import_line() -> None:
    assert SOURCE.with_suffix(".pth").read_bytes() == b"import leaner_lm_eval_bridge\n"
    assert SOURCE.with_suffix(".start").read_bytes() == b"leaner_lm_eval_bridge:start\n"


def test_it_is_at_most_40_lines_of_standard_library() -> None:
    text = SOURCE.read_text()
    assert len(text.splitlines()) <= 40
    tree = ast.parse(text)
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert {alias.name for node in imports for alias in node.names} == {"os", "sys"}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not names & {"exec", "eval", "compile", "open", "getattr", "globals"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["/venv/bin/lm_eval", "--tasks", "x"], True),
        (["/venv/bin/lm-eval", "run"], True),
        (["C:\\venv\\Scripts\\python.exe"], False),
        (["lm_eval.exe"], True),
        (["-m", "lm_eval", "--tasks", "x"], True),
        (["-u", "-m", "lm_eval"], True),
        (["-X", "importtime", "-W", "ignore", "-m", "lm_eval"], True),
        (["-m", "lm_evaluate"], False),
        (["-m", "pytest", "lm_eval"], False),
        (["-c", "import lm_eval"], False),
        (["train.py", "lm_eval"], False),
        ([], False),
    ],
)
def test_it_knows_an_lm_eval_process(words: list[str], expected: bool) -> None:
    bridge = importlib.import_module("leaner_lm_eval_bridge")
    assert bridge._is_lm_eval(words) is expected


def test_elsewhere_it_leaves_no_trace() -> None:
    code = "import sys; print([f for f in sys.meta_path if 'bridge' in type(f).__module__])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_costs_less_than_half_a_millisecond() -> None:
    code = compile(SOURCE.read_text(), str(SOURCE), "exec")
    run = lambda: exec(code, {"__name__": "leaner_lm_eval_bridge"})  # noqa: E731, S102
    assert min(timeit.repeat(run, number=20, repeat=5)) / 20 < 0.0005


def test_a_broken_package_never_stops_lm_eval(tmp_path: Path) -> None:
    """With a leaner_harness that raises on import, `python -m lm_eval`'s imports still work."""
    (tmp_path / "leaner_harness").mkdir()
    (tmp_path / "leaner_harness" / "__init__.py").write_text("raise RuntimeError('broken')")
    package = tmp_path / "pkg" / "lm_eval"
    (package / "tasks").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "tasks" / "__init__.py").write_text("loaded = True")
    code = (
        f"import sys; sys.path[:0] = [{str(tmp_path / 'pkg')!r}, {str(tmp_path)!r}];"
        f"sys.orig_argv = ['python', '-m', 'lm_eval'];"
        f"sys.modules.pop('leaner_lm_eval_bridge', None); import leaner_lm_eval_bridge;"
        "import lm_eval.tasks; print(lm_eval.tasks.loaded)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr
    assert "broken" in done.stderr
