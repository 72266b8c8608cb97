"""Training text is read from every kind of source, streamed, and complained about precisely."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow
import pytest

from leaner_harness import Document, default_words, held_out_documents, read_documents
from leaner_harness.data import published
from leaner_harness.data.mini import instructions
from leaner_harness.errors import DataError, UnknownName


def zstd(data: bytes) -> bytes:
    return pyarrow.compress(data, "zstd", asbytes=True)


def shard(path: Path, *rows: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(zstd(data) if path.suffix == ".zst" else data)


def test_the_published_layout_is_read_genre_by_genre(tmp_path: Path) -> None:
    train = tmp_path / "data" / "leaner" / "10M" / "train"
    shard(train / "wiki0000.jsonl", {"text": "A cat.\\nA pet.", "idx": 1})
    shard(train / "code0000.jsonl", {"prompt": "Add.", "response": "x + y"})
    shard(train / "math0000.jsonl", {"problem": "1+1", "hints": ["count", "two"]})
    shard(tmp_path / "data" / "leaner" / "100M" / "train" / "web0000.jsonl", {"text": "More."})
    texts = {d.genre: d.text for d in read_documents(str(tmp_path))}
    assert texts["wiki"] == "A cat.\nA pet."
    assert texts["code"] == "### CODING INPUT:\nAdd.\n\n### RESPONSE:\nx + y"
    assert texts["math"] == "### MATH INPUT:\n1+1\n\n### RESPONSE:\ncount\ntwo"
    assert texts["web"] == "More."
    assert [d.genre for d in read_documents(str(tmp_path), genres=["wiki"])] == ["wiki"]


def test_the_text_before_simplification(tmp_path: Path) -> None:
    train = tmp_path / "ori" / "10M" / "train"
    shard(train / "wiki0001.jsonl.zst", {"91022": "A town.\nIts name."})
    shard(train / "textbook0001.jsonl.zst", {"text": "A web page.", "textbook": "A lesson."})
    shard(train / "web0001.jsonl.zst", {"text": "A page."})
    (train / "conversation0001.json.zst").write_bytes(zstd(b'["Hello.", "Bye."]'))
    (train / "statistics.txt").write_text("web 1")
    found = [(d.id, d.genre, d.text) for d in read_documents(str(tmp_path / "ori"))]
    assert found == [
        ("conversation0001.json.zst:1", "conversation", "Hello."),
        ("conversation0001.json.zst:2", "conversation", "Bye."),
        ("textbook0001.jsonl.zst:1", "textbook", "A lesson."),
        ("web0001.jsonl.zst:1", "web", "A page."),
        ("wiki0001.jsonl.zst:1", "wiki", "A town.\nIts name."),
    ]


def answer(document: Document) -> str:
    return document.text[document.prompt :]


def test_what_is_a_prompt(tmp_path: Path) -> None:
    shard(tmp_path / "code0000.jsonl", {"prompt": "Add.", "response": "x + y"})
    shard(tmp_path / "math0000.jsonl", {"problem": "1+1", "hints": ["count", "two"]})
    shard(tmp_path / "web0000.jsonl", {"text": "All of it."})
    rows = [
        {"instruction": "Say hello.", "input": "to me", "output": "Hello."},
        {"instruction": "Sing.", "input": "", "output": "La."},
    ]
    shard(tmp_path / "instruction0000.jsonl", *rows)
    code, one, two, math, web = read_documents(str(tmp_path))
    assert [answer(d) for d in (code, one, two, math)] == ["x + y", "Hello.", "La.", "count\ntwo"]
    assert one.genre == "instruction" and web.prompt == 0
    assert one.text == "### TASK INPUT:\nSay hello.\nto me\n\n### RESPONSE:\nHello."
    assert two.text == "### TASK INPUT:\nSing.\n\n### RESPONSE:\nLa."
    shard(tmp_path / "own.jsonl", rows[0])
    (own,) = read_documents(str(tmp_path / "own.jsonl"))
    assert (own.genre, own.text, own.prompt) == (one.genre, one.text, one.prompt)


def test_instructions_beside_the_tiers_are_read_when_named(tmp_path: Path) -> None:
    data = tmp_path / "data" / "leaner"
    shard(data / "10M" / "train" / "wiki0000.jsonl", {"text": "A cat."})
    rows = [{"instruction": str(i), "output": "yes"} for i in range(50)]
    shard(data / "instruction0000.jsonl", *rows)
    for folder in (tmp_path, data):
        assert [d.genre for d in read_documents(str(folder))] == ["wiki"]
        named = list(read_documents(str(folder), genres=["instruction"]))
        assert [d.genre for d in named] == ["instruction"] * 49
        assert len(list(read_documents(str(folder), genres=["instruction", "wiki"]))) == 50


def test_embedded_instructions() -> None:
    documents = list(read_documents("mini-instruct", words=500))
    assert {d.genre for d in documents} == {"instruction"}
    outputs = [row["output"] for row in instructions(count=len(documents))]
    assert [answer(d) for d in documents] == outputs
    held_out = list(read_documents("mini-instruct", "validation", words=500))
    assert not {d.id for d in documents} & {d.id for d in held_out}


def test_sources_without_end_have_a_default_length() -> None:
    lengths = [default_words(name) for name in ("mini", "mini-harder", "mini-instruct", "own.txt")]
    assert lengths == [1_000_000] * 3 + [None]


def test_half_a_surrogate_pair_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text(r'{"text": "a \ud800 b"}')
    assert [d.text for d in read_documents(str(tmp_path / "own.jsonl"))] == ["a ? b"]


def test_a_row_without_text_is_named(tmp_path: Path) -> None:
    for row in ({"txt": "a"}, {"text": 1}, {"instruction": "a"}, 5):
        (tmp_path / "own.jsonl").write_text('{"text": "fine"}\n\n' + json.dumps(row))
        with pytest.raises(DataError, match=r"own\.jsonl:3 is no \w+ document"):
            list(read_documents(str(tmp_path / "own.jsonl")))


def test_own_files_keep_every_fiftieth_document_for_validation(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("\n\n".join(f"Text {i}\nline two" for i in range(120)))
    train = list(read_documents(str(path)))
    validation = list(read_documents(str(path), "validation"))
    assert len(train) == 118 and len(validation) == 2
    assert not {d.id for d in train} & {d.id for d in validation}
    assert train[0].text == "Text 0\nline two"


def test_words_stops_after_the_document_that_reaches_it(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    shard(path, *({"text": "one two three"} for _ in range(10)))
    assert len(list(read_documents(str(path), words=7))) == 3


def test_words_are_of_every_genre_in_turn(tmp_path: Path) -> None:
    long, short = [{"text": "word " * 30}] * 40, [{"text": "word " * 10}] * 6
    for folder in (tmp_path / "tiers" / "10M" / "train", tmp_path / "flat"):
        shard(folder / "book0000.jsonl", *long)
        shard(folder / "web0000.jsonl", *short)
        shard(folder / "wiki0000.jsonl", *long)
    for folder in (tmp_path / "tiers", tmp_path / "flat"):
        found = list(read_documents(str(folder), words=300))
        assert Counter(d.genre for d in found) == {"book": 4, "web": 6, "wiki": 4}
        assert [d.genre for d in found[:5]] == ["book", "web", "wiki", "web", "web"]
        more = list(read_documents(str(folder), words=900))  # of the one that ended no more
        assert Counter(d.genre for d in more) == {"book": 14, "web": 6, "wiki": 14}
        assert more[: len(found)] == found
        whole, every = ([d.id for d in read_documents(str(folder), words=n)] for n in (None, 9999))
        assert whole == every  # what fits stays in the order of the files
        assert len(whole) == (86 if folder.name == "tiers" else 85)
        wiki = read_documents(str(folder), genres=["wiki"], words=60)
        assert [d.id for d in wiki] == ["wiki0000.jsonl:1", "wiki0000.jsonl:2"]
    genres = ["wiki", "book"]
    named = list(read_documents(str(tmp_path / "tiers"), genres=genres, words=120))
    assert [d.genre for d in named] == ["book", "wiki"] * 2
    held_out = {d.id for d in read_documents(str(tmp_path / "flat"), "validation")}
    assert held_out and not held_out & set(whole)


def test_files_that_are_mixed_already_stay_in_their_order(tmp_path: Path) -> None:
    shard(tmp_path / "book0000.jsonl", *[{"text": "one two"}] * 4)
    shard(tmp_path / "own0000.jsonl", *[{"text": "one two"}] * 4)
    found = [d.id for d in read_documents(str(tmp_path), words=12)]
    assert found == [f"book0000.jsonl:{n}" for n in range(1, 5)] + [
        f"own0000.jsonl:{n}" for n in (1, 2)
    ]


def test_mini_text_streams_without_end() -> None:
    documents = list(read_documents("mini", words=500))
    assert sum(len(d.text.split()) for d in documents) >= 500
    assert [d.id for d in documents] == [d.id for d in read_documents("mini", words=500)]
    harder = list(read_documents("mini-harder", words=500))
    assert harder[0].id == documents[0].id and harder[0].text != documents[0].text


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"text": "fine"}\n{"text": 1\n')
    with pytest.raises(DataError, match=r"own\.jsonl:2"):
        list(read_documents(str(path)))


@pytest.mark.parametrize(
    ("source", "message"),
    [("minni", "Did you mean 'mini'"), ("no/such/place", "no/such/place")],
)
def test_a_wrong_source_is_answered(source: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(read_documents(source))


def test_wrong_split_genre_and_type_are_answered(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="'wiki'"):
        read_documents("mini", genres=["wikki"])
    with pytest.raises(UnknownName, match="'train'"):
        read_documents("mini", "trian")
    (tmp_path / "own.pdf").write_text("")
    with pytest.raises(UnknownName, match="'.pdf'"):
        read_documents(str(tmp_path / "own.pdf"))
    with pytest.raises(DataError, match="published layout"):
        list(read_documents(str(tmp_path)))


def test_real_wiki_rows_have_real_line_breaks(tinyhelen: Path) -> None:
    documents = list(read_documents(str(tinyhelen), "train", ["wiki"]))
    assert len(documents) == 1269
    assert not any("\\n" in document.text for document in documents)


def test_real_text_before_simplification(tinyhelen: Path) -> None:
    documents = list(read_documents(str(tinyhelen / "data" / "ori"), "train", ["wiki", "textbook"]))
    assert len(documents) == 849 + 1269
    assert documents[0].text.startswith("Lesson: Freiler v. Tangipahoa")
    assert "Mentone, Texas" in documents[849].text


def test_the_published_text_is_found_where_it_was_pulled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match="leaner data pull pretrain"):
        list(read_documents("leaner"))
    with pytest.raises(DataError, match="Did you mean 'leaner'"):
        list(read_documents("leanr"))
    for home in (published.folder(), tmp_path / "elsewhere"):
        shard(home / "data/leaner/10M/train/wiki0000.jsonl", {"text": home.name})
    assert [d.text for d in read_documents("leaner")] == [published.folder().name]
    monkeypatch.setenv("LEANER_DATA", str(tmp_path / "elsewhere"))
    assert [d.text for d in read_documents("leaner")] == ["elsewhere"]


def test_genres_share_the_words_held_out(tmp_path: Path) -> None:
    for genre, count in (("wiki", 40), ("web", 2)):
        rows = ({"text": "cat " * 30 + str(number)} for number in range(count))
        shard(tmp_path / "validation" / f"{genre}0000.jsonl", *rows)
    found = held_out_documents(str(tmp_path), (), 300)
    assert Counter(document.genre for document in found) == {"wiki": 5, "web": 2}
    wiki = [document.text.split()[-1] for document in found if document.genre == "wiki"]
    assert wiki == ["0", "1", "2", "3", "4"]
    assert held_out_documents(str(tmp_path), ("wiki",), 100)[-1].text.endswith("3")
    assert sum(len(d.text.split()) for d in held_out_documents("mini", (), 500)) < 2000


def test_a_second_part_is_held_out_beside_the_first(tmp_path: Path) -> None:
    for genre in ("wiki", "textbook"):
        rows = [{"text": f"{genre} {'word ' * 9}{number}", "idx": number} for number in range(40)]
        shard(tmp_path / "10M" / "validation" / f"{genre}0000.jsonl", *rows)
    parts = [held_out_documents(str(tmp_path), (), 110, part) for part in range(2)]
    ids = [{document.id for document in part} for part in parts]
    assert ids[0] == {
        f"{genre}0000.jsonl:{n}" for genre in ("wiki", "textbook") for n in range(1, 6)
    }
    assert ids[1] == {
        f"{genre}0000.jsonl:{n}" for genre in ("wiki", "textbook") for n in range(6, 11)
    }
    with pytest.raises(DataError, match="ends with the documents that are reported"):
        held_out_documents(str(tmp_path), (), 900, 1)


@pytest.mark.parametrize("words", [10, 300, 3000])
@pytest.mark.parametrize("source", ["mini", "mini-harder", "mini-instruct", "mini-instruct-harder"])
def test_a_source_without_end_has_always_another_part(source: str, words: int) -> None:
    one, other = ({d.id for d in held_out_documents(source, (), words, part)} for part in range(2))
    assert one and other and not one & other


@pytest.mark.parametrize("words", [1, 30, 100])
def test_a_document_is_left_where_the_first_is_longer_than_asked_for(
    tmp_path: Path, words: int
) -> None:
    path = tmp_path / "own.txt"
    path.write_text("\n\n".join(f"{number} " + "word " * 59 for number in range(500)))
    parts = [{d.id for d in held_out_documents(str(path), (), words, part)} for part in range(2)]
    assert all(parts) and not parts[0] & parts[1]
