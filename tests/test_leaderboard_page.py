"""The page of the board: whole, small, the same every time; no text in it turns into markup."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import shlex
import time
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import small_results
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from small_boards import (
    KINDS,
    LONG,
    PHENOMENA,
    SCRIPT,
    answers_record,
    entry,
    glue_entries,
    glue_record,
    hostile_entries,
)

from leaner_harness.cli import main
from leaner_harness.data.glue import AVERAGED, TASKS
from leaner_harness.errors import ResultError
from leaner_harness.leaderboard import board
from leaner_harness.leaderboard.entries import Entry, Refused
from leaner_harness.leaderboard.page import commands
from leaner_harness.leaderboard.page.document import document
from leaner_harness.leaderboard.page.run_details import curve_of, toml
from leaner_harness.results import read_all, rules
from leaner_harness.results.answer_scores import GRADES, TASK
from leaner_harness.train import read_recipe

FOLDER = Path("results")
TASKS_OF_THE_BOARD = [name for name in TASKS if name in AVERAGED]
UNJUDGED = answers_record("c", 3, judged=False)


class Parsed(HTMLParser):
    """Elements with their attributes, and the text of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside in self.texts:
            self.texts[self.inside].append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(entries: list[Entry], refused: list[Refused] | None = None) -> str:
    return document(entries, refused or [], FOLDER)


def data_of(page: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Parsed(page).texts["script"][0])
    return found


@pytest.mark.parametrize("record", [glue_record("a", 1), answers_record("b", 2), UNJUDGED])
def test_what_these_tests_show_are_results(record: dict[str, Any]) -> None:
    rules.check(record)
    rules.agree(record)


def test_the_page_has_the_structure_that_readers_need() -> None:
    parsed = Parsed(page_of(glue_entries(3)))
    tags = [tag for tag, _ in parsed.elements]
    for tag in ("h1", "nav", "main", "table", "dialog", "noscript", "footer"):
        assert tags.count(tag) == 1, tag
    assert parsed.named("html") == [{"lang": "en"}]
    assert parsed.named("a")[0]["href"] == f"#{parsed.named('main')[0]['id']}"  # the skip link
    assert any(attributes.get("aria-live") == "polite" for attributes in parsed.named("p"))
    labelled = tags.count("label")
    assert labelled >= tags.count("select") + tags.count("input")


def test_the_policy_forbids_network_and_every_program_but_this() -> None:
    page = page_of(glue_entries(3))
    parsed = Parsed(page)
    policy = parsed.named("meta")[1]["content"] or ""
    digests = re.findall(r"'sha256-([^']+)'", policy)
    texts = [parsed.texts["script"][-1], parsed.texts["style"][0]]
    for text, digest in zip(texts, digests, strict=True):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() == digest
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    for name in ("src", "href", "data", "action", "srcset"):
        assert not [a for _, a in parsed.elements if re.match(r"\w+:|//", a.get(name) or "")]
    assert "innerHTML" not in page and "insertAdjacent" not in page and "@import" not in page


def test_hostile_texts_stay_texts() -> None:
    plain = Parsed(page_of(glue_entries(3)))
    refused = [Refused(FOLDER / SCRIPT, f"</script>{SCRIPT}\u2028{LONG}")]
    page = page_of(hostile_entries(), refused)
    parsed = Parsed(page)
    assert [tag for tag, _ in parsed.elements] == [tag for tag, _ in plain.elements]
    assert SCRIPT not in page and "<img" not in page and "<!--" not in page
    data = data_of(page)
    names = {row["name"] for found in data["boards"] for row in found["rows"]}
    assert names == {SCRIPT, LONG, "honest"}
    assert data["refused"][0][0] == SCRIPT
    assert data["boards"][0]["rows"][0]["cells"]  # and nothing was lost


def test_a_text_that_looks_like_a_part_of_the_page_stays_a_text() -> None:
    record = glue_record("@@SCRIPT@@", 1)
    assert data_of(page_of([entry(record)]))["boards"][0]["rows"][0]["name"] == "@@SCRIPT@@"


@pytest.mark.parametrize(("count", "megabytes"), [(100, 2), (1000, 4)])
def test_the_page_stays_small_and_is_soon_built(count: int, megabytes: int) -> None:
    entries = glue_entries(count)
    start = time.process_time()  # other work on the machine is not ours
    page = page_of(entries)
    assert time.process_time() - start < 5
    assert len(page.encode()) < megabytes * 1e6
    assert len(data_of(page)["boards"][0]["rows"]) == count


def test_no_file_can_swell_the_page() -> None:
    record = glue_record("big", 1)
    heap = {f"key-{n}": "x" * 4000 for n in range(100)}
    record["training"] |= {"recipe": heap, "versions": heap, "more": heap, "data": {"heap": heap}}
    record["provenance"] = heap
    ordinary = len(page_of([entry(glue_record("big", 1))]))
    assert len(page_of([entry(record)])) < ordinary + 200_000
    refused = [Refused(FOLDER / f"{n}.json", "x" * 5000) for n in range(2000)]
    data = data_of(page_of([], refused))
    assert data["refused_count"] == 2000 and len(json.dumps(data)) < 200_000


def test_nothing_depends_on_the_order_or_the_time() -> None:
    entries = glue_entries(20)
    first = page_of(entries)
    assert first == page_of(entries[::-1]) == page_of(glue_entries(20))
    # It says no day but those of the results.
    assert set(re.findall(r"\b20\d\d-\d\d-\d\d\b", first)) == {"2026-11-23"}


def test_kinds_of_questions_are_there() -> None:
    records = [answers_record(f"model-{n}", n) for n in range(3)]
    records += [UNJUDGED]
    boards = {
        found["protocol"]: found for found in data_of(page_of([*map(entry, records)]))["boards"]
    }
    judged, checks = boards["judged-m1"], boards["checks"]
    assert judged["kinds"] == checks["kinds"] == list(KINDS)
    assert [column["key"] for column in judged["columns"]][0] == "sum"
    row = judged["rows"][0]
    assert len(row["kinds"]) == len(KINDS) and row["kinds"][0][0] == 24
    assert len(row["kinds"][0]) == 1 + len(judged["columns"])
    # Without a judge there is no headline, and so no rank.
    assert judged["ranked"] and not checks["ranked"]


def test_grades_of_a_part_of_the_answers_are_no_scores() -> None:
    """Those that a judge could grade may be the easy ones: what all could come to is shown."""
    record = answers_record("model", 1)
    record["mean"] = {}
    record["tasks"][TASK]["bounds"] = {name: [1.0, 4.0] for name in GRADES}
    (board,) = data_of(page_of([entry(record)]))["boards"]
    (row,) = board["rows"]
    cells = dict(zip([column["key"] for column in board["columns"]], row["cells"], strict=True))
    assert cells["sum"] == cells["grammar"] == "incomplete (1.00 to 4.00)"
    assert isinstance(cells["well_formed"], list)
    places = [n for n, column in enumerate(board["columns"], start=1) if column["key"] in GRADES]
    assert all(kind[place] is None for kind in row["kinds"] for place in places)
    assert row["n"] == 96 and board["card"] == "passed"


def test_whether_a_judge_passed_is_said_by_what_was_verified() -> None:
    """The judge's card follows from no samples, and the best of the rows may be anyone's."""
    said, seen = answers_record("a", 1), answers_record("b", 2)
    seen["judge"] = seen["judge"] | {"card": {"passed": False}}
    said["mean"]["sum"] |= {"value": 15.0, "interval": [15.0, 15.0]}
    (board,) = data_of(page_of([entry(said, is_verified=False), entry(seen)]))["boards"]
    assert board["rows"][0]["name"] == "a" and board["card"] != "passed"


def test_two_trainings_of_one_name_can_be_told_apart(tmp_path: Path) -> None:
    records = [glue_record("llama", n, run=f"quick-test-seed{n}") for n in (0, 1)]
    (board,) = data_of(page_of([*map(entry, [*records, glue_record("bert", 3)])]))["boards"]
    names = {"llama (quick-test-seed0)", "llama (quick-test-seed1)", "bert"}
    assert {row["name"] for row in board["rows"]} == names and board["seeds"] == 3


def test_the_interval_that_knows_more_is_shown() -> None:
    record = glue_record("one", 1)
    record["mean"]["leaner_score"] |= {"value": 0.5, "interval_total": [0.1, 0.9]}
    cells = data_of(page_of([entry(record)]))["boards"][0]["rows"][0]["cells"]
    assert cells[1] == [0.5, 0.1, 0.9]


def test_a_task_that_did_not_run_says_why() -> None:
    record = glue_record("one", 1)
    record["tasks"]["rte"] = {"state": "no_train_file"}
    record |= {"mean": {}, "missing": ["rte"]}
    (row,) = data_of(page_of([entry(record)]))["boards"][0]["rows"]
    assert row["cells"][0] is None and row["cells"][-1] == "no_train_file"
    assert "rank" not in row and row["details"]["missing"] == ["rte"]


def test_random_weights_have_seen_no_text() -> None:
    record = glue_record("scratch", 1)
    record["model"]["scorer"]["from_scratch"] = True
    (row,) = data_of(page_of([entry(record)]))["boards"][0]["rows"]
    assert row["sizes"][1:] == [0, 0] and "curve" not in row["details"]


def test_a_learning_curve_is_thinned_and_its_ends_stay() -> None:
    points = [{"tokens_seen": n, "loss": 1 / (n + 1)} for n in range(500)]
    points[499]["validation_loss"] = 0.12345
    found = curve_of({"curve": points})
    assert found is not None and len(found["tokens"]) == len(found["loss"]) == 40
    assert found["tokens"][0] == 0 and found["tokens"][-1] == 499 and found["loss"][0] == 1
    assert found["unit"] == "nats per target" and set(found["validation"]) <= {None, 0.123}
    for odd in (None, {}, [1], [{"tokens_seen": "x", "loss": 1}], [{"tokens_seen": 1, "loss": 1}]):
        assert curve_of({"curve": odd}) is None


def test_runs_of_one_checkpoint_share_its_curve() -> None:
    one, other = glue_record("one", 1), glue_record("one", 1, protocol={"name": "paper"})
    data = data_of(page_of([entry(one), entry(other)]))
    first, second = (found["rows"][0]["details"]["curve"] for found in data["boards"])
    assert first == second and len(data["pool"][first]["tokens"]) == 40


def test_phenomena_are_there_for_each_row_that_has_some() -> None:
    without = glue_record("without", 2)
    for task in without["tasks"].values():
        del task["phenomena"]
    one = glue_record("one", 1)
    data = data_of(page_of([entry(one), entry(without)]))["boards"][0]
    rows = {row["name"]: row for row in data["rows"]}
    assert [each["task"] for each in data["phenomena"]] == TASKS_OF_THE_BOARD
    assert data["phenomena"][0]["keys"] == list(PHENOMENA["cola"])
    assert data["phenomena"][0]["n"] == [200] * len(PHENOMENA["cola"])
    cells = rows["one"]["phenomena"]
    assert len(cells) == sum(map(len, PHENOMENA.values())) and "phenomena" not in rows["without"]
    found = one["tasks"]["cola"]["phenomena"]["cola_0"]
    wanted = [found["value"], *found["interval_total"]]
    assert cells[0] == pytest.approx([1000 * value for value in wanted], abs=0.5)
    constants = data["references"][0]["values"]
    assert constants["cola: cola_0"] == constants["cola"] == 0.5


def test_a_board_whose_rows_name_no_phenomena_says_nothing_of_them() -> None:
    data = data_of(page_of([entry(UNJUDGED)]))["boards"][0]
    assert data["phenomena"] == [] and "phenomena" not in data["rows"][0]


def test_results_that_say_other_phenomena_of_the_same_rows_swell_nothing() -> None:
    records = [glue_record(f"model-{n}", n) for n in range(20)]
    for number, record in enumerate(records[:10]):
        one = record["tasks"]["rte"]["phenomena"]["rte_0"]
        record["tasks"]["rte"]["phenomena"] |= {f"odd {number} {n}": one for n in range(40)}
    data = data_of(page_of([*map(entry, records)]))["boards"][0]
    (rte,) = (each["keys"] for each in data["phenomena"] if each["task"] == "rte")
    assert len(rte) == 50 and set(rte) > set(PHENOMENA["rte"])


NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]))
KEYS = st.from_regex(r"\A[a-z_]{1,8}\Z")
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)


@given(VALUES)
def test_a_recipe_is_toml_again(value: Any) -> None:
    made = toml(value)
    if made is None:
        return
    found = tomllib.loads(f"key = {made}")["key"]
    assert found == without_nulls(value)


def test_the_recipe_on_the_page_is_the_one_that_was_trained(tmp_path: Path) -> None:
    entries = [entry(result.record) for result in read_all(ROOT / "results")]
    page = data_of(page_of(entries))
    rows = {row["path"]: row for found in page["boards"] for row in found["rows"]}
    for each in entries:
        names, values = (page["pool"][n] for n in rows[str(each.result.path)]["details"]["recipe"])
        recipe = tmp_path / "recipe.toml"
        recipe.write_text("\n".join(map(" = ".join, zip(names, values, strict=True))))
        trained = each.result.record["training"]["recipe"]
        plan = read_recipe(str(recipe), [])
        read = {"trainer": plan.trainer.name, **dataclasses.asdict(plan.recipe)}
        again = json.loads(json.dumps(read))  # lists for tuples, as in the file
        assert {key: again.get(key) for key in trained} == trained


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def test_a_command_is_words_whatever_a_result_says() -> None:
    record = glue_record("model", 1)
    record["model"]["pretrained"] = "$(touch /tmp/x); rm -rf ~\n`id`"
    record["protocol"]["name"] = "quick'; echo $HOME"
    for line in commands.score(record).splitlines():
        assert all(word != ";" for word in shlex.split(line))
        assert shlex.split(line)[0] in ("lm_eval", "leaner")
    record["model"]["pretrained"] = ""
    assert shlex.split(commands.score(record))[:2] == ["leaner", "evaluate"]
    assert commands.train(record) == "leaner train recipe.toml --out runs/model"
    assert commands.train(record | {"training": None}) == ""
    record["model"]["name"] = SCRIPT
    path = f"results/leaner_glue/{SCRIPT}/quick-test-seed0.json"
    assert shlex.split(commands.verify(record)) == ["leaner", "results", "verify", path]


def test_how_a_result_was_fine_tuned_is_part_of_its_command() -> None:
    """Asked otherwise, the same checkpoint would be put into another table."""
    record = glue_record("model", 1)
    record["model"] |= {"model_type": "leaner-finetune", "model_args": {}}
    record["model"]["scorer"] = {"bf16": True, "compile": False}
    words = shlex.split(commands.score(record))
    assert words[words.index("--model-args") + 1] == "bf16=true"
    record["model"]["scorer"] |= {"compile": True}
    record["model"]["model_args"] = {"max_length": 64, "tokenizer": "0f3a"}
    words = shlex.split(commands.score(record))
    asked = "bf16=true,compile=true,max_length=64,tokenizer=FOLDER"
    assert words[words.index("--model-args") + 1] == asked


def test_a_result_of_some_tasks_is_made_again_with_these_alone() -> None:
    record = glue_record("model", 1)
    assert "--tasks leaner_glue " in commands.score(record)
    record["tasks"] = {name: record["tasks"][name] for name in ("sst2", "cola")}
    assert "--tasks leaner_glue_cola,leaner_glue_sst2 " in commands.score(record)
    record["tasks"] = {"$(id)": {}}
    assert "--tasks leaner_glue " in commands.score(record)


def test_what_leaner_evaluate_would_score_otherwise_is_left_to_lm_eval() -> None:
    record = glue_record("model", 1)
    record["model"]["model_type"] = "hf"
    stock, filed = commands.score(record).splitlines()
    assert stock.startswith("lm_eval --model hf ") and filed.startswith("leaner results add out")
    assert "--partial" not in filed
    record["tasks"] = {"cola": record["tasks"]["cola"]}
    assert commands.score(record).endswith("--partial")


@pytest.mark.parametrize(
    ("record", "asked"),
    [
        (glue_record("model", 1), None),
        (glue_record("model", 1, data={"split": "validation"}), {"leaner_split": "validation"}),
        (glue_record("model", 1, data={"source": "local"}), {"leaner_data": "FOLDER"}),
        (answers_record("model", 1), {"leaner_judge": "openai:m1"}),
        (answers_record("model", 1, judged=False), None),
    ],
)
def test_the_stock_command_asks_the_same_rows_and_the_same_judge(record: Any, asked: Any) -> None:
    record["model"]["pretrained"] = "gpt2"
    words = shlex.split(commands.score(record).splitlines()[0])
    said = words[words.index("--metadata") + 1] if "--metadata" in words else "null"
    assert json.loads(said) == asked


def test_the_command_that_verifies_names_another_results_folder(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "experiments" / "exp1-smoke"
    page = document([entry(glue_record("model", 1))], [], folder)
    row = data_of(page)["boards"][0]["rows"][0]
    place = "results/experiments/exp1-smoke"
    path = f"{place}/leaner_glue/model/quick-test-seed0.json"
    assert row["details"]["verify"] == f"leaner results verify {path} --results {place}"
    assert str(tmp_path) not in page
    assert commands.place(tmp_path / "else") == commands.place(Path("results")) == Path("results")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three results with samples, one without."""
    for name, skill in (("good", 2.0), ("bad", 0.1), ("middling", 1.0), ("claimed", 3.0)):
        small_results.write(tmp_path, name, small_results.zero_shot(skill, 0, n=12))
    next((tmp_path / "leaner_glue" / "claimed").glob("*.gz")).unlink()
    return tmp_path


def test_both_forms_are_built_and_go_stale(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["leaderboard", "build", "--results", str(folder)]) == 0
    assert "README.md" in (said := capsys.readouterr().out) and "index.html" in said
    assert "4 results; 0 files refused" in said
    board.check(folder)
    readme = (folder / "README.md").read_text()
    assert "(*unverified*)" in readme and readme.index("claimed") < readme.index("good")
    assert "| – | [claimed]" in readme and "| 1 | [good]" in readme
    for name in ("README.md", "index.html"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("good", "better"))
        with pytest.raises(ResultError, match=f"{name} is stale"):
            board.check(folder)
        (folder / name).write_text(text)
    (folder / "index.html").unlink()
    with pytest.raises(ResultError, match="index.html is stale"):
        board.check(folder)


def test_a_refused_file_is_listed_stops_nothing_and_fails_the_check(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "leaner_glue" / "good" / "broken.json").write_text("{")
    assert main(["leaderboard", "build", "--results", str(folder)]) == 0
    said = capsys.readouterr()
    assert "1 files refused" in said.out and "leaner results verify" in said.err
    data = data_of((folder / "index.html").read_text())
    ((path, reason),) = data["refused"]
    assert path == "leaner_glue/good/broken.json" and reason
    assert str(folder) not in (folder / "index.html").read_text()
    assert len(data["boards"][0]["rows"]) == 4
    readme = (folder / "README.md").read_text()
    assert "## Refused files (1)" in readme and str(folder) not in readme
    with pytest.raises(ResultError, match="broken"):
        board.check(folder)
