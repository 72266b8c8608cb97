"""`leaner judge`: from lm_eval's samples to grades, with a real server and a real local model."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import ClassVar

import pytest
import tiny_llama
from processes import ended
from small_llm import KEY, running

from leaner_harness.cli import main
from leaner_harness.data.questions import mini_questions
from leaner_harness.errors import PluginError
from leaner_harness.files import sha256_file
from leaner_harness.judge import ballots, rubric, verb
from leaner_harness.judge import planted as planted_module
from leaner_harness.judge.opening import Opened, open_judge
from leaner_harness.judge.samples import Answered
from leaner_harness.judge.verdicts import Item, Verdict


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def samples(folder, *answers, kind="what"):
    """A file as lm_eval writes it, one sample an answer, `fault=` in it or not."""
    path = folder / "samples_leaner_eval_mini_2026-01-01T00-00-00.000001.jsonl"
    rows = [
        {
            "doc": {"id": f"q{number}", "question": f"What is {number}? {fault}", "kind": kind},
            "filtered_resps": [answer],
        }
        for number, (answer, fault) in enumerate(answers)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


GOOD = ("It is a number.", "fault=grades")


def judge(*words):
    return main(["judge", *map(str, words)])


def test_answers_are_graded_and_filed(tmp_path, server, capsys):
    path = samples(tmp_path, *[GOOD] * 3, ("", "fault=grades"))
    url = f"{server.root}/v1"
    assert judge(tmp_path, "--judge", "openai:test-model", "--base-url", url) == 0
    shown = capsys.readouterr().out
    assert "100.0%" in shown and "uncalibrated" in shown and "4.50" in shown  # (3 x 6 + 0) / 4
    report = json.loads((tmp_path / path.name.replace("samples", "judged")[:-1]).read_text())
    assert report["states"] == {"ok": 3, "rule": 1} and report["coverage"] == 1
    assert report["means"] == {"grammar": 2.25, "coherence": 1.5, "specificity": 0.75, "sum": 4.5}
    assert report["judge"]["models_seen"] == ["test-model-v1"] and report["calls"] == 3
    rows = [json.loads(line) for line in (tmp_path / report["verdicts"]).read_text().splitlines()]
    assert sorted(row["id"] for row in rows) == ["q0", "q1", "q2", "q3"]
    assert "It is a number" not in json.dumps([report, rows])  # grades, no texts
    assert not list(tmp_path.glob("*.part"))
    # Once more: nothing is asked.
    assert judge(path, "--judge", "openai:test-model", "--base-url", url, "--json") == 0
    (again,) = json.loads(capsys.readouterr().out).values()
    assert again["calls"] == 0 and again["cached"] == 3 and again["means"] == report["means"]


def test_each_file_s_account_is_its_own(tmp_path, server, capsys):
    """One engine judges all, for its limits hold for all together."""
    paths = [samples(tmp_path / name, *[(f"{name} is.", "fault=grades")] * 2) for name in "ab"]
    url = f"{server.root}/v1"
    assert judge(*paths, "--judge", "openai:m", "--base-url", url, "--json") == 0
    found = json.loads(capsys.readouterr().out).values()
    assert [each["calls"] for each in found] == [2, 2]


def test_too_little_judged_is_said_by_the_exit_code(tmp_path, server, capsys):
    path = samples(tmp_path, GOOD, ("Yes.", "fault=refusal"), ("No.", "fault=range"))
    words = ("--judge", "openai:m2", "--base-url", f"{server.root}/v1")
    assert judge(path, *words) == 6
    caught = capsys.readouterr()
    assert "33.3%" in caught.out and "INCOMPLETE" in caught.out and "less than 98 %" in caught.err
    report = json.loads(next(tmp_path.glob("judged_*.json")).read_text())
    assert report["states"] == {"ok": 1, "refused": 1, "unparsable": 1} and not report["complete"]
    assert report["bounds"]["sum"] == [2, 12]


def test_several_models_can_share_their_prompts(tmp_path, server, capsys):
    first = samples(tmp_path / "one", ("It is.", "fault=first-best"), ("", ""))
    second = samples(tmp_path / "two", ("It was.", "fault=first-best"), ("Yes.", ""))
    words = ("--judge", "openai:m5", "--base-url", f"{server.root}/v1", "--mode", "paper")
    words += ("--prices", "1/2", "--judge-args", "n=3,digits=true")
    out = tmp_path / "both-1.5m"
    assert judge(first, second, *words, "--dry-run") == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["answers"], planned["calls"], planned["cached"]) == (4, 3, 0)
    assert planned["cost_at_most"] == pytest.approx(
        (planned["prompt_tokens"] + 2 * planned["completion_tokens_at_most"]) / 1e6
    )
    assert planned["prompt_tokens"] > 3 * 300 and planned["completion_tokens_at_most"] == 480
    assert judge(tmp_path / "one", second, *words, "--out", out) == 0
    shown = capsys.readouterr().out
    # The first place has 15, the other 6.
    assert "Listwise" in shown and "+4.50" in shown.replace("\n", "")
    found = json.loads((tmp_path / "both-1.5m.json").read_text())
    assert found["models"][str(tmp_path / "one")]["states"] == {"ok": 1, "rule": 1}
    asked = found["judge"]
    assert asked["mode"] == "paper" and found["calls"] == 3 == planned["calls"]
    # What was asked: once, and not in the words of the other mode.
    assert (asked["samples"], asked["digits"], asked["sampling"]) == (1, False, {"temperature": 0})
    assert asked["prompt_sha256"] == ballots.prompt_digest() != rubric.prompt_digest()
    second.write_text(second.read_text() * 2)
    assert judge(first, second, *words) == 2
    assert "'q0' stands on two samples" in capsys.readouterr().err


def test_a_result_of_lm_eval_names_its_samples(tmp_path, capsys):
    path = samples(tmp_path, GOOD)
    older = tmp_path / path.name.replace("2026", "2025")
    older.write_text(path.read_text() * 2)
    result = tmp_path / older.name.replace("samples_leaner_eval_mini", "results").replace("l.", ".")
    result = result.with_suffix(".json")
    result.write_text("{}")
    assert judge(result, "--judge", "surface") == 2  # the same id twice: it is the older one
    assert "stands on two samples" in capsys.readouterr().err
    assert judge(tmp_path, "--judge", "surface", "--json") == 0
    ((name, found),) = json.loads(capsys.readouterr().out).items()
    assert name == str(path) and found["means"]["finished"] == 1 and "sum" not in found["means"]


def test_a_dry_run_asks_nothing(tmp_path, server, capsys):
    path = samples(tmp_path, *[GOOD] * 5, (" ", ""))
    before = sum(server.report()["asked"].values())
    words = ("--judge", "openai:m3", "--base-url", f"{server.root}/v1", "--prices", "1/2")
    assert judge(path, *words, "--dry-run") == 0
    (found,) = json.loads(capsys.readouterr().out).values()
    assert (found["answers"], found["rule"], found["calls"]) == (6, 1, 5)
    assert found["cost_at_most"] == pytest.approx(
        (found["prompt_tokens"] + 2 * found["completion_tokens_at_most"]) / 1e6
    )
    assert sum(server.report()["asked"].values()) == before
    assert not list(tmp_path.glob("judged_*"))


def test_a_model_on_this_machine_grades_the_same_every_time(tmp_path, capsys):
    model = tiny_llama.save(tmp_path / "model", context=2048)
    path = samples(tmp_path / "out", *[GOOD] * 2, ("", ""))
    reports = []
    for _ in range(2):
        assert judge(path, "--judge", f"hf:{model}", "--json") == 0
        reports.append(json.loads(capsys.readouterr().out))
    assert reports[0] == reports[1]
    (report,) = reports[0].values()
    assert report["judge"]["kind"] == "hf" and 0 < report["means"]["grammar"] < 5
    assert str(tmp_path) not in json.dumps(report)


def test_a_judge_is_checked_and_a_poor_one_fails(tmp_path, server, monkeypatch, capsys):
    """Random weights grade nothing in order."""
    monkeypatch.chdir(tmp_path)
    words = ("check", "--judge", "openai:same", "--base-url", f"{server.root}/v1")
    assert judge(*words, "--dry-run") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["answers"] > 1600 and found["rule"] == 96 and found["calls"] > 1500 + 288
    model = tiny_llama.save(tmp_path / "model", context=3000)
    monkeypatch.setattr(planted_module, "mini_questions", lambda: mini_questions()[::32])
    assert judge("check", "--judge", f"hf:{model}", "--out", tmp_path / "card") == 6
    caught = capsys.readouterr()
    assert "fails its card" in caught.err and "FAILS" in caught.out
    card = json.loads((tmp_path / "card.json").read_text())
    assert not card["passed"] and card["coverage"] == 1 and card["judge"]["kind"] == "hf"
    page = (tmp_path / "card.md").read_text()
    assert "| gold | shuffled | grammar |" in page and "No agreement with people" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "No judge is set"),
        (("--judge", "opnai:x"), "Did you mean 'openai'"),
        (("--judge", "openai"), "needs to know which: openai:MODEL"),
        (("--judge", "hf"), "needs to know which: hf:PATH"),
        (("--judge", "openai:x", "--base-url", "localhost"), "must begin with http"),
        (("--judge", "openai:x", "--base-url", "http://me:word@h/v1"), "would be written down"),
        (("--judge", "openai:x", "--base-url", "http:///v1"), "and name a server"),
        (("--judge", "openai:x", "--base-url", "http://a:b/v1"), "and name a server"),
        (("--judge", "openai:x", "--prices", "cheap"), "must be two numbers"),
        (("--judge", "openai:x", "--prices=-1/2"), "must be numbers, and not below 0"),
        (("--judge", "openai:x", "--timeout", "nan"), "must be a number"),
        (("--judge", "openai:x", "--max-requests", "-1"), "a whole number from 0 up"),
        (("--judge", "openai:x", "--judge-args", "concurrency=many"), "number from 1 up"),
        (("--judge", "openai:x", "--judge-args", "retries=1.5"), "number from 0 up"),
        (("--judge", "openai:x", "--judge-args", "key_variable=3"), "must be a text"),
        (("--judge", "openai:x", "--judge-args", "digits=no"), "must be true or false"),
        (("--judge", "openai:x", "--judge-args", "m=3"), "argument of the judge 'openai' 'm'"),
        (("--judge", "openai:x", "--judge-args", "n=0"), "must be a whole number from 1 up"),
        (("--judge", "surface", "--timeout", "3"), "argument of the judge 'surface' 'timeout'"),
        (("--judge", "surface", "--mode", "paper"), "grades answers alone"),
        (("--judge", "openai:x", "--mode", "paper"), "1 models cannot be judged"),
        (("--judge", "openai:x", "--max-cost", "1"), "max_cost needs prices"),
    ],
)
def test_wrong_options_are_named(tmp_path, words, message, capsys):
    path = samples(tmp_path, GOOD)
    assert judge(path, *words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["answers.jsonl", "samples.jsonl", "my_samples_1.jsonl"])
def test_samples_are_never_written_over(tmp_path, name):
    path = samples(tmp_path, GOOD).rename(tmp_path / name)
    before = path.read_bytes()
    assert judge(path, "--judge", "surface") == 0
    assert path.read_bytes() == before and list(tmp_path.glob("judged_*.json"))
    assert judge(path, "--judge", "surface", "--out", path.with_suffix("")) == 2
    assert judge(path, "--judge", "surface", "--out", path.with_suffix(".json")) == 2
    assert path.read_bytes() == before


def test_letters_that_no_file_can_hold_end_no_run(tmp_path):
    rows = [
        {"doc": {"id": f"q{text}", "question": text, "kind": text}, "filtered_resps": [text]}
        for text in ("\ud800", "\0", '{}"}]', "\u200b", "a" * 100_000)
    ]
    path = tmp_path / "samples_leaner_eval_1.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert judge(path, "--judge", "surface") == 0
    written = (tmp_path / "judged_leaner_eval_1.jsonl").read_text().splitlines()
    assert len({json.loads(line)["id"] for line in written}) == len(rows)


def test_a_stopped_run_leaves_what_was_there(tmp_path):
    opened, place = open_judge("surface", {}), tmp_path / "judged.json"
    answers = [Answered(Item(str(n), "Why?", "So."), "why") for n in range(3)]
    verb.write(answers, opened, place, "")

    def stopped():
        yield answers[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verb.write(stopped(), opened, place, "")
    assert {each.name for each in tmp_path.iterdir()} == {"judged.json", "judged.jsonl"}
    report = json.loads(place.read_text())
    assert report["verdicts_sha256"] == sha256_file(tmp_path / "judged.jsonl")


@pytest.mark.parametrize(
    ("give", "message"),
    [
        (lambda items: list(items)[1:], "no verdict on 1 answers: '0'"),
        (lambda items: [*items, Item("7", "", "")], "'7', which was not asked"),
    ],
)
def test_a_judge_that_loses_an_answer_is_refused(give, message):
    class Loses:
        fingerprint: ClassVar = {"kind": "test"}

        def judge(self, items):
            return (Verdict(item.id, "refused") for item in give(items))

    answers = [Answered(Item(str(n), "Why?", "So."), "why") for n in range(3)]
    with pytest.raises(PluginError, match=message):
        list(verb.judge(answers, Opened(Loses(), None)))


def test_what_are_no_samples_is_named(tmp_path, capsys):
    assert judge(tmp_path, "--judge", "hf:x") in (3, 5)
    model = tiny_llama.save(tmp_path / "model", context=2048)
    assert judge(tmp_path, "--judge", f"hf:{model}") == 3
    assert "no samples of LEANER-Eval" in capsys.readouterr().err
    (tmp_path / "samples_leaner_eval_1.jsonl").write_text('{"doc": {}}\n')
    assert judge(tmp_path, "--judge", f"hf:{model}") == 3
    assert "is no sample" in capsys.readouterr().err
    (tmp_path / "samples_leaner_eval_1.jsonl").write_text("")
    assert judge(tmp_path, "--judge", f"hf:{model}") == 3
    assert "holds no answers" in capsys.readouterr().err


def test_the_key_is_nowhere(tmp_path, server, monkeypatch):
    """Not in what is printed, written, cached, nor in the process list while it is used."""
    home = tmp_path / "home"
    path = samples(tmp_path / "out", GOOD, ("Yes.", "fault=echo-key"), ("No.", "fault=401"))
    command = [
        sys.executable, "-m", "leaner_harness.cli", "judge", str(path), "--judge", "openai:secret",
        "--base-url", f"{server.root}/v1",
    ]  # fmt: skip
    monkeypatch.setenv("LEANER_HOME", str(home))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with ended(subprocess.Popen(command, **pipes)) as process:
        listing = subprocess.run(["ps", "-eo", "args", "ww"], capture_output=True, text=True).stdout
        said = "".join(process.communicate(timeout=120))
    assert process.returncode == 6, said
    assert "openai:secret" in listing and KEY not in listing + said
    written = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert any(each.name == "replies.sqlite" for each in written) and len(written) >= 3
    for each in written:
        assert KEY.encode() not in each.read_bytes(), each
