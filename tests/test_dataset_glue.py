"""Items of GLUE: kept where a judge that sees no label gives it, and every one is counted."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from model_server import serving
from small_items import BEASTS, item, models, number_of, rows, settings, write_source

from leaner_harness import DataError, UsageError
from leaner_harness.data.sources import load
from leaner_harness.dataset.glue.job import Job
from leaner_harness.dataset.glue.purse import Purse

TRAIN, HELD_OUT = range(100, 130), range(200, 224)


def gold(number):
    return number % 2


@pytest.fixture
def source(tmp_path):
    return write_source(
        tmp_path / "source",
        rte_train=[item("rte", n, gold(n)) for n in TRAIN],
        rte_validation=[item("rte", n, gold(n)) for n in HELD_OUT],
    )


def build(folder, given, purse=None, limit=None, *, retry=False):
    with Job(folder, given) as job:
        if retry:
            job.retry()
        return job.run(limit, purse)


def written(folder, task="rte"):
    return {each["idx"]: each for split in ("train", "validation", "test")
            for each in rows(folder, f"{task}_{split}")}  # fmt: skip


def adds_up(manifest):
    items = manifest["items"]
    states = ("kept", "rejected", "failed", "pending")
    assert items["in"] == sum(items[state] for state in states)
    for part in ("labels", "splits"):
        groups = manifest["report"][part].values()
        for name in ("in", *states):
            assert items[name] == sum(group[name] for group in groups), (part, name)
    for group in manifest["report"]["labels"].values():
        assert group["rejected"] == sum(group["reasons"].values())
        assert group["in"] == sum(group["original_rewrite"].values())
        assert group["in"] == sum(group["original"].values())
    assert items["kept"] == sum(each["rows"] for each in manifest["files"])
    return manifest


def test_what_the_judge_agrees_on_is_kept_with_the_label_of_the_source(source, tmp_path):
    wrong_before, wrong_after = {101, 104, 201}, {101, 102, 202}

    def answer(number, is_new):
        return (
            1 - gold(number)
            if number in (wrong_after if is_new else wrong_before)
            else gold(number)
        )

    with serving(models(answer)) as server:
        manifest = adds_up(build(tmp_path / "out", settings("rte", source, server.url)))
    found = written(tmp_path / "out")
    assert set(found) == {*TRAIN, *HELD_OUT} - wrong_after
    for number, row in found.items():
        assert row["label"] == gold(number)
        assert row["sentence1"] == f"The dog now has {number} red balls."
        assert row["sentence2"] == f"The cat now has {number} red balls."
        made = row["made"]
        assert made["judge"]["rewrite"] == gold(number)
        assert made["judge"]["original"] == (
            1 - gold(number) if number in wrong_before else gold(number)
        )
        assert made["source"].endswith(f":{number}") and made["model"] == "writer-v1"
        assert made["judge"]["model"] == "judge-v1" and made["checks"]["vocabulary"] == 1
    labels = manifest["report"]["labels"]
    assert labels["0"]["reasons"] == {"disagreement": 2}
    assert labels["1"]["original_rewrite"] | {"right right": 0} == {
        "right right": 0, "right wrong": 0, "right none": 0, "wrong right": 1, "wrong wrong": 1,
        "wrong none": 0, "none right": 0, "none wrong": 0, "none none": 0,
    }  # fmt: skip
    assert manifest["independent"] and not manifest["baseline"] and manifest["splits"] == "halve"
    assert {each["before"] for each in manifest["report"]["words"]} == {6}
    assert {each["after"] for each in manifest["report"]["words"]} == {7}
    for split, numbers in (("train", TRAIN), ("validation", HELD_OUT), ("test", HELD_OUT)):
        read = load("rte", split, folder=str(tmp_path / "out"))
        assert read.state == "ok" and not read.defects.counts
        assert {row["idx"] for row in read.rows} <= set(numbers)


def test_the_label_does_not_reach_the_judge(source, tmp_path):
    flipped = write_source(
        tmp_path / "flipped",
        rte_train=[item("rte", n, 1 - gold(n)) for n in TRAIN],
        rte_validation=[item("rte", n, 1 - gold(n)) for n in HELD_OUT],
    )
    seen = {}
    for name, folder, hide in (
        ("one", source, False), ("other", flipped, False), ("hidden", source, True),
        ("hidden flipped", flipped, True),
    ):  # fmt: skip
        with serving(models(lambda number, _: gold(number))) as server:
            given = settings("rte", folder, server.url, hide_label=hide)
            build(tmp_path / name, given)
            seen[name] = [
                sorted(json.dumps(body["messages"]) for body in server.asked(judging=judging))
                for judging in (True, False)
            ]
    judged, rewritten = zip(*seen.values(), strict=True)
    assert len(judged[0]) == 2 * (len(TRAIN) + len(HELD_OUT))
    assert judged[0] == judged[1] == judged[2] == judged[3]
    assert rewritten[2] == rewritten[3], "the label is hidden from the rewriter, too"
    assert rewritten[0] != rewritten[1] and rewritten[0] != rewritten[2]
    assert all("The right answer to this item is" in each for each in rewritten[0])
    assert not any("answer to this item" in each for each in rewritten[2])
    told = {json.loads(each)[0]["content"] for each in judged[0]}
    assert len(told) == 1, "every item is asked about in the same words"
    for each in judged[0]:
        assert set(json.loads(json.loads(each)[1]["content"])) == {"sentence1", "sentence2"}


def test_scores_are_kept_within_the_tolerance_and_stay_the_people_s(tmp_path):
    scores = {1: 3.2, 2: 3.2, 3: 0.0, 4: 5.0, 5: 2.0}
    said = {1: 3.7, 2: 3.71, 3: 0, 4: 4.5, 5: 1.49}
    folder = write_source(
        tmp_path / "source", stsb_validation=[item("stsb", n, s) for n, s in scores.items()]
    )
    with serving(models(lambda number, _: said[number])) as server:
        given = settings("stsb", folder, server.url)
        manifest = adds_up(build(tmp_path / "out", given))
        loose = build(tmp_path / "loose", settings("stsb", folder, server.url, tolerance=1.0))
    found = written(tmp_path / "out", "stsb")
    assert {number: row["label"] for number, row in found.items()} == {1: 3.2, 3: 0.0, 4: 5.0}
    assert found[1]["made"]["judge"]["rewrite"] == 3.7
    assert loose["items"]["kept"] == 5
    with_both = manifest["report"]["correlation"]
    assert with_both["items"] == 5 and with_both["pearson_before"] == with_both["pearson_after"]
    assert 0.9 < with_both["pearson_after"] < 1 and with_both["spearman_after"] == pytest.approx(
        0.975, abs=0.03
    )


def test_doubles_are_rejected_and_a_text_with_two_labels_as_a_conflict(tmp_path):
    folder = write_source(
        tmp_path / "source",
        rte_train=[item("rte", n, gold(n)) for n in (10, 12, 14, 21, 22, 30, 30)]
        + [item("rte", 40, 0), item("rte", 40, 1)],
        rte_validation=[item("rte", n, gold(n)) for n in (11, 13, 16)],
    )
    merged = {12: 16, 14: 10, 22: 21}  # the same label but in the last, where the labels differ

    def rewrite(fields):
        number = number_of(fields)
        return {
            name: text.replace("has", "now has").replace(
                str(number), str(merged.get(number, number))
            )
            for name, text in fields.items()
        }

    with serving(models(lambda number, _: gold(number), rewrite)) as server:
        manifest = adds_up(build(tmp_path / "out", settings("rte", folder, server.url)))
        asked = Counter(
            number_of(json.loads(b["messages"][1]["content"])) for b in server.asked(judging=False)
        )
    train = {row["idx"] for row in rows(tmp_path / "out", "rte_train")}
    assert train in ({10, 30}, {14, 30}), "of equal items the first stays"
    assert set(written(tmp_path / "out")) - train == {11, 13, 16}, "what is evaluated on stays"
    assert {each["reason"]: each["count"] for each in manifest["items"]["reasons"]} == {
        "duplicate": 3, "conflict": 4,
    }  # fmt: skip
    assert asked[30] == 1 and asked[40] == 0, "doubles in the source are not paid for"


def test_a_file_that_holds_nothing_more_is_taken_away(tmp_path):
    folder = write_source(tmp_path / "s", rte_validation=[item("rte", n, gold(n)) for n in (7, 8)])

    def rewrite(fields):
        return {
            name: f"The {beast} now has 7 balls."
            for name, beast in zip(fields, BEASTS, strict=True)
        }

    with serving(models(lambda *_: kept, rewrite)) as server:
        given = settings("rte", folder, server.url)
        kept = load("rte", "validation", folder=str(folder)).rows[0]["label"]
        first = build(tmp_path / "out", given, limit=1)
        assert first["items"]["kept"] == 1 and list((tmp_path / "out").glob("*.jsonl"))
        both = adds_up(build(tmp_path / "out", given))
    assert both["items"]["reasons"] == [{"state": "rejected", "reason": "conflict", "count": 2}]
    assert both["files"] == [] and not list((tmp_path / "out").glob("*.jsonl"))


def test_what_fails_is_counted_and_asked_for_again(source, tmp_path):
    broken = {"on": True}

    def answer(number, is_new):
        if broken["on"] and is_new and number in (103, 105):
            return "I wonder."
        return '{"answer": 7}' if broken["on"] and number == 107 else gold(number)

    def rewrite(fields):
        number = number_of(fields)
        if broken["on"] and number == 109:
            return 500
        if broken["on"] and number == 111:
            return '{"sentence1": "Only one."}'
        return {name: text.replace("has", "now has") for name, text in fields.items()}

    out = tmp_path / "out"
    with serving(models(answer, rewrite)) as server:
        given = settings("rte", source, server.url)
        manifest = adds_up(build(out, given))
        assert manifest["items"]["failed"] == 5
        reasons = {each["reason"]: each["count"] for each in manifest["items"]["reasons"]}
        assert reasons == {
            "judge_unparsable": 2, "judge_out_of_range": 1, "transport": 1, "unparsable": 1,
        }  # fmt: skip
        label = manifest["report"]["labels"]["1"]
        assert label["failed"] == 5 and label["rate"] == 1.0, "of what is settled"
        before = len(server.bodies)
        assert adds_up(build(out, given))["items"]["failed"] == 5
        assert len(server.bodies) == before, "what failed is not asked for in silence"
        broken["on"] = False
        again = adds_up(build(out, given, retry=True))
        assert again["items"]["kept"] == again["items"]["in"]
        # Two rewrites with the answers to them, two answers to rewrites, two of one item.
        assert len(server.bodies) == before + 2 + 2 + 2 + 2


def test_a_rewrite_is_asked_for_once_more_with_what_was_wrong(source, tmp_path):
    def rewrite(fields):
        return {name: "The dog now has its red balls." for name in fields}

    def better(body):
        if "An earlier try was not accepted" in body["messages"][0]["content"]:
            return models(lambda number, _: gold(number))(body)
        return models(lambda number, _: gold(number), rewrite)(body)

    stubborn = models(lambda number, _: gold(number), rewrite)
    # Both at once: one after the other may have the same port, and what the first said is cached.
    with serving(better) as server, serving(stubborn) as other:
        manifest = adds_up(build(tmp_path / "out", settings("rte", source, server.url)))
        never = adds_up(build(tmp_path / "never", settings("rte", source, other.url)))
        complaints = [
            body for body in server.asked(judging=False)
            if "sentence1 and sentence2 are equal now" in body["messages"][0]["content"]
        ]  # fmt: skip
        assert len(complaints) == len(TRAIN) + len(HELD_OUT)
    assert manifest["items"]["kept"] == len(TRAIN) + len(HELD_OUT)
    assert never["items"]["kept"] == 0 and never["files"] == []
    assert not list((tmp_path / "never").glob("*.jsonl"))
    assert {each["reason"] for each in never["items"]["reasons"]} == {"equal_fields"}
    assert never["report"]["labels"]["0"]["original"]["right"] > 0, "the source is judged anyway"


@pytest.mark.slow
def test_bit_by_bit_it_comes_out_as_at_once(source, tmp_path, monkeypatch):
    with serving(models(lambda number, _: gold(number))) as server:
        given = settings("rte", source, server.url)
        build(tmp_path / "whole", given)
        calls = len(server.bodies)
        monkeypatch.setenv("LEANER_HOME", str(tmp_path / "nothing cached"))
        states = []
        for _ in range(40):
            left = len(server.bodies)
            manifest = adds_up(build(tmp_path / "bits", given, Purse(max_requests=7), limit=3))
            assert len(server.bodies) - left <= 7
            states.append(manifest["items"]["kept"])
            if not manifest["items"]["pending"]:
                break
    assert states[0] == 2 and len(states) == 27, "seven calls are enough for two items"
    assert states[-1] == 54 and states == sorted(states)
    for name in ("rte_train", "rte_validation", "rte_test"):
        assert rows(tmp_path / "bits", name) == rows(tmp_path / "whole", name)
    whole, bits = ((tmp_path / name / "README.md").read_bytes() for name in ("whole", "bits"))
    assert whole == bits and calls == 3 * 54


def test_a_budget_holds_for_both_models_together(source, tmp_path, monkeypatch):
    with serving(models(lambda number, _: gold(number))) as server:
        slow = {"base_url": server.url, "concurrency": 1}
        given = settings("rte", source, server.url, rewriter_args=slow, judge_args=slow)
        manifest = adds_up(build(tmp_path / "out", given, Purse(max_requests=20)))
        assert 15 < len(server.bodies) <= 20
        counts = manifest["items"]
        assert counts["kept"] == 6 and counts["pending"] == 48, "what is begun is finished"
        # Money: a call costs 10 and 5 tokens; what it may cost at most is set aside before.
        costly = slow | {"prices": "1000/1000"}
        paid = settings("rte", source, server.url, rewriter_args=costly, judge_args=costly, seed=1)
        monkeypatch.setenv("LEANER_HOME", str(tmp_path / "nothing cached"))
        before, most = len(server.bodies), 1.2
        manifest = adds_up(build(tmp_path / "paid", paid, Purse(max_cost=most)))
        spent = (len(server.bodies) - before) * 15 * 1000 / 1e6
        assert 0 < spent <= most
        # What there is no money left for waits.
        assert manifest["items"]["failed"] == 0 and manifest["items"]["pending"] > 20
        whole = adds_up(build(tmp_path / "paid", paid, retry=True))
        assert whole["items"]["kept"] == 54 and len(server.bodies) - before == 3 * 54
    with pytest.raises(UsageError, match="share one"):
        settings("rte", source, "http://localhost:1", judge_args={"max_requests": 3})


def test_one_model_in_both_parts_is_named(source, tmp_path):
    with serving(models(lambda number, _: gold(number))) as server:
        given = settings("rte", source, server.url, judge="openai:writer")
        assert not build(tmp_path / "one", given)["independent"]
        card = (tmp_path / "one" / "README.md").read_text()
        assert "Not independent" in card
        echo = settings("rte", source, server.url, rewriter="echo", rewriter_args={})
        manifest = adds_up(build(tmp_path / "echo", echo))
        assert manifest["independent"] and manifest["baseline"]
        assert manifest["items"]["kept"] == manifest["report"]["warnings"]["unchanged"] == 54
        card = (tmp_path / "echo" / "README.md").read_text()
        assert "A baseline" in card and "Not independent" not in card
    with pytest.raises(UsageError, match="answers no items"):
        Job(
            tmp_path / "none",
            settings("rte", source, "http://localhost:1", judge="echo", judge_args={}),
        )


def test_rules_get_each_field_by_itself(tmp_path):
    given = {"sentence1": "They utilise 7 tools.", "sentence2": "They utilise 8 tools."}
    folder = write_source(tmp_path / "s", rte_validation=[{**given, "label": 1, "idx": 7}])
    with serving(models(lambda number, _: 1)) as server:
        rules = settings("rte", folder, server.url, rewriter="rules", rewriter_args={})
        build(tmp_path / "out", rules)
    (row,) = written(tmp_path / "out").values()
    assert (row["sentence1"], row["sentence2"]) == ("They use 7 tools.", "They use 8 tools.")


def test_names_are_replaced_alike_in_all_fields_of_an_item(tmp_path):
    said = {
        "sentence1": "Elizabeth went to Paris with 7 dogs.",
        "sentence2": "Elizabeth has 7 dogs.",
    }
    folder = write_source(tmp_path / "s", rte_validation=[{**said, "label": 0, "idx": 7}])
    for keep in (False, True):
        with serving(models(lambda number, _: 0)) as server:
            build(tmp_path / str(keep), settings("rte", folder, server.url, replace_names=not keep))
            told = server.asked(judging=False)[0]["messages"][0]["content"]
            assert ("Elizabeth -> " in told) != keep
            assert not any(
                "Elizabeth -> " in json.dumps(each) for each in server.asked(judging=True)
            )


def test_splits_of_the_source_can_stay(tmp_path):
    files = {f"sst2_{split}": [item("sst2", n, n % 2) for n in range(at, at + 9)]
             for at, split in ((10, "train"), (20, "validation"), (30, "test"))}  # fmt: skip
    folder = write_source(tmp_path / "source", **files)
    with serving(models(lambda number, _: number % 2)) as server:
        kept = build(tmp_path / "kept", settings("sst2", folder, server.url))
        cut = build(tmp_path / "cut", settings("sst2", folder, server.url, splits="halve"))
        unlabelled = [row | {"label": -1} for row in files["sst2_test"]]
        write_source(folder, sst2_test=unlabelled)
        plain = build(tmp_path / "plain", settings("sst2", folder, server.url))
    assert kept["splits"] == "keep" and cut["splits"] == plain["splits"] == "halve"
    assert {row["idx"] for row in rows(tmp_path / "kept", "sst2_test")} == set(range(30, 39))
    for name in ("cut", "plain"):
        halves = [
            {r["idx"] for r in rows(tmp_path / name, f"sst2_{s}")} for s in ("validation", "test")
        ]
        assert halves[0] | halves[1] == set(range(20, 29)) and not halves[0] & halves[1]
        assert sorted(map(len, halves)) == [4, 5]


def test_tasks_share_a_folder_and_mnli_has_both_parts(tmp_path):
    source = write_source(
        tmp_path / "source",
        mnli_train=[item("mnli", n, n % 3) for n in range(100, 112)],
        mnli_validation_matched=[item("mnli", n, n % 3) for n in range(200, 213)],
        mnli_validation_mismatched=[item("mnli", n, n % 3) for n in range(300, 310)],
        cola_validation=[item("cola", n, n % 2) for n in range(400, 410)],
    )
    out = tmp_path / "out"
    with serving(models(lambda number, _: number % (2 if number >= 400 else 3))) as server:
        mnli = adds_up(build(out, settings("mnli", source, server.url)))
        cola = adds_up(build(out, settings("cola", source, server.url)))
    assert mnli["items"]["kept"] == 35 and cola["items"]["kept"] == 10
    for part, of, least in (("matched", 200, 13), ("mismatched", 300, 10)):
        found = [rows(out, f"mnli_{split}_{part}") for split in ("validation", "test")]
        numbers = [row["idx"] for half in found for row in half]
        assert sorted(numbers) == list(range(of, of + least))
        assert abs(len(found[0]) - len(found[1])) <= 1
    read = load("mnli", "test", folder=str(out))
    assert read.state == "ok" and {row["part"] for row in read.rows} == {"matched", "mismatched"}
    assert load("cola", "test", folder=str(out)).state == "ok"
    card = (out / "README.md").read_text()
    assert "## cola" in card and "## mnli" in card and '"mnli_test_matched.jsonl"' in card
    assert (out / "about" / "mnli.svg").is_file() and (out / "about" / "cola.json").is_file()


def test_damaged_rows_are_counted_and_nothing_to_read_is_said(tmp_path):
    good = [json.dumps(item("rte", n, n % 2)) for n in range(6)]
    bad = ["{", json.dumps({"sentence1": "a", "label": 0}), json.dumps(item("rte", 9, 4))]
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "rte_validation.jsonl").write_text("\n".join([*good, *bad]) + "\n")
    blank = item("rte", 8, 0) | {"sentence2": " "}
    write_source(folder, rte_train=[blank])
    with serving(models(lambda number, _: number % 2)) as server:
        manifest = adds_up(build(tmp_path / "out", settings("rte", folder, server.url)))
        held = manifest["source"]["validation"]
        assert held["lines"] == 9 and held["rows"] == 6
        dropped = {kind: each["count"] for kind, each in held["defects"].items()}
        assert dropped == {"malformed_line": 1, "missing_field": 1, "label_out_of_range": 1}
        assert manifest["items"]["in"] == 7 and manifest["items"]["reasons"] == [
            {"state": "rejected", "reason": "empty", "count": 1}
        ]
        with pytest.raises(DataError, match="no rows of cola"):
            build(tmp_path / "cola", settings("cola", folder, server.url))


def test_published_rows_are_judged_as_they_are(tinyhelen, tmp_path):
    folder = str(tinyhelen / "data" / "leaner" / "glue")
    labels = {}
    for task in ("mrpc", "rte"):
        for row in load(task, "validation", folder=folder).rows:
            labels[row["sentence1"], row["sentence2"]] = row["label"]

    def say(body):
        shown = json.loads(body["messages"][1]["content"])
        label = labels[shown["sentence1"], shown["sentence2"]]
        return json.dumps({"answer": 1 - label if len(shown["sentence1"]) % 7 == 0 else label})

    with serving(say) as server:
        for task in ("mrpc", "rte"):
            here = tmp_path / "source"
            here.mkdir(exist_ok=True)
            name = f"{task}_validation.jsonl"
            (here / name).write_bytes((tinyhelen / "data" / "leaner" / "glue" / name).read_bytes())
            given = settings(task, here, server.url, rewriter="echo", rewriter_args={})
            manifest = adds_up(build(tmp_path / "out", given))
            before = load(task, "validation", folder=folder)
            texts = {row["idx"]: row for row in before.rows}
            found = written(tmp_path / "out", task)
            assert 0.5 * len(texts) < len(found) < len(texts)
            for number, row in found.items():
                assert all(
                    row[key] == texts[number][key] for key in ("sentence1", "sentence2", "label")
                )
                assert len(row["sentence1"]) % 7
            assert manifest["source"]["validation"]["source"] == "official"
