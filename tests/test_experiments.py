"""Experiments: grids that make sense, and a driver that can be stopped at any moment."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from leaner_harness.cli import main
from leaner_harness.errors import UnknownName, UsageError
from leaner_harness.experiments import drive, grid, records
from leaner_harness.experiments.grid import Cell
from leaner_harness.train import read_recipe

FOLDERS = {"runs": Path("runs"), "results": Path("results"), "published": Path("data")}
PRESETS = ("smoke", "small", "paper")


def read(name: str, preset: str) -> grid.Experiment:
    return grid.read(name, preset, {**FOLDERS, "judge": Path("openai:m")})


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", ["exp1", "exp2", "exp3"])
def test_every_cell_is_a_command_that_can_be(name, preset):
    experiment = read(name, preset)
    names = [cell.name for cell in experiment.cells]
    assert len(set(names)) == len(names) > 0
    for number, cell in enumerate(experiment.cells):
        assert set(cell.needs) <= set(names[:number]), "what is needed comes first"
        assert not any(
            "{" in word and "}" in word and not word.startswith(("genres=", "curriculum_options="))
            for word in cell.command
        )
        if cell.command[0] == "train":
            pairs = zip(cell.command, cell.command[1:], strict=False)
            recipe = read_recipe(cell.command[1], [b for a, b in pairs if a == "--set"]).recipe
            assert recipe.seed == int(cell.at["seed"])
    outs = [cell.command[cell.command.index("--out") + 1] for cell in experiment.cells
            if "--out" in cell.command]  # fmt: skip
    assert len(set(outs)) == len(outs), "two cells write into one folder"


def test_scores_follow_their_own_checkpoint():
    cells = {cell.name: cell for cell in read("exp1", "small").cells}
    score = cells["score/original-bert-2"]
    assert score.needs == ("train/original-bert-2",)
    assert (
        score.command[1]
        == cells["train/original-bert-2"].command[
            cells["train/original-bert-2"].command.index("--out") + 1
        ]
    )
    assert "data=data/data/ori/10M" in cells["train/original-bert-2"].command
    cells = {cell.name: cell for cell in read("exp3", "small").cells}
    easy, control = cells["easy-first/lm_loss-2"], cells["control/lm_loss-2"]
    assert "random/0" in easy.needs and "reference=runs/random-seed0" in easy.command
    assert control.needs == (easy.name,) and "follow=runs/lm_loss-seed2" in control.command
    assert cells["score/random-700-steps-1"].needs == ("random/1",)
    assert cells["score/lm_loss-end-2"].needs == ("easy-first/lm_loss-2",)


def test_controls_from_scratch_need_the_shape_alone_and_are_drawn_apart():
    cells = {cell.name: cell for cell in read("exp1", "small").cells}
    found = [cells[f"scratch/leaner-bert-{draw}"] for draw in range(3)]
    assert {cell.needs for cell in found} == {("train/leaner-bert-0",)}
    models = [cell.command[cell.command.index("--model") + 1] for cell in found]
    assert models == ["scratch-leaner-bert", "scratch-leaner-bert-1", "scratch-leaner-bert-2"]
    for draw, cell in enumerate(found):
        assert any(word.endswith(f"from_scratch=true,scratch_seed={draw}") for word in cell.command)


def test_both_sides_share_what_is_asked_for():
    def words(equal: str, cell: str) -> set[str]:
        found = grid.read("exp1", "smoke", FOLDERS, equal)
        return set(next(each.command for each in found.cells if each.name == cell))

    assert {"words=67200", "steps=40"} <= words("steps", "train/original-bert-0")
    assert {"words=37600", "steps=40"} <= words("tokens", "train/original-bert-0")
    assert {"words=67200", "steps=72"} <= words("documents", "train/original-bert-0")
    assert {"words=33600", "steps=36"} <= words("documents", "grid/original-1M-20000-0")
    for equal in ("steps", "tokens", "documents"):
        assert {"words=40000", "steps=40"} <= words(equal, "train/leaner-bert-0")
    with pytest.raises(UnknownName, match="steps"):
        grid.read("exp3", "smoke", FOLDERS, "tokens")


def test_a_grid_leaves_out_what_another_step_has():
    names = [cell.name for cell in read("exp1", "smoke").cells]
    assert "grid/leaner-1M-20000-0" in names and "grid/leaner-2M-40000-0" in names
    assert "grid/leaner-1M-40000-0" not in names, "that is train/leaner-llama-0"


def test_what_is_kept_of_a_run_has_no_path_and_a_short_curve(tmp_path):
    made = tmp_path / "runs" / "one"
    made.mkdir(parents=True)
    recipe = {"data": "/home/me/text", "seed": 0}
    (made / "leaner.json").write_text(json.dumps({"recipe": recipe, "steps": 999}))
    (made / "model.safetensors").write_bytes(b"weights")
    key = "validation_bits_per_byte"
    entries = [
        {"step": n, "loss": 1.0, "seconds": 2.0, "sample": "Once", key: 1.0} for n in range(1, 1000)
    ]
    (made / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    cell = Cell("train/one", "train", {}, ("train", "x", "--out", str(made)))
    records.gather([cell], tmp_path / "marks", tmp_path / "kept")
    assert not (tmp_path / "kept").exists(), "it is not done"
    mark = drive.Place(tmp_path / "marks").mark(cell)
    mark.parent.mkdir(parents=True)
    mark.write_text(json.dumps({"digest": cell.digest, "seconds": 1.0}))
    records.gather([cell], tmp_path / "marks", tmp_path / "kept")
    kept = tmp_path / "kept" / "training" / "one"
    record = json.loads((kept / "leaner.json").read_text())
    assert record["recipe"]["data"] == "text" and len(record["weights"]["end"]) == 64
    lines = [json.loads(line) for line in (kept / "log.jsonl").read_text().splitlines()]
    assert len(lines) <= 200 and lines[-1] == {"step": 999, key: 1.0}


def test_a_training_without_a_curve_is_kept_too(tmp_path):
    """As that of the n-gram model, which is counted."""
    made = tmp_path / "runs" / "ngram"
    made.mkdir(parents=True)
    (made / "leaner.json").write_text(json.dumps({"recipe": {"seed": 0}}))
    cell = Cell("train/ngram", "train", {}, ("train", "x", "--out", str(made)))
    mark = drive.Place(tmp_path / "marks").mark(cell)
    mark.parent.mkdir(parents=True)
    mark.write_text(json.dumps({"digest": cell.digest, "seconds": 1.0}))
    records.gather([cell], tmp_path / "marks", tmp_path / "kept")
    assert [path.name for path in (tmp_path / "kept/training/ngram").iterdir()] == ["leaner.json"]


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(UnknownName, match="exp1"):
        grid.read("exp", "smoke", FOLDERS)
    with pytest.raises(UnknownName, match="smoke"):
        grid.read("exp1", "smok", FOLDERS)
    path = tmp_path / "own.toml"
    path.write_text("title = ")
    with pytest.raises(UsageError, match="TOML"):
        grid.read(str(path), "smoke", FOLDERS)
    path.write_text(
        'title="t"\nasks="a"\n[[step]]\nname="s"\nover=[]\ncommand=["train","{no}"]\n[preset.smoke]\n'
    )
    with pytest.raises(UsageError, match="'no'"):
        grid.read(str(path), "smoke", FOLDERS)
    path.write_text(
        path.read_text().replace("over=[]", 'over=[]\nset=["seed"]').replace("{no}", "x")
    )
    path.write_text(f"{path.read_text()}seed=[0]\n")
    with pytest.raises(UsageError, match="sets 'seed', which is .0. and no table"):
        grid.read(str(path), "smoke", FOLDERS)
    path.write_text(path.read_text().replace('\nset=["seed"]', "").replace('"x"', '"a{"'))
    with pytest.raises(UsageError, match="brace in 'a{'"):
        grid.read(str(path), "smoke", FOLDERS)


OWN = """title = "t"
asks = "a"
[[step]]
name = "s"
over = ["side", "seed"]
command = ["train", "llama-1m", "--set", "seed={seed}", "--out", "{runs}/{side}-{seed}"]
[preset.smoke]
side = ["a", "b"]
seed = [0, 1]
"""


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("seed = [0, 1]", "seed = [0, 0]", "Two cells are called s/a-0"),
        ('side = ["a", "b"]\nseed = [0, 1]', 'side = ["a", "a-b"]\nseed = ["b-c", "c"]',
         "Two cells are called s/a-b-c"),
        ('["a", "b"]', '"ab"', r"side is 'ab'; .* a list: \['ab'\]"),
        ("[0, 1]", "3", r"seed is 3; .* a list: \[3\]"),
        ("{runs}/", "{runs.folder}/", r"names nothing"),
        ("{runs}/", "{runs[x]}/", r"names nothing"),
        ('"--out", "{runs}/{side}-{seed}"', '"--set", "steps=9"', "'s' trains without --out"),
        ("{side}-{seed}", "{side}/{seed}", "Two trainings leave a folder called 0, s/b-0 among"),
        ("{side}-{seed}", "{side}", "Two trainings leave a folder called a, s/a-1 among"),
        ("seed = [0, 1]", "", "lacks 'seed'"),
    ],
)  # fmt: skip
def test_a_grid_that_would_not_do_what_it_says_is_refused(before, after, message, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    assert len(grid.read(str(path), "smoke", FOLDERS).cells) == 4
    path.write_text(OWN.replace(before, after))
    with pytest.raises(UsageError, match=message):
        grid.read(str(path), "smoke", FOLDERS)


def test_a_judge_that_is_named_grades_the_answers_of_every_preset():
    for preset in PRESETS:
        answers = [cell for cell in read("exp2", preset).cells if cell.step == "answer"]
        assert all("--judge openai:m" in " ".join(cell.command) for cell in answers)
        alone = grid.read("exp2", preset, {**FOLDERS, "judge": ""})
        assert not any("--judge" in cell.command for cell in alone.cells)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "exp1", "--workers", "0"], "--workers must be"),
        (["run", "exp1", "--preset", "small", "--published", "nowhere"], "nowhere is no folder"),
        (["run", "exp1", "--judge", "openai:m", "--dry-run"], "nothing to judge"),
        (["texts", "a=x", "b=y", "--words", "a=few", "--out", "z.json"], "'few' is no number"),
        (["texts", "a=x", "a=y", "--out", "z.json"], "Both texts are called 'a'"),
        (["texts", "one=x", "b=y", "--words", "oen=9", "--out", "z.json"], "Did you mean 'one'"),
        (["texts", "one=x", "b=y", "--tokenizer", "c=t", "--out", "z.json"], "Unknown side 'c'"),
    ],
)
def test_what_would_make_every_cell_fail_is_said_at_once(
    words, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["experiment", *words]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


SCRIPT = """
import pathlib, sys, time
name, seconds = sys.argv[1], float(sys.argv[2])
log = pathlib.Path(sys.argv[3])
with log.open("a") as file:
    file.write(f"begin {name}\\n")
time.sleep(seconds)
with log.open("a") as file:
    file.write(f"end {name}\\n")
sys.exit(1 if "bad" in name else 0)
"""


def cells(log: Path, *names: str, seconds: float = 0.0) -> list[Cell]:
    """A chain of two for each name."""
    found = []
    for name in names:
        words = (name, str(seconds), str(log))
        found.append(Cell(f"one/{name}", "one", {}, words))
        more = (f"{name}-2", str(seconds), str(log))
        found.append(Cell(f"two/{name}", "two", {}, more, (f"one/{name}",)))
    return found


@pytest.fixture
def program(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    return [sys.executable, str(tmp_path / "script.py")]


@pytest.mark.parametrize("workers", [1, 3])
def test_cells_are_done_once_and_failures_stay_where_they_are(tmp_path, program, workers):
    log = tmp_path / "log"
    work = cells(log, "a", "bad", "c")
    ended = drive.run(work, tmp_path / "x", workers=workers, program=program)
    assert ended == {
        "one/a": "done", "two/a": "done", "one/bad": "failed", "two/bad": "blocked",
        "one/c": "done", "two/c": "done",
    }  # fmt: skip
    assert drive.state(work, tmp_path / "x") == {"cells": 6, "done": 4, "left": 2}
    drive.run(work, tmp_path / "x", workers=workers, program=program)
    begun = Counter(line for line in log.read_text().split("\n") if line.startswith("begin"))
    assert begun == {"begin a": 1, "begin a-2": 1, "begin c": 1, "begin c-2": 1, "begin bad": 2}


def test_another_command_is_another_cell(tmp_path, program):
    work = cells(tmp_path / "log", "a")
    drive.run(work, tmp_path / "x", program=program)
    changed = [Cell("one/a", "one", {}, ("a", "0.1", str(tmp_path / "log")))]
    with pytest.raises(UsageError, match="another command: then 0.0, now 0.1"):
        drive.run(changed, tmp_path / "x", program=program)


def test_what_needs_a_cell_that_was_done_again_is_done_again(tmp_path, program):
    """A model that was trained anew is scored anew: the score of the old one is not its own."""
    log, folder = tmp_path / "log", tmp_path / "x"
    work = [*cells(log, "a", "b"), Cell("three/a", "three", {}, ("a-3", "0", str(log)), ("two/a",))]
    drive.run(work, folder, program=program)
    drive.Place(folder).mark(work[0]).unlink()  # as the refusal of another command says
    assert drive.state(work, folder)["left"] == 3
    drive.run(work, folder, program=program)
    begun = Counter(line for line in log.read_text().split("\n") if line.startswith("begin"))
    assert begun == {"begin a": 2, "begin a-2": 2, "begin a-3": 2, "begin b": 1, "begin b-2": 1}
    assert drive.state(work, folder)["left"] == 0


def test_a_mark_that_cannot_be_read_is_named(tmp_path, program):
    work = cells(tmp_path / "log", "a")
    drive.run(work, tmp_path / "x", program=program)
    drive.Place(tmp_path / "x").mark(work[0]).write_text("")
    with pytest.raises(UsageError, match=r"one/a.json is no mark"):
        drive.state(work, tmp_path / "x")


DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_experiments import cells
from leaner_harness.experiments import drive
work = cells(Path({log!r}), *"ab", seconds=2.0)
drive.run(work, Path({out!r}), workers=2, program={program!r})
"""


@pytest.mark.slow
def test_a_driver_that_is_killed_leaves_what_was_begun_to_itself(tmp_path, program):
    """Each command is run once, whenever its driver was killed: it leaves its mark by itself."""
    log = tmp_path / "log"
    told = {"tests": str(Path(__file__).parent), "log": str(log), "out": str(tmp_path / "x")}
    code = DRIVER.format(**told, program=program)
    for begun in (1, 3):
        process = subprocess.Popen([sys.executable, "-c", code])
        while not log.exists() or log.read_text().count("begin") < begun:
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
    lines = Counter(log.read_text().splitlines())
    each_once = {
        f"{what} {name}": 1 for what in ("begin", "end") for name in ("a", "b", "a-2", "b-2")
    }
    assert lines == each_once
    assert drive.state(cells(log, *"ab", seconds=2.0), tmp_path / "x")["left"] == 0


def test_a_dry_run_counts_what_is_left(tmp_path, capsys):
    words = ["experiment", "run", "exp2", "--out", str(tmp_path / "x"), "--dry-run"]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["total"]["cells"] == 10 and found["steps"]["train"]["tokens"] == 2 * 40 * 4 * 128
    assert not (tmp_path / "x").exists()
    assert main(words) == 0 and "EXP2" in capsys.readouterr().out
    assert main(["experiment", "status", "exp2", "--out", str(tmp_path / "x")]) == 0
    assert "0 of 10 done" in capsys.readouterr().out
    assert main(["experiment", "run", "exp9"]) == 2
