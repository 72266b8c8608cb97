"""What documents' difficulties are computed from, and that they are kept."""

from __future__ import annotations

import numpy as np
import pytest
from leaner_trainers import scores
from leaner_trainers.difficulties.compression import compression
from leaner_trainers.difficulties.losses import mean_loss
from leaner_trainers.difficulties.readability import (
    flesch,
    sentence_length,
    sentences,
    syllables,
)
from leaner_trainers.tokenizers import train_tokenizer
from leaner_trainers.tokens import Tokens

from leaner_harness import DataError, DifficultySpec, Document, Examples, PluginError


def examples(*texts):
    return Examples(documents=[Document(str(i), "wiki", text) for i, text in enumerate(texts)])


def test_sentences_end_with_a_full_stop_or_a_blank_line():
    text = 'He paid 3.50 for it. "Really?" she asked!\n\nA title\n\nThe end'
    assert [part.strip() for part in sentences(text)] == [
        "He paid 3.50 for it",
        '"Really',
        "she asked",
        "A title",
        "The end",
    ]


def test_sentence_length_is_the_mean_number_of_words():
    found = sentence_length(examples("One two. One two three four.", "", "One"))
    assert found.tolist() == [3, 0, 1] and found.dtype == np.float32


@pytest.mark.parametrize(
    ("word", "count"),
    [("the", 1), ("cat", 1), ("house", 1), ("table", 2), ("water", 2), ("jumped", 1),
     ("wanted", 2), ("elephant", 3), ("beautiful", 3), ("rhythm", 1), ("Tsk", 1)],
)  # fmt: skip
def test_syllables(word, count):
    assert syllables(word) == count


def test_flesch_is_the_formula_of_1948():
    """Six words in one sentence, nine syllables: 206.835 - 1.015 x 6 - 84.6 x 9 / 6."""
    found = flesch(examples("The table is under the window.", "123 456"))
    assert found[0] == pytest.approx(1.015 * 6 + 84.6 * 9 / 6, rel=1e-6)
    assert found[1] == 0


def test_what_repeats_is_easy_to_compress():
    same, other = compression(examples("the cat sat. " * 30, "".join(map(chr, range(33, 126)))))
    assert same < 0.2 < 0.9 < other
    assert np.isfinite(compression(examples(""))).all()


def test_mean_loss_is_nats_by_tokens():
    found = mean_loss(Examples(nats=np.array([6.0, 1.0]), tokens=np.array([3, 4])))
    assert found.tolist() == [2.0, 0.25] and found.dtype == np.float32


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("LEANER_HOME", str(tmp_path))
    return lambda: sorted(tmp_path.rglob("*.npz"))


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(["a cat sat"], 257)


TEXTS = ("One two. One two three four.", "", "One")
SPEC = DifficultySpec("sentence_length", f"{sentence_length.__module__}:sentence_length")


def tokens_of(digest="d"):
    return Tokens(np.zeros(10, np.uint16), np.array([0, 5, 6, 9]), None, 8, digest, {})


def test_scores_are_made_once(kept, tokenizer):
    documents = examples(*TEXTS).documents
    found = scores.static_scores(SPEC, documents, tokens_of(), tokenizer, None).scores
    assert found.tolist() == [3, 0, 1] and len(kept()) == 1
    again = scores.static_scores(SPEC, iter(()), tokens_of(), tokenizer, None).scores
    assert (again == found).all()
    scores.static_scores(SPEC, documents, tokens_of("other text"), tokenizer, None)
    assert len(kept()) == 2


class FakeReference:
    digest, settings_digest = "weights", "settings"

    def nats(self, texts):
        return [float(len(text)) for text in texts]


def test_a_references_loss_is_by_our_tokens(kept, tokenizer):
    spec = DifficultySpec("lm_loss", f"{mean_loss.__module__}:mean_loss", sees="reference")
    documents = examples(*TEXTS).documents
    found = scores.static_scores(spec, documents, tokens_of(), tokenizer, FakeReference()).scores
    assert found == pytest.approx([28 / 4, 0, 3 / 2])  # of five tokens one is the start
    other, another = FakeReference(), train_tokenizer(["a cat and a cat"] * 3, 258)
    other.digest = "other"
    scores.static_scores(spec, documents, tokens_of(), tokenizer, other)
    longer = FakeReference()
    longer.settings_digest = "a longer context"
    scores.static_scores(spec, documents, tokens_of(), tokenizer, longer)
    scores.static_scores(spec, documents, tokens_of(), another, FakeReference())
    assert len(kept()) == 4  # another reference, other settings, another tokenizer


def test_other_documents_than_the_tokens_are_refused(kept, tokenizer):
    with pytest.raises(DataError, match="has 1 documents, that to train on has 3"):
        scores.static_scores(SPEC, examples("One").documents, tokens_of(), tokenizer, None)


def nonsense(examples):
    return np.full(len(examples.documents), np.nan, np.float32)


def wrong_shape(examples):
    return np.zeros(1, np.float32)


@pytest.mark.parametrize(
    ("name", "message"), [("nonsense", "no finite number"), ("wrong_shape", "for 3 documents")]
)
def test_what_is_no_score_is_named(kept, tokenizer, name, message):
    spec = DifficultySpec("mine", f"{__name__}:{name}")
    with pytest.raises(PluginError, match=f"'mine'.*{message}"):
        scores.static_scores(spec, examples(*TEXTS).documents, tokens_of(), tokenizer, None)
    assert not kept()
