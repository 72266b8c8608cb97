"""Tokenizers are loaded by what their files say; the published ones have their 2,000 entries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leaner_trainers import tokenizers
from leaner_trainers.encoding import Encoder, encode
from leaner_trainers.tokenizers import (
    end_token,
    load_tokenizer,
    start_token,
    tokenizer_digest,
    train_tokenizer,
)
from tokenizers import processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from leaner_harness import CheckpointError

TEXTS = ["the cat sees a dog ."] * 5

PUBLISHED = {
    "gpt-2K": ("byte-bpe", 0, None, b""),
    "bert-2K": ("byte-bpe-mask", 2, 3, b"\xb0\xb2\xb3\xb9"),
    "xlnet-2K": ("byte-bpe-mask", 3, 4, b"\xa6\xb0\xb2\xb3\xb9\xbc\xbd\xbe"),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_tokenizers(tinyhelen: Path, tmp_path: Path, name: str) -> None:
    kind, start, end, lost = PUBLISHED[name]
    tokenizer = load_tokenizer(tinyhelen / "tokenizer" / name, kind)
    assert len(tokenizer) == 2000 and max(tokenizer.get_vocab().values()) == 1999
    assert (start_token(tokenizer), end_token(tokenizer)) == (start, end)
    assert Encoder(tokenizer).lost == lost
    pair = tokenizer("a cat", "a dog")["input_ids"]
    one, two = encode(tokenizer, ["a cat", "a dog"])
    assert pair == (one + two if end is None else [start, *one, end, *two, end])
    assert tokenizer.decode(one) == "a cat" and tokenizer.decode(encode(tokenizer, ["é"])[0]) == "é"
    # What training saves is what stock transformers loads.
    tokenizer.save_pretrained(tmp_path)
    stock = AutoTokenizer.from_pretrained(tmp_path)
    assert len(stock) == 2000 and stock.special_tokens_map == tokenizer.special_tokens_map
    assert tokenizer_digest(stock) == tokenizer_digest(load_tokenizer(tmp_path, kind))
    assert tokenizer_digest(stock) == tokenizer_digest(tokenizer)


@given(lengths=st.lists(st.integers(0, 9), min_size=1), most=st.integers(10, 30))
def test_a_tokenizer_learns_from_an_even_share_of_much_text(lengths, most):
    texts = ["x" * length for length in lengths]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenizers, "_MOST_TEXT", most)
        found = tokenizers._sample(iter(texts))
    shares = (texts[:: 2**power] for power in range(10))
    assert found == next(share for share in shares if len("".join(share)) <= most)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    train_tokenizer(TEXTS, 270, "byte-bpe-mask").save_pretrained(tmp_path)
    return tmp_path


def test_the_kind_decides_what_begins_and_ends_a_document(saved: Path) -> None:
    masked, plain = load_tokenizer(saved, "byte-bpe-mask"), load_tokenizer(saved)
    assert (start_token(masked), end_token(masked)) == (masked.cls_token_id, masked.sep_token_id)
    assert (start_token(plain), end_token(plain)) == (plain.eos_token_id, None)
    for tokenizer in (masked, plain):
        assert tokenizer.bos_token_id == tokenizer.eos_token_id == 0


def test_the_files_name_the_tokens_not_the_class(saved: Path) -> None:
    config = json.loads((saved / "tokenizer_config.json").read_text())
    roles = {key: value for key, value in config.items() if key.endswith("_token")}
    (saved / "tokenizer_config.json").write_text('{"tokenizer_class": "NoSuchTokenizer"}')
    with pytest.raises(CheckpointError, match="has no cls_token, mask_token"):
        load_tokenizer(saved, "byte-bpe-mask")
    roles["cls_token"] = {"content": roles["cls_token"], "lstrip": False}
    (saved / "special_tokens_map.json").write_text(json.dumps(roles))
    assert load_tokenizer(saved, "byte-bpe-mask").cls_token == "[CLS]"
    roles["mask_token"] = "<no such entry>"
    (saved / "special_tokens_map.json").write_text(json.dumps(roles))
    with pytest.raises(CheckpointError, match="has no mask_token,"):
        load_tokenizer(saved, "byte-bpe-mask")


def test_a_text_to_score_begins_with_no_token_that_training_never_shows(tmp_path: Path) -> None:
    backend = train_tokenizer(TEXTS, 270).backend_tokenizer
    backend.add_special_tokens(["<s>"])
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", backend.token_to_id("<s>"))]
    )
    given = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="<|endoftext|>"
    )
    given.save_pretrained(tmp_path / "given")
    load_tokenizer(tmp_path / "given").save_pretrained(tmp_path / "ours")
    stock = AutoTokenizer.from_pretrained(tmp_path / "ours")
    assert stock("the cat")["input_ids"] == encode(given, ["the cat"])[0]
    assert stock.bos_token_id == stock.eos_token_id == start_token(stock)


def test_nothing_is_cut_or_padded(saved: Path) -> None:
    definition = json.loads((saved / "tokenizer.json").read_text())
    definition["truncation"] = {
        "direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0,
    }  # fmt: skip
    (saved / "tokenizer.json").write_text(json.dumps(definition))
    tokenizer = load_tokenizer(saved)
    assert tokenizer.decode(encode(tokenizer, TEXTS[:1])[0]) == TEXTS[0]


def test_damage_is_named(saved: Path) -> None:
    (saved / "tokenizer.json").write_text("{")
    with pytest.raises(CheckpointError, match="is damaged"):
        load_tokenizer(saved)
