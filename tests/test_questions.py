"""The questions of LEANER-Eval: embedded, published, or missing with a reason."""

from __future__ import annotations

import json
import re
from collections import Counter

from leaner_harness.data.questions import BINS, load_questions, mini_questions
from leaner_harness.judge.surface import check


def write(folder, **files):
    folder.mkdir(parents=True)
    for kind in BINS:
        rows = files.get(kind.replace("-", "_"), [f"What is {kind}?"])
        lines = [json.dumps({"question": row, "source": "x"}) for row in rows]
        (folder / f"{kind}.jsonl").write_text("\n".join(lines) + "\n")


def test_the_embedded_questions_are_many_and_of_many_kinds():
    rows = mini_questions()
    assert len(rows) >= 80 and len({row["question"] for row in rows}) == len(rows)
    assert set(Counter(row["kind"] for row in rows).values()) == {8}
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        checks = check(row["question"], row["gold"])
        assert checks["finished"] == checks["well_formed"] == 1 and checks["own_words"] > 0.1, row


def test_the_embedded_questions_come_mixed_and_are_told_apart():
    found = load_questions("mini")
    record = found.record()
    assert record["synthetic"] and record["source"] == "mini" and record["rows"] == 96
    assert len({row.kind for row in found.rows[:24]}) >= 8
    assert [row.id for row in found.rows] == [row.id for row in load_questions("mini").rows]
    shown = json.dumps(record, ensure_ascii=False)
    assert not any(row["question"] in shown for row in mini_questions())


def test_a_folder_in_the_published_layout_is_read(tmp_path, monkeypatch):
    write(tmp_path / "data" / "leaner" / "eval", split_0_7=["Why?", "How?"])
    for found in (load_questions(folder=str(tmp_path)), load_questions(folder=str(tmp_path))):
        assert found.state == "ok" and found.source == "local"
        assert found.record()["kinds"]["split-0-7"] == 2 and len(found.rows) == 5
    monkeypatch.setenv("LEANER_DATA", str(tmp_path / "data" / "leaner" / "eval"))
    assert len(load_questions().rows) == 5
    other = write(tmp_path / "other" / "eval", split_0_7=["Why?", "Who?"])
    assert other is None
    digest = load_questions(folder=str(tmp_path / "other")).record()["fingerprint"]
    assert digest != found.record()["fingerprint"]


def test_what_cannot_be_asked_has_a_reason(tmp_path, monkeypatch):
    found = load_questions(folder=str(tmp_path))
    assert found.state == "missing_file" and "leaner data pull eval" in found.reason
    write(tmp_path / "eval", split_9_10=[" "])
    assert "is no question" in load_questions(folder=str(tmp_path)).reason
    write(tmp_path / "twice" / "eval", split_9_10=["Why?", "Why?"])
    assert "'Why?' stands 2 times" in load_questions(folder=str(tmp_path / "twice")).reason
    (tmp_path / "eval" / "split-8-9.jsonl").unlink()
    found = load_questions(folder=str(tmp_path))
    assert "split-8-9.jsonl is not in the data folder" in found.reason and not found.rows
    monkeypatch.setenv("LEANER_OFFLINE", "1")
    assert load_questions().state == "missing_file"


def test_published_questions_are_official_only_where_they_are_whole(tinyhelen):
    found = load_questions(folder=str(tinyhelen))
    kinds = found.record()["kinds"]
    known = {"split-0-7": 214, "split-7-8": 604, "split-8-9": 535, "split-9-10": 241}
    assert found.state == "ok" and set(kinds) == set(known)
    assert all(0 < kinds[kind] <= count for kind, count in known.items())
    assert len({row.text for row in found.rows}) == len(found.rows)
    assert (found.source == "official") == (kinds == known)


def test_no_embedded_question_is_a_published_one(tinyhelen):
    def plain(text):
        return re.sub(r"[^a-z ]", "", text.lower())

    published = {plain(row.text) for row in load_questions(folder=str(tinyhelen)).rows}
    assert not {plain(row["question"]) for row in mini_questions()} & published
