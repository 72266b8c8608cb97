"""LLaMA as TinyHelen configures it (arXiv:2501.00522): rotary positions, RMSNorm, untied head."""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from leaner_trainers.architectures.published import is_published, read_config
from leaner_trainers.architectures.sizes import Shape, find_shape

SIZES = {"1M": Shape(4, 128, 512, 4), "paper": Shape(8, 336, 1344, 8)}
CONTEXT = 1024
_TOKENS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}


def build(size: str, vocab_size: int) -> LlamaForCausalLM:
    """An untrained float32 model; its weights depend on torch's random state.

    `size` may be the path of a published configuration. Raises UnknownName for what is no size,
    UsageError for one that no shape fits, or for a configuration that does not.
    """
    if is_published(size):
        return _model(read_config(size, LlamaConfig, vocab_size, **_TOKENS))
    return _build(find_shape("llama", size, SIZES, lambda shape: _build(shape, 1)), vocab_size)


def _build(shape: Shape, vocab_size: int) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=shape.n_embd,
        intermediate_size=shape.n_inner,
        num_hidden_layers=shape.n_layer,
        num_attention_heads=shape.n_head,
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 5e5},
        rms_norm_eps=1e-5,
        hidden_act="silu",
        initializer_range=0.02,
        tie_word_embeddings=False,
        **_TOKENS,
    )
    return _model(config)


def _model(config: LlamaConfig) -> LlamaForCausalLM:
    # The class, not from_config: a `dtype` in a configuration would make the master weights bf16.
    return LlamaForCausalLM(config).to(torch.float32)
