"""Masked scoring: against a slow implementation and minicons, whatever the batch; bad input."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.api.registry import get_model
from small_glue import evaluate
from tiny_bidirectional import bert, byte_level, sentences, word_piece
from tokenizers import Tokenizer, models, normalizers
from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForMaskedLM

from leaner_harness.errors import CheckpointError, UnknownName, UsageError
from leaner_harness.lm_eval_plugin import install
from leaner_harness.models.masked import SCORINGS, MaskedLM

MINICONS = Path(__file__).parent / "minicons"
KINDS = {"word_piece": word_piece, "byte_level": byte_level}


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, PreTrainedTokenizerFast]:
    return {kind: build() for kind, build in KINDS.items()}


def scorer(tokenizer: Any, scoring: str = "original", model: Any = None, **more: Any) -> MaskedLM:
    return MaskedLM(model or bert(), tokenizer=tokenizer, scoring=scoring, **more)


def ask(lm: MaskedLM, *pairs: tuple[str, str]) -> list[tuple[float, bool]]:
    requests = [Instance("loglikelihood", {}, pair, n) for n, pair in enumerate(pairs)]
    return lm.loglikelihood(requests, disable_tqdm=True)


def roll(lm: MaskedLM, *texts: str) -> list[float]:
    requests = [Instance("loglikelihood_rolling", {}, (text,), n) for n, text in enumerate(texts)]
    return lm.loglikelihood_rolling(requests, disable_tqdm=True)


def forward_passes(lm: MaskedLM) -> list[torch.Tensor]:
    """The inputs of the model from now on."""
    seen: list[torch.Tensor] = []
    lm.model.register_forward_pre_hook(
        lambda _, __, inputs: seen.append(inputs["input_ids"].clone()), with_kwargs=True
    )
    return seen


@torch.inference_mode()
def slowly(model: Any, tokenizer: Any, text: str, scoring: str) -> list[tuple[float, bool]]:
    """(log p, likeliest?) of each token: a forward pass each, words told by their spelling."""
    ids = tokenizer(text)["input_ids"]
    scored = [
        n for n, i in enumerate(ids) if i not in (tokenizer.cls_token_id, tokenizer.sep_token_id)
    ]
    if scoring == "mntp" and scored[0] == 0:
        ids, scored = [tokenizer.bos_token_id, *ids], [n + 1 for n in scored]
    within = _continues(tokenizer, text)
    found = []
    for at, n in enumerate(scored):
        masked = list(ids)
        masked[n] = tokenizer.mask_token_id
        later = at + 1
        while scoring == "within_word_l2r" and later < len(scored) and within[later]:
            masked[scored[later]] = tokenizer.mask_token_id
            later += 1
        logits = model(torch.tensor([masked])).logits[0, n - 1 if scoring == "mntp" else n].double()
        found.append((logits.log_softmax(-1)[ids[n]].item(), int(logits.argmax()) == ids[n]))
    return found


def _continues(tokenizer: Any, text: str) -> list[bool]:
    """For each token: does it go on the word of the token before it?"""
    if tokenizer.cls_token_id is not None:
        return [token.startswith("##") for token in tokenizer.tokenize(text)]
    within, tokens = [], iter(tokenizer.tokenize(text))
    for word, _ in tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text):
        left = word
        while left:
            within.append(left != word)
            left = left.removeprefix(next(tokens))
    return within


@pytest.mark.parametrize("number", [10, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("scoring", SCORINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_scores_equal_one_forward_pass_per_token(
    kind: str, scoring: str, number: int, tokenizers: Any
) -> None:
    tokenizer, model = tokenizers[kind], bert()
    texts = sentences(number)
    found = ask(scorer(tokenizer, scoring, model), *(("", text) for text in texts))
    for text, answer in zip(texts, found, strict=True):
        tokens = slowly(model, tokenizer, text, scoring)
        assert answer[0] == pytest.approx(sum(score for score, _ in tokens), abs=1e-3), text
        assert answer[1] == all(best for _, best in tokens)


@pytest.mark.parametrize("scoring", ["original", "within_word_l2r"])
@pytest.mark.parametrize("kind", KINDS)
def test_scores_equal_those_of_minicons(kind: str, scoring: str) -> None:
    frozen = json.loads((MINICONS / "figures.json").read_text())
    lm = MaskedLM(str(MINICONS / kind), scoring=scoring, device="cpu")
    assert len(frozen["sentences"]) == 300
    assert roll(lm, *frozen["sentences"]) == pytest.approx(frozen[kind][scoring], abs=1e-3)


def test_ways_to_mask_differ_and_the_default_is_within_words() -> None:
    frozen = json.loads((MINICONS / "figures.json").read_text())
    text, folder = frozen["sentences"][1], str(MINICONS / "word_piece")
    found = {way: roll(MaskedLM(folder, scoring=way, device="cpu"), text)[0] for way in SCORINGS}
    assert len({round(score, 2) for score in found.values()}) == len(SCORINGS)
    assert roll(MaskedLM(folder, device="cpu"), text)[0] == found["within_word_l2r"]


@pytest.mark.parametrize("scoring", SCORINGS)
def test_a_continuation_is_scored_with_its_context_in_sight(scoring: str, tokenizers: Any) -> None:
    tokenizer, model = tokenizers["word_piece"], bert()
    context, continuation = "The farmer saw a", " slothful sovereign."
    number = len(tokenizer(continuation, add_special_tokens=False)["input_ids"])
    tokens = slowly(model, tokenizer, context + continuation, scoring)[-number:]
    expected = pytest.approx(sum(score for score, _ in tokens), abs=1e-4)
    lm = scorer(tokenizer, scoring, model)
    pairs = [(context, continuation), (context + " ", continuation[1:])]  # white space moves over
    assert [answer for answer, _ in ask(lm, *pairs)] == [expected] * 2


def test_no_context_and_white_space_are_the_same(tokenizers: Any) -> None:
    lm = scorer(tokenizers["word_piece"])
    text = "The cat sat."
    assert ask(lm, ("", text)) == ask(lm, (" ", text)) == [(roll(lm, text)[0], False)]


@pytest.mark.parametrize("kind", KINDS)
def test_scores_depend_on_no_batch_order_or_neighbour(kind: str, tokenizers: Any) -> None:
    texts = [*sentences(15), *sentences(3)]
    alone = scorer(tokenizers[kind], pll_batch=1)
    expected = [roll(alone, text)[0] for text in texts]
    for batch, order in ((7, 1), (64, -1), (10_000, 1)):
        lm = scorer(tokenizers[kind], pll_batch=batch)
        found = roll(lm, *texts[::order])[::order]
        assert found == pytest.approx(expected, abs=1e-4)


def test_special_tokens_stand_once_around_every_input(tokenizers: Any) -> None:
    tokenizer = tokenizers["word_piece"]
    lm = scorer(tokenizer)
    inputs = forward_passes(lm)
    ask(lm, ("The cat sat", " on a mat."), ("", "The dog."))
    for row in torch.cat([torch.nn.functional.pad(batch, (0, 40)) for batch in inputs]).tolist():
        ids = row[: row.index(tokenizer.pad_token_id)]
        assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
        assert ids.count(ids[0]) == ids.count(ids[-1]) == 1


def test_equal_masked_inputs_are_computed_once(tokenizers: Any) -> None:
    lm = scorer(tokenizers["word_piece"], "within_word_l2r")
    inputs = forward_passes(lm)
    choices = [" no", " yes", " no", " one"]
    answers = ask(lm, *(("Is the cat here?", choice) for choice in choices))
    assert [batch.shape[0] for batch in inputs] == [1]
    assert answers[0] == answers[2] and len(set(answers)) == 3


def test_padding_is_rare(tokenizers: Any) -> None:
    lm = scorer(tokenizers["word_piece"], pll_batch=16)
    inputs = forward_passes(lm)
    roll(lm, *sentences(60))
    whole = torch.cat([batch.flatten() for batch in inputs])
    padding = (whole == tokenizers["word_piece"].pad_token_id).float().mean()
    assert 0 < padding < 0.05
    assert len(inputs) > 1 and inputs[0].shape[1] == max(batch.shape[1] for batch in inputs)


def test_a_choice_is_greedy_when_all_its_tokens_are_likeliest(tokenizers: Any) -> None:
    tokenizer, model = tokenizers["word_piece"], bert()
    model.cls.predictions.bias.data[tokenizer.convert_tokens_to_ids("cat")] += 1000
    lm = scorer(tokenizer, "original", model)
    found = ask(lm, *(("The", choice) for choice in (" cat cat", " cat dog", " dog cat")))
    assert [greedy for _, greedy in found] == [True, False, False]


def test_the_first_token_of_mntp_is_predicted_from_a_token_put_before_it(tokenizers: Any) -> None:
    lm = scorer(tokenizers["byte_level"], "mntp")
    inputs = forward_passes(lm)
    roll(lm, "ab")
    assert {row[0] for batch in inputs for row in batch.tolist()} == {lm.tokenizer.bos_token_id}
    bare = byte_level()
    bare.bos_token = bare.eos_token = None
    with pytest.raises(CheckpointError, match="no token to put before a text"):
        scorer(bare, "mntp")


def test_too_long_a_context_loses_its_beginning(tokenizers: Any) -> None:
    lm = scorer(tokenizers["word_piece"], max_length=20)
    inputs = forward_passes(lm)
    answers = ask(lm, ("the cat and " * 10 + "the cat", " no"), ("the dog", " no"))
    assert max(batch.shape[1] for batch in inputs) == 20
    assert lm.counts == {"truncated": 1} and lm.get_model_info()["leaner"]["truncated"] == 1
    kept = "the cat and " * 5 + "the cat"  # a word is a token: 17, and one of the choice
    assert answers[0] == pytest.approx(ask(lm, (kept, " no"))[0], abs=1e-4)
    assert lm.counts == {"truncated": 1}


def test_a_long_text_is_scored_in_windows(tokenizers: Any) -> None:
    lm = scorer(tokenizers["word_piece"], max_length=20)
    found = roll(lm, "the cat and " * 14, "the cat")  # a word is a token: 18, 18 and 6
    parts = roll(lm, *("the cat and " * times for times in (6, 6, 2)))
    assert found == pytest.approx([sum(parts), *roll(lm, "the cat")], abs=1e-3)
    assert lm.counts == {"windowed": 1}


def test_roberta_has_fewer_positions_than_it_states(tokenizers: Any) -> None:
    sizes = {"vocab_size": 420, "hidden_size": 16, "num_attention_heads": 2}
    config = RobertaConfig(
        **sizes, num_hidden_layers=1, intermediate_size=16, max_position_embeddings=22
    )
    lm = scorer(tokenizers["byte_level"], model=RobertaForMaskedLM(config).eval())
    assert lm.max_length == 20
    assert roll(lm, "the cat saw the dog and " * 8)[0] < 0 and lm.counts == {"windowed": 1}


@pytest.mark.parametrize("part", ["one", "all"])
def test_damaged_weights_give_no_score(part: str, tokenizers: Any) -> None:
    tokenizer = tokenizers["word_piece"]
    lm = scorer(tokenizer)
    embeddings = lm.model.bert.embeddings.word_embeddings
    damaged = embeddings.weight.detach().clone()
    damaged[tokenizer.convert_tokens_to_ids("cat") if part == "one" else slice(None)] = math.nan
    embeddings.weight = torch.nn.Parameter(damaged)
    answers = ask(lm, ("the dog", " sat"), ("the cat", " sat"))
    assert [math.isnan(score) for score, _ in answers] == [part == "all", True]
    assert answers[1][1] is False
    assert math.isnan(roll(lm, "the cat")[0])
    assert lm.counts == {"not_finite": 3 if part == "all" else 2}


def test_bad_requests_say_what_is_wrong(tokenizers: Any) -> None:
    lm = scorer(tokenizers["word_piece"], max_length=12)
    with pytest.raises(UsageError, match="the model sees 10 of a text"):
        ask(lm, ("a", " the cat saw the dog and the cat saw the dog"))
    for pair in (("a", ""), ("", ""), ("", " "), ("a ", " ")):
        with pytest.raises(UsageError, match="A choice has no tokens"):
            ask(lm, pair)
    with pytest.raises(UsageError, match="A masked model does not generate"):
        lm.generate_until([])
    assert ask(lm) == [] and roll(lm) == [] and roll(lm, "") == [0.0]


def test_bad_arguments_say_what_is_wrong(tokenizers: Any) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'original'"):
        scorer(tokenizers["word_piece"], "orginal")
    with pytest.raises(UsageError, match="pll_batch is 0"):
        scorer(tokenizers["word_piece"], pll_batch=0)
    tokenizer = word_piece()
    tokenizer.mask_token = None
    with pytest.raises(CheckpointError, match=r"no mask token(.|\n)*mask_token = '\[MASK\]'"):
        scorer(tokenizer)


def test_white_space_ends_words_where_the_tokenizer_splits_nothing() -> None:
    vocabulary = {piece: n for n, piece in enumerate(["<m>", "▁", "a", "▁a", "b", "▁ab", "c"])}
    inner = Tokenizer(models.BPE(vocabulary, [("▁", "a"), ("▁a", "b")], fuse_unk=True))
    inner.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, mask_token="<m>", pad_token="<m>")
    lm = scorer(tokenizer, "within_word_l2r")
    assert tokenizer.tokenize("abc abb") == ["▁ab", "c", "▁ab", "b"]
    assert lm._text("", "abc abb").words == [0, 0, 1, 1]
    with pytest.raises(UsageError, match="scoring=original"):
        slow = byte_level()
        slow.__class__ = type("Slow", (type(slow),), {"is_fast": False})
        scorer(slow, "within_word_l2r")


def test_stock_lm_eval_scores_a_bert() -> None:
    folder = MINICONS / "word_piece"
    arguments = {"pretrained": str(folder), "device": "cpu", "scoring": "original"}
    install()
    lm = get_model("leaner-masked").create_from_arg_obj(arguments)
    found = evaluate(lm, ["leaner_glue_mini_cola"], {}, limit=6)
    samples = found["samples"]["leaner_glue_mini_cola"]
    assert len(samples) == 6
    for sample in samples:
        no, yes = (answer[0] for answer in sample["filtered_resps"])
        assert no < 0 and yes < 0 and no != yes
    info = found["config"]["leaner"]
    assert (info["scorer"], info["scoring"]) == ("masked", "original")
