"""The `leaner` command: fast, light, and clear about mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from leaner_harness import doctor
from leaner_harness.cli import VERBS, main
from leaner_harness.cli import plugins as cli_plugins
from leaner_harness.data import published
from leaner_harness.errors import PluginError
from leaner_harness.registry import Failure, Registry

HEAVY = ("torch", "transformers", "datasets", "lm_eval", "accelerate", "numpy", "pluggy")


@pytest.mark.parametrize("statement", ["import leaner_harness", "main(['--help'])"])
def test_starting_is_light(statement: str) -> None:
    code = (
        "import sys, resource\n"
        "from leaner_harness.cli import main\n"
        f"{statement}\n"
        f"loaded = [name for name in {HEAVY} if name in sys.modules]\n"
        "usage = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print('COST', loaded, usage.ru_utime + usage.ru_stime)"
    )
    runs = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        _, loaded, seconds = done.stdout.splitlines()[-1].rsplit(" ", 2)[0:3]
        assert loaded == "[]", done.stdout
        runs.append(float(seconds))
    assert min(runs) < 0.3


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "lm-eval"])
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([verb, "--help"])
    assert stop.value.code == 0
    assert f"leaner {verb}" in capsys.readouterr().out


def test_an_unknown_verb_is_answered_with_the_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian"]) == 2
    assert "Did you mean 'train'" in capsys.readouterr().err


def test_a_mistake_ends_with_its_code_and_no_traceback(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["train", "no-such-recipe"]) == 2
    assert main(["results", "add", str(tmp_path)]) == 6
    assert main(["leaderboard", "check", "--results", str(tmp_path)]) == 6
    assert main(["plugins", "check", "no-such-plugin"]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error and "leaner train --list" not in error
    assert "leaner leaderboard build" in error


def test_a_file_where_a_folder_belongs_is_no_traceback(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_text("{}")
    assert main(["train", "ngram", "--set", "words=100", "--out", str(path)]) == 1
    assert main(["leaderboard", "build", "--results", str(path)]) == 2
    assert main(["results", "show", str(path)]) == 6
    assert main(["results", "show", "--results", str(tmp_path)]) == 0
    error = capsys.readouterr().err
    assert "Traceback" not in error and "leaner results add" in error


def test_json_is_one_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "leaner-harness/ngram" in {plugin["name"] for plugin in found["plugins"]}
    main(["doctor", "--json"])
    assert {"state", "subject", "text"} == set(json.loads(capsys.readouterr().out)[0])


def test_what_a_plugin_says_of_its_failure_is_shown_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To rich, brackets are markup: a cure would lose them, a path would be a fault."""
    said = "pip install transformers[torch], for [/opt/x.so]"
    registry = Registry([], [Failure("lost", "1", "gpt", said)])
    monkeypatch.setattr(cli_plugins, "load_registry", lambda: registry)
    monkeypatch.setattr(doctor, "load_registry", lambda: registry)
    assert main(["plugins"]) == 0 and main(["plugins", "--strict-plugins"]) == 4
    assert said in " ".join(capsys.readouterr().err.split())
    assert main(["doctor"]) == 1
    assert "transformers[torch]" in capsys.readouterr().out


def test_the_doctor_says_what_is_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEANER_LM_EVAL", "0")
    monkeypatch.setenv("LEANER_DATA", "/no/such/folder")
    assert main(["doctor", "--json"]) == 1
    found = {f["subject"]: f for f in json.loads(capsys.readouterr().out)}
    assert "LEANER_LM_EVAL=0" in found["start-up file"]["text"]
    assert "--include_path" in found["start-up file"]["text"]
    assert found["LEANER_DATA"]["state"] == "fault"


def test_the_doctor_reports_what_would_stop_other_verbs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stops() -> Registry:
        raise PluginError("plugin 'x' failed", "Run: leaner plugins")

    monkeypatch.delenv("LEANER_DATA", raising=False)
    monkeypatch.setenv("LEANER_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "load_registry", stops)
    published.glue_folder().mkdir(parents=True)  # as a download leaves it that got no byte
    assert main(["doctor", "--json"]) == 1
    found = {f["subject"]: f for f in json.loads(capsys.readouterr().out)}
    assert "plugin 'x' failed" in found["plugins"]["text"]
    assert found["published data"]["state"] == "note"


def test_the_task_path_is_a_folder_of_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks-path"]) == 0
    assert list(Path(capsys.readouterr().out.strip()).glob("leaner_glue/*.yaml"))
