"""What curricula saved, from folders of runs with known curves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_results

from leaner_harness import CheckpointError, UsageError, learning_curve
from leaner_harness.cli import main
from leaner_harness.curriculum_report import _first_crossings, compare_runs
from leaner_harness.curriculum_report.runs import Point, Run, read_run
from leaner_harness.curriculum_report.table import markdown
from leaner_harness.provenance import weights_digest

STEPS, EVERY, TOKENS = 100, 10, 1000  # tokens a step


def write_run(folder, loss, seed=0, steps=STEPS, bill=None, share=1.0, **keys):
    """A run whose loss falls by equal parts from 3 to `loss`."""
    recipe = {"seed": seed, "steps": steps, "learning_rate": 1e-3, "curriculum": "", **keys}
    record = {
        "recipe": recipe,
        "steps": steps,
        "seconds": 60.0,
        "tokens_seen": steps * TOKENS,
        "data": {"digest": "text", "tokens": 70_000},
        "validation_bits_per_byte": loss,
    }
    if bill is not None:
        record["curriculum"] = {
            "unique_tokens": 50_000,
            "bill": {"token_equivalents": bill or None},
            "stages": [{"share": share}],
            "seconds": {"scoring_before": 5.0},
        }
    folder.mkdir(parents=True)
    (folder / "leaner.json").write_text(json.dumps(record))
    entries = [
        {
            "step": step,
            "tokens_seen": step * TOKENS,
            "loss": 1.0,
            "validation_bits_per_byte": 3 - (3 - loss) * step / steps,
        }
        for step in range(EVERY, steps + 1, EVERY)
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    (folder / "model.safetensors").write_text(str(folder))
    return folder


ITERATIVE = {"curriculum": "iterative", "difficulty": "flesch", "bill": 150_000}
RANDOM = {"curriculum": "random", "bill": 100_000}


@pytest.fixture
def runs(tmp_path):
    """Random 2.0, iterative .1 below it, its control as good as random; three seeds each."""
    made = []
    for seed, noise in enumerate((-0.01, 0.0, 0.01)):
        made += [
            write_run(tmp_path / f"random{seed}", 2.0 + noise, seed, **RANDOM),
            write_run(tmp_path / f"easy{seed}", 1.9 + noise * 1.1, seed, **ITERATIVE),
            write_run(
                tmp_path / f"control{seed}", 2.0 - noise, seed, **ITERATIVE, control="random"
            ),
            write_run(tmp_path / f"short{seed}", 1.99 + noise, seed, 90, **ITERATIVE),
            write_run(tmp_path / f"shorter{seed}", 2.01 + noise, seed, 80, **ITERATIVE),
        ]
    return made


def rows_of(report):
    return {row["group"]: row for row in report["groups"]}


def test_a_better_group_is_found_and_a_like_one_is_not(runs):
    report = compare_runs(runs)
    rows = rows_of(report)
    assert report["baseline"] == "random" and report["target"] == pytest.approx(2.0)
    assert rows["random"]["verdict"] == "baseline" and rows["random"]["difference"] is None
    easy, control = rows["iterative flesch"], rows["iterative flesch (random)"]
    assert easy["verdict"] == "better" and easy["difference"] == pytest.approx(-0.1)
    assert easy["difference_interval"] == pytest.approx([-0.1025, -0.0975], abs=1e-3)
    assert control["verdict"] == "no difference found" and control["p_holm"] > 0.9
    assert easy["order_alone"]["mean"] == pytest.approx(-0.1)
    assert control["order_alone"]["n"] == 0


def test_tokens_to_the_target_by_first_crossing_and_strictly(runs):
    easy = rows_of(compare_runs(runs))["iterative flesch"]
    # 3 - 1.1 x step / 100 is at most 2 from step 91, so at the tenth evaluation.
    assert easy["first_crossing"]["seeds"] == 3
    assert easy["first_crossing"]["steps"]["mean"] == 100
    assert easy["strict"]["least"] == pytest.approx(0.9)
    assert list(easy["strict"]["budgets"]) == ["80%", "90%", "100%"]
    random = rows_of(compare_runs(runs))["random"]
    assert random["first_crossing"]["seeds"] == 2  # one ends above its own mean
    assert random["first_crossing"]["steps"]["interval"] is None  # of those that did alone


def test_no_crossing_is_before_the_first_step_or_beyond_the_last():
    """Student's interval of two steps that are far apart is wider than the budget."""
    runs = [
        Run(Path(), {"steps": 100, "tokens_seen": 1000}, "loss", (Point(at, 10 * at, 1.0),))
        for at in (10, 90)
    ]
    found = _first_crossings(runs, target=1.0)
    assert found["steps"] == {"mean": 50, "interval": [0, 100], "n": 2}
    assert found["tokens"]["interval"] == [0, 1000] and found["share_of_budget"]["mean"] == 0.5


def test_the_bill_is_beside_the_tokens(runs):
    easy = rows_of(compare_runs(runs))["iterative flesch"]
    assert easy["bill"]["mean"] == 150_000 and easy["bill_ratio"]["mean"] == pytest.approx(1.5)
    assert easy["unique_tokens"]["mean"] == 50_000 and easy["seconds"]["mean"] == 65.0


def test_a_saving_has_its_bill(runs):
    """Nine tenths of the steps, and one and a half times the baseline's whole bill."""
    report = compare_runs(runs)
    there = rows_of(report)["iterative flesch"]["strict"]["budgets"]["90%"]
    assert there["loss"]["mean"] == pytest.approx(1.99)
    assert there["bill_ratio"]["mean"] == pytest.approx(1.5)
    row = next(line for line in markdown(report).splitlines() if "| 90% |" in line)
    assert "1.9900" in row and "| 1.50 |" in row


def test_a_control_at_a_pace_of_its_own_is_told(tmp_path):
    for pace in ("same", "other"):
        runs = [
            write_run(tmp_path / f"random-{pace}", 2.0, **RANDOM),
            write_run(tmp_path / f"easy-{pace}", 2.0, **ITERATIVE),
            write_run(tmp_path / f"control-{pace}", 2.0, **ITERATIVE, control="random"),
        ]
        for run, step in zip(runs[1:], (40, 40 if pace == "same" else 50), strict=True):
            record = json.loads((run / "leaner.json").read_text())
            record["curriculum"]["stages"] = [{"step": 0, "share": 0.5}, {"step": step, "share": 1}]
            (run / "leaner.json").write_text(json.dumps(record))
        warnings = " ".join(compare_runs(runs)["warnings"])
        assert ("a pace of its own" in warnings) is (pace == "other")
        assert ("follow=easy-other" in warnings) is (pace == "other")
        assert "another learning rate" not in warnings


def test_a_control_at_another_rate_is_told(tmp_path):
    runs = [
        write_run(tmp_path / "random", 2.0, **RANDOM),
        write_run(tmp_path / "easy", 2.0, **ITERATIVE),
        write_run(tmp_path / "control", 2.0, **ITERATIVE, control="random", learning_rate=2e-3),
    ]
    assert "has another learning rate, 0.002 and not 0.001" in " ".join(
        compare_runs(runs)["warnings"]
    )


def test_what_a_few_seeds_can_find_is_said(runs):
    rows = rows_of(compare_runs(runs))
    # The gaps of the control are .02, 0 and -.02; t(.975) + t(.8) is 5.36 for two degrees.
    assert rows["iterative flesch (random)"]["detectable"] == pytest.approx(
        0.02 / 3**0.5 * 5.363, rel=1e-3
    )
    assert rows["random"]["detectable"] is None


def test_runs_of_other_seeds_are_not_paired(tmp_path):
    runs = [
        write_run(tmp_path / "random", 2.0, 0, **RANDOM),
        write_run(tmp_path / "easy", 1.5, 1, **ITERATIVE),
    ]
    assert rows_of(compare_runs(runs))["iterative flesch"]["verdict"].startswith("no shared seed")


def test_what_is_not_whole_is_said(tmp_path):
    runs = [
        write_run(tmp_path / "random", 2.0, **RANDOM),
        write_run(tmp_path / "easy", 2.0, **{**ITERATIVE, "bill": 0}, share=0.9),
    ]
    warnings = " ".join(compare_runs(runs)["warnings"])
    assert "iterative flesch ended before the whole text" in warnings
    assert "iterative flesch has a reference of unknown cost" in warnings


def test_the_end_counts_where_it_was_not_logged(tmp_path):
    run = write_run(tmp_path / "random", 2.0, steps=95, **RANDOM)
    (row,) = compare_runs([run])["groups"]
    assert row["first_crossing"]["steps"]["mean"] == 95


def test_the_control_of_the_same_options_is_taken(tmp_path):
    def iterative(name, loss, stages, **keys):
        options = {"stages": stages}
        keys = {**ITERATIVE, **keys, "curriculum_options": options}
        return write_run(tmp_path / name, loss, **keys)

    runs = [
        write_run(tmp_path / "random", 2.0, **RANDOM),
        iterative("easy", 1.5, 20),
        iterative("other control", 1.6, 2, control="random"),
    ]
    assert rows_of(compare_runs(runs))["iterative flesch [stages=20]"]["order_alone"]["n"] == 0
    runs.append(iterative("control", 1.8, 20, control="random"))
    row = rows_of(compare_runs(runs))["iterative flesch [stages=20]"]
    assert row["order_alone"]["mean"] == pytest.approx(-0.3)


def test_a_run_without_curriculum_is_a_baseline(tmp_path):
    runs = [write_run(tmp_path / str(seed), 2.0, seed) for seed in range(2)]
    (row,) = compare_runs(runs)["groups"]
    assert row["group"] == "no curriculum" and row["bill"]["mean"] == 100_000
    assert row["unique_tokens"]["mean"] == 70_000


def test_a_followed_pace_is_no_group_of_its_own(tmp_path):
    options = {"stages": 3, "rule": "fixed"}
    runs = [
        write_run(
            tmp_path / str(seed), 2.0, seed, **ITERATIVE, control="random",
            curriculum_options={**options, "advance_at": [5 + seed, 9]},
        )
        for seed in range(2)
    ]  # fmt: skip
    runs.append(write_run(tmp_path / "random", 2.0, **RANDOM))
    rows = rows_of(compare_runs(runs))
    assert rows["iterative flesch (random) [stages=3]"]["seeds"] == [0, 1]


def test_one_seed_can_tell_nothing(tmp_path):
    runs = [
        write_run(tmp_path / "random", 2.0, **RANDOM),
        write_run(tmp_path / "easy", 1.5, **ITERATIVE),
    ]
    report = compare_runs(runs)
    row = rows_of(report)["iterative flesch"]
    assert row["verdict"] == "one seed: cannot tell" and row["p"] is None
    assert any("interval needs three" in warning for warning in report["warnings"])


def test_what_differs_beside_the_curriculum_is_refused(tmp_path):
    first = write_run(tmp_path / "a", 2.0, **RANDOM, size="1M")
    with pytest.raises(UsageError, match="differ in size: '1M' and '3M'"):
        compare_runs([first, write_run(tmp_path / "b", 2.0, **ITERATIVE, size="3M")])
    with pytest.raises(UsageError, match="differ in learning_rate"):
        other = write_run(tmp_path / "c", 2.0, 1, **{**RANDOM, "learning_rate": 0.5}, size="1M")
        compare_runs([first, other])
    with pytest.raises(UsageError, match="are the same run"):
        compare_runs([first, write_run(tmp_path / "d", 2.1, **RANDOM, size="1M")])


def test_a_baseline_has_to_be_there(tmp_path):
    run = write_run(tmp_path / "a", 2.0, **ITERATIVE)
    with pytest.raises(UsageError, match="no runs without a curriculum; there are: iterative"):
        compare_runs([run])
    with pytest.raises(UsageError, match="no runs of the baseline 'sorted'"):
        compare_runs([run], "sorted")
    assert compare_runs([run], "iterative flesch")["baseline"] == "iterative flesch"


def test_a_run_that_is_not_finished_is_named(tmp_path):
    (tmp_path / "half").mkdir()
    with pytest.raises(CheckpointError, match="half is no finished run"):
        compare_runs([tmp_path / "half"])


def test_scores_of_milestones_are_found_by_their_weights(tmp_path, runs):
    folder = tmp_path / "results"
    milestone = runs[0] / "milestones" / "50-steps"
    milestone.mkdir(parents=True)
    (milestone / "model.safetensors").write_text("earlier")
    whole = weights_digest(runs[0])
    for name, digest in (("half", weights_digest(milestone)), ("whole", whole), ("again", whole)):
        path = small_results.write(folder, name, small_results.zero_shot(1.0, 0))
        record = json.loads(path.read_text())
        record["model"]["weights_sha256"] = digest
        path.write_text(json.dumps(record))
    found = compare_runs(runs, results=folder)["milestones"]
    assert [(each["group"], each["milestone"]) for each in found] == [
        ("random", "50-steps"),
        ("random", "end"),
    ]
    assert all(0 < each["score"]["mean"] < 1 and each["score"]["n"] == 1 for each in found)


def test_the_report_is_written_and_quotes_the_paper(tmp_path, runs, capsys):
    place = tmp_path / "results" / "curricula" / "llama-1.5m"
    assert main(["curriculum", "compare", *map(str, runs), "--out", str(place), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert json.loads(Path(f"{place}.json").read_text()) == shown
    text = Path(f"{place}.md").read_text()
    assert "20 % fewer steps" in text and "2501.00522" in text
    row = next(line for line in text.splitlines() if "| `iterative flesch` |" in line)
    assert "1.9000" in row and "| better |" in row
    assert str(tmp_path) not in text + json.dumps(shown)


def test_a_plan_joins_pools_that_only_one_of_two_runs_reads(tmp_path, capsys, monkeypatch):
    """Where stages are long, a run whose loss falls goes to the whole text at once."""
    monkeypatch.chdir(tmp_path)
    keys = (
        "curriculum=iterative", "difficulty=sentence_length", "words=5000", "steps=60", "warmup=4",
        "eval_every=2", "curriculum_options={stages=5, max_steps=16}",
    )  # fmt: skip
    overrides = [word for key in keys for word in ("--set", key)]
    assert main(["curriculum", "plan", "llama-demo", *overrides, "--json"]) == 0
    stages = json.loads(capsys.readouterr().out)["stages"]
    assert [round(each["share"], 1) for each in stages] == [0.2, 0.4, 0.6, 0.8, 1]
    assert [each["steps"] for each in stages] == [16, 16, 16, 0, 12]
    assert [each["steps_at_least"] for each in stages][3] == 2
    assert sum(each["steps_at_least"] for each in stages) == 60


def test_a_plan_is_printed_without_training(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keys = (
        "curriculum=sorted", "difficulty=sentence_length", "words=5000", "steps=40", "warmup=4",
        "curriculum_options={increments=4, full_at=0.5}",
    )  # fmt: skip
    overrides = [word for key in keys for word in ("--set", key)]
    assert main(["curriculum", "plan", "llama-demo", *overrides, "--json"]) == 0
    stages = json.loads(capsys.readouterr().out)["stages"]
    assert [each["steps"] for each in stages] == [5, 5, 5, 5, 20]
    shares = [each["share"] for each in stages]
    assert shares == pytest.approx([0.1, 0.325, 0.55, 0.775, 1], abs=0.06)
    assert not (tmp_path / "runs").exists()
    assert main(["curriculum", "plan", "llama-demo", *overrides]) == 0
    assert "100.0%" in capsys.readouterr().out
    assert main(["curriculum", "plan", "llama-demo"]) == 2
    assert main(["curriculum", "plan", "ngram"]) == 2
    assert "has no curricula" in capsys.readouterr().err


def test_near_budgets_are_told_apart_and_a_trainer_may_have_no_rate(tmp_path):
    runs = [write_run(tmp_path / "random", 2.0, steps=1000, learning_rate=None, **RANDOM)]
    for steps in (997, 1000):
        name = tmp_path / f"easy{steps}"
        runs.append(write_run(name, 1.9, steps=steps, learning_rate=None, **ITERATIVE))
    report = compare_runs(runs)
    assert list(rows_of(report)["iterative flesch"]["strict"]["budgets"]) == ["99.7%", "100%"]
    assert "| `random` | 0 | - |" in markdown(report)
    path = tmp_path / "random" / "leaner.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"data": {"tokens": 70_000}}))
    with pytest.raises(CheckpointError, match="digest"):
        compare_runs(runs)


def test_a_log_of_another_run_is_no_curve_of_this_one(tmp_path):
    """Someone began anew in a finished run's folder: record and log are of two runs."""
    folder = write_run(tmp_path / "one", 2.0)
    assert read_run(folder).loss == 2.0 and learning_curve.log_of(folder) is not None
    (folder / "resume").mkdir()
    with pytest.raises(CheckpointError, match="a run that is not finished"):
        read_run(folder)
    assert learning_curve.log_of(folder) is None
