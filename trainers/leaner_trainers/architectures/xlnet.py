"""XLNet as TinyHelen configures it (arXiv:2501.00522): two streams, relative positions, GELU."""

from __future__ import annotations

import torch
from transformers import XLNetConfig, XLNetLMHeadModel

from leaner_trainers.architectures.published import is_published, read_config
from leaner_trainers.architectures.sizes import Shape, find_shape, narrow_or_wide

# A layer of "1M" is as large as LLaMA's: five projections of 128 x 128 and two of 128 x 704.
SIZES = {"1M": Shape(4, 128, 704, 4), "paper": Shape(8, 376, 1504, 8)}
_OURS = {
    "attn_type": "bi",  # who sees whom is the objective's to say
    "mem_len": None,
    "use_mems_eval": False,
    "summary_type": "first",  # the class token begins a text, see `leaner_trainers.tokens`
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": None,
}


def build(size: str, vocab_size: int) -> XLNetLMHeadModel:
    """An untrained float32 model; its weights depend on torch's random state.

    `size` may be the path of a published configuration. Raises UnknownName for what is no size,
    UsageError for one that no shape fits, or for a configuration that does not.
    """
    if is_published(size):
        return _model(read_config(size, XLNetConfig, vocab_size, **_OURS))
    return _build(find_shape("xlnet", size, SIZES, lambda shape: _build(shape, 1)), vocab_size)


def _build(shape: Shape, vocab_size: int) -> XLNetLMHeadModel:
    dropout, spread = narrow_or_wide(shape)
    config = XLNetConfig(
        vocab_size=vocab_size,
        d_model=shape.n_embd,
        n_layer=shape.n_layer,
        n_head=shape.n_head,
        d_inner=shape.n_inner,
        ff_activation="gelu",
        initializer_range=spread,
        dropout=dropout,
        **_OURS,
    )
    return _model(config)


def _model(config: XLNetConfig) -> XLNetLMHeadModel:
    model = XLNetLMHeadModel(config).to(torch.float32)
    # These compare segments. Text of a single one cannot train them: their gradient would be none
    # (which several processes wait for in vain) or rounding noise (which Adam blows up).
    for layer in model.transformer.layer:
        layer.rel_attn.r_s_bias.requires_grad_(False)
        layer.rel_attn.seg_embed.requires_grad_(False)
    return model
