"""A context shared by choices: every token is predicted from what stands before it, exactly."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers as hf
from hypothesis import given, settings
from hypothesis import strategies as st

from leaner_harness.models.passes import from_state, sharing_pass, straight, tree
from leaner_harness.models.positions import logits_at
from leaner_harness.models.sharing import Row, Tokens, apart, one_row, shared_rows

VOCABULARY = 50
choices = st.lists(st.integers(0, 2), min_size=1, max_size=5).map(tuple)
contexts = st.sampled_from([(0,), (1, 2), (0, 1, 2, 0, 1, 2, 0, 1)])
requests = st.lists(st.tuples(contexts, choices), max_size=12)


def paths(row: Row) -> list[Tokens]:
    """What a model has read at each of the row's places."""
    return [row.context] + [
        row.context + branch[:n] for branch in row.branches for n in range(1, len(branch) + 1)
    ]


@settings(deadline=None, max_examples=100)
@given(asked=requests, longest=st.integers(0, 20))
def test_every_request_is_answered_once_from_what_stands_before(asked, longest):
    rows = list(shared_rows(asked, longest))
    answered = {}
    for row in rows:
        seen = paths(row)
        assert len(seen) == row.places
        for request, choice, places in row.asked:
            assert request not in answered
            answered[request] = row.context, choice
            assert [seen[place] for place in places] == [
                row.context + choice[:n] for n in range(len(choice))
            ]
    assert answered == dict(enumerate(asked))


@settings(deadline=None, max_examples=100)
@given(asked=requests, longest=st.integers(0, 20))
def test_rows_are_shared_where_that_saves_half(asked, longest):
    for row in shared_rows(asked, longest):
        for branch in row.branches:
            assert not [b for b in row.branches if b is not branch and b[: len(branch)] == branch]
        if len(row.branches) > 1:
            alone = sum(single.length for single in apart(row))
            assert row.length <= longest
            assert 2 * row.length - len(row.context) <= alone


def test_choices_of_one_token_cost_nothing_and_equal_beginnings_are_computed_once():
    (row,) = shared_rows([((1, 2), (3,)), ((1, 2), (4,)), ((1, 2), (3,))], longest=9)
    assert row.branches == [()] and row.length == 2
    (row,) = shared_rows([((1, 2), (3, 4, 5)), ((1, 2), (3, 6)), ((1, 2), (7,))], longest=9)
    assert row.branches == [(3, 4)]


def test_a_short_context_is_no_reason_to_lay_long_choices_end_to_end():
    long = [((0,), (n, *range(20))) for n in range(3)]
    assert [len(row.branches) for row in shared_rows(long, longest=99)] == [1, 1, 1]


WINDOW = {"num_key_value_heads": 2, "sliding_window": 16}
BODY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4}
RECURRENT = {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8}
HEADS = {"head_dim": 16, "num_heads": 4, "n_groups": 1, "chunk_size": 16}

MODELS = {
    "llama": (hf.LlamaForCausalLM, hf.LlamaConfig, BODY, tree),
    "llama, eager": (
        hf.LlamaForCausalLM, hf.LlamaConfig, BODY | {"attn_implementation": "eager"}, tree
    ),
    "gpt2": (hf.GPT2LMHeadModel, hf.GPT2Config, GPT, tree),
    "gpt-neox": (hf.GPTNeoXForCausalLM, hf.GPTNeoXConfig, BODY, tree),
    "qwen2": (hf.Qwen2ForCausalLM, hf.Qwen2Config, BODY | {"num_key_value_heads": 2}, tree),
    "opt": (hf.OPTForCausalLM, hf.OPTConfig, BODY | {"ffn_dim": 64}, tree),
    "mamba": (hf.MambaForCausalLM, hf.MambaConfig, RECURRENT, from_state),
    "mamba2": (hf.Mamba2ForCausalLM, hf.Mamba2Config, RECURRENT | HEADS, from_state),
    "mistral, window": (hf.MistralForCausalLM, hf.MistralConfig, BODY | WINDOW, None),
    "gpt-neo, window": (
        hf.GPTNeoForCausalLM,
        hf.GPTNeoConfig,
        {
            "hidden_size": 32,
            "num_layers": 2,
            "num_heads": 4,
            "attention_types": [[["global", "local"], 1]],
            "window_size": 8,
        },
        None,
    ),
    "bloom, alibi": (hf.BloomForCausalLM, hf.BloomConfig, GPT | {"hidden_size": 32}, None),
    "mpt, alibi": (
        hf.MptForCausalLM, hf.MptConfig, {"d_model": 32, "n_layers": 2, "n_heads": 4}, None
    ),
    "jamba, both kinds of layers": (
        hf.JambaForCausalLM,
        hf.JambaConfig,
        {
            **BODY,
            "num_key_value_heads": 2,
            "use_mamba_kernels": False,
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "num_experts": 2,
            "mamba_d_state": 8,
        },
        None,
    ),
    "rwkv": (hf.RwkvForCausalLM, hf.RwkvConfig, RECURRENT | {"context_length": 64}, None),
}  # fmt: skip


def build(name: str) -> Any:
    model_class, config_class, options, _ = MODELS[name]
    torch.manual_seed(0)
    return model_class(config_class(vocab_size=VOCABULARY, **options)).eval()


def rows_to_share() -> list[Row]:
    """Contexts of several lengths, also one that is shorter than a convolution."""
    draw = torch.Generator().manual_seed(1)

    def some(count: int) -> Tokens:
        return tuple(torch.randint(VOCABULARY, (count,), generator=draw).tolist())

    return [one_row(some(n), [(i, some(2 + i)) for i in range(4)]) for n in (30, 29, 12, 1)]


@torch.no_grad()
def by_hand(model: Any, rows: list[Row]) -> torch.Tensor:
    """The logits at each place from an input of its own, without any padding."""
    inputs = [path for row in rows for path in paths(row)]
    return torch.cat([model(torch.tensor([path])).logits[:, -1] for path in inputs]).float()


@pytest.mark.parametrize("name", MODELS)
def test_the_pass_that_is_chosen_is_exact(name):
    model, rows = build(name), rows_to_share()
    run = sharing_pass(model, 40)
    assert run is MODELS[name][3]
    if run:
        gap = run(model, rows).log_softmax(-1) - by_hand(model, rows).log_softmax(-1)
        assert gap.abs().max() < 1e-5
    single = [part for row in rows for part in apart(row)]
    gap = straight(model, single).log_softmax(-1) - by_hand(model, single).log_softmax(-1)
    assert gap.abs().max() < 1e-5


def test_a_window_longer_than_the_rows_does_no_harm():
    model = build("mistral, window")
    assert sharing_pass(model, 16) is tree
    assert sharing_pass(model, 24) is None


def test_padding_that_leaves_a_trace_in_the_state_is_noticed():
    config = hf.Mamba2Config(vocab_size=VOCABULARY, use_bias=True, **RECURRENT, **HEADS)
    model = hf.Mamba2ForCausalLM(config).eval()
    assert sharing_pass(model, 40) is from_state  # its biases begin as zero
    for layer in model.backbone.layers:
        torch.nn.init.normal_(layer.mixer.in_proj.bias)
    assert sharing_pass(model, 40) is None


@pytest.mark.parametrize("name", ["llama", "mistral, window"])
def test_half_precision_hides_no_wrong_mask(name):
    assert sharing_pass(build(name).to(torch.bfloat16), 40) is MODELS[name][3]


def test_weights_that_are_not_finite_are_never_shared():
    model = build("llama")
    model.lm_head.weight.data[7, 3] = torch.nan
    assert sharing_pass(model, 40) is None


class Plain(hf.PreTrainedModel):
    """A stranger's model: no part it calls its body, and `input_ids` is all it takes."""

    config_class = hf.PreTrainedConfig

    def __init__(self) -> None:
        super().__init__(hf.PreTrainedConfig())
        self.table = torch.nn.Embedding(VOCABULARY, VOCABULARY)
        self.post_init()

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.table

    def forward(self, input_ids: torch.Tensor) -> Any:
        steps = torch.arange(1, input_ids.shape[1] + 1)[None, :, None]
        return hf.modeling_outputs.CausalLMOutput(logits=self.table(input_ids).cumsum(1) / steps)


def test_a_strangers_model_is_scored_row_by_row():
    model = Plain().eval()
    assert sharing_pass(model, 40) is None
    single = [part for row in rows_to_share() for part in apart(row)]
    assert torch.allclose(straight(model, single), by_hand(model, single), atol=1e-5)


class OtherHead(hf.LlamaForCausalLM):
    """Its head reads the body's second-last states, not `last_hidden_state`."""

    def forward(self, input_ids: torch.Tensor, **inputs: Any) -> Any:
        states = self.model(input_ids, output_hidden_states=True, **inputs).hidden_states
        return hf.modeling_outputs.CausalLMOutput(logits=self.lm_head(states[-2]))


@pytest.mark.parametrize("model_class", [hf.LlamaForCausalLM, OtherHead])
def test_logits_at_chosen_positions_are_those_of_the_whole(model_class):
    torch.manual_seed(0)
    model = model_class(hf.LlamaConfig(vocab_size=VOCABULARY, **BODY)).eval()
    ids = torch.randint(VOCABULARY, (3, 5))
    rows, columns = torch.tensor([2, 0, 0, 1, 2]), torch.tensor([4, 0, 3, 3, 4])
    with torch.no_grad():
        whole = model(input_ids=ids).logits
    found = logits_at(model, rows, columns, input_ids=ids)
    assert torch.allclose(found, whole[rows, columns], atol=1e-5)


def test_the_head_is_computed_at_the_chosen_positions_alone():
    model, seen = build("llama"), []
    model.lm_head.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[:-1]))
    logits_at(model, torch.tensor([0, 1]), torch.tensor([1, 2]), input_ids=torch.ones(2, 4).long())
    assert [shape.numel() for shape in seen] == [2]
