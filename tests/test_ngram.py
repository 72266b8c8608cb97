"""The n-gram model is a distribution, scores any string, repeats itself, works in lm-eval."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaner_harness import CheckpointError, DataError, Document, UsageError
from leaner_harness.plugins import ngram
from leaner_harness.plugins.kneser_ney import KneserNey
from leaner_harness.plugins.ngram import NgramModel, NgramRecipe, split


def texts(n: int = 200, seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    names = "cat dog hen fox bird".split()
    return [
        "".join(
            f"The {draw.choice(names)} {draw.choice(['sees', 'likes'])} a {draw.choice(names)}. "
            for _ in range(draw.randint(1, 6))
        ).strip()
        for _ in range(n)
    ]


@pytest.fixture(scope="module", params=[1, 2, 3, 5])
def any_order(request):
    return NgramModel.train([*texts(), "One rare word here."], request.param, min_count=2)


@pytest.fixture(scope="module")
def model():
    return NgramModel.train([*texts(), "One rare word here."], order=3, min_count=2)


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    """What the trainer leaves behind."""

    def documents(seed):
        return [Document(str(i), "g", text) for i, text in enumerate(texts(seed=seed))]

    monkeypatch.setattr(ngram, "read_documents", lambda *_: iter(documents(0)))
    monkeypatch.setattr(ngram, "held_out_documents", lambda *_: documents(1))
    return ngram.train(NgramRecipe(), tmp_path / "out")


@given(text=st.text())
def test_tokens_joined_are_the_text(text):
    assert "".join(split(text)) == text


def test_tokens():
    assert split("The cat, it's  Ünï\n") == ["The", " cat", ",", " it", "'", "s", " ", " Ünï", "\n"]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_context_has_a_proper_distribution(any_order, data):
    words = any_order.words
    context = data.draw(st.lists(st.integers(1, words.size - 1), max_size=6))
    chances = words.chances(np.array([0, *context]))
    assert chances.min() > 0
    assert chances.sum() == pytest.approx(1, abs=1e-9)
    # Scoring takes another road to the same numbers.
    for token in data.draw(st.lists(st.integers(0, words.size - 1), min_size=1, max_size=3)):
        score = words.score(np.array([0, *context, token]))[-1]
        assert score == pytest.approx(math.log(chances[token]), abs=1e-9)


def test_the_byte_model_is_a_distribution_too(model):
    for context in ([0], [0, 33, 100], [0, 200, 200, 200, 200, 200]):
        assert model.spelling.chances(np.array(context)).sum() == pytest.approx(1, abs=1e-9)


def test_counts_by_a_plain_kneser_ney():
    """A bigram model, written out with dictionaries from the formula."""
    stream = [0, 2, 3, 2, 4, 0, 2, 3, 3, 2, 0, 4, 3, 2, 3, 0]
    size = 6
    pairs = Counter(zip(stream, stream[1:], strict=False))
    before = Counter(second for _, second in pairs)

    def discount(count, counts):
        n = Counter(counts)
        if not (n[1] and n[2] and n[3]):
            return 0.5 if count else 0
        y = n[1] / (n[1] + 2 * n[2])
        found = [0, 1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]]
        highest = [0, 0.95, 1.95, 2.95]
        return min(max(found[min(count, 3)], 0.1), highest[min(count, 3)]) if count else 0

    def chance(first, word):
        level1 = [before[w] for w in range(size)]
        total, taken = sum(level1), sum(discount(c, level1) for c in level1)
        low = (level1[word] - discount(level1[word], level1) + taken / size) / total
        follow = {w: c for (f, w), c in pairs.items() if f == first}
        if not follow:
            return low
        taken = sum(discount(c, pairs.values()) for c in follow.values())
        own = follow.get(word, 0)
        own -= discount(own, pairs.values())
        return (own + taken * low) / sum(follow.values())

    model = KneserNey.count(np.array(stream), size, 2)
    for first in range(size):
        found = model.chances(np.array([first]))
        assert found == pytest.approx([chance(first, word) for word in range(size)], abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(context=st.text(max_size=20), text=st.text(min_size=1, max_size=20))
def test_any_string_has_a_finite_score(model, context, text):
    score, greedy = model.log_likelihood(context, text)
    assert -math.inf < score < 0
    assert isinstance(greedy, bool)


def test_scores_add_up(model):
    whole, _ = model.log_likelihood("", "The cat sees a zebra.")
    first, _ = model.log_likelihood("", "The cat")
    rest, _ = model.log_likelihood("The cat", " sees a zebra.")
    moved, _ = model.log_likelihood("The cat ", "sees a zebra.")
    assert whole == pytest.approx(first + rest)
    assert moved == rest
    assert model.log_likelihood("The cat", "") == (0.0, True)


def test_it_learned_something(model):
    def score(text):
        return model.log_likelihood("The cat sees", text)[0]

    assert score(" a dog.") > score(" dog a.") > score(" qzx xqz.")
    assert model.bits_per_byte(texts(seed=1)) < 0.6


def test_greedy_is_what_greedy_generation_writes(model):
    text = "".join(model.generate("The cat", 4))
    assert model.log_likelihood("The cat", text)[1]
    assert not model.log_likelihood("The cat", " zebra")[1]


def test_generation_is_seeded_and_never_unknown(model):
    def write(seed):
        return "".join(model.generate("The", 30, temperature=1.0, seed=seed))

    assert write(1) == write(1)
    assert len({write(seed) for seed in range(5)}) > 1
    assert not any("<" in write(seed) for seed in range(20))


def test_training_twice_gives_the_same_bytes(checkpoint, tmp_path):
    again = ngram.train(NgramRecipe(), tmp_path / "again")
    for name in ("ngram.json", "ngram.npz"):
        assert (again.path / name).read_bytes() == (checkpoint.path / name).read_bytes()


def test_checkpoint_and_record(checkpoint):
    assert (checkpoint.model_type, checkpoint.path_arg) == ("leaner-ngram", "path")
    record = json.loads(json.dumps(dict(checkpoint.record)))
    loaded = NgramModel.load(checkpoint.path)
    assert record["validation_bits_per_byte"] == loaded.bits_per_byte(texts(seed=1))
    assert record["words_seen"] == sum(len(text.split()) for text in texts())


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="holds no n-gram model"):
        NgramModel.load(tmp_path)
    (tmp_path / "ngram.json").write_text('{"format": 99}')
    with pytest.raises(CheckpointError, match="format 99, this version reads 1"):
        NgramModel.load(tmp_path)


def test_no_text_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(ngram, "read_documents", lambda *_: iter(()))
    with pytest.raises(DataError, match="no training text"):
        ngram.train(NgramRecipe(), tmp_path)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"order": 0}, "'order' is 0; it must be a whole number of at least 1"),
        ({"order": "3"}, "'order' is '3'"),
        ({"words": 0}, "'words' is 0"),
        ({"genres": "wiki"}, "'genres' is 'wiki'; it must be a list of strings"),
        ({"data": 3}, "'data' is 3; it must be a string"),
    ],
)
def test_a_wrong_value_is_named(keys, message):
    with pytest.raises(UsageError, match=message):
        NgramRecipe(**keys)


def test_toml_list_is_taken():
    assert NgramRecipe(genres=["wiki"]).genres == ("wiki",)


def test_endless_text_gets_an_end():
    assert NgramRecipe().words == 1_000_000
    assert NgramRecipe(data="my.txt").words is None


def test_training_imports_no_torch():
    code = (
        "import sys, leaner_harness.plugins.ngram as n;"
        "m = n.NgramModel.train(['a b c', 'a b d'], 3, 1); m.log_likelihood('a', ' b');"
        "sys.exit('torch' in sys.modules or 'lm_eval' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


class TestInLmEval:
    """Through lm-eval's own interface."""

    @pytest.fixture
    def lm(self, checkpoint):
        from leaner_harness.plugins.ngram_lm import NgramLM

        passed = {"batch_size": 8, "max_batch_size": None, "device": "cpu"}
        return NgramLM.create_from_arg_string(f"path={checkpoint.path}", passed)

    def requests(self, kind, arguments):
        from lm_eval.api.instance import Instance

        return [Instance(kind, {}, args, 0) for args in arguments]

    def test_order_does_not_change_scores(self, lm):
        pairs = [("The cat", " sees a dog."), ("", "The"), ("A", " zebra"), ("The hen", " likes")]
        scores = lm.loglikelihood(self.requests("loglikelihood", pairs))
        backwards = lm.loglikelihood(self.requests("loglikelihood", pairs[::-1]))
        alone = [lm.loglikelihood(self.requests("loglikelihood", [pair]))[0] for pair in pairs]
        assert scores == backwards[::-1] == alone

    def test_rolling_is_the_score_of_the_whole_text(self, lm):
        text = "The cat sees a dog."
        (rolling,) = lm.loglikelihood_rolling(self.requests("loglikelihood_rolling", [(text,)]))
        ((score, _),) = lm.loglikelihood(self.requests("loglikelihood", [("", text)]))
        assert rolling == score

    def test_generation_stops(self, lm):
        wanted = {"until": [".", "\n"], "max_gen_toks": 20}
        sampled = {"until": ".", "do_sample": True, "temperature": 1.0}
        asked = [("The cat", wanted), ("The cat", {"max_gen_toks": 3}), ("The dog", sampled)]
        found = lm.generate_until(self.requests("generate_until", asked))
        assert found == lm.generate_until(self.requests("generate_until", asked))
        assert found[0] and "." not in found[0] and "." not in found[2]
        assert len(split(found[1])) == 3

    def test_wrong_arguments_are_named(self, checkpoint):
        from leaner_harness.plugins.ngram_lm import NgramLM

        assert NgramLM(pretrained=str(checkpoint.path))
        with pytest.raises(UsageError, match="no model argument 'dtype'"):
            NgramLM.create_from_arg_string(f"path={checkpoint.path},dtype=float32")
        with pytest.raises(CheckpointError, match="needs a checkpoint"):
            NgramLM()

    def test_simple_evaluate(self, lm, tmp_path):
        from lm_eval import simple_evaluate
        from lm_eval.tasks import TaskManager

        rows = [{"text": text, "label": 1} for text in texts(8, seed=2)]
        rows = "\n".join(json.dumps(row) for row in rows)
        (tmp_path / "rows.jsonl").write_text(rows)
        (tmp_path / "tiny.yaml").write_text(
            "task: tiny_order\n"
            "custom_dataset: !function rows.load\n"
            "test_split: test\noutput_type: multiple_choice\n"
            "doc_to_text: 'The cat sees a'\ndoc_to_choice: [' a sees', ' dog.']\n"
            "doc_to_target: label\nmetric_list: [{metric: acc}]\n"
        )
        (tmp_path / "rows.py").write_text(
            "from datasets import Dataset, DatasetDict\nimport json, pathlib\n"
            "def load(**_):\n"
            "    text = (pathlib.Path(__file__).parent / 'rows.jsonl').read_text()\n"
            "    rows = [json.loads(line) for line in text.splitlines()]\n"
            "    return DatasetDict({'test': Dataset.from_list(rows)})\n"
        )
        tasks = TaskManager(include_path=str(tmp_path), include_defaults=False)
        found = simple_evaluate(lm, tasks=["tiny_order"], task_manager=tasks, bootstrap_iters=0)
        assert found["results"]["tiny_order"]["acc,none"] == 1.0


def test_blank_documents_teach_nothing():
    found = []
    for more in ([], ["", " \n "]):
        documents = enumerate(["The cat sat."] * 60 + more * 20)
        reading = ngram._Reading()
        read = list(reading.texts(Document(f"{n}", "web", text) for n, text in documents))
        found.append((read, reading.record()))
    (plain, one), (blank, other) = found
    assert blank == plain and other["digest"] == one["digest"]
    assert other["dropped_blank"] == 40 and "dropped_blank" not in one


def test_an_order_longer_than_all_texts_is_as_the_longest_of_them():
    short = NgramModel.train(["Yes", "No", "Yes"], 5, min_count=1)
    assert short.log_likelihood("", "Yes")[0] > short.log_likelihood("", "No")[0]
    assert math.isfinite(short.log_likelihood("", "Yes No maybe")[0])
