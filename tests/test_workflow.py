"""The workflow of the board: no secrets near strangers' files, and its commands refuse bad ones."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_results
import yaml
from conftest import ROOT

from leaner_harness import results
from leaner_harness.leaderboard import board

FILE = ROOT / ".github" / "workflows" / "leaderboard.yml"
TEXT = FILE.read_text(encoding="utf-8")
FLOW: dict[Any, Any] = yaml.safe_load(TEXT)
TRIGGERS = FLOW[True]  # YAML takes the key `on` for a truth value
JOBS = FLOW["jobs"]


def steps(job: str, *, uses: str) -> list[dict[str, Any]]:
    return [step for step in JOBS[job]["steps"] if step.get("uses", "").startswith(f"{uses}@")]


def test_a_pull_request_gets_no_secrets_and_may_only_read() -> None:
    assert set(TRIGGERS) == {"push", "pull_request"}  # never pull_request_target
    assert TRIGGERS["push"]["branches"] == ["main"]
    assert FLOW["permissions"] == {}
    assert JOBS["validate"]["permissions"] == {"contents": "read"}
    assert "${{ secrets" not in TEXT and "GITHUB_TOKEN" not in TEXT
    for job in JOBS.values():
        assert job["timeout-minutes"] <= 60


def test_only_main_builds_and_only_the_last_job_publishes() -> None:
    assert JOBS["validate"]["if"] == "github.event_name == 'pull_request'"
    assert "refs/heads/main" in JOBS["build"]["if"] and "push" in JOBS["build"]["if"]
    assert JOBS["build"]["permissions"] == {"contents": "read"}
    assert JOBS["publish"]["needs"] == "build"
    assert JOBS["publish"]["permissions"] == {"pages": "write", "id-token": "write"}
    assert [step["uses"].split("@")[0] for step in JOBS["publish"]["steps"]] == [
        "actions/deploy-pages"
    ]


def test_actions_are_pinned_by_their_digest() -> None:
    used = re.findall(r"uses: (\S+)(.*)", TEXT)
    assert len(used) >= 7
    for name, note in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", name), name
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", note), name


def test_code_is_the_base_s_and_of_the_head_only_results_are_there() -> None:
    base, head = (step["with"] for step in steps("validate", uses="actions/checkout"))
    assert base["ref"] == "${{ github.event.pull_request.base.sha }}" and base["path"] == "base"
    assert head["ref"] == "${{ github.event.pull_request.head.sha }}" and head["path"] == "head"
    assert head["sparse-checkout"] == "/results/" and head["sparse-checkout-cone-mode"] is False
    for job in ("validate", "build"):
        for step in steps(job, uses="actions/checkout"):
            assert step["with"]["persist-credentials"] is False
    commands = [step["run"] for step in JOBS["validate"]["steps"] if "run" in step]
    (install,) = [command for command in commands if "pip install" in command]
    assert "./base" in install and "head" not in install
    assert not any("${{" in step.get("run", "") for job in JOBS.values() for step in job["steps"])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the job runs: a base with one result, and a head with another beside it."""
    small_results.write(tmp_path / "base" / "results", "old", small_results.zero_shot(1.0, 0, n=6))
    board.write(tmp_path / "base" / "results")
    shutil.copytree(tmp_path / "base" / "results", tmp_path / "head" / "results")
    small_results.write(tmp_path / "head" / "results", "new", small_results.zero_shot(1.0, 1, n=6))
    board.write(tmp_path / "head" / "results")
    return tmp_path


def validate(place: Path, commands: int = 3) -> subprocess.CompletedProcess[str]:
    """Run the job's first commands after its installation, in the shell that Actions takes."""
    own = [s["run"] for s in JOBS["validate"]["steps"] if "run" in s and "pip" not in s["run"]]
    assert len(own) == 3
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "LEANER_HOME": str(place / "home")}
    for command in own[:commands]:
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command]
        done = subprocess.run(shell, cwd=place, env=environment, capture_output=True, text=True)
        if done.returncode:
            break
    return done


def test_a_good_pull_request_passes_and_only_what_changed_is_looked_at(place: Path) -> None:
    done = validate(place)
    assert done.returncode == 0, done.stderr + done.stdout
    verified = validate(place, commands=2)
    assert "1 verified, 0 unverified, 0 refused" in verified.stdout and "/new/" in verified.stdout


def edit_number(model: Path) -> None:
    path = next(model.glob("*.json"))
    path.write_text(path.read_text().replace('"ties": 0.0', '"ties": 0.5'))


def cut_samples(model: Path) -> None:
    path = next(model.glob("*.gz"))
    path.write_bytes(path.read_bytes()[:-9])


def link_samples(model: Path) -> None:
    path = next(model.glob("*.gz"))
    path.unlink()
    path.symlink_to("/etc/passwd")


def write(name: str, content: str = "x") -> Callable[[Path], None]:
    def change(model: Path) -> None:
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_text(content)

    return change


@pytest.mark.parametrize("model", ["new", "old"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edit_number, "refused"),
        (cut_samples, "refused"),
        (link_samples, "samples.jsonl.gz"),
        (write("model.pkl"), "model.pkl"),
        (write("setup.py"), "setup.py"),
        (write("x.json.exe"), "x.json.exe"),
        (write("a\n::set-env name=X::1.sh"), "/a'$'\\n''::set-env"),
        (write("deep/x.json"), "deep/x.json"),
        (write("../evil.html"), "evil.html"),
        (write(".hidden.json"), ".hidden.json"),
        (write("huge.json", " " * 20_000_000), "larger than"),
        (lambda model: model.rename(model.with_name("other")), "belongs at"),
    ],
)
def test_a_bad_pull_request_fails_and_says_why(
    place: Path, model: str, change: Callable[[Path], None], message: str
) -> None:
    change(place / "head" / "results" / "leaner_glue" / model)
    done = validate(place)
    assert done.returncode != 0
    assert message in done.stdout, done.stdout + done.stderr
    assert not any(line.startswith("::") for line in done.stdout.splitlines())


def only(folder: Path, model: str, pattern: str) -> Path:
    (found,) = (folder / "head" / "results" / "leaner_glue" / model).glob(pattern)
    return found


def test_no_pull_request_takes_a_result_away(place: Path) -> None:
    shutil.rmtree(place / "head" / "results" / "leaner_glue" / "old")
    done = validate(place, commands=2)
    assert done.returncode != 0
    assert "/old/" in done.stdout and "is not there any more" in done.stdout


def test_no_pull_request_takes_reports_away(place: Path) -> None:
    for side in ("base", "head"):
        (place / side / "results" / "experiments" / "exp1").mkdir(parents=True)
        (place / side / "results" / "experiments" / "exp1" / "report.md").write_text("x")
    assert validate(place, commands=1).returncode == 0
    shutil.rmtree(place / "head" / "results" / "experiments")
    done = validate(place, commands=1)
    assert done.returncode != 0 and "leave results/experiments as it is" in done.stdout


def test_no_pull_request_takes_samples_away_and_a_rank_with_them(place: Path) -> None:
    only(place, "new", "*.gz").unlink()
    assert validate(place, commands=2).returncode == 0, "without samples it is unverified, and new"
    only(place, "old", "*.gz").unlink()
    done = validate(place, commands=2)
    assert done.returncode != 0
    assert "were taken away" in done.stdout and "1 refused" in done.stdout


def say_baseline(path: Path, value: float) -> None:
    record = json.loads(path.read_text())
    record["tasks"]["cola"]["baselines"] = {"words": value}
    path.write_text(json.dumps(record))


def test_no_pull_request_sets_the_bar_that_words_reach(place: Path) -> None:
    """Samples do not say it, so that it is held against what results of the same rows state."""
    for side in ("base", "head"):
        (old,) = (place / side / "results" / "leaner_glue" / "old").glob("*.json")
        say_baseline(old, 0.25)
    say_baseline(only(place, "new", "*.json"), 0.2501)
    assert validate(place, commands=2).returncode == 0
    say_baseline(only(place, "new", "*.json"), -1.0)
    done = validate(place, commands=2)
    assert done.returncode != 0 and "other results of the same rows have 0.250" in done.stdout


def test_a_fork_s_pages_follow_from_its_results(place: Path) -> None:
    (step,) = [s for s in JOBS["validate"]["steps"] if "leaderboard check" in s.get("run", "")]
    assert step["if"] == "github.event.pull_request.head.repo.full_name != github.repository"
    page = place / "head" / "results" / "index.html"
    page.write_text(page.read_text() + "<script>alert(1)</script>")
    done = validate(place)
    assert done.returncode != 0 and "index.html is stale" in done.stdout + done.stderr


@pytest.mark.parametrize("kind", results.REPORTS)
def test_reports_stay_as_they_are_on_main(place: Path, kind: str) -> None:
    for side in ("base", "head"):
        write("report.html")(place / side / "results" / kind / "exp1-smoke")
    assert validate(place).returncode == 0
    write("report.html", "another")(place / "head" / "results" / kind / "exp1-smoke")
    done = validate(place)
    assert done.returncode != 0 and "are made on main" in done.stdout


@pytest.mark.parametrize("kind", results.REPORTS)
def test_reports_that_are_a_link_to_nothing_are_refused(place: Path, kind: str) -> None:
    (place / "head" / "results" / kind).symlink_to("/nowhere")
    done = validate(place)
    assert done.returncode != 0 and "are made on main" in done.stdout


def test_results_that_are_a_link_are_refused(place: Path) -> None:
    shutil.rmtree(place / "head" / "results")
    (place / "head" / "results").symlink_to(place / "base" / "results")
    assert validate(place).returncode != 0
