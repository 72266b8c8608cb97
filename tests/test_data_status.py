"""`leaner data status`, `mini` and the questions of `pull`: what is counted, shown and refused."""

from __future__ import annotations

import hashlib
import json
import types
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

import leaner_harness.data
from leaner_harness.cli import data as cli_data
from leaner_harness.cli import main
from leaner_harness.contracts import Document
from leaner_harness.data import download, published, status
from leaner_harness.errors import DataError, UsageError

FILES = {
    "data/leaner/glue/cola_test.jsonl": [{"sentence": "A cat sat.", "label": 1, "idx": 0}] * 2,
    "data/leaner/glue/rte_test.jsonl": [
        {"sentence1": "a b", "sentence2": "c", "label": 0, "idx": 0}
    ],
    "data/leaner/eval/all.jsonl": [{"question": "What is a cat?", "source": "x"}],
    "data/leaner/instruction0000.jsonl": [{"instruction": "add", "input": "1 2", "output": "3"}],
    "data/leaner/10M/train/wiki0000.jsonl": [{"idx": 1, "text": "one two", "hash": "h"}] * 1500,
    "data/leaner/100M/train/code0000.jsonl": [{"prompt": "p q", "response": "r", "subtopic": "s"}],
    "data/leaner/10M/test/math0000.jsonl": [{"problem": "1 + 1", "hints": ["2", "so 2"]}],
}


def write(folder: Path, files=FILES) -> dict[str, str]:
    """Write rows in the published layout; returns path -> git blob id."""
    ids = {}
    for name, rows in files.items():
        data = "".join(json.dumps(row) + "\n" for row in rows).encode()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        ids[name] = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    return ids


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A verified little set, and its manifest in the environment."""
    ids = write(tmp_path / "set")
    content = {"repository": "a/b", "commit": "c" * 40, "licence": "MIT", "files": ids}
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    monkeypatch.setenv("LEANER_DATA_MANIFEST", str(tmp_path / "manifest.json"))
    monkeypatch.setenv("LEANER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LEANER_DATA", raising=False)
    return tmp_path / "set"


def groups_of(folder: Path, **options) -> dict[str, dict]:
    return {group.name: group.record() for group in status.describe(folder, **options)}


def test_counts_of_a_whole_set(folder):
    groups = groups_of(folder)
    words = {name: group["tokens"][status.WORDS] for name, group in groups.items()}
    assert words == {
        "glue": 9,
        "eval": 4,
        "instruct": 4,
        "pretrain/leaner": 3000 + 3 + 6,
        "pretrain/leaner/10M": 3000 + 6,
        "pretrain/leaner/100M": 3,
    }
    assert groups["glue"]["rows"] == 3 and groups["pretrain/leaner"]["rows"] == 1502
    assert groups["glue"]["verified"] == groups["glue"]["files"] == 2
    assert groups["eval"]["bytes"] == (folder / "data/leaner/eval/all.jsonl").stat().st_size
    assert groups["pretrain/leaner"]["published_tokens"] == 71_000_000
    assert groups["instruct"]["published_tokens"] == 7_000_000


def test_states(folder):
    (folder / "data/leaner/glue/cola_test.jsonl").write_text('{"sentence": "other"}\n')
    (folder / "data/leaner/glue/rte_test.jsonl").unlink()
    glue = groups_of(folder)["glue"]
    assert (glue["files"], glue["verified"]) == (2, 0)
    assert glue["wrong"] == ["data/leaner/glue/cola_test.jsonl"]
    assert glue["absent"] == ["data/leaner/glue/rte_test.jsonl"]
    assert (glue["rows"], glue["tokens"]["words"]) == (1, 1)


@pytest.mark.parametrize("damage", [b"{", b"\xff\xfe\n", b'{"sentence": '])
def test_damaged_file_is_a_finding_not_a_crash(folder, damage):
    (folder / "data/leaner/glue/cola_test.jsonl").write_bytes(damage)
    glue = groups_of(folder)["glue"]
    assert list(glue["not_counted"]) == glue["wrong"] == ["data/leaner/glue/cola_test.jsonl"]
    assert glue["rows"] == 1


@pytest.mark.parametrize(
    ("path", "row", "expected"),
    [
        ("data/ori/10M/train/wiki0000.jsonl.zst", {"12": "a text"}, ["a text"]),
        ("data/ori/10M/train/textbook0000.jsonl.zst", {"text": "no", "textbook": "yes"}, ["yes"]),
        ("data/ori/10M/train/conversation0000.json.zst", "hello", ["hello"]),
        (
            "data/leaner/10M/train/textbook0000.jsonl",
            {"text": "yes", "original text": "no"},
            ["yes"],
        ),
        ("data/leaner/10M/train/math0000.jsonl", {"problem": "p", "hints": ["a", 3]}, ["p", "a"]),
        ("data/leaner/glue/cola_test.jsonl", {"sentence": "s", "source": "no"}, ["s"]),
        ("data/leaner/instruction0000.jsonl", {"instruction": "i", "output": "o"}, ["i", "o"]),
        ("data/leaner/10M/train/code0000.jsonl", {"id": "mini-1", "text": "t"}, ["t"]),
        ("data/leaner/10M/train/wiki0000.jsonl", 7, []),
        ("data/leaner/glue/cola_test.jsonl", ["a", "b"], []),
    ],
)
def test_text_that_counts(path, row, expected):
    assert status.texts(path, row) == expected


@pytest.fixture
def tokenizer(tmp_path):
    """A tokenizer that parts words from punctuation, and would cut, pad and add a start."""
    made = Tokenizer(WordLevel({"[UNK]": 0, "[S]": 1}, unk_token="[UNK]"))
    made.post_processor = TemplateProcessing(single="[S] $A", special_tokens=[("[S]", 1)])
    made.pre_tokenizer = Whitespace()
    made.enable_truncation(2)
    made.enable_padding(length=64)
    (tmp_path / "tiny").mkdir()
    made.save(str(tmp_path / "tiny" / "tokenizer.json"))
    return tmp_path / "tiny"


def test_tokens_in_a_named_tokenizer(folder, tokenizer):
    for named in (tokenizer, tokenizer / "tokenizer.json"):
        groups = groups_of(folder, tokenizers=[named])
        assert groups["eval"]["tokens"] == {"words": 4, "tiny": 5}
        assert groups["glue"]["tokens"]["tiny"] == 2 * 4 + 3


def test_published_tokenizer_counts_when_it_is_there(folder, tokenizer, monkeypatch, tmp_path):
    own = folder / status.OWN_TOKENIZER
    own.parent.mkdir(parents=True)
    own.write_bytes((tokenizer / "tokenizer.json").read_bytes())
    assert "gpt-2K" not in groups_of(folder)["eval"]["tokens"]  # the manifest does not know it
    manifest = published.load_manifest()
    files = {**manifest.files, status.OWN_TOKENIZER: published.git_blob_id(own)}
    known = published.Manifest("a/b", "c" * 40, "MIT", files)
    assert groups_of(folder, manifest=known)["eval"]["tokens"]["gpt-2K"] == 5


def test_tokenizer_that_is_none(folder, tmp_path):
    with pytest.raises(UsageError, match=r"tokenizer\.json"):
        status.describe(folder, [tmp_path])
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(DataError, match="is no tokenizer"):
        status.describe(folder, [tmp_path / "x.json"])


def test_command_prints_one_json_value(folder, capsys):
    assert main(["data", "status", "--dir", str(folder), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["commit"] == "c" * 40 and "2501.00522" in shown["published_source"]
    assert [group["name"] for group in shown["groups"]][:3] == ["glue", "eval", "instruct"]


def test_command_prints_a_table(folder, capsys, monkeypatch):
    (folder / "data/leaner/glue/cola_test.jsonl").write_text("{")
    monkeypatch.setenv("LEANER_DATA", str(folder))
    assert main(["data", "status"]) == 0
    shown = capsys.readouterr().out
    assert "pretrain/leaner/100M" in shown and "71M" in shown
    assert "wrong: data/leaner/glue/cola_test.jsonl" in shown
    assert "tokenizer not stated there" in shown


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "-"), (0, "0"), (999, "999"), (1234, "1.23k"), (999_499, "999k"), (999_950, "1M")],
)
def test_short_numbers(number, text):
    assert cli_data._short(number) == text


def test_status_of_an_empty_folder(folder, capsys):
    assert main(["data", "status"]) == 0
    assert "0/2" in capsys.readouterr().out


@pytest.fixture
def pulled(monkeypatch):
    """Pull nothing; keep what would have been pulled."""
    calls: list[list[str]] = []
    monkeypatch.setattr(download, "pull", lambda paths, *_, **__: calls.append(list(paths)) or [])
    monkeypatch.delenv("LEANER_DATA_MANIFEST", raising=False)
    return calls


def test_default_groups_and_no_question(pulled, capsys):
    assert main(["data", "pull"]) == 0
    assert len(pulled[0]) == 35 and "rewrites" not in capsys.readouterr().err


def test_delicate_text_needs_a_yes(pulled, capsys):
    assert main(["data", "pull", "instruct"]) == 2
    shown = capsys.readouterr().err
    assert "cannot relicense" in " ".join(shown.split()) and "--yes" in shown and not pulled
    assert main(["data", "pull", "instruct", "pretrain", "--tier", "100M", "--yes"]) == 0
    assert len(pulled[0]) == 1 + 46
    assert "WARNING" not in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("", 1), ("no", 1)])
def test_question_on_a_terminal(pulled, monkeypatch, answer, code):
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda *_: answer)
    assert main(["data", "pull", "pretrain", "--genre", "wiki"]) == code
    assert len(pulled) == 1 - code


def test_ori_is_warned_of_more_strongly(pulled, capsys):
    assert (
        main(["data", "pull", "pretrain", "--side", "ori", "--genre", "book", "wiki", "--yes"]) == 0
    )
    assert "WARNING" in capsys.readouterr().err
    assert len(pulled[0]) == 6 and all("/10M/" in path for path in pulled[0])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["gleu"], "Did you mean 'glue'"),
        (["pretrain", "--genre", "wikis", "--yes"], "Did you mean 'wiki'"),
        (["glue", "--genre", "wiki"], "leaner data pull pretrain"),
    ],
)
def test_wrong_choice(pulled, capsys, arguments, says):
    assert main(["data", "pull", *arguments]) == 2
    assert says in capsys.readouterr().err


@pytest.fixture
def mini(monkeypatch):
    """A stand-in for the embedded set, with its interface."""

    def documents(side, split, words):
        assert split in ("train", "validation")
        yield Document(f"{split}-1", "book", f"{side} {words}")
        yield Document(f"{split}-2", "web", "Zoë")

    module = types.ModuleType("leaner_harness.data.mini")
    module.stems = lambda: ["cola_train", "mnli_test_matched"]
    module.rows = lambda stem: [{"sentence": stem, "label": 1, "idx": 0}]
    module.documents = documents
    module.instructions = lambda side, split, count: iter([{"instruction": side, "output": split}])
    monkeypatch.setitem(__import__("sys").modules, "leaner_harness.data.mini", module)
    monkeypatch.setattr(leaner_harness.data, "mini", module, raising=False)


def test_mini_set_in_the_published_layout(mini, tmp_path, capsys):
    assert main(["data", "mini", "--out", str(tmp_path / "out"), "--words", "500"]) == 0
    assert "12 files" in capsys.readouterr().out
    data = tmp_path / "out" / "data"
    row = json.loads((data / "leaner/glue/mnli_test_matched.jsonl").read_text())
    assert row["sentence"] == "mnli_test_matched"
    for side, name in (("simple", "leaner"), ("harder", "ori")):
        book = data / name / "10M"
        assert json.loads((book / "train/book0000.jsonl").read_text())["text"] == f"{side} 500"
        assert json.loads((book / "validation/book0000.jsonl").read_text())["text"] == f"{side} 50"
        instruction = json.loads((data / name / "instruction0000.jsonl").read_text())
        assert instruction == {"instruction": side, "output": "train"}
    assert "Zoë" in (data / "ori/10M/train/web0000.jsonl").read_text(encoding="utf-8")


def test_mini_set_of_no_words(mini, tmp_path, capsys):
    assert main(["data", "mini", "--out", str(tmp_path), "--words", "0"]) == 2
