"""BERT as TinyHelen configures it (arXiv:2501.00522): learned positions, GELU, tied head."""

from __future__ import annotations

import torch
from transformers import BertConfig, BertForMaskedLM

from leaner_trainers.architectures.published import is_published, read_config
from leaner_trainers.architectures.sizes import Shape, find_shape, narrow_or_wide

# In "1M", two matrices of 768 hold what LLaMA's three of 512 do.
SIZES = {"1M": Shape(4, 128, 768, 4), "paper": Shape(8, 384, 1536, 8)}
CONTEXT = 1024
# Of a padding token the embedding is never trained, and a tokenizer may use it for a word.
_TOKENS = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}


def build(size: str, vocab_size: int) -> BertForMaskedLM:
    """An untrained float32 model; its weights depend on torch's random state.

    `size` may be the path of a published configuration. Raises UnknownName for what is no size,
    UsageError for one that no shape fits, or for a configuration that does not.
    """
    if is_published(size):
        return _model(read_config(size, BertConfig, vocab_size, **_TOKENS))
    return _build(find_shape("bert", size, SIZES, lambda shape: _build(shape, 1)), vocab_size)


def _build(shape: Shape, vocab_size: int) -> BertForMaskedLM:
    dropout, spread = narrow_or_wide(shape)
    config = BertConfig(
        vocab_size=vocab_size,
        hidden_size=shape.n_embd,
        intermediate_size=shape.n_inner,
        num_hidden_layers=shape.n_layer,
        num_attention_heads=shape.n_head,
        max_position_embeddings=CONTEXT,
        hidden_act="gelu",
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        type_vocab_size=2,
        initializer_range=spread,
        **_TOKENS,
    )
    return _model(config)


def _model(config: BertConfig) -> BertForMaskedLM:
    model = BertForMaskedLM(config).to(torch.float32)
    positions = model.bert.embeddings.position_embeddings.weight
    with torch.no_grad():
        positions.copy_(2**0.5 * config.initializer_range * _waves(*positions.shape))
    return model


def _waves(n_positions: int, width: int) -> torch.Tensor:
    """(n_positions, width): sines and cosines of the positions (Vaswani et al. 2017, section 3.5).

    Learned positions that begin so save a fifth of the first 500 steps ("1M", embedded text).
    """
    rates = 10_000 ** (-torch.arange(width // 2, dtype=torch.float32) / (width // 2))
    angles = torch.arange(n_positions, dtype=torch.float32)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
