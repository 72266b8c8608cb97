"""Qwen3 (arXiv:2505.09388), a modern LLaMA: queries and keys are normalised before they meet.

As many parameters as our LLaMA, counted alike, and the same depth. Each head reads keys of its own,
because sharing them spares memory of generation that tiny models do not need.
"""

from __future__ import annotations

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from leaner_trainers.architectures.published import is_published, read_config
from leaner_trainers.architectures.sizes import Shape, find_shape

# Heads are multiples of 16 wide: GPU kernels of attention pad others, such as the 42 of LLaMA's
# "paper". That is why "paper" is a little narrower here, and has more hidden units instead.
SIZES = {"1M": Shape(4, 128, 512, 4), "paper": Shape(8, 320, 1456, 5)}
CONTEXT = 1024
_TOKENS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}


def build(size: str, vocab_size: int) -> Qwen3ForCausalLM:
    """An untrained float32 model; its weights depend on torch's random state.

    `size` may be the path of a published configuration, which may share keys among heads
    (`num_key_value_heads`). Raises UnknownName for what is no size, UsageError for one that no
    shape fits, or for a configuration that does not.
    """
    if is_published(size):
        config = read_config(size, Qwen3Config, vocab_size, **_TOKENS)
        return Qwen3ForCausalLM(config).to(torch.float32)
    return _build(find_shape("qwen3", size, SIZES, lambda shape: _build(shape, 1), 16), vocab_size)


def _build(shape: Shape, vocab_size: int) -> Qwen3ForCausalLM:
    config = Qwen3Config(
        vocab_size=vocab_size,
        hidden_size=shape.n_embd,
        intermediate_size=shape.n_inner,
        num_hidden_layers=shape.n_layer,
        num_attention_heads=shape.n_head,
        num_key_value_heads=shape.n_head,
        head_dim=shape.n_embd // shape.n_head,
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 5e5},
        rms_norm_eps=1e-5,
        hidden_act="silu",
        initializer_range=0.02,
        tie_word_embeddings=False,
        **_TOKENS,
    )
    return Qwen3ForCausalLM(config).to(torch.float32)
