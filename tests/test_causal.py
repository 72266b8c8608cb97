"""`leaner-causal` gives the log-likelihoods of lm-eval's `hf`, whatever is shared or batched."""

from __future__ import annotations

import importlib
import math
import random
from pathlib import Path
from typing import Any

import pytest
import small_glue
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from tokenizers import normalizers, processors

from leaner_harness import UsageError
from leaner_harness.conformance.architecture import VOCABULARY, byte_tokenizer
from leaner_harness.contracts import resolve_folder
from leaner_harness.models.causal import CausalLM, _shortened
from leaner_harness.models.passes import from_state, tree

TOLERANCE = 1e-4
COMMON = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
BODY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
STATE = {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8}
HEADS = {"head_dim": 16, "num_heads": 4, "n_groups": 1, "chunk_size": 16}
MODELS = {
    "llama": ("LlamaForCausalLM", {**BODY, "intermediate_size": 64}),
    "gpt2": ("GPT2LMHeadModel", {"n_embd": 32, "n_layer": 2, "n_head": 2}),
    "gpt-neox": ("GPTNeoXForCausalLM", {**BODY, "intermediate_size": 64}),
    "mistral": (
        "MistralForCausalLM",
        {**BODY, "intermediate_size": 64, "num_key_value_heads": 2, "sliding_window": 50},
    ),
    "mamba": ("MambaForCausalLM", STATE),
    "mamba2": ("Mamba2ForCausalLM", {**STATE, **HEADS}),
}
SHARED_BY = dict.fromkeys(MODELS, tree) | {"mistral": None}
SHARED_BY |= dict.fromkeys(["mamba", "mamba2"], from_state)
PAIRS = [
    ("The dog ran.\nIs it true?", " Yes"),
    ("The dog ran.\nIs it true?", " Maybe"),
    ("The dog ran.\nIs it true?", " No"),
    ("A cat saw the old dog by the tree. It was", " good"),
    ("A cat saw the old dog by the tree. It was", " bad"),
    ("A cat saw the old dog by the tree. It was", " good"),
    ("A cat ", "sleeps"),
    ("", "Once upon a time"),
    ("Tom has", "!"),
    ("Tom has", "?"),
]


def build(name: str, **options: Any) -> Any:
    class_name, shape = MODELS[name]
    model_class = getattr(transformers, class_name)
    torch.manual_seed(0)
    return model_class(model_class.config_class(**COMMON, **shape, **options)).eval()


def scorer(model: Any, kind: type[HFLM] = CausalLM, **arguments: Any) -> Any:
    return kind(pretrained=model, tokenizer=byte_tokenizer(), **{"batch_size": 8} | arguments)


def instances(pairs: list[tuple[str, ...]], kind: str = "loglikelihood") -> list[Instance]:
    return [Instance(kind, {}, pair, number) for number, pair in enumerate(pairs)]


def glue(task: str, documents: int | None, data: Path | None = None) -> list[Instance]:
    """Requests of a LEANER-GLUE task on its validation rows: the mini set's, or published ones."""
    metadata = {"leaner_split": "validation"} | ({"leaner_data": str(data)} if data else {})
    folder = str(resolve_folder("leaner_harness:tasks"))
    manager = TaskManager(include_path=folder, include_defaults=False, metadata=metadata)
    name = f"leaner_glue_{task}" if data else f"leaner_glue_mini_{task}"
    loaded = manager.load([name])["tasks"][name]
    loaded.build_all_requests(limit=documents)
    return list(loaded.instances)


def answers(lm: Any, requests: list[Instance]) -> list[tuple[float, bool]]:
    return list(lm.loglikelihood(requests, disable_tqdm=True))


def check_same(found: Any, expected: Any) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        assert ours[0] == pytest.approx(theirs[0], abs=TOLERANCE)
        assert ours[1] == theirs[1]


@pytest.mark.parametrize("name", MODELS)
def test_scores_are_those_of_hf(name):
    model, requests = build(name), instances(PAIRS)
    ours, theirs = scorer(model), scorer(model, HFLM)
    for asked in (requests, *(glue(task, 8) for task in ("mnli", "stsb", "cola"))):
        check_same(answers(ours, asked), answers(theirs, asked))
    assert ours._share is SHARED_BY[name]
    assert not ours.counts


def test_sharing_is_tried_out_again_for_longer_rows():
    model, long = build("mistral"), "The dog ran to the old tree. " * 3  # beyond its window
    ours, theirs = scorer(model), scorer(model, HFLM)
    for context, shared_by in (("The dog ran to the", tree), (long, None)):
        requests = instances([(context, " Yes"), (context, " Maybe"), (context, " No")])
        check_same(answers(ours, requests), answers(theirs, requests))
        assert ours._share is shared_by


@pytest.mark.parametrize("add_bos_token", [None, True, False])
def test_texts_are_encoded_as_hf_encodes_them(add_bos_token):
    tokenizer = byte_tokenizer()
    begin = tokenizer.bos_token
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A", special_tokens=[(begin, 0)]
    )
    pairs = [
        *PAIRS,
        (f"{begin}Tom", " ran"),
        ("Tom  ", "ran"),
        ("Tom\n", " ran"),
        ("Ünï", "côdé \0"),
    ]
    told = {"tokenizer": tokenizer, "add_bos_token": add_bos_token}
    ours, theirs = (kind(build("llama"), **told) for kind in (CausalLM, HFLM))
    check_same(answers(ours, instances(pairs)), answers(theirs, instances(pairs)))


def test_a_tokenizer_that_ends_every_text_is_refused_and_the_cure_works():
    """Its context would end before the choice begins, and the choice lose its first token."""
    tokenizer = byte_tokenizer()
    end = (tokenizer.eos_token, tokenizer.eos_token_id)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{end[0]} $A {end[0]}", special_tokens=[end]
    )
    model = build("gpt2")
    with pytest.raises(UsageError, match=r"(?s)ends every text with '<.*add_bos_token=False"):
        CausalLM(pretrained=model, tokenizer=tokenizer)
    cured = CausalLM(pretrained=model, tokenizer=tokenizer, batch_size=8, add_bos_token=False)
    check_same(answers(cured, instances(PAIRS)), answers(scorer(model), instances(PAIRS)))


def test_a_model_that_reads_ahead_is_refused():
    """A BERT whose configuration does not say that it is a decoder attends in both directions."""
    shape = {"vocab_size": VOCABULARY, "intermediate_size": 32, **BODY}
    for is_decoder in (True, False):
        config = transformers.BertConfig(**shape, is_decoder=is_decoder)
        torch.manual_seed(0)
        model = transformers.BertLMHeadModel(config).eval()
        if is_decoder:
            assert scorer(model).scorer == "causal"
        else:
            with pytest.raises(UsageError, match=r"(?s)it has seen.*is_decoder=true"):
                scorer(model)


def test_greedy_continuations_are_recognised():
    model = build("llama")
    ours, theirs = scorer(model), scorer(model, HFLM)
    context = torch.tensor([byte_tokenizer().encode("The cat")])
    best = model.generate(context, max_new_tokens=3, do_sample=False)[
        0, context.shape[1] :
    ].tolist()
    other = [best[0], best[1], (best[2] + 1) % VOCABULARY]
    requests = [
        (None, context[0].tolist(), choice) for choice in (best, best[:1], other, other[2:])
    ]
    found = ours._loglikelihood_tokens(requests, disable_tqdm=True)
    assert [greedy for _, greedy in found] == [True, True, False, False]
    check_same(found, theirs._loglikelihood_tokens(requests, disable_tqdm=True))


TEXTS = st.text(st.sampled_from("ab "), min_size=1, max_size=8)


@settings(deadline=None, max_examples=25)
@given(pairs=st.lists(st.tuples(TEXTS.map("x".__add__), TEXTS), min_size=1, max_size=8))
def test_any_requests_score_as_each_would_alone(pairs):
    lm = test_any_requests_score_as_each_would_alone.lm
    for (found, _), (context, choice) in zip(answers(lm, instances(pairs)), pairs, strict=True):
        start, whole = lm._encode_pair(context, choice)
        ids = torch.tensor([start + whole])
        with torch.no_grad():
            likely = lm.model(ids).logits.log_softmax(-1)
        alone = likely[0, len(start) - 1 : -1].gather(1, ids[0, len(start) :, None]).sum()
        assert found == pytest.approx(alone.item(), abs=TOLERANCE)


test_any_requests_score_as_each_would_alone.lm = scorer(build("llama"))  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["llama", "mamba2"])
def test_neither_batch_size_nor_order_nor_sharing_changes_a_score(name):
    model, requests = build(name), instances(PAIRS) + glue("mnli", 6) + glue("sst2", 4)
    expected = answers(scorer(model, logits_cache=False, batch_size=1), requests)
    for size in (1, 8, 64):
        check_same(answers(scorer(model, batch_size=size), requests), expected)
    order = random.Random(0).sample(range(len(requests)), len(requests))
    mixed = answers(scorer(model), [requests[number] for number in order])
    check_same(mixed, [expected[number] for number in order])


def test_a_context_is_computed_once_for_all_its_choices():
    model = build("llama")
    seen: list[int] = []
    ours = scorer(model, batch_size=1)
    answers(ours, instances(PAIRS[:3]))  # tries out how to share
    model.model.embed_tokens.register_forward_hook(lambda _, ids, __: seen.append(ids[0].numel()))
    answers(ours, instances(PAIRS[:3]))
    context, choices = PAIRS[0][0], [choice for _, choice in PAIRS[:3]]  # their bytes are tokens
    assert seen == [len(context) + sum(len(choice) - 1 for choice in choices)]
    apart = scorer(model, batch_size=1, logits_cache=False)
    seen.clear()
    answers(apart, instances(PAIRS[:3]))
    assert sorted(seen) == sorted(len(context) + len(choice) - 1 for choice in choices)


@pytest.mark.parametrize("name", ["llama", "mamba"])
def test_too_long_requests_are_cut_as_hf_cuts_them_and_counted(name):
    model, long = build(name), "A very long story about a dog and a cat. " * 3
    pairs = [(long, " Yes"), (long, " No"), (long, "!"), *PAIRS]
    ours = scorer(model, max_length=32)
    theirs = scorer(model, HFLM, max_length=32)
    check_same(answers(ours, instances(pairs)), answers(theirs, instances(pairs)))
    assert ours.counts == {"truncated": 3 + 3}  # and the three about the tree
    assert ours.get_model_info()["leaner"]["truncated"] == 6


def test_a_model_that_names_no_length_is_cut_where_hf_cuts_it():
    model = build("mamba2")
    assert scorer(model).max_length == scorer(model, HFLM).max_length == 2048


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (("a", "\0"), "1 in its context and 0 in its choice"),
        (("a", "x" * 33), "reads 32 tokens; a request has 1 in its context and 33 in its choice"),
        (("a", ""), "A choice has no tokens: '' after a context that ends in 'a'"),
        (("", ""), "A choice has no tokens"),
        ((" ", "b"), "0 in its context"),
    ],
)
def test_a_request_that_cannot_be_scored_is_refused(pair, reason):
    tokenizer = byte_tokenizer()
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("\0", "")
    lm = CausalLM(build("llama"), tokenizer=tokenizer, max_length=32)
    with pytest.raises(UsageError, match=reason):
        answers(lm, instances([("a", "b"), pair]))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_logit_that_is_not_finite_makes_the_score_nan(value, caplog):
    model = build("llama")
    model.lm_head.register_forward_hook(
        lambda _, inputs, logits: logits.index_fill(-1, torch.tensor(299), value)
    )
    ours = scorer(model)
    found = answers(ours, instances(PAIRS))
    assert all(math.isnan(score) and not greedy for score, greedy in found)
    assert ours.counts == {"not_finite": len(PAIRS)}
    assert f"{len(PAIRS)} of {len(PAIRS)} log-likelihoods are not a number" in caplog.text
    assert caplog.records[-1].levelname == "ERROR"


def test_scores_are_summed_in_float32_whatever_the_weights():
    model, requests = build("llama"), instances(PAIRS)
    expected = answers(scorer(model), requests)
    half = scorer(model.to(torch.bfloat16))
    found = answers(half, requests)
    assert half._share is tree
    for (ours, _), (full, _) in zip(found, expected, strict=True):
        assert ours == pytest.approx(full, rel=0.01)
    assert any(score != torch.tensor(score).bfloat16().item() for score, _ in found)


def test_mixed_precision_is_that_of_hf():
    model, requests = build("llama"), instances(PAIRS)
    exact = answers(scorer(model), requests)
    mixed = answers(scorer(model, mixed_precision_dtype="bfloat16"), requests)
    gaps = [abs(a - b) for (a, _), (b, _) in zip(mixed, exact, strict=True)]
    assert 0 < max(gaps) < 0.1


class Hook:
    """What lm-eval's cache is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any, Any]] = []

    def add_partial(self, attribute: str, request: Any, answer: Any) -> None:
        self.told.append((attribute, tuple(request), answer))


def test_every_answer_is_told_to_the_cache_once():
    ours = scorer(build("llama"))
    ours.cache_hook = Hook()
    found = answers(ours, instances(PAIRS))
    expected = sorted(
        ("loglikelihood", pair, answer) for pair, answer in zip(PAIRS, found, strict=True)
    )
    assert sorted(ours.cache_hook.told) == expected


@pytest.mark.parametrize(("name", "size"), [("llama", "auto"), ("gpt2", 1), ("mamba2", 4)])
def test_rolling_and_generation_are_those_of_hf(name, size):
    model = build(name)
    options = {"max_length": 48, "batch_size": size, "max_batch_size": 4}
    ours, theirs = scorer(model, **options), scorer(model, HFLM, **options)
    texts = instances([("A cat.",), ("The old dog " * 12,), ("x",)], "loglikelihood_rolling")
    ours.cache_hook = Hook()
    found = ours.loglikelihood_rolling(texts, disable_tqdm=True)
    assert found == pytest.approx(theirs.loglikelihood_rolling(texts), abs=TOLERANCE)
    assert {told[0] for told in ours.cache_hook.told} == {"loglikelihood_rolling"}
    assert not ours.batch_sizes  # found once, not for each batch of windows
    limits = {"until": ["\n"], "max_gen_toks": 8}
    prompts = instances([("Once", limits), ("The dog and the", limits)], "generate_until")
    assert ours.generate_until(prompts) == theirs.generate_until(prompts)


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"max_new_tokens": 8}, {"max_new_tokens": 8}),
        ({"max_tokens": 8, "max_gen_toks": None}, {"max_tokens": 8, "max_gen_toks": None}),
        ({"max_new_tokens": 999, "max_tokens": 8}, {"max_gen_toks": 100}),
        ({"max_gen_toks": None, "until": ["x"]}, {"max_gen_toks": 100, "until": ["x"]}),
        ({}, {"max_gen_toks": 100}),
    ],
)  # fmt: skip
def test_no_more_new_tokens_are_asked_for_than_were(asked, wanted):
    (request,) = instances([("Once", asked)], "generate_until")
    assert _shortened(request, 100, unasked=256).args == ("Once", wanted)


def test_the_account_says_how_long_answers_could_be():
    ours = scorer(build("llama"), max_length=16)
    prompts = instances([("Once", {"until": ["x"], "max_gen_toks": 99})], "generate_until")
    ours.generate_until(prompts)
    assert ours.get_model_info()["leaner"]["most_new_tokens"] == 12 and not ours.counts


def test_the_batch_size_can_be_found():
    model, requests = build("llama"), instances(PAIRS)
    ours = scorer(model, batch_size="auto:3", max_batch_size=4, max_length=64)
    check_same(answers(ours, requests), answers(scorer(model), requests))
    assert set(ours.batch_sizes.values()) == {4}


def test_a_whole_evaluation_reports_the_scorer_and_what_befell_requests():
    ours = scorer(build("llama"), max_length=70)
    task = "leaner_glue_mini_rte"
    found = small_glue.evaluate(ours, [task], {}, limit=8, bootstrap_iters=0)
    assert "acc,none" in found["results"][task]
    leaner = found["config"]["leaner"]
    assert leaner["scorer"] == "causal" and 0 < leaner["truncated"] <= 16
    assert "not_finite" not in leaner


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("architecture", ["llama", "mamba2"])
def test_published_rows_score_as_with_hf(architecture, tinyhelen):
    tokenizer = transformers.AutoTokenizer.from_pretrained(tinyhelen / "tokenizer" / "gpt-2K")
    module = importlib.import_module(f"leaner_trainers.architectures.{architecture}")
    torch.manual_seed(0)
    model = module.build("1M", len(tokenizer)).eval()
    options = {"tokenizer": tokenizer, "batch_size": 64}
    ours, theirs = CausalLM(model, **options), HFLM(model, **options)
    for task, count in {"cola": None, "mnli": 2000, "qqp": 2000, "stsb": 2000}.items():
        requests = glue(task, None, tinyhelen)
        if count:
            choices = len({request.idx for request in requests})
            starts = range(0, len(requests), choices)
            chosen = random.Random(0).sample(starts, -(-count // choices))
            requests = [requests[start + n] for start in chosen for n in range(choices)]
        check_same(answers(ours, requests), answers(theirs, requests))
        print(f"{architecture} {task}: {len(requests)} requests agree with hf")
    assert ours._share is SHARED_BY[architecture]
    assert not ours.counts
