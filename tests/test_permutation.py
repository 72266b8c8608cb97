"""Permutation scoring: strictly from left to right, whatever the batch and padding; bad input."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.api.registry import get_model
from small_glue import evaluate
from tiny_bidirectional import bert, byte_level, sentences, word_piece, xlnet
from tokenizers import processors
from transformers import PreTrainedTokenizerFast

from leaner_harness.errors import CheckpointError, UsageError
from leaner_harness.lm_eval_plugin import install
from leaner_harness.models.permutation import PermutationLM


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level pieces, with XLNet's special tokens after the text and its padding before it."""
    found = byte_level()
    found.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s> <s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    found.padding_side = "left"
    assert found("a")["input_ids"][1:] == [2, 1]
    return found


def scorer(tokenizer: Any, model: Any = None, **more: Any) -> PermutationLM:
    return PermutationLM(model or xlnet(), tokenizer=tokenizer, **more)


def ask(lm: PermutationLM, *pairs: tuple[str, str]) -> list[tuple[float, bool]]:
    requests = [Instance("loglikelihood", {}, pair, n) for n, pair in enumerate(pairs)]
    return lm.loglikelihood(requests, disable_tqdm=True)


def roll(lm: PermutationLM, *texts: str) -> list[float]:
    requests = [Instance("loglikelihood_rolling", {}, (text,), n) for n, text in enumerate(texts)]
    return lm.loglikelihood_rolling(requests, disable_tqdm=True)


@torch.inference_mode()
def slowly(model: Any, ids: list[int]) -> list[tuple[float, bool]]:
    """(log p, likeliest?) of each token but the first: one at a time, with nothing after it."""
    found = []
    for n in range(1, len(ids)):
        size = n + 1
        hidden = torch.tensor([[float(j > i or j == n) for j in range(size)] for i in range(size)])
        mapping = torch.zeros(1, 1, size)
        mapping[0, 0, n] = 1
        out = model(torch.tensor([[*ids[:n], 7]]), perm_mask=hidden[None], target_mapping=mapping)
        logits = out.logits[0, 0].double()
        found.append((logits.log_softmax(-1)[ids[n]].item(), int(logits.argmax()) == ids[n]))
    return found


@pytest.mark.parametrize("number", [12, pytest.param(300, marks=pytest.mark.slow)])
def test_scores_equal_one_pass_over_the_beginning_per_token(number: int, tokenizer: Any) -> None:
    model = xlnet()
    texts = sentences(number)
    found = ask(scorer(tokenizer, model, batch_size=8), *(("", text) for text in texts))
    for text, answer in zip(texts, found, strict=True):
        ids = [tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]
        tokens = slowly(model, ids)
        assert answer[0] == pytest.approx(sum(score for score, _ in tokens), abs=1e-4), text
        assert answer[1] == all(best for _, best in tokens)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("size", [2, 3, 8, 17, 40])
def test_a_later_token_never_changes_an_earlier_score(size: int, rows: int, tokenizer: Any) -> None:
    lm = scorer(tokenizer, xlnet())
    draw = torch.Generator().manual_seed(size)
    ids = torch.randint(4, 420, (rows, size), generator=draw).tolist()
    before = lm._forward([(tuple(row), 1) for row in ids])
    for changed in range(size):
        other = [[*row[:changed], (row[changed] + 7) % 420, *row[changed + 1 :]] for row in ids]
        after = lm._forward([(tuple(row), 1) for row in other])
        for old, new in zip(before, after, strict=True):
            # Target n stands at position n + 1, and sees positions up to n.
            assert torch.equal(old[:changed], new[:changed])
            assert not torch.equal(old[changed:], new[changed:])


def test_a_continuation_is_scored_after_its_context(tokenizer: Any) -> None:
    model = xlnet()
    lm = scorer(tokenizer, model, batch_size=4)
    for context, continuation in (("The cat", " sat on"), ("The cat ", "sat on"), ("A", " b c d")):
        ids = tokenizer(context + continuation, add_special_tokens=False)["input_ids"]
        number = len(ids) - len(tokenizer(context.strip(), add_special_tokens=False)["input_ids"])
        expected = sum(score for score, _ in slowly(model, ids)[-number:])
        assert ask(lm, (context, continuation))[0][0] == pytest.approx(expected, abs=1e-4)
    found = [score for score, _ in ask(lm, ("", "The cat"), (" ", "The cat"))]
    assert found == pytest.approx(roll(lm, "The cat", " The cat"), abs=1e-4)


def test_scores_depend_on_no_batch_or_order(tokenizer: Any) -> None:
    texts = sentences(15)
    pairs = [*(("", text) for text in texts), *(tuple(text.split(" ", 1)) for text in texts)]
    expected = [ask(scorer(tokenizer, batch_size=1), pair)[0][0] for pair in pairs]
    for batch, order in ((1, 1), (8, 1), (8, -1), ("auto", 1)):
        found = ask(scorer(tokenizer, batch_size=batch), *pairs[::order])[::order]
        assert [score for score, _ in found] == pytest.approx(expected, abs=1e-4)


@torch.inference_mode()
def test_padding_on_the_left_gives_the_same_scores(tokenizer: Any) -> None:
    model, texts = xlnet(), sentences(8)
    rows = [[1, *tokenizer(text, add_special_tokens=False)["input_ids"]] for text in texts]
    size = max(map(len, rows))
    ids = torch.tensor([[0] * (size - len(row)) + row for row in rows])
    hidden = torch.ones(size, size).triu().expand(len(rows), size, size)
    logits = model(
        ids,
        attention_mask=(ids != 0).float(),
        perm_mask=hidden,
        target_mapping=torch.eye(size).expand(len(rows), size, size),
    ).logits
    likely = logits.log_softmax(-1).gather(-1, ids[..., None])[..., 0]
    expected = [likely[n, size - len(row) + 1 :].sum().item() for n, row in enumerate(rows)]
    for batch in (1, 8):
        found = roll(scorer(tokenizer, model, batch_size=batch), *texts)
        assert found == pytest.approx(expected, abs=1e-4)


def test_choices_of_one_token_share_a_row(tokenizer: Any) -> None:
    lm = scorer(tokenizer, batch_size=8)
    inputs: list[torch.Tensor] = []
    lm.model.register_forward_pre_hook(
        lambda _, __, given: inputs.append(given["input_ids"]), with_kwargs=True
    )
    answers = ask(lm, *(("Is the cat here", choice) for choice in ("?", ".", "!", "?")))
    assert [batch.shape[0] for batch in inputs] == [1]
    assert answers[0] == answers[3] and len(set(answers)) == 3
    assert answers == [ask(lm, ("Is the cat here", choice))[0] for choice in "?.!?"]


def test_a_choice_is_greedy_when_all_its_tokens_are_likeliest(tokenizer: Any) -> None:
    lm = scorer(tokenizer)
    (token,) = tokenizer("!", add_special_tokens=False)["input_ids"]
    lm.model.lm_loss.bias.data[token] += 1000
    found = ask(lm, *(("a", choice) for choice in ("!!", "!?", "?!")))
    assert [greedy for _, greedy in found] == [True, False, False]


def test_what_is_too_long_is_cut_or_windowed(tokenizer: Any) -> None:
    lm = scorer(tokenizer, max_length=12)
    pairs = ("abcdefgh" * 3, "!!"), ("a", "!!")
    size = len(tokenizer(pairs[0][0], add_special_tokens=False)["input_ids"])
    answers = ask(lm, *pairs)
    assert lm.counts == {"truncated": 1} and size > 12
    ids = tokenizer("".join(pairs[0]), add_special_tokens=False)["input_ids"][-12:]
    expected = sum(score for score, _ in slowly(lm.model, ids)[-2:])
    assert answers[0][0] == pytest.approx(expected, abs=1e-4)
    ids = [1, *tokenizer("!?" * 15, add_special_tokens=False)["input_ids"]]
    windows = [ids[start : start + 12] for start in (0, 11, 22)]
    expected = sum(score for window in windows for score, _ in slowly(lm.model, window))
    assert len(ids) == 31 and roll(lm, "!?" * 15, "!") == pytest.approx(
        [expected, roll(lm, "!")[0]], abs=1e-4
    )
    assert lm.counts == {"truncated": 1, "windowed": 1}
    for context in ("", "a"):
        with pytest.raises(UsageError, match="the model sees 11 of a text"):
            ask(lm, (context, "!?" * 6))
    assert ask(lm, ("aaaa", "!?" * 5 + "!"))[0][0] < 0


def test_without_a_stated_length_the_model_reads_512(tokenizer: Any) -> None:
    assert scorer(tokenizer).max_length == 512


def test_a_batch_read_both_ways_in_training_is_read_forwards(tokenizer: Any) -> None:
    texts = sentences(5)
    found = roll(scorer(tokenizer, xlnet(bi_data=True), batch_size=4), *texts)
    assert found == pytest.approx(roll(scorer(tokenizer), *texts), abs=1e-4)


def test_the_prefix_is_the_first_token_there_is() -> None:
    assert scorer(word_piece()).prefix_token_id == word_piece().cls_token_id
    found = byte_level()
    assert scorer(found).prefix_token_id == found.bos_token_id
    assert scorer(found, prefix_token_id=9).prefix_token_id == 9
    found.bos_token = None
    assert scorer(found).prefix_token_id == found.eos_token_id
    found.eos_token = None
    assert ask(scorer(found), ("a", "b"))[0][0] < 0
    with pytest.raises(CheckpointError, match="no token to begin a text with"):
        roll(scorer(found), "a")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_damaged_weights_give_no_score(value: float, tokenizer: Any) -> None:
    lm = scorer(tokenizer)
    lm.model.lm_loss.bias.data[5] = value
    for choice in (" sat", "<pad>"):  # the id of <pad> is 0, the place of the first of many NaN
        score, greedy = ask(lm, ("The cat", choice))[0]
        assert math.isnan(score) and greedy is False
    assert math.isnan(roll(lm, "The cat")[0]) and lm.counts == {"not_finite": 3}


def test_bad_requests_and_models_say_what_is_wrong(tokenizer: Any) -> None:
    lm = scorer(tokenizer)
    for pair in (("a", ""), ("", "")):
        with pytest.raises(UsageError, match="A choice has no tokens"):
            ask(lm, pair)
    with pytest.raises(UsageError, match="A permutation model does not generate"):
        lm.generate_until([])
    assert ask(lm) == [] and roll(lm) == [] and roll(lm, "") == [0.0]
    with pytest.raises(UsageError, match="no XLNet but 'bert'"):
        scorer(tokenizer, bert())
    with pytest.raises(CheckpointError, match="attn_type 'uni'"):
        scorer(tokenizer, xlnet(attn_type="uni"))


def test_stock_lm_eval_scores_an_xlnet(tokenizer: Any, tmp_path: Any) -> None:
    xlnet().save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    install()
    arguments = {"pretrained": str(tmp_path), "device": "cpu", "batch_size": 8}
    lm = get_model("leaner-permutation").create_from_arg_obj(arguments)
    found = evaluate(lm, ["leaner_glue_mini_cola"], {}, limit=6)
    for sample in found["samples"]["leaner_glue_mini_cola"]:
        no, yes = (answer[0] for answer in sample["filtered_resps"])
        assert no < 0 and yes < 0 and no != yes
    assert found["config"]["leaner"]["scorer"] == "permutation"


def test_half_precision_weights_score_within_their_rounding(tokenizer: Any, tmp_path: Any) -> None:
    xlnet().save_pretrained(tmp_path)
    whole = scorer(tokenizer, str(tmp_path), device="cpu", dtype="float32")
    half = scorer(tokenizer, str(tmp_path), device="cpu", dtype="bfloat16")
    assert half.model.dtype == torch.bfloat16
    for text in sentences(4):
        (exact, _), (rounded, _) = ask(whole, ("", text))[0], ask(half, ("", text))[0]
        assert 0 < abs(exact - rounded) < 0.01 * abs(exact)
