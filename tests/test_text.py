"""Training text is read from every kind of source, streamed, and complained about precisely."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leaner_harness import read_documents
from leaner_harness.errors import DataError, UnknownName


def shard(path: Path, *rows: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


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
