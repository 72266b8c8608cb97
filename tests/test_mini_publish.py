"""The mini manifest and card: they say what the generator makes, and damage is noticed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from leaner_harness.data import mini
from leaner_harness.data.mini import publish
from leaner_harness.errors import DataError

CARD = Path(publish.__file__).with_name("card.md")


def test_what_is_generated_is_what_the_manifest_says() -> None:
    mini.verify()
    told = mini.manifest()
    assert (told["version"], told["seed"]) == (mini.VERSION, mini.SEED)
    assert {k for k in told["sha256"] if k.startswith("tasks/")} == {
        f"tasks/{stem}" for stem in mini.stems()
    }
    assert told["words"] == len(mini.word_list()) <= 800


def test_a_changed_row_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "tasks/rte_test"
    published = {"sha256": {name: mini.manifest()["sha256"][name]}}
    monkeypatch.setattr(publish, "manifest", lambda: published)
    monkeypatch.setattr(publish, "stems", lambda: ["rte_test"])
    monkeypatch.setattr(publish, "SIDES", ())
    mini.verify()
    rows = mini.rows("rte_test")
    rows[7]["label"] = 1 - rows[7]["label"]
    monkeypatch.setattr(publish, "rows", lambda stem: rows)
    with pytest.raises(DataError, match=name):
        mini.verify()


def test_the_card_says_where_the_set_comes_from() -> None:
    card = CARD.read_text(encoding="utf-8")
    assert "written by this project from templates" in card.lower()
    assert "contains no GLUE or LEANER-GLUE text" in card
    assert "not comparable with published" in card
    for task, measured in mini.manifest()["gates"].items():
        assert f"| {task} |" in card
        for value in measured.values():
            assert f"{value:.3f}" in card, (task, value)


def test_the_package_needs_only_the_standard_library() -> None:
    code = (
        "import sys; import leaner_harness.data.mini; "
        "print({'torch', 'numpy', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "set()"
