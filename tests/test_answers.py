"""LEANER-Eval from a run of lm_eval to the board: results, their check, comparisons, pages."""

from __future__ import annotations

import gzip
import json
import shutil

import numpy as np
import pytest
import small_boards
import tiny_llama
from small_llm import KEY, running
from small_tasks import manager

import leaner_harness.lm_eval_plugin  # noqa: F401  tasks and model types
from leaner_harness import results
from leaner_harness.cli import main
from leaner_harness.compare import compare
from leaner_harness.errors import ResultError
from leaner_harness.from_lm_eval.make import make
from leaner_harness.judge import verb
from leaner_harness.judge.opening import Opened
from leaner_harness.judge.samples import digest, read_samples, summary_place
from leaner_harness.judge.verdicts import DIMENSIONS, Verdict
from leaner_harness.results import answer_scores, recompute
from leaner_harness.results.answer_scores import TASK

COUNT = 96


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def run_lm_eval(folder, limit=None, **metadata):
    """What `lm_eval --output_path FOLDER --log_samples` writes, of a model that says `lol`."""
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker

    tracker = EvaluationTracker(output_path=str(folder))
    output = simple_evaluate(
        model="dummy",
        tasks=["leaner_eval_mini"],
        task_manager=manager(**metadata),
        limit=limit,
        evaluation_tracker=tracker,
    )
    samples = output.pop("samples")
    tracker.save_results_aggregated(results=output, samples=samples)
    tracker.save_results_samples("leaner_eval_mini", samples["leaner_eval_mini"])
    return folder


@pytest.fixture(scope="module")
def unjudged(tmp_path_factory):
    return run_lm_eval(tmp_path_factory.mktemp("unjudged"))


def file(folder, results_folder, **options):
    result, samples = make(folder, **options)
    return results.write(result, samples, results_folder, replace=False)


def test_without_a_judge_a_result_has_checks_and_no_mean(unjudged, tmp_path):
    path = file(unjudged, tmp_path, model="tiny")
    assert path == tmp_path / "leaner_eval_mini" / "tiny" / "checks-questions.json"
    record = results.read(path).record
    assert record["mean"] == {} and record["judge"] is None and record["missing"] == []
    task = record["tasks"][TASK]
    assert task["n"] == COUNT and task["metrics"]["well_formed"] == 0 and "sum" not in task
    assert (
        task["intervals"]["empty"] == [0, 0]
        and sum(k["n"] for k in task["kinds"].values()) == COUNT
    )
    assert record["data"]["synthetic"] and record["data"]["split"] == "questions"
    recompute.verify(results.read(path), tmp_path)
    samples = gzip.open(path.with_name(record["samples"]["file"]), "rt").read()
    assert "lol" not in samples and "?" not in samples  # no text


def test_answers_that_were_cut_are_refused(unjudged, tmp_path):
    folder = shutil.copytree(unjudged, tmp_path / "out")
    path = next(folder.rglob("samples_*.jsonl"))
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-7]))
    with pytest.raises(ResultError, match=f"{COUNT - 7} samples; lm_eval scored {COUNT}"):
        make(folder, model="tiny")


def test_a_judge_in_the_run_makes_a_mean(server, tmp_path):
    arguments = {"base_url": f"{server.root}/v1"}
    folder = run_lm_eval(tmp_path / "out", leaner_judge="openai:m1", leaner_judge_args=arguments)
    path = file(folder, tmp_path / "results", model="tiny")
    assert path.name == "judged-openai-m1-questions.json"
    record = results.read(path).record
    assert record["mean"]["sum"] == {"value": 9, "interval": [9, 9]}
    assert record["tasks"][TASK]["states"] == {"ok": COUNT}
    judge = record["judge"]
    assert judge["card"] is None and judge["fingerprint"]["models_seen"] == ["test-model-v1"]
    text = path.read_text()
    assert KEY not in text and server.root not in text  # nor where the server is
    recompute.verify(results.read(path), tmp_path / "results")
    page = small_boards.markdown(tmp_path / "results")
    assert "| 9.00 [9.00, 9.00] | 100.0% | uncalibrated |" in page
    assert "## leaner_eval_mini, judged-openai-m1" in page


def test_grades_that_came_later_are_taken(server, unjudged, tmp_path, monkeypatch):
    folder = shutil.copytree(unjudged, tmp_path / "out")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.root}/v1")
    assert main(["judge", str(folder), "--judge", "openai:m2"]) == 0
    record = results.read(file(folder, tmp_path / "results", model="tiny")).record
    assert record["mean"]["sum"]["value"] == 9
    assert record["judge"]["fingerprint"]["model"] == "m2"
    # Of another judge, or of other answers, they are refused.
    (verdicts,) = folder.rglob("judged_*.jsonl")
    known = verdicts.read_text()
    verdicts.write_text(known.replace('"grammar": 3', '"grammar": 4'))
    with pytest.raises(ResultError, match="are not of one run of a judge"):
        make(folder, model="tiny")
    verdicts.write_text(known)
    (samples,) = folder.rglob("samples_*.jsonl")
    samples.write_text(samples.read_text().replace("lol", "lot"))
    with pytest.raises(ResultError, match="grades other answers"):
        make(folder, model="tiny")


def test_too_little_judged_makes_no_mean(server, unjudged, tmp_path, capsys):
    folder = shutil.copytree(unjudged, tmp_path / "out")
    url = f"{server.root}/v1"
    words = ["--judge", "openai:m3", "--base-url", url, "--max-requests", "60"]
    assert main(["judge", str(folder), *words]) == 6
    path = file(folder, tmp_path / "results", model="tiny")
    record = results.read(path).record
    assert record["mean"] == {} and record["missing"] == ["grades of 98 % of the answers"]
    task = record["tasks"][TASK]
    assert task["states"] == {"ok": 60, "skipped_budget": 36}
    assert task["metrics"]["sum"] == 9 and task["metrics"]["coverage"] == 60 / COUNT
    assert task["bounds"]["sum"] == [9 * 60 / COUNT, (9 * 60 + 15 * 36) / COUNT]
    recompute.verify(results.read(path), tmp_path / "results")
    assert "incomplete (5.62 to 11.25)" in small_boards.markdown(tmp_path / "results")
    capsys.readouterr()
    assert main(["results", "show", "--results", str(tmp_path / "results")]) == 0
    shown = capsys.readouterr().out
    assert "INCOMPLETE" in shown and "62.5%" in shown and "skipped_budget 36" in shown


@pytest.mark.parametrize("judge", ["surface"])
def test_a_scale_of_its_own_is_on_no_board(unjudged, tmp_path, judge):
    folder = shutil.copytree(unjudged, tmp_path / "out")
    assert main(["judge", str(folder), "--judge", judge]) == 0
    with pytest.raises(ResultError, match="another scale"):
        make(folder, model="tiny")


def test_a_part_of_the_questions_makes_no_result(tmp_path):
    with pytest.raises(ResultError, match="4 of 96 rows"):
        make(run_lm_eval(tmp_path, limit=4), model="tiny")


@pytest.mark.parametrize("other", ["leaner_eval", "leaner_glue_mini_cola"])
def test_no_board_of_a_run_is_left_out_in_silence(unjudged, tmp_path, other):
    folder = shutil.copytree(unjudged, tmp_path / "out")
    (path,) = folder.rglob("results_*.json")
    output = json.loads(path.read_text())
    output["configs"][other] = output["configs"]["leaner_eval_mini"]
    path.write_text(json.dumps(output))
    with pytest.raises(ResultError, match=f"and {other}|leaner_eval and leaner_eval_mini") as found:
        make(folder, model="tiny")
    assert "once for each" in found.value.cure
    output["configs"]["arc_easy"] = output["configs"].pop(other)  # that is nobody's business
    path.write_text(json.dumps(output))
    assert make(folder, model="tiny")[1]


def test_a_changed_grade_is_found(server, unjudged, tmp_path):
    path = file(unjudged, tmp_path, model="tiny")
    record = json.loads(path.read_text())
    record["tasks"][TASK]["kinds"]["why"]["metrics"]["own_words"] -= 0.01
    path.write_text(json.dumps(record))
    with pytest.raises(ResultError, match="kinds why metrics own_words"):
        recompute.verify(results.read(path), tmp_path)


def judged(folder, name, grade, template):
    """A result in which the answers' grades are what `grade` says of a number."""
    record = json.loads(template.read_text())
    samples = list(results.read_samples(template.with_name(record["samples"]["file"])))
    for number, sample in enumerate(samples):
        grades = grade(number)
        sample |= {"state": "ok" if grades else "refused", "grades": {}}
        if grades:
            sample["grades"] = dict(zip(DIMENSIONS, grades, strict=True))
    tasks, mean = answer_scores.score(samples)
    record["tasks"][TASK] |= tasks[TASK]
    record |= {"mean": mean, "judge": {"fingerprint": {"kind": "test"}, "card": None}}
    record["model"]["name"] = name
    record["run"] = "judged-test-questions"
    return results.write(results.Result(record), samples, folder, replace=False)


def test_runs_are_compared_question_by_question(unjudged, tmp_path, capsys):
    template = file(unjudged, tmp_path / "template", model="tiny")
    draw = np.random.default_rng(0)
    noise = draw.integers(0, 3, size=(COUNT, 3))
    folder = tmp_path / "results"
    good = judged(folder, "good", lambda n: tuple(int(v) for v in noise[n] + 2), template)
    poor = judged(folder, "poor", lambda n: tuple(int(v) for v in noise[n] + n % 2), template)
    like = judged(
        folder, "like", lambda n: tuple(int(v) for v in noise[(n + 1) % COUNT] + 2), template
    )
    found = {(c["a"], c["b"], c["task"]): c for c in compare([good, poor, like])["comparisons"]}
    whole = found["good", "poor", "sum"]
    assert whole["verdict"] == "A better" and whole["difference"] == pytest.approx(4.5, abs=0.2)
    low, high = whole["interval"]
    assert low < whole["difference"] < high and whole["test"] == "permutation"
    assert found["good", "like", "sum"]["verdict"] == "cannot tell"
    assert found["good", "poor", "sum, why"]["metric"] == "sum"
    assert len(found) == 3 * (4 + 12)
    assert main(["compare", str(good), str(poor)]) == 0
    caught = capsys.readouterr()
    assert "sum, safety" in caught.out and "Few questions" in caught.err


def test_what_one_of_them_lacks_is_compared_on_the_rest(unjudged, tmp_path):
    template = file(unjudged, tmp_path / "template", model="tiny")
    folder = tmp_path / "results"
    one = judged(folder, "one", lambda n: (n % 6, 1, 1) if n else None, template)
    two = judged(folder, "two", lambda n: (n % 6, 1, 1) if n != 1 else None, template)
    found = {c["task"]: c for c in compare([one, two])["comparisons"]}
    assert found["grammar"]["difference"] == 0 and found["grammar"]["p"] == 1
    assert found["sum"]["scores"][0] == found["sum"]["scores"][1]


def test_where_nothing_was_graded_everything_says_so(unjudged, tmp_path, capsys):
    template = file(unjudged, tmp_path / "template", model="tiny")
    folder = tmp_path / "results"
    none = judged(folder, "none", lambda n: None, template)
    some = judged(folder, "some", lambda n: (n % 6, 1, 1) if n % 2 else None, template)
    recompute.verify(results.read(none), folder)
    record = results.read(none).record
    assert record["mean"] == {} and record["tasks"][TASK]["bounds"]["sum"] == [0, 15]
    assert "sum" not in record["tasks"][TASK]["metrics"]
    assert "incomplete (0.00 to 15.00)" in small_boards.markdown(folder)
    for pair in ((none, some), (some, none)):
        found = compare(pair)
        assert not found["comparisons"]
        assert "none: 0.0 % of the answers have grades" in " ".join(found["warnings"])
    assert main(["compare", str(none), str(some)]) == 0
    assert main(["results", "show", str(none)]) == 0
    caught = capsys.readouterr()
    assert "INCOMPLETE" in caught.out and "some: 50.0 % of the answers" in caught.err


def test_runs_of_two_judges_share_no_table(server, unjudged, tmp_path, monkeypatch):
    folder = shutil.copytree(unjudged, tmp_path / "out")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.root}/v1")
    paths = []
    for judge in ("m4", "m5"):
        assert main(["judge", str(folder), "--judge", f"openai:{judge}"]) == 0
        paths.append(file(folder, tmp_path / "results", model="tiny"))
    assert len(set(paths)) == 2
    with pytest.raises(ResultError, match="differ in protocol"):
        compare(paths)
    assert small_boards.markdown(tmp_path / "results").count("## leaner_eval_mini") == 2


def test_like_names_are_not_one_judge_nor_are_two_kinds_of_grades(unjudged, tmp_path):
    """Models served from folders of one name; digits whose chances a server tells, or not."""
    (samples,) = unjudged.rglob("samples_*.jsonl")
    folder = shutil.copytree(unjudged, tmp_path / "out")
    (place,) = (path.parent for path in folder.rglob("samples_*.jsonl"))
    summary = place / summary_place(samples).name
    rankings = set()
    for model, by in (("/a/final", "digits"), ("/b/final", "digits"), ("/b/final", "integers")):
        opened = Opened(Fixed({"kind": "openai", "model": model}, by), None)
        verb.write(read_samples(samples), opened, summary, digest(samples))
        result, _ = make(folder, model="tiny")
        assert "/a" not in json.dumps(result.record) and "/b" not in json.dumps(result.record)
        assert result.path.stem == "judged-openai-final-questions"
        rankings.add(result.ranking)
    assert len(rankings) == 3


class Fixed:
    """Gives every answer the same grades."""

    def __init__(self, fingerprint, by):
        self.fingerprint, self._by = fingerprint, by

    def judge(self, items):
        return (Verdict(i.id, "ok", dict.fromkeys(DIMENSIONS, 3), by=self._by) for i in items)


def test_checks_are_compared_where_nobody_graded(unjudged, tmp_path):
    one = file(unjudged, tmp_path, model="one")
    two = file(unjudged, tmp_path, model="two")
    found = compare([one, two])["comparisons"]
    assert [c["task"] for c in found][-1] == "empty" and {c["p"] for c in found} == {1.0}


def test_the_short_way_judges_too_and_says_when_it_could_not(server, tmp_path, capsys):
    model = tiny_llama.save(tmp_path / "tiny", context=256)
    words = ["evaluate", str(model), "--tasks", "leaner_eval_mini", "--batch-size", "96"]
    words += ["--model-args", "max_length=128", "--results", str(tmp_path / "results")]
    words += ["--output", str(tmp_path / "out"), "--judge", "openai:m6"]
    arguments = f"base_url={server.root}/v1"
    assert main([*words, "--judge-args", f"{arguments},max_requests=30"]) == 6
    caught = capsys.readouterr()
    assert "less than 98 %" in caught.err and "INCOMPLETE" in caught.out
    assert f"leaner judge {tmp_path / 'out'} --judge openai:m6" in caught.err
    # As it says: no answer is asked for again, and no grade twice.
    again = ["judge", str(tmp_path / "out"), "--judge", "openai:m6", "--json"]
    assert main([*again, "--base-url", f"{server.root}/v1"]) == 0
    ((_, report),) = json.loads(capsys.readouterr().out).items()
    assert report["cached"] == 30 and report["calls"] + 30 == report["states"]["ok"]
    filed = ["results", "add", str(tmp_path / "out"), "--replace"]
    assert main([*filed, "--results", str(tmp_path / "results")]) == 0
    (path,) = (tmp_path / "results").glob("*/*/*.json")
    assert results.read(path).record["mean"]["sum"]["value"] > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--tasks", "leaner_glue_mini", "--judge", "surface"), "There is nothing to judge"),
        (("--tasks", "leaner_eval_mini", "--split", "test"), "has no splits"),
        (("--tasks", "leaner_eval_mini", "--judge-args", "n=3"), "name it with --judge"),
        (("--tasks", "leaner_eval_mini", "--protocol", "quick"), "--protocol zero-shot"),
    ],
)
def test_options_that_would_do_nothing_are_refused(tmp_path, words, message, capsys):
    assert main(["evaluate", str(tmp_path), *words]) == 2
    assert message in capsys.readouterr().err
