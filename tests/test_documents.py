"""Commands and code of the documents: each is run by a test, or listed with why it cannot be.

Shell blocks of `HERE` are run below, line by line in one folder, offline and with tiny budgets:
`CHANGES` names what is put in the place of names and sizes, each through an option that is
documented. What another test runs is in `ELSEWHERE`; what nothing runs, with its reason, in
`NOT_RUN`.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import documents
import pytest
import small_glue
from conftest import ROOT
from documents import Block

from leaner_harness.cli import main
from leaner_harness.commands import environment

WRITTEN = ("tests/test_readme_plugin.py::run_as_written",)
JUDGED = (
    "tests/test_eval_task.py::test_the_stock_command_answers_and_checks",
    "tests/test_judge_verb.py::test_answers_are_graded_and_filed",
    "tests/test_judge_verb.py::test_a_dry_run_asks_nothing",
)
ELSEWHERE = {
    ("README.md", "lm_eval --tasks leaner_glue --model leaner --model_args pretrained=DIR"): (
        "tests/test_stock_lm_eval.py::test_the_stock_command_scores",
    ),
    ("README.md", "make demo"): ("tests/test_demo.py::test_the_demo_ends_in_a_board",),
    ("README.md", "[project]"): WRITTEN,
    ("README.md", "from dataclasses import dataclass"): WRITTEN,
    ("README.md", "from leaner_harness import ArchitectureSpec, hookimpl"): WRITTEN,
    ("README.md", "pip install -e ."): WRITTEN,
    (
        "README.md",
        "lm_eval --tasks leaner_eval_mini --model hf --model_args pretrained=DIR "
        "--output_path out --log_samples",
    ): JUDGED,
    (
        "docs/judging.md",
        "LEANER_JUDGE=hf:PATH lm_eval --tasks leaner_eval_mini --model hf "
        "--model_args pretrained=DIR \\",
    ): (
        *JUDGED,
        "tests/test_judge_verb.py::test_a_judge_is_checked_and_a_poor_one_fails",
        "tests/test_judge_filter.py::test_a_judge_can_stand_in_the_environment",
        "tests/test_answers.py::test_grades_that_came_later_are_taken",
        "tests/test_answers.py::test_runs_are_compared_question_by_question",
    ),
    (
        "docs/building.md",
        "leaner build pretrain TEXT --out DIR --rewriter openai:MODEL --licence CC-BY-4.0 "
        "--dry-run",
    ): (
        "tests/test_documents.py::test_the_commands_of_a_document_run",  # those for text
        "tests/test_cli_build_glue.py::test_what_is_built_is_scored_at_once",
        "tests/test_dataset_questions.py::test_what_is_written_is_what_leaner_eval_asks",
        "tests/test_dataset_vocabulary.py::test_a_list_is_saved_and_loaded",
    ),
    ("docs/experiments.md", "leaner experiment run exp1 --preset smoke --workers 2"): (
        "tests/test_experiment_kill.py"
        "::test_a_run_that_is_killed_ten_times_has_the_report_of_one_that_was_not",
        "tests/test_experiment_report.py::test_the_command_writes_what_there_is_and_names_what_is_missing",
        "tests/test_experiments.py::test_a_dry_run_counts_what_is_left",
    ),
    ("docs/building.md", "from leaner_harness.dataset.build import Source"): (
        "tests/test_dataset_scale_kill.py::test_the_script_of_the_documents_runs",
    ),
}
"""Block -> the tests that run it, or its commands on other names."""
_INSTALL = "needs a package registry; tests/fresh_environment.py installs our wheels instead"
_VENV = "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e"
NOT_RUN = {
    ("CONTRIBUTING.md", "make test"): "runs these tests",
    ("README.md", "@misc{yang2024tinyhelen,"): "nothing to run: how to cite the paper",
    ("README.md", f"{_VENV} . -e trainers"): _INSTALL,
    ("README.md", f"{_VENV} '.[test,lint,scale]' -e trainers"): _INSTALL,
    ("docs/scoring.md", "leaner data pull"): (
        "needs a network; tests/test_download_network.py pulls from a local server"
    ),
    ("docs/tutorial.md", f"{_VENV} . -e trainers"): _INSTALL,
    ("docs/tutorial.md", "leaner data pull"): "needs a network, and hours",
}
LINES_NOT_RUN = {
    "leaner experiment run exp1": "minutes; tests/test_experiments.py runs what cells are made of",
    "leaner experiment report exp1": "after the line above; tests/test_experiment_report.py",
    "leaner experiment run exp3 --preset small --published FOLDER": (
        "needs the published text, and hours"
    ),
    "leaner compare ONE=A-0,A-1,A-2 OTHER=B-0,B-1,B-2": (
        "six trainings; the tutorial runs it with four, tests/test_compare_ways.py with more"
    ),
    "pip install leaner-harness leaner-trainers": _INSTALL,
}
# In its order. A model of a few steps, few rows, and a writer that is no model.
CHANGES = (
    (r"\bleaner_glue_mini(?=\b|_)", "leaner_glue"),  # the rows are those of LEANER_DATA
    (r"MODEL-A/RUN", "DIR/zero-shot-test-seed0"),
    (r"MODEL-B/RUN", "OTHER/zero-shot-test-seed0"),
    (r"\bCHECKPOINT\b", "DIR"),
    (r"openai:MODEL", "echo"),
    (r"(?<= )TEXT\b", "mini"),
    (r"data=(TEXT|DIR)\b", r"data=mini"),
    (r"^(leaner build pretrain .*)", r"\1 --words 3000"),
    (r"^(leaner build pretrain .*) --out DIR", r"\1 --out built"),
    (r"^leaner entropy DIR (.*)", r"leaner entropy built/train \1 --words 2000"),
    (
        r"^(leaner train (?!ngram|--list).*)",
        r"\1 --set steps=5 --set warmup=1 --set words=3000 --set validation_words=200 "
        r"--set eval_every=2 --set sample_every=0 --set batch_size=2 --set block_size=64",
    ),
    (r"^(leaner curriculum plan .*)", r"\1 --set words=3000 --set block_size=64"),
    (r"^(leaner train ngram.*)", r"\1 --set words=3000"),
    (r"^(leaner generate .*)", r"\1 --max-new-tokens 5"),
)
HERE = ("README.md", "docs/tutorial.md", "trainers/README.md")


def elsewhere(block: Block) -> bool:
    return block.name in ELSEWHERE or block.name in NOT_RUN


@pytest.mark.parametrize("document", documents.DOCUMENTS)
def test_every_block_is_run_or_has_a_reason(document: str) -> None:
    found = documents.blocks(document)
    left = [b.name for b in found if not elsewhere(b)]
    shell = [b.name for b in found if b.language in documents.SHELL]
    assert document in HERE or not left, (
        f"{left}: run it, or say in tests/test_documents.py why not"
    )
    assert set(left) <= set(shell), f"only shell blocks are run here: {left}"


def test_nothing_is_listed_that_is_not_there() -> None:
    blocks = [block for document in documents.DOCUMENTS for block in documents.blocks(document)]
    listed = {*ELSEWHERE, *NOT_RUN}
    assert listed <= {block.name for block in blocks}
    assert not ELSEWHERE.keys() & NOT_RUN.keys()
    shell = [block for block in blocks if block.language in documents.SHELL]
    lines = {line for block in shell for line in block.commands()}
    assert LINES_NOT_RUN.keys() <= lines
    for place in {place for places in ELSEWHERE.values() for place in places}:
        path, _, function = place.partition("::")
        assert re.search(rf"^def {function}\(", documents.read(path), re.MULTILINE), place


@pytest.mark.parametrize("document", documents.DOCUMENTS)
def test_every_command_can_be_read(document: str) -> None:
    complaints = {
        command: complaint
        for command in documents.leaner_commands(document)
        if (complaint := documents.complaint(command))
    }
    assert not complaints


@pytest.mark.parametrize(
    "command",
    [
        "leaner tran llama-1m",
        "leaner train llama-1m --size 3M",
        "leaner train llama-1m --set learningrate=1",
        "leaner results ad out",
        "leaner compare --json",
        "leaner evaluate --protocol quick",
    ],
)
def test_a_wrong_command_is_found(command: str) -> None:
    assert documents.complaint(command)


@pytest.mark.parametrize("document", documents.DOCUMENTS)
def test_what_is_claimed_has_its_test(document: str) -> None:
    """Tests that a document names, as README's table of features does, are there."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*.py"))
    for name in re.findall(r"`(?:[\w/]+\.py::)?(test_\w+)`", documents.read(document)):
        assert re.search(rf"^def {name}\(", sources, re.MULTILINE), name


def test_every_feature_of_ours_names_what_shows_it() -> None:
    _, _, section = documents.read("README.md").partition("## Beside others")
    table = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| ")]
    ours = {name.strip(): cell.strip() for name, cell in table if name.strip()}
    assert len(ours) > 15
    for name, cell in ours.items():
        assert cell == "no" or re.search(r"`test_\w+`", cell), name


def test_links_lead_somewhere() -> None:
    """Links to files, of all documents."""
    for document in documents.DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", documents.read(document)):
            if not re.match(r"https?:|mailto:", target):
                path = (ROOT / document).parent / target
                assert path.exists(), f"{document} links to {target}"


def anchors(text: str) -> set[str]:
    """What GitHub calls the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", documents.DOCUMENTS)
def test_links_name_headings_that_are_there_and_pictures_say_what_they_show(document: str) -> None:
    text = documents.read(document)
    for target, anchor in re.findall(r"\]\(([^)#:]*\.md|)#([^)]+)\)", text):
        path = (ROOT / document).parent / target if target else ROOT / document
        assert anchor in anchors(path.read_text(encoding="utf-8")), f"{target}#{anchor}"
    assert not re.findall(r"!\[\s*\]\([^)]*\)", text)


def enter_workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, where commands are run from now on, offline and on few rows."""
    small_glue.write_glue(tmp_path / "glue", ("train", "validation", "test"))
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LEANER_DATA", str(tmp_path / "glue"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def run(line: str) -> None:
    """Run a line after `CHANGES`: our commands in this process, which has torch already."""
    for pattern, replacement in CHANGES:
        line = re.sub(pattern, replacement, line)
    for part in map(str.strip, line.split(";")):
        if part.startswith("leaner "):
            assert main(shlex.split(part)[1:]) == 0, part
        else:
            done = subprocess.run(["bash", "-c", part], capture_output=True, text=True, timeout=900)
            assert done.returncode == 0, f"{part}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.slow
@pytest.mark.timeout(2700)
@pytest.mark.parametrize("document", HERE)
def test_the_commands_of_a_document_run(
    document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop = enter_workshop(tmp_path, monkeypatch)
    if document == "README.md":  # what it scores and compares
        run("leaner train llama-1m --out DIR")
        shutil.copytree("DIR", "OTHER")
        run("leaner evaluate OTHER")
    for block in documents.blocks(document):
        if block.language in documents.SHELL and not elsewhere(block):
            for line in block.commands():
                if line not in LINES_NOT_RUN:
                    run(line)
    if document != "trainers/README.md":
        assert (workshop / "results" / "index.html").is_file()
