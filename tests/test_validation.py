"""What a run is measured on: every token of a text once, and answers only where they count."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from leaner_trainers import validation
from leaner_trainers.tokenizers import start_token, train_tokenizer
from tokenizers import Tokenizer
from tokenizers.normalizers import Lowercase
from transformers import PreTrainedTokenizerFast

from leaner_harness import DataError, Document, get_objective

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(["a cat sees the dog"] * 5, 300)


class Even(torch.nn.Module):
    """Every token is as likely as any other."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, input_ids, use_cache):
        return SimpleNamespace(logits=torch.zeros(*input_ids.shape, self.size))


def test_bits_per_byte_of_answers_alone(tokenizer):
    text = "see the dog: a cat"
    documents = [Document("1", "instruction", text, prompt=len("see the dog: "))]
    model = Even(len(tokenizer))
    for name, part in (("sft", "a cat"), ("clm", text)):
        found = validation.read_validation(documents, tokenizer, 4, get_objective(name))
        n_tokens = len(tokenizer(part)["input_ids"])
        expected = n_tokens * math.log2(len(tokenizer)) / len(part)
        assert found.entry(model, CPU) == {"validation_bits_per_byte": pytest.approx(expected)}
    assert all(len(window.ids) <= 5 for window in found.windows)
    assert sum(window.ids[0] == start_token(tokenizer) for window in found.windows) == 1


@pytest.mark.usefixtures("without_float64")
def test_a_device_needs_no_float64(tokenizer):
    documents = [Document("1", "web", "see the dog: a cat")]
    found = validation.read_validation(documents, tokenizer, 4, get_objective("clm"))
    assert found.loss(Even(len(tokenizer)), CPU) > 0


def test_genres_that_fill_no_block_are_named():
    tokenizer = train_tokenizer(["a cat sees the dog"] * 5, 300, "byte-bpe-mask")
    documents = [Document("1", "web", "a cat sees the dog " * 9), Document("2", "wiki", "a")]
    found = validation.read_validation(documents, tokenizer, 16, get_objective("mlm"))
    assert list(found.blocks) == ["web"] and "text of wiki, less than a block" in found.warning
    found = validation.read_validation(documents[:1], tokenizer, 16, get_objective("mlm"))
    assert found.warning == ""
    assert validation.read_validation(documents, tokenizer, 16, get_objective("clm")).warning == ""


@pytest.mark.parametrize("kind", ["byte-bpe-mask", "byte-bpe"])
def test_documents_are_marked_as_in_training(kind):
    """Where no token of its own ends a document, what begins the next one does, once."""
    tokenizer = train_tokenizer(["a cat sees the dog"] * 5, 300, kind)
    documents = [Document(str(n), "web", "a cat sees the dog " * 3) for n in range(9)]
    found = validation.read_validation(documents, tokenizer, 8, get_objective("mlm"))
    (blocks,) = found.blocks.values()
    ids = blocks.ids[:, :-1].flatten().tolist()
    begins = [n for n, each in enumerate(ids) if each == start_token(tokenizer)]
    before = {ids[n - 1] for n in begins if n}
    assert len(begins) > 5
    if tokenizer.cls_token_id is None:
        assert start_token(tokenizer) not in before
    else:
        assert before == {tokenizer.eos_token_id}


class Bare(Even):
    """A masked model of a stranger, which takes nothing but ids."""

    def forward(self, input_ids):
        return super().forward(input_ids, None)


def test_a_model_that_cannot_keep_documents_apart_is_not_asked_to():
    tokenizer = train_tokenizer(["a cat sees the dog"] * 5, 300, "byte-bpe-mask")
    documents = [Document(str(n), "web", "a cat sees the dog " * 9) for n in range(2)]
    found = validation.read_validation(documents, tokenizer, 16, get_objective("mlm"), apart=False)
    assert found.loss(Bare(len(tokenizer)), CPU) == pytest.approx(math.log(len(tokenizer)))


def test_text_that_a_tokenizer_does_not_give_back_is_warned_of(tokenizer):
    documents = [Document("1", "web", "a Cat sees ☃"), Document("2", "web", " the dog\n")]
    assert validation.read_validation(documents, tokenizer, 4, get_objective("clm")).warning == ""
    lower = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    lower.normalizer = Lowercase()
    given = PreTrainedTokenizerFast(tokenizer_object=lower, eos_token="<|endoftext|>")
    found = validation.read_validation(documents, given, 4, get_objective("clm"))
    assert "does not give back 1 of the validation documents" in found.warning


def test_no_text_is_an_error(tokenizer):
    with pytest.raises(DataError, match="validation text is empty"):
        validation.read_validation([Document("1", "web", " ")], tokenizer, 4, get_objective("mlm"))
    with pytest.raises(DataError, match="validation text is empty"):
        validation.read_validation([], tokenizer, 4, get_objective("clm"))
