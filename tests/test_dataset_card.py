"""The card of a data set: a header that YAML reads, counts that add up, nothing that breaks out."""

from __future__ import annotations

import json
import re

import yaml
from hypothesis import given
from hypothesis import strategies as st
from small_llm import running

from leaner_harness.cli import main
from leaner_harness.data.questions import load_questions
from leaner_harness.data.text import read_documents
from leaner_harness.dataset import questions
from leaner_harness.dataset.card import card
from leaner_harness.errors import DataError
from leaner_harness.markdown import cell

ACCOUNT = {
    "in": 4, "kept": 1, "rejected": 1, "failed": 1, "pending": 1,
    "reasons": [{"state": "failed", "reason": "transport|<b>", "count": 1}],
}  # fmt: skip


def manifest(**changes):
    return {
        "settings": {"source": {"sources": ["mini"], "split": "train"}, "licence": "MIT"},
        "rewriter": {"kind": "echo"},
        "documents": ACCOUNT,
        "chunks": ACCOUNT,
        "files": [{"file": "train/wiki0000.jsonl", "split": "train", "rows": 1, "words": 9,
                   "sha256": "0" * 64}],
    } | changes  # fmt: skip


def header(text):
    return yaml.safe_load(text.split("---")[1])


def test_the_header_is_yaml_for_the_hub():
    text = card(manifest())
    assert header(text)["license"] == "MIT"
    assert header(text)["configs"][0]["data_files"] == [{"split": "train", "path": "train/*.jsonl"}]
    odd = manifest(settings={**manifest()["settings"], "licence": 'mine: "yes"\n- no'})
    assert header(card(odd))["license"] == "other"
    assert "transport\\|&lt;b>" in text and "| documents | 4 | 1 | 1 | 1 | 1 |" in text


@given(st.text())
def test_no_text_breaks_out_of_a_cell(text):
    shown = cell(text)
    assert "\n" not in shown and "<" not in shown and "`" not in shown
    assert not re.search(r"(?<!\\)\|", shown)


def test_a_build_writes_its_card(tmp_path, capsys):
    out = tmp_path / "out"
    words = ["build", "pretrain", "mini", "--words", "9000", "--genres", "wiki,code"]
    assert main([*words, "--out", str(out), "--licence", "MIT", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    text = (out / "README.md").read_text()
    assert header(text)["license"] == "MIT"
    for name in ("entropy.svg", "words.svg"):
        assert name in text and (out / name).read_text().startswith("<svg")
    for name in ("documents", "chunks"):
        account = found[name]
        parts = [account[key] for key in ("kept", "rejected", "failed", "pending")]
        assert account["in"] == sum(parts) > 0
    assert found["checks"]["vocabulary"]["mean"] > 0.9
    # It can be trained on, and gone on with.
    assert list(read_documents(str(out), "train", ["wiki"]))
    before = {path: path.read_bytes() for path in out.rglob("*.json*")}
    assert main(["build", "resume", str(out)]) == 0
    assert {path: path.read_bytes() for path in out.rglob("*.json*")} == before
    assert main(["build", "status", str(out), "--json"]) == 0
    assert main(["build", "pretrain", "mini", "--out", str(out)]) == 2
    assert "other settings: licence, source" in capsys.readouterr().err
    assert main(["build", "status", str(tmp_path / "none")]) == 2


HARD = "Photosynthetic organisms utilise chlorophyll. Thermodynamic equilibria necessitate it. "


def test_a_lower_coverage_keeps_more(tmp_path, capsys):
    rows = "".join(json.dumps({"text": HARD * 3 + f"Sample {n} is read."}) + "\n" for n in range(9))
    (tmp_path / "hard.jsonl").write_text(rows)
    words = ["build", "pretrain", str(tmp_path / "hard.jsonl"), "--json"]
    assert main([*words, "--out", str(tmp_path / "strict")]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["documents"]["kept"] == 0 and "lower --coverage" in said.err
    assert main([*words, "--out", str(tmp_path / "lax"), "--coverage", "0.1"]) == 0
    assert json.loads(capsys.readouterr().out)["documents"]["rejected"] < 9


def test_maths_is_not_compared(tmp_path, capsys):
    out = tmp_path / "out"
    words = ["build", "pretrain", "mini", "--words", "3000", "--genres", "math,wiki"]
    assert main([*words, "--out", str(out)]) == 0
    text = (out / "README.md").read_text()
    assert "| math |" not in text and "| wiki |" in text


def test_a_limit_leaves_the_rest_pending(tmp_path, capsys):
    out = tmp_path / "out"
    words = ["build", "instruct", "mini-instruct", "--words", "900", "--out", str(out)]
    assert main([*words, "--limit", "7", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["chunks"]["pending"] == found["chunks"]["in"] - 7 > 0
    assert main(["build", "resume", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["chunks"]["pending"] == 0


def test_a_vocabulary_is_derived(tmp_path, capsys):
    path = tmp_path / "words.txt"
    words = ["build", "vocabulary", "mini", "--words", "5000", "--size", "100"]
    assert main([*words, "--out", str(path)]) == 0
    lemmas = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert len(lemmas) == 100 and "the" in lemmas
    out = tmp_path / "out"
    build = ["build", "pretrain", "mini", "--words", "3000", "--genres", "web", "--out", str(out)]
    assert main([*build, "--vocabulary", str(path), "--json"]) == 0
    capsys.readouterr()


def test_questions_are_asked_of_a_model(tmp_path, capsys):
    with running(tmp_path) as server:
        words = [
            "build", "questions", "--model", "openai:m", "--wanted", "60", "--examples",
            str(tmp_path / "examples.txt"), "--model-args", f"base_url={server.root}/v1",
            "--out", str(tmp_path / "out"), "--json",
        ]  # fmt: skip
        (tmp_path / "examples.txt").write_text("fault=questions Why do cows eat grass?\n")
        assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    counts = found["questions"]
    assert counts["kept"] >= 60 and counts["read"] == sum(counts.values()) - counts["read"]
    assert load_questions(folder=str(tmp_path / "out")).state == "ok"
    assert main(["build", "questions", "--model", "echo", "--out", str(tmp_path / "x")]) == 2
    assert "writes no questions" in capsys.readouterr().err


def test_mistakes_are_named_before_a_question_is_paid_for(tmp_path, capsys):
    words = ["build", "questions", "--model", "openai:m", "--model-args", "max_requests=0"]
    (tmp_path / "latin.txt").write_bytes("Où est le chat ?".encode("latin-1"))
    latin = ["--examples", str(tmp_path / "latin.txt"), "--out", str(tmp_path / "new")]
    assert main([*words, *latin]) == 3 and "no text in UTF-8" in capsys.readouterr().err
    assert main([*words, "--out", str(tmp_path)]) == 3
    assert "is there already" in capsys.readouterr().err


def test_questions_are_held_against_instructions_without_the_words_around_them(
    tmp_path, monkeypatch
):
    given = []

    def make(engine, examples, instructions, settings):
        given.extend(instructions)
        raise DataError("enough")

    monkeypatch.setattr(questions, "make", make)
    assert main(["build", "questions", "--model", "openai:m", "--out", str(tmp_path / "x")]) == 3
    assert len(given) > 500 and not any("###" in text or "RESPONSE" in text for text in given)
