"""Documents that share a row do not see each other, whichever the architecture."""

from __future__ import annotations

import json

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from leaner_trainers.architectures import bert, llama, mamba2, qwen3, ssd, xlnet
from leaner_trainers.attention import quicken_attention
from leaner_trainers.recipe import Recipe
from torch.nn import functional as F

from leaner_harness import UsageError
from leaner_harness.models.finetune.classifier import build_classifier
from leaner_harness.models.finetune.encoding import Batch

VOCABULARY = 320
CAUSAL = {"llama": llama, "qwen3": qwen3, "mamba2": mamba2}
LENGTHS = (50, 14, 1, 2, 66, 7)  # of documents: some start and end with a chunk of Mamba2's scan
SPANS = [slice(sum(LENGTHS[:n]), sum(LENGTHS[: n + 1])) for n in range(len(LENGTHS))]
POSITIONS = torch.cat([torch.arange(length) for length in LENGTHS])[None]  # (1, T)
T = POSITIONS.shape[1]


def build(module, size: str = "0.25M"):
    torch.manual_seed(0)
    return module.build(size, VOCABULARY).eval()


def text(seed: int = 0, rows: int = 1, tokens: int = T):
    return torch.randint(VOCABULARY, (rows, tokens), generator=torch.manual_seed(seed))


def replaced(ids, span: slice):
    """The same text, with another document in the span."""
    changed = ids.clone()
    changed[:, span] = (ids[:, span] + 7) % VOCABULARY
    return changed


def differing(before, after):
    """Which documents' logits (1, T, V) are not the same to the last bit."""
    return [not torch.equal(before[0, span], after[0, span]) for span in SPANS]


@pytest.mark.parametrize("name", CAUSAL)
def test_a_document_is_as_it_would_be_alone(name):
    model, ids = build(CAUSAL[name]), text()
    with torch.no_grad():
        packed = model(input_ids=ids, position_ids=POSITIONS, use_cache=False).logits
        for number, span in enumerate(SPANS):
            alone = model(input_ids=ids[:, span], use_cache=False).logits
            torch.testing.assert_close(packed[:, span], alone, atol=1e-5, rtol=0)
            changed = replaced(ids, span)
            other = model(input_ids=changed, position_ids=POSITIONS, use_cache=False).logits
            assert differing(packed, other) == [n == number for n in range(len(SPANS))]
        together = model(input_ids=ids, use_cache=False).logits
    assert differing(packed, together) == [False] + [True] * (len(SPANS) - 1)


@pytest.mark.parametrize("name", CAUSAL)
def test_rows_of_a_batch_have_documents_of_their_own(name):
    model, ids = build(CAUSAL[name]), text(rows=2)
    positions = torch.cat([POSITIONS, torch.arange(T)[None]])
    with torch.no_grad():
        both = model(input_ids=ids, position_ids=positions, use_cache=False).logits
        for row in range(2):
            one = {"input_ids": ids[row : row + 1], "position_ids": positions[row : row + 1]}
            single = model(**one, use_cache=False).logits
            torch.testing.assert_close(both[row : row + 1], single, atol=1e-5, rtol=0)


def logits_of(name, model, ids, embedded=None):
    """Of the packed row, as a collator would ask for them; (1, T, V)."""
    same = (POSITIONS == 0).cumsum(1)
    same = same[:, None, :] == same[:, :, None]  # (1, T, T)
    if name == "xlnet":
        targets = torch.eye(T)[None]
        return model(input_ids=ids, perm_mask=(~same).float(), target_mapping=targets).logits
    if name == "bert":
        hidden = (~same[:, None]).float() * torch.finfo(torch.float32).min
        return model(input_ids=ids, attention_mask=hidden, position_ids=POSITIONS).logits
    return model(input_ids=ids, position_ids=POSITIONS, use_cache=False).logits


@pytest.mark.parametrize("plain", [False, True], ids=["fused", "plain"])
@pytest.mark.parametrize("half", [False, True], ids=["float32", "autocast"])
@pytest.mark.parametrize("name", [*CAUSAL, "bert", "xlnet"])
def test_nothing_of_a_document_reaches_another_nor_flows_back(name, half, plain, monkeypatch):
    model = build(CAUSAL.get(name) or {"bert": bert, "xlnet": xlnet}[name])
    if plain:
        monkeypatch.setattr("leaner_trainers.attention.has_bfloat16_units", lambda device: True)
        quicken_attention(model, Recipe(bf16=True), torch.device("cpu"))
        assert getattr(model.config, "_attn_implementation", "eager") == "eager"
    span, seen = SPANS[4], []
    model.get_input_embeddings().register_forward_hook(lambda *args: seen.append(args[2]))
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        before = logits_of(name, model, text())
        after = logits_of(name, model, replaced(text(), span))
        embedded = seen[0]
        gradient = torch.autograd.grad(before[:, span].float().logsumexp(-1).sum(), embedded)[0]
    changed = [n == 4 for n in range(len(SPANS))]
    assert differing(before, after) == changed
    assert gradient.isfinite().all()
    if gradient.shape[0] == T:  # XLNet's, (T, B, width)
        gradient = gradient.transpose(0, 1)
    assert [bool(gradient[0, each].any()) for each in SPANS] == changed


@st.composite
def scans(draw):
    """Groups, heads of a group, tokens of a chunk, and whether a document starts at each token."""
    shape = [draw(st.integers(1, most)) for most in (2, 3, 6)]
    return (*shape, draw(st.lists(st.booleans(), min_size=1, max_size=26)))


@settings(max_examples=60, deadline=None)
@given(scans(), st.integers(0, 2**31), st.sampled_from([0.1, 1.0, 40.0]))
def test_the_scan_is_the_recurrence_token_by_token(shape, seed, fastest):
    groups, heads, chunk, starts = shape
    torch.manual_seed(seed)
    n_tokens, n_heads, channels, n_state = len(starts), groups * heads, 2, 3
    positions = torch.where(torch.tensor([starts, [False] * n_tokens]), 0, 1)
    inputs = [
        torch.randn(2, n_tokens, n_heads, channels),
        torch.rand(2, n_tokens, n_heads),
        -fastest * torch.rand(n_heads),
        torch.randn(2, n_tokens, groups, n_state),
        torch.randn(2, n_tokens, groups, n_state),
    ]
    exact = [each.double().requires_grad_() for each in inputs]
    inputs = [each.requires_grad_() for each in inputs]
    whole, ssd.CHUNK = ssd.CHUNK, chunk
    try:
        found = ssd.scan(*inputs, ssd.find_documents(positions))
    finally:
        ssd.CHUNK = whole
    expected = recurrence(*exact, positions)
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=1e-4)
    upstream = torch.randn_like(found)
    gradients = torch.autograd.grad(found, inputs, upstream)
    for mine, true in zip(
        gradients, torch.autograd.grad(expected, exact, upstream.double()), strict=True
    ):
        torch.testing.assert_close(mine.double(), true, atol=2e-4, rtol=1e-3)


def recurrence(x, step, rate, write, read, positions):
    """The definition of Mamba2's scan, one token after the other."""
    each = x.shape[2] // write.shape[2]
    write, read = (of.repeat_interleave(each, dim=2) for of in (write, read))
    state, results = torch.zeros(1, dtype=x.dtype), []
    for t in range(x.shape[1]):
        kept = (step[:, t] * rate).exp() * (positions[:, t] != 0)[:, None]
        added = (step[:, t, :, None] * x[:, t])[..., None] * write[:, t, :, None, :]
        state = kept[..., None, None] * state + added
        results.append((state * read[:, t, :, None, :]).sum(-1))
    return torch.stack(results, dim=1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 5), st.booleans())
def test_the_convolution_is_that_of_each_document_alone(lengths, taps, has_bias):
    torch.manual_seed(0)
    x, weight = torch.randn(1, sum(lengths), 3), torch.randn(3, taps)
    bias = torch.randn(3) if has_bias else None
    positions = torch.cat([torch.arange(length) for length in lengths])[None]
    alone = [
        F.conv1d(F.pad(each.transpose(1, 2), (taps - 1, 0)), weight[:, None], bias, groups=3)
        for each in x.split(lengths, dim=1)
    ]
    found = ssd.convolve(x, weight, bias, ssd.find_documents(positions))
    torch.testing.assert_close(found, torch.cat(alone, dim=2).transpose(1, 2))


def test_a_state_that_fades_at_once_gives_no_infinite_weight():
    """exp(sum of 70 large steps) is beyond float32: of tokens before, zero; after, never taken."""
    x, groups = torch.ones(1, 140, 1, 2), torch.ones(1, 140, 1, 3)
    step = torch.full((1, 140, 1), 9.0, requires_grad=True)
    documents = ssd.find_documents(torch.arange(140)[None] % 33)
    found = ssd.scan(x, step, torch.tensor([-16.0]), groups, groups, documents)
    torch.testing.assert_close(found, torch.full_like(found, 27.0))
    assert torch.autograd.grad(found.sum(), step)[0].isfinite().all()


def stock_twin(model):
    twin = transformers.Mamba2ForCausalLM(model.config)
    twin.load_state_dict(model.state_dict())
    return twin.train(model.training)


@pytest.mark.parametrize("tokens", [1, 3, 64, 65, 150])
def test_mamba2_is_the_stock_model(tokens):
    model = build(mamba2).train()
    stock, ids = stock_twin(model), text(rows=2, tokens=tokens)
    upstream = torch.randn(2, tokens, VOCABULARY)
    gradients = []
    for each in (model, stock):
        logits = each(input_ids=ids, use_cache=False).logits
        wanted = list(each.parameters())
        gradients.append((logits, *torch.autograd.grad(logits, wanted, upstream)))
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-4)


def test_mamba2_uses_its_own_scan_for_training_and_scoring_alone(monkeypatch):
    model, ids = build(mamba2), text(tokens=9)
    stock = stock_twin(model)
    calls = []
    scan = ssd.scan
    monkeypatch.setattr(ssd, "scan", lambda *args: calls.append(1) or scan(*args))
    model(input_ids=ids, use_cache=False)
    model.train()(input_ids=ids)
    layers = model.config.num_hidden_layers
    assert len(calls) == 2 * layers
    model.eval()
    written = [each.generate(ids, max_new_tokens=6, do_sample=False) for each in (model, stock)]
    assert torch.equal(*written)
    padded = (ids > 99).long()  # stock knows what padding is
    found = [each(input_ids=ids, attention_mask=padded, use_cache=False) for each in (model, stock)]
    assert torch.equal(found[0].logits, found[1].logits)
    cached = model(input_ids=ids)
    assert cached.cache_params is not None and torch.equal(cached.logits, stock(ids).logits)
    assert len(calls) == 2 * layers


def test_mamba2_refuses_positions_that_stock_would_overlook():
    model = build(mamba2)
    with pytest.raises(UsageError, match="not with use_cache"):
        model(input_ids=text(), position_ids=POSITIONS)
    with pytest.raises(UsageError, match="not with labels"):
        model(input_ids=text(), position_ids=POSITIONS, labels=text(), use_cache=False)
    with pytest.raises(UsageError, match="not with use_cache"):
        model.base_model(input_ids=text(), position_ids=POSITIONS)
    assert model(input_ids=text(), labels=text(), use_cache=False).loss > 0  # stock's


def test_mamba2_is_fine_tuned_with_its_own_scan(tmp_path, monkeypatch):
    """And on stock's where it is not known to be ours, to the same numbers."""
    build(mamba2).save_pretrained(tmp_path)
    rows = Batch(text(), torch.ones_like(text()), torch.zeros_like(text()), torch.zeros(1))
    calls = []
    scan = ssd.scan
    monkeypatch.setattr(ssd, "scan", lambda *args: calls.append(1) or scan(*args))
    pooled = []
    for name in ("another", "mamba2"):
        assert not calls
        record = {"recipe": {"architecture": name}, "lm_eval": {"model": "hf", "model_args": {}}}
        (tmp_path / "leaner.json").write_text(json.dumps(record))
        model = build_classifier(str(tmp_path), 2, from_scratch=False)
        pooled.append(model.train().pool(rows))
    assert len(calls) == model.body.config.num_hidden_layers
    torch.testing.assert_close(*pooled, atol=1e-4, rtol=1e-4)


def test_mamba2_is_saved_as_the_stock_model(tmp_path):
    model = build(mamba2)
    model.save_pretrained(tmp_path / "ours")
    stock_twin(model).save_pretrained(tmp_path / "stock")
    files = sorted(path.name for path in (tmp_path / "stock").iterdir())
    assert "model.safetensors" in files and "config.json" in files
    assert files == sorted(path.name for path in (tmp_path / "ours").iterdir())
    for name in files:
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "stock" / name).read_bytes()


def test_mamba2_under_autocast_is_as_exact_as_stock():
    model, ids = build(mamba2), text(rows=2)
    stock = stock_twin(model)
    exact = stock(input_ids=ids, use_cache=False).logits
    with torch.autocast("cpu", torch.bfloat16):
        found = [each(input_ids=ids, use_cache=False).logits for each in (model, stock)]
    mine, theirs = [(each - exact).abs().mean().item() for each in found]
    assert 0 < mine < 1.2 * theirs


def test_mamba2_compiles_without_a_break():
    model = build(mamba2, "0.3M")
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    inputs = {"input_ids": text(), "position_ids": POSITIONS, "use_cache": False}
    assert torch.equal(compiled(**inputs).logits, model(**inputs).logits)
